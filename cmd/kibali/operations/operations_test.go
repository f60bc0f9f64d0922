package operations_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/operations"
)

func get(t *testing.T, handler http.Handler, path string) (int, string) {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	return answer.Code, answer.Body.String()
}

// failing is a probe that fails while it is told to.
func failing(name string, essential bool, fails *atomic.Bool) operations.Probe {
	return operations.Probe{Name: name, Essential: essential, Check: func(context.Context) error {
		if fails.Load() {
			return errors.New("away")
		}
		return nil
	}}
}

func TestReadinessFollowsWhatTheProcessDependsOn(t *testing.T) {
	t.Parallel()
	metrics, err := operations.NewMetrics("1.2.3")
	require.NoError(t, err)
	var database, temporal atomic.Bool
	health := operations.NewHealth(slog.New(slog.DiscardHandler), failing("database", true, &database), failing("temporal", false, &temporal))
	handler := operations.Handler(health, metrics)
	for _, step := range []struct {
		database, temporal bool
		status             int
		says               string
	}{
		{false, false, http.StatusOK, operations.Ready},
		{false, true, http.StatusOK, operations.Degraded},
		{true, true, http.StatusServiceUnavailable, operations.Unavailable},
		{true, false, http.StatusServiceUnavailable, operations.Unavailable},
		{false, false, http.StatusOK, operations.Ready},
	} {
		database.Store(step.database)
		temporal.Store(step.temporal)
		status, body := get(t, handler, "/readyz")
		require.Equal(t, step.status, status)
		var readiness operations.Readiness
		require.NoError(t, json.Unmarshal([]byte(body), &readiness))
		require.Equal(t, step.says, readiness.Status)
	}
	health.Stop()
	status, body := get(t, handler, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, operations.Stopping)
	status, _ = get(t, handler, "/healthz")
	require.Equal(t, http.StatusOK, status, "it lives")
}

func TestReadinessAnswersWhileADependencyDoesNot(t *testing.T) {
	t.Parallel()
	health := operations.NewHealth(slog.New(slog.DiscardHandler), operations.Probe{
		Name: "database", Essential: true, Check: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
	})
	began := time.Now()
	require.Equal(t, operations.Unavailable, health.Readiness(t.Context()).Status)
	require.Less(t, time.Since(began), 10*time.Second)
}

func TestAnAnswerIsKeptForAsLongAsItIsGood(t *testing.T) {
	t.Parallel()
	asked := 0
	health := operations.NewHealth(slog.New(slog.DiscardHandler), operations.Probe{
		Name: "documents", Keep: time.Hour, Check: func(context.Context) error {
			asked++
			return nil
		},
	})
	for range 3 {
		require.Equal(t, operations.Ready, health.Readiness(t.Context()).Status)
	}
	require.Equal(t, 1, asked)
}

func TestMetricsCountRequestsByTemplate(t *testing.T) {
	t.Parallel()
	metrics, err := operations.NewMetrics("1.2.3")
	require.NoError(t, err)
	metrics.Request(http.MethodGet, "/v1/accounts/:id", http.StatusOK, 3*time.Millisecond)
	metrics.Request("other", "", http.StatusNotFound, time.Millisecond)
	status, body := get(t, operations.Handler(operations.NewHealth(slog.New(slog.DiscardHandler)), metrics), "/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `kibali_http_requests_total{method="GET",route="/v1/accounts/:id",status="200"} 1`)
	require.Contains(t, body, `kibali_http_requests_total{method="other",route="none",status="404"} 1`)
	require.Contains(t, body, `kibali_build_info{version="1.2.3"} 1`)
}
