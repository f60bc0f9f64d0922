// Command prepare sees to it, before the tests run, that what they need can be
// had: it starts a PostgreSQL once, finds the Temporal CLI, which is fetched or
// built the first time, and finds Chromium, which is installed where it can be.
// It says what to install when one of them cannot be had.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"

	"kibali/devstack"
	"kibali/devstack/browser"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := prepare(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "the tests cannot run:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to undo
	}
}

func prepare(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return postgres(ctx) })
	group.Go(func() error {
		cli, err := devstack.TemporalCLI(ctx, say)
		if err != nil {
			return err
		}
		say("Temporal CLI: %s", cli)
		return nil
	})
	group.Go(func() error {
		path, err := browser.Install(ctx, say)
		if err != nil {
			return err
		}
		say("Chromium: %s", path)
		return nil
	})
	return group.Wait()
}

// postgres starts a cluster and throws it away.
func postgres(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "kibali-prepare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// PostgreSQL does not run as root, and whom it runs as must reach it.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	server, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: dir, Throwaway: true, Progress: say})
	if err != nil {
		return err
	}
	say("PostgreSQL: %s", server.Version())
	return server.Stop()
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
