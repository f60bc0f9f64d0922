package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// A bare case is a case reduced to what Temporal sees of it, from registration
// to approval: an update, a timer, and as many activities, which do nothing.

// bareQueue is where the worker of bare cases looks for work.
const bareQueue = "bare"

// bareNotices is how many notices a case sends at its beginning, and at its
// end.
const bareNotices = 2

// bareCase is the workflow. Its code follows what Registration does from one
// end to the other, without what that does on the way.
func bareCase(ctx workflow.Context, in cases.RegistrationInput) error {
	decided, busy := false, 0
	send := func(ctx workflow.Context) {
		for range bareNotices {
			busy++
			workflow.Go(ctx, func(ctx workflow.Context) {
				defer func() { busy-- }()
				_ = workflow.ExecuteActivity(bareActivity(ctx), bareNothing, in.AccountID).Get(ctx, nil) // it cannot fail
			})
		}
	}
	send(ctx)
	err := workflow.SetUpdateHandler(ctx, cases.Decide, func(ctx workflow.Context, d cases.Decision) (outcome cases.Outcome, err error) {
		err = workflow.ExecuteActivity(bareActivity(ctx), bareDecide, d).Get(ctx, &outcome)
		send(ctx)
		decided = true
		return outcome, err
	})
	if err != nil {
		return err
	}
	timerCtx, stopTimer := workflow.WithCancel(ctx)
	timer := workflow.NewTimer(timerCtx, in.Entry.RemindAt.Sub(workflow.Now(ctx)))
	if err := workflow.Await(ctx, func() bool { return decided || timer.IsReady() }); err != nil {
		return err
	}
	stopTimer()
	return workflow.Await(ctx, func() bool { return busy == 0 && workflow.AllHandlersFinished(ctx) })
}

func bareActivity(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 15 * time.Second, RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second},
	})
}

func bareNothing(context.Context, uuid.UUID) error { return nil }

func bareDecide(context.Context, cases.Decision) (cases.Outcome, error) {
	return cases.Outcome{Result: cases.Applied, Entry: cases.Entry{Status: account.Active, Since: time.Now()}}, nil
}

// bareCommand is the worker of bare cases, a process of its own as `kibali
// worker` is.
type bareCommand struct {
	Address   string `required:""`
	Namespace string `required:""`
}

// Run works until ctx ends.
func (c bareCommand) Run(ctx context.Context) error {
	connection, err := client.Dial(client.Options{HostPort: c.Address, Namespace: c.Namespace, Logger: silent})
	if err != nil {
		return err
	}
	defer connection.Close()
	w := worker.New(connection, bareQueue, worker.Options{
		MaxConcurrentActivityExecutionSize: 100, MaxConcurrentWorkflowTaskExecutionSize: 100,
		MaxConcurrentActivityTaskPollers: 4, MaxConcurrentWorkflowTaskPollers: 4,
	})
	w.RegisterWorkflow(bareCase)
	w.RegisterActivity(bareNothing)
	w.RegisterActivity(bareDecide)
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	fmt.Println("working")
	<-ctx.Done()
	return nil
}
