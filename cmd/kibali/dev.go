package main

import (
	"context"
	"io"
	"log/slog"

	"kibali/cmd/kibali/config"
	"kibali/cmd/kibali/development"
)

type devCommand struct {
	Data   string `name:"data" env:"KIBALI_DATA" default:".kibali" placeholder:"DIR" help:"The folder that keeps everything of dev."`
	Listen string `name:"listen" env:"KIBALI_LISTEN" default:"127.0.0.1:8080" help:"Address of the API; port 0 picks one."`
	NoDemo bool   `name:"no-demo" help:"Start with staff only, without demo accounts."`
	config.Log
}

// Run runs everything until ctx ends.
func (c devCommand) Run(ctx context.Context, term terminal) error {
	var problems config.Problems
	c.Logger(&problems, io.Discard)
	if err := problems.Err(); err != nil {
		return err
	}
	return development.Run(ctx, development.Options{
		DataDir: c.Data, Listen: c.Listen, Demo: !c.NoDemo, Version: build(), Out: term.out,
		Log: func(out io.Writer) *slog.Logger { return c.Logger(&problems, out) },
	})
}
