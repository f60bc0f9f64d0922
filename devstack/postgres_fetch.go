package devstack

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// fetchLimit is how long a download may take before it is given up.
const fetchLimit = 30 * time.Second

// installPostgres is what to do when no PostgreSQL can be had.
const installPostgres = "install PostgreSQL 14 or newer, for example with " +
	"'apt-get install postgresql', 'dnf install postgresql-server' or 'brew install postgresql@17'"

// findPostgres returns local binaries, or else fetched ones.
func (p *Postgres) findPostgres(ctx context.Context) (postgresBinaries, error) {
	found, missing := p.search.find(ctx)
	if missing == nil {
		return found, nil
	}
	fetched, err := fetchPostgres(ctx, p.repository, p.cache, p.progress)
	if err != nil {
		return postgresBinaries{}, fmt.Errorf("no PostgreSQL to run: %w; fetching it failed: %w; %s",
			missing, err, installPostgres)
	}
	return fetched, nil
}

// fetchPostgres downloads PostgreSQL into the cache folder, once. repository is
// the address of a Maven repository, "" for the public one.
func fetchPostgres(ctx context.Context, repository, cache string, progress Progress) (postgresBinaries, error) {
	version := embeddedpostgres.V17
	target := filepath.Join(cache, "postgres-"+string(version))
	bin := filepath.Join(target, "bin")
	release, err := waitForLock(ctx, target+".lock")
	if err != nil {
		return postgresBinaries{}, err
	}
	defer release()
	if found, err := inspectPostgres(ctx, bin); err == nil {
		return found, nil
	}
	progress("fetching PostgreSQL %s", version)

	work, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return postgresBinaries{}, err
	}
	defer os.RemoveAll(work)
	blocked := filepath.Join(work, "blocked")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		return postgresBinaries{}, err
	}
	port, err := freePort()
	if err != nil {
		return postgresBinaries{}, err
	}
	unpacked := filepath.Join(work, "unpacked")
	config := embeddedpostgres.DefaultConfig().Version(version).Port(uint32(port)).
		CachePath(filepath.Join(work, "archive")).RuntimePath(filepath.Join(work, "run")).BinariesPath(unpacked).
		// The library only starts whole servers, and as the caller. A data folder
		// below a plain file cannot be made, so it stops once it has unpacked.
		DataPath(filepath.Join(blocked, "data")).Logger(io.Discard)
	if repository != "" {
		config = config.BinaryRepositoryURL(repository)
	}
	defer removeFetchLogs(time.Now())
	failed := make(chan error, 1)
	go func() { failed <- embeddedpostgres.NewDatabase(config).Start() }()
	select {
	case err = <-failed:
	case <-ctx.Done():
		return postgresBinaries{}, ctx.Err()
	case <-time.After(fetchLimit):
		return postgresBinaries{}, fmt.Errorf("it takes longer than %s", fetchLimit)
	}
	if _, missing := os.Stat(filepath.Join(unpacked, "bin", "postgres")); missing != nil {
		return postgresBinaries{}, err
	}
	if err := os.RemoveAll(target); err != nil {
		return postgresBinaries{}, err
	}
	if err := os.Rename(unpacked, target); err != nil {
		return postgresBinaries{}, fmt.Errorf("keep the fetched PostgreSQL: %w", err)
	}
	return inspectPostgres(ctx, bin)
}

// removeFetchLogs removes the empty log that the library leaves among the
// temporary files each time.
func removeFetchLogs(since time.Time) {
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "embedded_postgres_log*"))
	if err != nil {
		return
	}
	for _, path := range found {
		info, err := os.Lstat(path)
		if err == nil && info.Mode().IsRegular() && info.Size() == 0 && info.ModTime().After(since.Add(-time.Second)) {
			_ = os.Remove(path) // an empty file that stays does no harm
		}
	}
}
