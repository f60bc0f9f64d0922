package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"kibali/cmd/kibali/config"
	"kibali/worker"
)

type deployCommand struct {
	Timeout time.Duration `name:"timeout" default:"1m" help:"How long to wait for a worker of this build."`
}

// Run makes this build current.
func (c deployCommand) Run(ctx context.Context, term terminal) error {
	var problems config.Problems
	options := config.Temporal(&problems)
	if err := problems.Err(); err != nil {
		return err
	}
	options.Logger = quiet
	temporal, err := client.NewLazyClient(options)
	if err != nil {
		return fmt.Errorf("make a client of Temporal: %w", err)
	}
	defer temporal.Close()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := worker.Deploy(ctx, temporal, build()); err != nil {
		return err
	}
	fmt.Fprintf(term.out, "build %s is current\n", build())
	return nil
}
