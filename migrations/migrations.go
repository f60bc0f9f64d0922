// Package migrations holds the schema as numbered, forward-only SQL files and
// applies them. A change expands the schema first and contracts it in a later
// release, so that two releases can run side by side.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // goose speaks database/sql
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed *.sql
var files embed.FS

// Applied is one migration that Apply has carried out.
type Applied struct {
	Version int64
	File    string
}

// Migrate is Apply for a caller who need not be told what was applied.
func Migrate(ctx context.Context, url string) error {
	_, err := Apply(ctx, url)
	return err
}

// Apply brings the database at url, which must belong to the connecting role,
// up to the newest schema. Several processes may call it at once: they queue
// on an advisory lock. It returns what it applied, nothing when the schema was
// current.
func Apply(ctx context.Context, url string) ([]Applied, error) {
	db, provider, err := open(url)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	applied := make([]Applied, len(results))
	for i, r := range results {
		applied[i] = Applied{Version: r.Source.Version, File: r.Source.Path}
	}
	return applied, nil
}

// Newest is the version of the newest migration in this build.
func Newest() (int64, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return 0, fmt.Errorf("read migrations: %w", err)
	}
	newest := firstPolicy.Version
	for _, entry := range entries {
		version, err := goose.NumericComponent(entry.Name())
		if err != nil {
			return 0, fmt.Errorf("read migrations: %w", err)
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// Querier is what Check needs of a connection or pool.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Check returns an error that says what to do unless the database's schema is
// exactly the one that this build knows.
func Check(ctx context.Context, db Querier) error {
	newest, err := Newest()
	if err != nil {
		return err
	}
	var table *string
	if err := db.QueryRow(ctx, `SELECT to_regclass('goose_db_version')::text`).Scan(&table); err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if table == nil {
		return fmt.Errorf("the database has no schema: run `kibali migrate` first")
	}
	var version int64
	if err := db.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version); err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	switch {
	case version < newest:
		return fmt.Errorf("the schema is at version %d, this build needs %d: run `kibali migrate` first", version, newest)
	case version > newest:
		return fmt.Errorf("the schema is at version %d, this build knows only %d: start a newer build", version, newest)
	}
	return nil
}

func open(url string) (*sql.DB, *goose.Provider, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		db.Close()
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker),
		goose.WithGoMigrations(firstPolicy), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		db.Close()
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
	return db, provider, nil
}
