package main

import (
	"context"
	"fmt"

	"kibali/cmd/kibali/config"
	"kibali/migrations"
)

type migrateCommand struct{ config.Owner }

// Run applies what is missing and prints it.
func (c migrateCommand) Run(ctx context.Context, term terminal) error {
	var problems config.Problems
	c.Pool(&problems)
	if err := problems.Err(); err != nil {
		return err
	}
	applied, err := migrations.Apply(ctx, c.OwnerDatabaseURL)
	if err != nil {
		return err
	}
	for _, m := range applied {
		fmt.Fprintf(term.out, "applied %d %s\n", m.Version, m.File)
	}
	newest, err := migrations.Newest()
	if err != nil {
		return err
	}
	fmt.Fprintf(term.out, "the schema is current: version %d\n", newest)
	return nil
}
