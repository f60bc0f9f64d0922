package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"kibali/domain/fault"
)

// redaction keeps the text of unexpected errors out of histories, because a
// driver's error can quote a row. Such an error leaves the worker as a code
// and an id; what can be said of it without quoting anything is logged here
// under the same id. Expected errors leave it as a code, which is the type of a
// Temporal application error.
//
// Workflows need no such thing: they know of ids and codes only.
type redaction struct {
	interceptor.WorkerInterceptorBase
	log *slog.Logger
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (r *redaction) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	redacted := &redactedActivity{log: r.log}
	redacted.Next = next
	return redacted
}

type redactedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	log *slog.Logger
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (a *redactedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, a.internal(ctx, slog.String("panic", fmt.Sprintf("%T", p)),
				slog.String("stack", string(debug.Stack())))
		}
	}()
	result, err = a.Next.ExecuteActivity(ctx, in)
	if err != nil {
		return nil, a.redact(ctx, err)
	}
	return result, nil
}

// redact returns what may be known of err outside of this process.
func (a *redactedActivity) redact(ctx context.Context, err error) error {
	if refusal := fault.As(err); refusal != nil {
		return applicationError(refusal)
	}
	if known, ok := errors.AsType[*temporal.ApplicationError](err); ok && known.Unwrap() == nil {
		return known
	}
	if canceled, ok := errors.AsType[*temporal.CanceledError](err); ok {
		return canceled
	}
	for _, known := range []error{activity.ErrResultPending, context.Canceled, context.DeadlineExceeded} {
		// Temporal tells a cancelled activity from a failed one by these.
		if errors.Is(err, known) && (ctx.Err() != nil || errors.Is(known, activity.ErrResultPending)) {
			return known
		}
	}
	return a.internal(ctx, describe(err)...)
}

// applicationError is a fault as Temporal knows it. Only what says that
// something is away for now is worth repeating.
func applicationError(refusal *fault.Error) error {
	message := string(refusal.Code)
	if len(refusal.Fields) > 0 {
		names := make([]string, len(refusal.Fields))
		for i, field := range refusal.Fields {
			names[i] = field.Field + " " + field.Code
		}
		message += ": " + strings.Join(names, ", ")
	}
	passes := refusal.Code == fault.Unavailable || refusal.Code == fault.RateLimited
	return temporal.NewApplicationErrorWithOptions(message, string(refusal.Code), temporal.ApplicationErrorOptions{NonRetryable: !passes})
}

// internal logs an unexpected error and returns what stands for it.
func (a *redactedActivity) internal(ctx context.Context, attributes ...any) error {
	info := activity.GetInfo(ctx)
	id := fmt.Sprintf("%s/%s/%d", info.WorkflowExecution.RunID, info.ActivityID, info.Attempt)
	a.log.With("error_id", id, "activity", info.ActivityType.Name, "workflow_id", info.WorkflowExecution.ID).
		ErrorContext(ctx, "An activity failed.", attributes...)
	return temporal.NewApplicationError("internal error "+id, string(fault.Internal))
}

// describe says of an error what quotes nothing: the types of its chain and,
// when it is PostgreSQL's, the code of the condition.
func describe(err error) []any {
	var types []string
	for e := err; e != nil; e = errors.Unwrap(e) {
		types = append(types, fmt.Sprintf("%T", e))
	}
	attributes := []any{slog.Any("error_types", types)}
	var pg interface{ SQLState() string }
	if errors.As(err, &pg) {
		attributes = append(attributes, slog.String("sqlstate", pg.SQLState()))
	}
	return attributes
}
