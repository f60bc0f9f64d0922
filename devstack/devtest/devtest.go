// Package devtest gives tests a real PostgreSQL and a real Temporal server: at
// most one of each per test process, started when the first test asks, with a
// database and a namespace of its own for every test.
//
// A package whose tests use it has
//
//	func TestMain(m *testing.M) { devtest.Main(m) }
//
// It imports devstack and third-party clients, and is imported by tests only.
package devtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kibali/devstack"
)

// startLimit bounds a start, the building of the Temporal CLI included, which a
// machine does once.
const startLimit = 9 * time.Minute

// servers are those of this test process.
var servers struct {
	mu          sync.Mutex
	dir         string
	postgres    *devstack.Postgres
	postgresErr error
	temporal    *devstack.Temporal
	temporalErr error
}

// Main runs the tests of a package, calls after, stops the servers that they
// started and exits.
func Main(m *testing.M, after ...func()) {
	code := m.Run()
	for _, end := range after {
		end()
	}
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the test servers:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func stop() error {
	servers.mu.Lock()
	defer servers.mu.Unlock()
	var failures []error
	if servers.temporal != nil {
		failures = append(failures, servers.temporal.Stop())
	}
	if servers.postgres != nil {
		failures = append(failures, servers.postgres.Stop())
	}
	if servers.dir != "" {
		failures = append(failures, os.RemoveAll(servers.dir))
	}
	return errors.Join(failures...)
}

// Postgres returns the cluster of this test process. Tests share it, so none may
// stop or kill it: a test that does starts one of its own with devstack.
func Postgres(t testing.TB) *devstack.Postgres {
	t.Helper()
	servers.mu.Lock()
	defer servers.mu.Unlock()
	if servers.postgres == nil && servers.postgresErr == nil {
		servers.postgres, servers.postgresErr = startPostgres()
	}
	if servers.postgresErr != nil {
		t.Fatalf("start PostgreSQL for the tests: %v", servers.postgresErr)
	}
	return servers.postgres
}

func startPostgres() (*devstack.Postgres, error) {
	dir, err := folder("postgres")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return devstack.StartPostgres(ctx, devstack.PostgresOptions{
		Dir: dir, Throwaway: true, Progress: report,
		// Several packages are tested at once, on machines that may be small.
		Settings: map[string]string{
			"shared_buffers": "64MB", "synchronous_commit": "off", "wal_level": "minimal",
			"max_wal_senders": "0", "checkpoint_timeout": "1h",
		},
	})
}

// Folder is t.TempDir, open to the user that PostgreSQL runs as when root runs
// the tests, so that it can be the data folder of a devstack.
func Folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(path, 0o711); err != nil {
			t.Fatalf("open a folder to others: %v", err)
		}
	}
	return dir
}

func report(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// folderPattern names the folders of test processes. What a killed process left
// is removed by the next one.
const folderPattern = "kibali-test-*"

// folder makes a folder below the one of this test process, which every user
// may enter, as PostgreSQL may have to run as another one. The caller holds
// servers.mu.
func folder(name string) (string, error) {
	if servers.dir == "" {
		removeAbandoned()
		dir, err := os.MkdirTemp("", folderPattern)
		if err != nil {
			return "", err
		}
		if err := os.Chmod(dir, 0o711); err != nil {
			return "", err
		}
		servers.dir = dir
	}
	return filepath.Join(servers.dir, name), nil
}

// removeAbandoned removes the folders of processes that were killed: old enough
// that their process has locked them if it lives, and not locked.
func removeAbandoned() {
	found, err := filepath.Glob(filepath.Join(os.TempDir(), folderPattern))
	if err != nil {
		return
	}
	for _, dir := range found {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute || inUse(dir) {
			continue
		}
		// It may be another user's, who then removes it.
		_ = os.RemoveAll(dir)
	}
}

// inUse reports whether a server of a living process has locked its folder.
func inUse(dir string) bool {
	locks, err := filepath.Glob(filepath.Join(dir, "*", "lock"))
	if err != nil {
		return true
	}
	for _, path := range locks {
		file, err := os.Open(path)
		if err != nil {
			return true
		}
		err = unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		file.Close()
		if err != nil {
			return true
		}
	}
	return false
}
