package process

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"kibali/domain/cases"
	"kibali/migrations"
)

// The patience with what has not started yet, and how often it is asked.
const (
	databasePatience = 30 * time.Second
	retryFirst       = 50 * time.Millisecond
	retryQuiet       = 500 * time.Millisecond // before this nothing is logged
	retryMost        = 5 * time.Second
)

// CheckSchema returns nil once PostgreSQL answers and has the schema that this
// build knows. It waits for PostgreSQL for half a minute, but not for another
// schema: that error says what to do.
func (p *Process) CheckSchema(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, databasePatience)
	defer cancel()
	err := p.untilReached(waiting, "database", p.Store.Pool().Ping)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("the database cannot be used: %w", err)
	}
	return migrations.Check(ctx, p.Store.Pool())
}

// WaitForTemporal returns nil once Temporal answers and knows the namespace, or
// the context's error. A server that has just started may answer some seconds
// before it knows its namespaces everywhere.
func (p *Process) WaitForTemporal(ctx context.Context) error {
	return p.untilReached(ctx, "temporal", func(ctx context.Context) error {
		_, err := p.caseQueue(ctx)
		return err
	})
}

// WaitForWorker returns nil once a worker waits for the tasks of cases, or the
// context's error.
func (p *Process) WaitForWorker(ctx context.Context) error {
	return p.untilReached(ctx, "worker", func(ctx context.Context) error {
		queue, err := p.caseQueue(ctx)
		if err == nil && len(queue.GetPollers()) == 0 {
			err = errNoWorker
		}
		return err
	})
}

var errNoWorker = errors.New("no worker polls yet")

func (p *Process) caseQueue(ctx context.Context) (*workflowservice.DescribeTaskQueueResponse, error) {
	return p.Temporal.DescribeTaskQueue(ctx, cases.TaskQueue, enums.TASK_QUEUE_TYPE_WORKFLOW)
}

// untilReached asks until there is an answer, more and more rarely.
func (p *Process) untilReached(ctx context.Context, name string, ask func(context.Context) error) error {
	wait := retryFirst
	for {
		asking, cancel := context.WithTimeout(ctx, retryMost)
		err := ask(asking)
		cancel()
		if err == nil || refuses(err) {
			return err
		}
		if ctx.Err() == nil && wait > retryQuiet {
			p.Log.Warn("waiting for a dependency", "dependency", name, "cause", err.Error())
		}
		select {
		case <-ctx.Done():
			if errors.Is(err, context.DeadlineExceeded) {
				err = errAway
			}
			return err
		case <-time.After(wait):
		}
		wait = min(2*wait, retryMost)
	}
}

// refuses reports whether PostgreSQL has answered, and said no for good: a
// wrong password, an unknown database, no permission.
func refuses(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(answer.Code, "28") || strings.HasPrefix(answer.Code, "3D") || strings.HasPrefix(answer.Code, "42"))
}
