package devstack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// parentFolder names the data folder to a copy of the test binary that plays
// the parent which is killed.
const parentFolder = "KIBALI_TEST_PARENT_FOLDER"

// temporalTarget names a file to a copy of the test binary that downloads the
// Temporal CLI to it.
const temporalTarget = "KIBALI_TEST_TEMPORAL_TARGET"

func TestMain(m *testing.M) {
	if target := os.Getenv(temporalTarget); target != "" {
		fmt.Println(downloadTemporal(context.Background(), target, 100*time.Millisecond))
		os.Exit(0)
	}
	if dir := os.Getenv(parentFolder); dir != "" {
		if err := playParent(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// parentReport is what the parent tells the test on its standard output.
type parentReport struct{ PostgresPID, TemporalPID int }

// playParent starts a stack and then waits for the end of its standard input.
func playParent(dir string) error {
	stack, err := Start(context.Background(), testOptions(dir))
	if err != nil {
		return err
	}
	report := parentReport{PostgresPID: stack.Postgres.PID(), TemporalPID: stack.Temporal.PID()}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return stack.Stop()
}

func testOptions(dir string) Options {
	return Options{
		DataDir: dir, Headless: true, PostgresSettings: map[string]string{"shared_buffers": "32MB"},
		SearchAttributes: map[string]string{"AccountId": "Keyword", "Deadline": "Datetime"},
	}
}

// folder is a temporary folder that PostgreSQL can reach when root runs the
// tests.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Dir(dir)} {
		require.NoError(t, os.Chmod(path, 0o711))
	}
	return dir
}

// startStack starts a stack that is stopped when the test is over.
func startStack(t *testing.T, options Options) *Stack {
	t.Helper()
	stack, err := Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stack.Stop()) })
	return stack
}

// startCluster starts a cluster that is stopped when the test is over.
func startCluster(t *testing.T, dir string) *Postgres {
	t.Helper()
	cluster, err := StartPostgres(t.Context(), PostgresOptions{Dir: dir, Settings: map[string]string{"shared_buffers": "32MB"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Stop()) })
	return cluster
}

// query runs SQL and returns the one value of its one row as text.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, connection.Close(t.Context())) }()
	var value string
	require.NoError(t, connection.QueryRow(t.Context(), sql).Scan(&value))
	return value
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, connection.Close(t.Context())) }()
	_, err = connection.Exec(t.Context(), sql)
	require.NoError(t, err)
}

// program writes a shell script and returns its path.
func program(t *testing.T, path, script string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return path
}

// silentServer is the address of what takes connections and never answers.
func silentServer(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	return listener.Addr().String()
}

func quiet(string, ...any) {}
