package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"

	"kibali/domain/fault"
)

const secret = "Juma Hamisi"

// leave runs an activity that fails as told, and returns what left the worker
// and what was logged.
func leave(t *testing.T, fail func(context.Context) error) (left *temporal.ApplicationError, logged string) {
	t.Helper()
	var log bytes.Buffer
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(sdkworker.Options{
		Interceptors: []interceptor.WorkerInterceptor{&redaction{log: slog.New(slog.NewTextHandler(&log, nil))}},
	})
	env.RegisterActivityWithOptions(fail, activity.RegisterOptions{Name: "Fail"})
	_, err := env.ExecuteActivity("Fail")
	require.Error(t, err)
	left, ok := errors.AsType[*temporal.ApplicationError](err)
	require.True(t, ok, "%T left the worker", err)
	require.NotContains(t, err.Error(), secret)
	require.NotContains(t, log.String(), secret)
	return left, log.String()
}

func TestRedaction(t *testing.T) {
	t.Parallel()

	t.Run("replaces_a_drivers_error_by_an_id_and_logs_its_code", func(t *testing.T) {
		t.Parallel()
		left, logged := leave(t, func(context.Context) error {
			return fmt.Errorf("write transition: %w", &pgconn.PgError{
				Code: "23505", Message: "duplicate " + secret, Detail: secret, ConstraintName: "accounts_email", TableName: "accounts",
			})
		})
		require.Equal(t, "internal", left.Type())
		require.False(t, left.NonRetryable())
		require.Contains(t, logged, "sqlstate=23505")
		require.Contains(t, logged, "*pgconn.PgError")
		require.Contains(t, left.Message(), "internal error ")
	})

	t.Run("replaces_the_text_of_a_panic", func(t *testing.T) {
		t.Parallel()
		left, logged := leave(t, func(context.Context) error { panic("no place for " + secret) })
		require.Equal(t, "internal", left.Type())
		require.Contains(t, logged, "panic=string")
		require.Contains(t, logged, "redaction_test.go")
	})

	t.Run("names_the_code_and_fields_of_a_fault_and_ends_the_attempts", func(t *testing.T) {
		t.Parallel()
		left, _ := leave(t, func(context.Context) error {
			return fmt.Errorf("about %s: %w", secret, fault.InvalidFields(fault.Field{Field: "name", Code: "invalid", Detail: secret}))
		})
		require.Equal(t, "validation_failed", left.Type())
		require.Equal(t, "validation_failed: name invalid", left.Message())
		require.True(t, left.NonRetryable())
	})

	t.Run("lets_what_is_away_for_now_be_tried_again", func(t *testing.T) {
		t.Parallel()
		left, _ := leave(t, func(context.Context) error { return fault.New(fault.Unavailable, "%s", secret) })
		require.Equal(t, "unavailable", left.Type())
		require.False(t, left.NonRetryable())
	})

	t.Run("lets_an_error_that_was_made_for_a_history_through_without_what_it_was_wrapped_in", func(t *testing.T) {
		t.Parallel()
		left, logged := leave(t, func(context.Context) error {
			return fmt.Errorf("to %s: %w", secret, temporal.NewApplicationErrorWithOptions("provider away", "notice_temporary",
				temporal.ApplicationErrorOptions{NextRetryDelay: time.Minute}))
		})
		require.Equal(t, "notice_temporary", left.Type())
		require.Equal(t, "provider away", left.Message())
		require.Equal(t, time.Minute, left.NextRetryDelay())
		require.Empty(t, logged)
	})

	t.Run("does_not_let_through_one_that_quotes_its_cause", func(t *testing.T) {
		t.Parallel()
		left, _ := leave(t, func(context.Context) error {
			return temporal.NewApplicationErrorWithCause("failed", "made_up", errors.New(secret))
		})
		require.Equal(t, "internal", left.Type())
	})

	t.Run("keeps_a_cancellation_a_cancellation", func(t *testing.T) {
		t.Parallel()
		a := &redactedActivity{log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Equal(t, context.Canceled, a.redact(ctx, fmt.Errorf("read %s: %w", secret, context.Canceled)))
		require.Equal(t, activity.ErrResultPending, a.redact(t.Context(), activity.ErrResultPending))
		require.True(t, temporal.IsCanceledError(a.redact(ctx, temporal.NewCanceledError())))
	})
}
