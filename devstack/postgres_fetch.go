package devstack

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// postgresSource is where PostgreSQL is fetched from; a test has its own.
type postgresSource struct {
	repository string        // the address of a Maven repository
	limit      time.Duration // how long nothing may arrive
}

var mavenCentral = postgresSource{"https://repo1.maven.org/maven2", fetchLimit}

// installPostgres is what to do when no PostgreSQL can be had.
const installPostgres = "install PostgreSQL 14 or newer, for example with " +
	"'apt-get install postgresql', 'dnf install postgresql-server' or 'brew install postgresql@17'"

// findPostgres returns local binaries, or else fetched ones.
func (p *Postgres) findPostgres(ctx context.Context) (postgresBinaries, error) {
	found, missing := p.search.find(ctx)
	if missing == nil {
		return found, nil
	}
	fetched, err := p.source.fetch(ctx, p.cache, p.progress)
	if err != nil {
		return postgresBinaries{}, fmt.Errorf("no PostgreSQL to run: %w; fetching it failed: %w; %s",
			missing, err, installPostgres)
	}
	return fetched, nil
}

// fetch downloads PostgreSQL into the cache folder, once.
func (s postgresSource) fetch(ctx context.Context, cache string, progress Progress) (postgresBinaries, error) {
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
	unpacked := filepath.Join(work, "unpacked")
	if err := s.unpack(ctx, version, work, unpacked); err != nil {
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

// unpack downloads PostgreSQL and unpacks it into a folder; another is to work in.
func (s postgresSource) unpack(ctx context.Context, version embeddedpostgres.PostgresVersion, work, unpacked string) error {
	blocked := filepath.Join(work, "blocked")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		return err
	}
	var received atomic.Int64
	ctx, giveUp := whileGrowing(ctx, s.limit, func() int64 { return received.Load() + folderSize(work) })
	defer giveUp(nil)
	relay, err := startRelay(ctx, s.repository, &received, giveUp)
	if err != nil {
		return err
	}
	defer relay.close()
	config := embeddedpostgres.DefaultConfig().Version(version).Port(0).BinaryRepositoryURL(relay.url).
		CachePath(filepath.Join(work, "archive")).RuntimePath(filepath.Join(work, "run")).BinariesPath(unpacked).
		// The library only starts whole servers, and as the caller. A data folder
		// below a plain file cannot be made, so it stops once it has unpacked, before it
		// needs a port.
		DataPath(filepath.Join(blocked, "data")).Logger(io.Discard)
	defer removeFetchLogs(time.Now())
	err = embeddedpostgres.NewDatabase(config).Start()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, missing := os.Stat(filepath.Join(unpacked, "bin", "postgres")); missing != nil {
		return err
	}
	return nil
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
