package main

import (
	"context"

	"kibali/cmd/kibali/config"
	"kibali/migrations"
	"kibali/store"
)

// withStore opens the database of a command, once it has the schema of this
// build. name is what PostgreSQL is told of who connects.
func withStore(ctx context.Context, c config.Database, name string, do func(*store.Store) error) error {
	var problems config.Problems
	pool := c.Pool(&problems, name)
	if err := problems.Err(); err != nil {
		return err
	}
	db, err := store.OpenConfig(ctx, pool)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := migrations.Check(ctx, db.Pool()); err != nil {
		return err
	}
	return do(db)
}
