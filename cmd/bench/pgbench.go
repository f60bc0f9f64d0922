package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"kibali/devstack"
)

// pgbenchScale is how many times 100,000 rows pgbench's table has.
const pgbenchScale = 20

// pgbench is PostgreSQL's own benchmark, on a database of its own in the same
// cluster: `pgbench -N` updates one row and inserts another.
type pgbench struct {
	program, url string
}

func newPgbench(ctx context.Context, postgres *devstack.Postgres) (*pgbench, error) {
	program := postgres.Program("pgbench")
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("pgbench"); err != nil {
			return nil, fmt.Errorf("the floor is pgbench, which comes with PostgreSQL's server package: %w", err)
		}
	}
	connection, err := pgx.Connect(ctx, postgres.SuperuserURL(devstack.DatabaseName))
	if err != nil {
		return nil, err
	}
	defer connection.Close(ctx)
	if _, err := connection.Exec(ctx, `CREATE DATABASE bench`); err != nil {
		return nil, err
	}
	p := &pgbench{program: program, url: postgres.SuperuserURL("bench")}
	progress("making the tables of pgbench at scale %d", pgbenchScale)
	_, err = p.output(ctx, "--initialize", "--quiet", "--scale", strconv.Itoa(pgbenchScale), p.url)
	return p, err
}

var pgbenchRate = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)

// run has clients commit for a while, and returns how many transactions a
// second there were.
func (p *pgbench) run(ctx context.Context, clients int, round time.Duration) (float64, error) {
	return p.rate(ctx, clients, round, p.url, "--skip-some-updates")
}

// runScript is run with a script in place of pgbench's own, on another database.
func (p *pgbench) runScript(ctx context.Context, clients int, round time.Duration, url, script string) (float64, error) {
	return p.rate(ctx, clients, round, url, "--file", script)
}

func (p *pgbench) rate(ctx context.Context, clients int, round time.Duration, url string, what ...string) (float64, error) {
	output, err := p.output(ctx, append(what, "--protocol", "prepared", "--no-vacuum", "--client", strconv.Itoa(clients),
		"--jobs", "2", "--time", strconv.Itoa(max(1, int(round.Seconds()))), url)...)
	if err != nil {
		return 0, err
	}
	rate := pgbenchRate.FindSubmatch(output)
	if rate == nil {
		return 0, fmt.Errorf("pgbench says no rate: %s", output)
	}
	return strconv.ParseFloat(string(rate[1]), 64)
}

func (p *pgbench) output(ctx context.Context, args ...string) ([]byte, error) {
	output, err := exec.CommandContext(ctx, p.program, args...).CombinedOutput() //nolint:gosec // PostgreSQL's own program
	if err != nil {
		return nil, fmt.Errorf("pgbench: %w: %s", err, output)
	}
	return output, nil
}
