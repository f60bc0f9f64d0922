// Command bench measures Kibali against floors that are measured in the same
// run: search against what PostgreSQL and a bare HTTP server reach with the
// same statements, cases against a bare workflow of the same shape on the same
// Temporal server, postings against pgbench on the same cluster, signing in
// against a bare loop of hashing and writing, and pages against their bounds.
// It needs nothing set up beforehand.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Cases       casesCommand       `cmd:"" help:"Measure cases from registration to approval."`
	Login       loginCommand       `cmd:"" help:"Measure signing in, and what a flood of it does to others."`
	Enumeration enumerationCommand `cmd:"" help:"Measure whether times tell e-mails that somebody has from others."`
	Ledger      ledgerCommand      `cmd:"" help:"Measure postings against pgbench, bulk postings, and verification."`
	Console     consoleCommand     `cmd:"" help:"Measure pages: their times, sizes and paint, decisions, and open consoles."`
	Search      searchCommand      `cmd:"" help:"Measure the list of accounts and its search."`
	Explain     explainCommand     `cmd:"" help:"Show what PostgreSQL does for one page of the list."`
	Gate        gateCommand        `cmd:"" help:"Measure charges, authorisation and suspension under load."`
	GateFloor   gateFloorCommand   `cmd:"" hidden:"" help:"Serve the floor of authorisation, for the bench itself."`
	Bare        bareCommand        `cmd:"" hidden:"" help:"Run bare cases, for the bench itself."`
	Floor       floorCommand       `cmd:"" hidden:"" help:"Serve the floor of HTTP, for the bench itself."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	parsed := kong.Parse(&commands{}, kong.Name("bench"), kong.BindTo(ctx, (*context.Context)(nil)))
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// progress is told what is going on.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
