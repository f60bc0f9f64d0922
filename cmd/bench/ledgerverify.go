package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"kibali/devstack"
)

// verification fills the ledger up, seals it, and has `kibali ledger verify`
// look at it. It returns how long that took, and how much memory the process
// had, in MB.
func (b *ledgerBench) verification(ctx context.Context) (took time.Duration, memory int, err error) {
	if err := b.fillUp(ctx); err != nil {
		return 0, 0, fmt.Errorf("fill the ledger up: %w", err)
	}
	db, err := b.open(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	start := time.Now()
	for range 2 { // the first one marks how far
		if _, err := db.SealLedger(ctx, time.Now()); err != nil {
			return 0, 0, err
		}
	}
	fmt.Printf("\nsealed in %v\n", time.Since(start).Round(10*time.Millisecond))
	binary, err := buildKibali(ctx, b.dir)
	if err != nil {
		return 0, 0, err
	}
	command := exec.CommandContext(ctx, binary, "ledger", "verify") //nolint:gosec // the bench runs what it has built
	command.Env = append(os.Environ(), "KIBALI_DATABASE_URL="+b.postgres.AppURL(devstack.DatabaseName))
	start = time.Now()
	output, memory, err := runWatched(command)
	took = time.Since(start)
	fmt.Printf("kibali ledger verify:\n  %s\n", strings.ReplaceAll(strings.TrimSpace(string(output)), "\n", "\n  "))
	if err != nil {
		return 0, 0, fmt.Errorf("verify: %w", err)
	}
	if memory == 0 {
		return 0, 0, errors.New("this system does not tell how much memory a process had")
	}
	return took, memory, nil
}

// fillUp adds charges until there are as many entries as are asked for, in
// statements that are no postings: verification finds them sound all the same.
func (b *ledgerBench) fillUp(ctx context.Context) error {
	var entries int
	if err := b.owner.QueryRow(ctx, `SELECT count(*) FROM entries`).Scan(&entries); err != nil {
		return err
	}
	const each = 250_000
	progress("filling the ledger up from %d to %d entries", entries, b.command.Entries)
	for ; entries < b.command.Entries; entries += 2 * each {
		n := min(each, (b.command.Entries-entries+1)/2)
		_, err := b.owner.Exec(ctx, `
			WITH numbered AS MATERIALIZED (
				SELECT b.account_id, b.available - row_number() OVER mine AS available, b.held, b.seq + row_number() OVER mine AS seq, g.n
				FROM generate_series(1, $1::int) AS g (n)
				JOIN (SELECT *, row_number() OVER (ORDER BY account_id) - 1 AS i, count(*) OVER () AS all FROM balances) b ON g.n % b.all = b.i
				WINDOW mine AS (PARTITION BY b.account_id ORDER BY g.n)
			), transfer AS (
				INSERT INTO transfers (amount, seq, created_at, available_after, held_after, id, account_id, from_account, to_account, scope, request_key, kind,
					reference, actor_kind, actor_id)
				SELECT 1, seq, now(), available, held, gen_random_uuid(), account_id, account_id, '00000000-0000-0000-0000-000000000002', account_id,
					gen_random_uuid()::text, 'charge', 'SMS', 'account', account_id
				FROM numbered ORDER BY n
			)
			UPDATE balances b SET available = n.available, seq = n.seq
			FROM (SELECT account_id, min(available) AS available, max(seq) AS seq FROM numbered GROUP BY 1) n WHERE b.account_id = n.account_id`, n)
		if err != nil {
			return err
		}
	}
	_, err := b.owner.Exec(ctx, `VACUUM (ANALYZE) transfers, balances`)
	return err
}
