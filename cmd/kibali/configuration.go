package main

import (
	"context"
	"fmt"

	"kibali/cmd/kibali/config"
)

type configCommand struct {
	Markdown bool `name:"markdown" required:"" help:"As a table in Markdown."`
}

// Run prints the table of settings, from which README.md has it.
func (configCommand) Run(ctx context.Context, term terminal) error {
	parser, err := newParser(ctx, term)
	if err != nil {
		return err
	}
	fmt.Fprint(term.out, config.Markdown(config.Settings(parser.Model)))
	return nil
}
