package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"kibali/activities"
	"kibali/domain/cases"
)

// act names the activities; it is never called through.
var act *activities.Activities

// How what depends on others is tried again: at first every few seconds, then
// rarer in proportion to how long they have been away. After an absence of six
// minutes an attempt is at most a minute off, and while they are away for days
// they are asked every ten minutes.
const (
	retryFirst  = 2 * time.Second
	retryGrowth = 1.15
	retryMost   = 10 * time.Minute
)

// changing is how an activity that changes an account is run: for as long as
// it takes, because the database comes back and the change is owed. A refusal
// is an outcome, not an error.
func changing(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 15 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    500 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    15 * time.Second,
		},
		Summary: summary,
	})
}

// preparing is how the page images of a document are made. When it is given
// up, the document is still known as waiting, and the case is told of it again.
func preparing(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              cases.DocumentsTaskQueue,
		ScheduleToCloseTimeout: 72 * time.Hour,
		StartToCloseTimeout:    5 * time.Minute,
		HeartbeatTimeout:       20 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    retryFirst,
			BackoffCoefficient: retryGrowth,
			MaximumInterval:    retryMost,
		},
		Summary: summary,
	})
}

// deleting is how files are deleted from storage: for as long as it takes, because
// what was promised to be gone must go.
func deleting(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout:    20 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    retryFirst,
			BackoffCoefficient: retryGrowth,
			MaximumInterval:    retryMost,
		},
		Summary: summary,
	})
}

// mailing is how a link is made and mailed: for as long as it would be good.
func mailing(ctx workflow.Context, summary string, patience time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: patience,
		StartToCloseTimeout:    30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    retryFirst,
			BackoffCoefficient: retryGrowth,
			MaximumInterval:    retryMost,
		},
		Summary: summary,
	})
}

// notifying is how a notice is sent: providers come back within days, or the
// notice is not worth sending any more.
func notifying(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: 72 * time.Hour,
		StartToCloseTimeout:    30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    retryFirst,
			BackoffCoefficient: retryGrowth,
			MaximumInterval:    retryMost,
		},
		Summary: summary,
	})
}
