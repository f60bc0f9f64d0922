package devstack

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options says how a stack is run.
type Options struct {
	// DataDir holds everything, and is made when needed.
	DataDir string
	// PostgresPort, TemporalPort and TemporalUIPort; 0 picks a free one.
	PostgresPort, TemporalPort, TemporalUIPort int
	// Durable has PostgreSQL write every commit through to the disk.
	Durable bool
	// Headless runs Temporal without its web UI.
	Headless bool
	// PostgresSettings are server settings that replace the defaults, by name.
	PostgresSettings map[string]string
	// Namespace of Temporal that is made ready; "" means "default".
	Namespace string
	// Retention of the namespace; 0 means DefaultRetention.
	Retention time.Duration
	// SearchAttributes to register, by name: "Keyword", "Datetime", "Int", ...
	SearchAttributes map[string]string
	// TemporalDynamicConfig holds further settings of the Temporal server.
	TemporalDynamicConfig map[string]any
	// Progress may be nil.
	Progress Progress
}

// Stack is a PostgreSQL and a Temporal server that run as children of this
// process.
type Stack struct {
	Postgres *Postgres
	Temporal *Temporal

	dir  string
	lock *folderLock
	died chan error
}

// Start starts both servers, in parallel, and returns once both answer. What
// an earlier start left behind is ended first. It fails with a fault.Conflict
// when another process uses the data folder, which it names, or a port.
func Start(ctx context.Context, opts Options) (*Stack, error) {
	dir, err := filepath.Abs(opts.DataDir)
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	s := &Stack{dir: dir, lock: lock, died: make(chan error, 2)}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		s.Postgres, err = startPostgres(groupCtx, PostgresOptions{
			Dir: filepath.Join(dir, "postgres"), Port: opts.PostgresPort, Durable: opts.Durable,
			Settings: opts.PostgresSettings, Progress: opts.Progress,
		}, s.died)
		return err
	})
	group.Go(func() (err error) {
		s.Temporal, err = startTemporal(groupCtx, TemporalOptions{
			Dir: filepath.Join(dir, "temporal"), Port: opts.TemporalPort, UIPort: opts.TemporalUIPort, Headless: opts.Headless,
			Namespace: opts.Namespace, Retention: opts.Retention, SearchAttributes: opts.SearchAttributes,
			DynamicConfig: opts.TemporalDynamicConfig, Progress: opts.Progress,
		}, s.died)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop stops both servers, Temporal first, and gives the data folder back.
func (s *Stack) Stop() error {
	var failures []error
	if s.Temporal != nil {
		failures = append(failures, s.Temporal.Stop())
	}
	if s.Postgres != nil {
		failures = append(failures, s.Postgres.Stop())
	}
	s.lock.release()
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("stop the development stack: %w", err)
	}
	return nil
}

// Died yields an error each time a server ends without having been asked to.
func (s *Stack) Died() <-chan error { return s.died }

// DataDir is the absolute path of the data folder.
func (s *Stack) DataDir() string { return s.dir }

// SuperuserURL is the address of Kibali's database for the cluster's superuser.
func (s *Stack) SuperuserURL() string { return s.Postgres.SuperuserURL(DatabaseName) }

// OwnerURL is the address of Kibali's database for its owner, who migrates it.
func (s *Stack) OwnerURL() string { return s.Postgres.OwnerURL(DatabaseName) }

// AppURL is the address of Kibali's database for serve and worker.
func (s *Stack) AppURL() string { return s.Postgres.AppURL(DatabaseName) }
