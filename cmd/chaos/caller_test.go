package main

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhoDoesWithoutSomethingIsAnsweredAtTheFirstAttempt(t *testing.T) {
	t.Parallel()
	for name, refusals := range map[string]int32{"answered at once": 0, "answered 503 first": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) > refusals {
					w.WriteHeader(http.StatusCreated)
					return
				}
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = w.Write([]byte(`{"code":"unavailable"}`))
			}))
			t.Cleanup(server.Close)
			report := newReport()
			c := newCaller(t.Context(), []string{server.URL}, report, time.Minute)
			registering := jsonCall(http.MethodPost, "/v1/registrations", "", "", map[string]string{})

			a, err := c.without("Temporal").persist(t.Context(), 0, registering)
			require.NoError(t, err)
			require.Equal(t, http.StatusCreated, a.status)
			require.Len(t, report.Breaches(), int(refusals))

			asked.Store(0)
			_, err = c.persist(t.Context(), 0, registering)
			require.NoError(t, err)
			require.Len(t, report.Breaches(), int(refusals), "others are patient")
		})
	}
}
