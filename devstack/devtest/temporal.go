package devtest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"kibali/devstack"
)

// TemporalServer is what a test needs to know of Temporal. The server is shared
// by the tests of a process, the namespace is this test's own: workflow ids,
// task queues, schedules and worker deployments of other tests are not in it.
type TemporalServer struct {
	Address   string // "127.0.0.1:<port>"
	Namespace string
	CLI       string // path of the temporal program
	Client    client.Client
}

// Temporal returns a namespace for this test alone, with the search attributes
// ("Keyword", "Datetime", "Int", ... by name) registered, and a client of it,
// which is closed when the test is over.
func Temporal(t testing.TB, searchAttributes map[string]string) TemporalServer {
	t.Helper()
	server := temporalServer(t)
	namespace := fmt.Sprintf("test-%d", namespaceCount.Add(1))
	// The SDK's warnings are shown, its tales of what it starts are not.
	logger := log.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	connection, err := client.Dial(client.Options{HostPort: server.Address(), Namespace: namespace, Logger: logger})
	if err != nil {
		t.Fatalf("connect to Temporal: %v", err)
	}
	t.Cleanup(connection.Close)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := devstack.PrepareNamespace(ctx, connection, devstack.NamespaceOptions{
		Name: namespace, Retention: devstack.DefaultRetention, SearchAttributes: searchAttributes,
	}); err != nil {
		t.Fatalf("make a namespace: %v", err)
	}
	return TemporalServer{Address: server.Address(), Namespace: namespace, CLI: server.CLI(), Client: connection}
}

var namespaceCount atomic.Int64

func temporalServer(t testing.TB) *devstack.Temporal {
	t.Helper()
	servers.mu.Lock()
	defer servers.mu.Unlock()
	if servers.temporal == nil && servers.temporalErr == nil {
		servers.temporal, servers.temporalErr = startTemporal()
	}
	if servers.temporalErr != nil {
		t.Fatalf("start Temporal for the tests: %v", servers.temporalErr)
	}
	return servers.temporal
}

func startTemporal() (*devstack.Temporal, error) {
	dir, err := folder("temporal")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return devstack.StartTemporal(ctx, devstack.TemporalOptions{
		Dir: dir, Throwaway: true, Headless: true, Progress: report,
		// New namespaces are known to every part of the server at once.
		DynamicConfig: map[string]any{
			"system.namespaceCacheRefreshInterval":           "100ms",
			"system.forceSearchAttributesCacheRefreshOnRead": true,
		},
	})
}
