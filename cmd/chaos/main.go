// Command chaos breaks a whole installation on purpose and says whether what
// Kibali promises held: PostgreSQL, Temporal, two serve and two worker
// processes on this machine, under load, killed at random instants, with
// providers that misbehave.
//
// It prints a report and fails when a promise is broken. The same seed gives
// the same load and the same faults in the same order, though not at the same
// instants. It uses loopback only, and leaves no process behind.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

type commandLine struct {
	Seed   uint64 `name:"seed" default:"0" help:"Decides load and faults; 0 picks one and prints it."`
	Rounds int    `name:"rounds" default:"1000" help:"How many applications are raced for, and how often the last credit of an account."`
	Racers int    `name:"racers" default:"64" help:"How many race at once."`
	Data   string `name:"data" placeholder:"DIR" help:"Where to keep everything, logs included; a temporary folder, removed when all is well, when not set."`

	Storm struct {
		Storm   time.Duration `name:"storm" default:"90s" help:"How long processes are killed at random."`
		Clients int           `name:"clients" default:"16" help:"How many clients there are at a time."`
		Outage  time.Duration `name:"outage" default:"150s" help:"How long Temporal stays away, beyond what its scenario needs."`
	} `cmd:"" default:"withargs" help:"Break everything, race, and check. The default."`
	Racing struct {
		For string `name:"for" enum:"all,applications,credits,contacts" default:"all" help:"What is raced for: all, applications, credits or contacts."`
	} `cmd:"" name:"racers" help:"Break nothing: race alone, and check."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := start(ctx)
	stop()
	os.Exit(code)
}

func start(ctx context.Context) int {
	var line commandLine
	command := kong.Parse(&line, kong.Name("chaos"), kong.Description("Breaks an installation of Kibali on purpose and checks that its promises hold."))
	if line.Seed == 0 {
		line.Seed = uint64(time.Now().UnixNano())
	}
	dir, remove, err := dataFolder(line.Data)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 1
	}
	report, err := Run(ctx, Options{
		Dir: dir, Seed: line.Seed, Storm: line.Storm.Storm, Clients: line.Storm.Clients, Rounds: line.Rounds, Racers: line.Racers,
		TakenRounds: max(line.Rounds/10, 1), Outage: line.Storm.Outage, Patience: promisedPatience, Out: os.Stdout,
		RacesOnly: command.Command() == "racers", For: line.Racing.For,
	})
	if report != nil {
		report.Print(os.Stdout)
	}
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "chaos: %v (everything is kept in %s)\n", err, dir)
		return 1
	case !report.Well():
		fmt.Fprintf(os.Stderr, "chaos: promises are broken; everything is kept in %s\n", dir)
		return 1
	}
	if err := remove(); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 1
	}
	return 0
}

// dataFolder makes the folder of a run, which the user that PostgreSQL runs as
// may enter, and returns how to remove it.
func dataFolder(given string) (dir string, remove func() error, err error) {
	if given != "" {
		dir, err = filepath.Abs(given)
		if err == nil {
			err = os.MkdirAll(dir, 0o711) //nolint:gosec // PostgreSQL's user enters it
		}
		return dir, func() error { return nil }, err
	}
	if dir, err = os.MkdirTemp("", "kibali-chaos-*"); err != nil {
		return "", nil, err
	}
	return dir, func() error { return os.RemoveAll(dir) }, os.Chmod(dir, 0o711) //nolint:gosec // PostgreSQL's user enters it
}
