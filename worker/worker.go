// Package worker runs the cases: it registers workflows and activities, polls
// Temporal for their tasks and keeps the text of unexpected errors out of
// histories. It imports workflows, activities and domain packages.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"kibali/activities"
	"kibali/domain/cases"
	"kibali/workflows"
)

// Options say what a worker runs, and how much of it at a time.
type Options struct {
	// BuildID names this build among the deployed ones. Workers of a build get
	// tasks once Deploy has made it current. Required.
	BuildID string
	// Activities are registered under the names of their methods. Required.
	Activities *activities.Activities
	// Log is told of unexpected errors; nil is slog's default.
	Log *slog.Logger
	// StopTimeout is how long activities that run may go on after the worker
	// is told to stop; zero is 20 s.
	StopTimeout time.Duration
	// Activity is how many activities run at a time; zero is 100.
	Activity int
	// Messages is how many messages of customers are sent at a time; zero is 50.
	Messages int
	// Documents is how many documents are prepared at a time; zero is 2.
	Documents int
}

// Run works until ctx ends, then stops taking tasks, waits for those in hand
// and returns nil. It returns an error when the worker cannot start or cannot
// go on, such as when Temporal refuses its credentials.
func Run(ctx context.Context, c client.Client, o Options) error {
	if o.BuildID == "" || o.Activities == nil {
		return errors.New("a worker needs a build id and activities")
	}
	fatal := make(chan error, 3)
	var stopping sync.WaitGroup
	defer stopping.Wait()
	for _, w := range []worker.Worker{newCaseWorker(c, o, fatal), newDocumentWorker(c, o, fatal), newMessageWorker(c, o, fatal)} {
		if err := w.Start(); err != nil {
			return fmt.Errorf("start the worker: %w", err)
		}
		defer stopping.Go(w.Stop) //nolint:gocritic // there are three
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-fatal:
		return fmt.Errorf("run the worker: %w", err)
	}
}

// newCaseWorker returns the worker that runs the cases and what they do at
// once.
func newCaseWorker(c client.Client, o Options, fatal chan<- error) worker.Worker {
	options := baseOptions(o, fatal)
	options.MaxConcurrentActivityExecutionSize = orElse(o.Activity, 100)
	options.MaxConcurrentWorkflowTaskExecutionSize = 100
	options.MaxConcurrentActivityTaskPollers = 4
	options.MaxConcurrentWorkflowTaskPollers = 4
	w := worker.New(c, cases.TaskQueue, options)
	Register(w)
	w.RegisterActivity(o.Activities)
	return w
}

// newDocumentWorker returns the worker that prepares documents.
func newDocumentWorker(c client.Client, o Options, fatal chan<- error) worker.Worker {
	options := baseOptions(o, fatal)
	options.DisableWorkflowWorker = true
	options.MaxConcurrentActivityExecutionSize = orElse(o.Documents, 2)
	options.MaxConcurrentActivityTaskPollers = 1
	w := worker.New(c, cases.DocumentsTaskQueue, options)
	w.RegisterActivity(o.Activities.ReceiveDocument)
	return w
}

// newMessageWorker returns the worker that sends messages of customers.
func newMessageWorker(c client.Client, o Options, fatal chan<- error) worker.Worker {
	options := baseOptions(o, fatal)
	options.DisableWorkflowWorker = true
	options.MaxConcurrentActivityExecutionSize = orElse(o.Messages, 50)
	options.MaxConcurrentActivityTaskPollers = 2
	w := worker.New(c, cases.MessagesTaskQueue, options)
	w.RegisterActivity(o.Activities.SendMessage)
	w.RegisterActivity(o.Activities.SettleMessage)
	return w
}

// Register registers the workflows under their names in cases, with a worker
// or with what replays histories.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(workflows.Registration, workflow.RegisterOptions{Name: cases.Registration})
	r.RegisterWorkflowWithOptions(workflows.Suspension, workflow.RegisterOptions{Name: cases.Suspension})
	r.RegisterWorkflowWithOptions(workflows.Closure, workflow.RegisterOptions{Name: cases.Closure})
	r.RegisterWorkflowWithOptions(workflows.Erasure, workflow.RegisterOptions{Name: cases.Erasure})
	r.RegisterWorkflowWithOptions(workflows.TopUp, workflow.RegisterOptions{Name: cases.TopUp})
	r.RegisterWorkflowWithOptions(workflows.Message, workflow.RegisterOptions{Name: cases.Message})
	r.RegisterWorkflowWithOptions(workflows.PasswordReset, workflow.RegisterOptions{Name: cases.PasswordReset})
	r.RegisterWorkflowWithOptions(workflows.Notification, workflow.RegisterOptions{Name: cases.Notification})
}

func baseOptions(o Options, fatal chan<- error) worker.Options {
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	stop := o.StopTimeout
	if stop == 0 {
		stop = 20 * time.Second
	}
	return worker.Options{
		WorkerStopTimeout: stop,
		Interceptors:      []interceptor.WorkerInterceptor{&redaction{log: log}},
		OnFatalError:      func(err error) { fatal <- err },
		DeploymentOptions: worker.DeploymentOptions{
			UseVersioning: true,
			Version:       worker.WorkerDeploymentVersion{DeploymentName: cases.Deployment, BuildID: o.BuildID},
			// A case may last for weeks: it moves on to the newest build, which
			// replays its history.
			DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
		},
	}
}

func orElse(n, fallback int) int {
	if n == 0 {
		return fallback
	}
	return n
}
