package devtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"kibali/devstack/devtest"
)

const queue = "features"

// waitForDecision is a workflow that ends with the first decision it is told.
func waitForDecision(ctx workflow.Context) (string, error) {
	var decided string
	err := workflow.SetUpdateHandler(ctx, "Decide", func(_ workflow.Context, decision string) (string, error) {
		if decided == "" {
			decided = decision
		}
		return decided, nil
	})
	if err != nil {
		return "", err
	}
	err = workflow.Await(ctx, func() bool { return decided != "" && workflow.AllHandlersFinished(ctx) })
	return decided, err
}

func TestTheServerKnowsUpdateWithStart(t *testing.T) {
	t.Parallel()
	server := devtest.Temporal(t, nil)
	w := worker.New(server.Client, queue, worker.Options{})
	w.RegisterWorkflow(waitForDecision)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)

	decide := func(updateID, decision string) string {
		start := server.Client.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID: "case/1", TaskQueue: queue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		}, waitForDecision)
		update, err := server.Client.UpdateWithStartWorkflow(t.Context(), client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: start,
			UpdateOptions: client.UpdateWorkflowOptions{
				UpdateID: updateID, UpdateName: "Decide", Args: []any{decision}, WaitForStage: client.WorkflowUpdateStageCompleted,
			},
		})
		require.NoError(t, err)
		var outcome string
		require.NoError(t, update.Get(t.Context(), &outcome))
		return outcome
	}
	require.Equal(t, "approve", decide("decision-1", "approve"))

	var result string
	require.NoError(t, server.Client.GetWorkflow(t.Context(), "case/1", "").Get(t.Context(), &result))
	require.Equal(t, "approve", result)
}

func TestTheServerKnowsWorkerDeployments(t *testing.T) {
	t.Parallel()
	server := devtest.Temporal(t, nil)
	deployment := "kibali-" + uuid.NewString()
	for _, build := range []string{"one", "two"} {
		w := worker.New(server.Client, queue, worker.Options{DeploymentOptions: worker.DeploymentOptions{
			UseVersioning: true, DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
			Version: worker.WorkerDeploymentVersion{DeploymentName: deployment, BuildID: build},
		}})
		w.RegisterWorkflowWithOptions(func(workflow.Context) (string, error) { return build, nil },
			workflow.RegisterOptions{Name: "WhichBuild"})
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	handle := server.Client.WorkerDeploymentClient().GetHandle(deployment)

	for _, build := range []string{"one", "two", "one"} {
		require.Eventually(t, func() bool {
			// Refused until the worker's first poll has told the server of the build.
			_, err := handle.SetCurrentVersion(t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
			return err == nil
		}, 20*time.Second, 50*time.Millisecond)
		// A build becomes current in the task queues a moment after it is made so.
		require.Eventually(t, func() bool { return buildThatRuns(t.Context(), server.Client) == build },
			20*time.Second, 20*time.Millisecond)
	}
}

func buildThatRuns(ctx context.Context, connection client.Client) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	run, err := connection.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: queue}, "WhichBuild")
	if err != nil {
		return err.Error()
	}
	var build string
	if err := run.Get(ctx, &build); err != nil {
		return err.Error()
	}
	return build
}

func TestANamespaceKeepsClosedWorkflowsForNinetyDays(t *testing.T) {
	t.Parallel()
	server := devtest.Temporal(t, nil)
	described, err := server.Client.WorkflowService().DescribeNamespace(t.Context(),
		&workflowservice.DescribeNamespaceRequest{Namespace: server.Namespace})
	require.NoError(t, err)
	require.Equal(t, 90*24*time.Hour, described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
}
