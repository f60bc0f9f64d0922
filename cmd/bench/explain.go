package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kibali/devstack"
	"kibali/domain/account"
	"kibali/store"
)

// explainCommand shows what PostgreSQL does for one page.
type explainCommand struct {
	Accounts  int    `default:"1000000" help:"How many accounts there are."`
	Q         string `help:"What is searched for."`
	Status    string `help:"The tab."`
	Sort      string `default:"registered_at" help:"The sort."`
	Ascending bool   `help:"The direction."`
	Quiet     bool   `help:"Show times only."`
}

// Run prints each statement that the store sends, its plan, and how long the
// whole page takes.
func (c explainCommand) Run(ctx context.Context) (err error) {
	postgres, err := openDataset(ctx, c.Accounts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postgres.Stop()) }()
	scholar, err := newScholar(ctx, postgres.AppURL(devstack.DatabaseName))
	if err != nil {
		return err
	}
	defer scholar.store.Close()
	for text := range strings.SplitSeq(c.Q, "|") {
		q := store.AccountsQuery{Status: account.Status(c.Status), Q: text, Sort: store.Sort(c.Sort), Ascending: c.Ascending, Limit: pageSize}
		if err := c.explain(ctx, scholar, q); err != nil {
			return err
		}
	}
	return nil
}

func (c explainCommand) explain(ctx context.Context, scholar *scholar, q store.AccountsQuery) error {
	sent, err := scholar.study(ctx, q)
	if err != nil {
		return err
	}
	if !c.Quiet {
		if err := pgx.BeginFunc(ctx, scholar.store.Pool(), func(tx pgx.Tx) error { return explainAll(ctx, tx, sent) }); err != nil {
			return err
		}
	}
	var pid int
	if err := scholar.store.Pool().QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		return err
	}
	const times = 50
	best, before := time.Hour, processorTime(pid)
	for range times {
		start := time.Now()
		if _, err := scholar.store.Reader().Accounts(ctx, q); err != nil {
			return err
		}
		best = min(best, time.Since(start))
	}
	fmt.Printf("%q: %d statements; of %d times the best took %v; PostgreSQL computes %v each time\n",
		q.Q, len(sent), times, best.Round(time.Microsecond), (processorTime(pid)-before)/times)
	return nil
}

// processorTime is how long a process has computed so far, which tells more
// than a clock when the machine is busy; 0 where the system does not tell.
func processorTime(pid int) time.Duration {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, behindName, _ := strings.Cut(string(content), ") ")
	fields := strings.Fields(behindName)
	if len(fields) < 13 {
		return 0
	}
	ticks := 0
	for _, field := range fields[11:13] { // in user mode, in the kernel
		n, _ := strconv.Atoi(field)
		ticks += n
	}
	return time.Duration(ticks) * (10 * time.Millisecond)
}

// explainAll prints the plans of statements, each with the settings of those
// before it.
func explainAll(ctx context.Context, tx pgx.Tx, sent []statement) error {
	for _, statement := range sent {
		prefix := ""
		if !strings.Contains(statement.sql, "set_config") {
			prefix = "EXPLAIN (ANALYZE, BUFFERS) "
		}
		rows, err := tx.Query(ctx, prefix+statement.sql, statement.args...)
		if err != nil {
			return err
		}
		for rows.Next() && prefix != "" {
			fmt.Println(string(rows.RawValues()[0]))
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		fmt.Println()
	}
	return nil
}
