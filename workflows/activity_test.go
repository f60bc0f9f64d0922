package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
)

// The test environment ends retries itself, so what is asked for is read.
func TestWhatDependsOnOthersIsTriedAgainSoonAfterTheyAreBack(t *testing.T) {
	t.Parallel()
	policies := map[string]*temporal.RetryPolicy{}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		policies["documents"] = workflow.GetActivityOptions(preparing(ctx, "")).RetryPolicy
		policies["notices"] = workflow.GetActivityOptions(notifying(ctx, "")).RetryPolicy
		return nil
	})
	require.NoError(t, env.GetWorkflowError())
	require.Len(t, policies, 2)
	for what, policy := range policies {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			require.Zero(t, policy.MaximumAttempts)
			var passed time.Duration
			attempts, wait := 0, policy.InitialInterval
			for passed < 72*time.Hour {
				if passed <= 6*time.Minute {
					require.LessOrEqual(t, wait, time.Minute, "after an absence of %s", passed)
				}
				if attempts++; attempts <= 10 {
					require.LessOrEqual(t, wait, 30*time.Second, "attempt %d", attempts)
				}
				passed += wait
				wait = min(policy.MaximumInterval, time.Duration(float64(wait)*policy.BackoffCoefficient))
			}
			require.Less(t, attempts, 500, "who is away for days is not stormed")
		})
	}
}
