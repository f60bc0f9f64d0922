// Command kibali is Kibali: all of it on one machine for development (dev), and
// for production the API (serve), what carries cases out (worker), the schema
// (migrate), the switch to a new build (deploy), a check of an installation
// (doctor) and the first staff (staff create).
//
// Everything is set by flags and by KIBALI_... variables; how Temporal is
// reached, by Temporal's own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"kibali/cmd/kibali/config"
	"kibali/domain/fault"
)

// The exit codes.
const (
	exitFailed = 1
	exitUsage  = 2 // the command line or the configuration cannot be used
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	// The first signal asks for a graceful end, the second one ends at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// endings are the signals that ask for the end. A hang-up is ignored when the
// one who started the program said so, as nohup does.
func endings() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// commands is the command line.
type commands struct {
	Dev     devCommand     `cmd:"" help:"Run all of Kibali on this machine, with nothing set up beforehand, for development."`
	Serve   serveCommand   `cmd:"" help:"Serve the API."`
	Worker  workerCommand  `cmd:"" help:"Carry out cases: timers, decisions, notices, documents."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to the schema of this build."`
	Deploy  deployCommand  `cmd:"" help:"Make this build current: new cases start on it, open ones move on to it."`
	Doctor  doctorCommand  `cmd:"" help:"Check an installation, and say what to do."`
	Staff   struct {
		Create       staffCreateCommand       `cmd:"" help:"Add a staff member and print their personal access token, once."`
		ResetFactors staffResetFactorsCommand `cmd:"" help:"Take the second factor from a staff member who has lost it and has no admin to ask, and end their sessions."`
	} `cmd:"" help:"Look after staff."`
	Service struct {
		Create serviceCreateCommand `cmd:"" help:"Add a platform's own gateway and print its credential, once."`
	} `cmd:"" help:"Look after services."`
	Ledger struct {
		Verify    ledgerVerifyCommand    `cmd:"" help:"Check all that must be true of the ledger; fails and names the rows when something is not."`
		Balance   ledgerBalanceCommand   `cmd:"" help:"Print what an account has, or had at a moment."`
		Statement ledgerStatementCommand `cmd:"" help:"Print an account's transfers in a period, as CSV."`
	} `cmd:"" help:"Look into the ledger of credits."`
	Audit struct {
		Verify auditVerifyCommand `cmd:"" help:"Check the audit trail against its seals, and those against the heads that were published; fails and names the events when something is not."`
	} `cmd:"" help:"Look into the audit trail."`
	Routes  routesCommand  `cmd:"" help:"Print who may use each route of the API and the pages."`
	Health  healthCommand  `cmd:"" help:"Ask a running serve or worker whether it is ready; fails when it is not."`
	Version versionCommand `cmd:"" help:"Print the version."`
	Hash    hashCommand    `cmd:"" hidden:"" help:"Hash passwords for the process that started this one."`
	Config  configCommand  `cmd:"" hidden:"" help:"Print the table of settings."`
}

// terminal is where a command writes.
type terminal struct {
	out    io.Writer // what was asked for
	errors io.Writer // what went wrong, and logs
}

// run runs one command line and returns the exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	term := terminal{out: out, errors: errs}
	parser, err := newParser(ctx, term)
	if err != nil {
		fmt.Fprintln(errs, "kibali:", err)
		return exitFailed
	}
	exit, exited := -1, false
	parser.Exit = func(code int) { exit, exited = code, true }
	parsed, err := parser.Parse(args)
	if exited { // after --help
		return exit
	}
	if err != nil {
		fmt.Fprintf(errs, "kibali: %v; see kibali --help\n", err)
		return exitUsage
	}
	config.FillDefaults(parsed)
	return report(errs, parsed.Run())
}

func newParser(ctx context.Context, term terminal) (*kong.Kong, error) {
	return kong.New(&commands{}, kong.Name("kibali"),
		kong.Description("Kibali decides who may use a messaging platform and keeps the proof of every decision."),
		kong.Writers(term.out, term.errors),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(term))
}

// report says what went wrong and returns the exit code.
func report(errs io.Writer, err error) int {
	var problems config.Problems
	switch refusal := fault.As(err); {
	case err == nil:
		return 0
	case errors.Is(err, errUnwell):
		return exitFailed // all is said
	case errors.As(err, &problems):
		fmt.Fprintln(errs, "kibali:", problems)
		return exitUsage
	case refusal != nil:
		fmt.Fprintln(errs, "kibali:", refusal.Message)
		for _, field := range refusal.Fields {
			fmt.Fprintf(errs, "  %s: %s\n", field.Field, field.Detail)
		}
		return exitFailed
	default:
		fmt.Fprintln(errs, "kibali:", err)
		return exitFailed
	}
}

// errUnwell ends a command that has printed what is wrong.
var errUnwell = errors.New("not well")
