package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"kibali/domain/cases"
)

const (
	// deployPoll is how often Deploy looks whether the build's workers are there.
	deployPoll = 100 * time.Millisecond
	// deployPatience is how long one request may take: a server that is just
	// starting loses some, and answers when asked again.
	deployPatience = 5 * time.Second
)

// Deploy makes a build current: new cases start on it, and open ones move on
// to it. It waits until workers of the build poll every task queue, and
// returns an error that says what is missing when ctx ends before.
func Deploy(ctx context.Context, c client.Client, buildID string) error {
	deployment := c.WorkerDeploymentClient().GetHandle(cases.Deployment)
	ticker := time.NewTicker(deployPoll)
	defer ticker.Stop()
	for {
		err := attempt(ctx, deployment, buildID)
		if err == nil || !worthRepeating(err) && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("make build %s current: %w (are its workers running?)", buildID, err)
		case <-ticker.C:
		}
	}
}

var errNoPollers = errors.New("no worker of the build polls yet")

func attempt(ctx context.Context, deployment client.WorkerDeploymentHandle, buildID string) error {
	ctx, cancel := context.WithTimeout(ctx, deployPatience)
	defer cancel()
	version, err := deployment.DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: buildID})
	if err != nil {
		return err
	}
	for _, queue := range []client.WorkerDeploymentTaskQueueInfo{
		{Name: cases.TaskQueue, Type: client.TaskQueueTypeWorkflow},
		{Name: cases.TaskQueue, Type: client.TaskQueueTypeActivity},
		{Name: cases.DocumentsTaskQueue, Type: client.TaskQueueTypeActivity},
		{Name: cases.MessagesTaskQueue, Type: client.TaskQueueTypeActivity},
	} {
		if !slices.Contains(version.Info.TaskQueuesInfos, queue) {
			return errNoPollers
		}
	}
	_, err = deployment.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: buildID})
	return err
}

// worthRepeating reports whether err passes by itself: workers are still being
// heard of, or the server is busy with another change.
func worthRepeating(err error) bool {
	var (
		notFound     *serviceerror.NotFound
		precondition *serviceerror.FailedPrecondition
		unavailable  *serviceerror.Unavailable
		exhausted    *serviceerror.ResourceExhausted
		aborted      *serviceerror.Aborted
		late         *serviceerror.DeadlineExceeded
		notReady     *serviceerror.WorkflowNotReady // the server's own workflow of the deployment has just begun
	)
	return errors.Is(err, errNoPollers) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) || errors.As(err, &notFound) || errors.As(err, &precondition) ||
		errors.As(err, &unavailable) || errors.As(err, &exhausted) || errors.As(err, &aborted) || errors.As(err, &notReady)
}
