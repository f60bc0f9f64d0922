package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// listPages are the pages that list something, first and deep, plain and
// searched.
var listPages = []string{
	"/console/users", "/console/users?status=active", "/console/users?status=suspended&sort=credits", "/console/users?sort=last_active_at&order=asc",
	"/console/users?q=kilimo", "/console/users?q=asha+mushi", "/console/users?q=%40gmail.com&sort=credits", "/console/users?q=nosuchword",
	"/console/pending", "/console/pending?stage=awaiting_documents", "/console/pending?q=kilimo",
	"/console/ledger", "/console/ledger?kind=top_up&reason=complimentary", "/console/ledger?from=2026-10-01&to=2026-10-31", "/console/top-ups",
	"/console/top-ups?state=applied", "/console/appeals?state=all", "/console/audit", "/console/staff", "/console/services", "/console/dashboard",
}

// pages measures how long the server takes for each page, asked for one after
// the other over one connection.
func (b *consoleBench) pages(ctx context.Context, c consoleCommand) error {
	client := &httpClient{address: b.serve.address}
	defer client.close()
	fmt.Printf("\nOne client, %d times each, ms\n", c.Repeats)
	for _, path := range listPages {
		times, err := askFor(ctx, client, c.Repeats, func(int) []byte { return b.asStaff(path) })
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		bounded(fmt.Sprintf("%s (p50 %s)", path, ms(quantile(times, 0.5))), milliseconds(quantile(times, 0.95)), boundListPage, "ms p95")
	}
	ids, err := b.someAccounts(ctx, c.Repeats)
	if err != nil {
		return err
	}
	for _, of := range []string{"", "/review", "/timeline", "/billing", "/suspend", "/top-up"} {
		times, err := askFor(ctx, client, c.Repeats, func(i int) []byte { return b.asStaff("/console/accounts/" + ids[i%len(ids)].String() + of) })
		if err != nil {
			return fmt.Errorf("/console/accounts/…%s: %w", of, err)
		}
		bounded(fmt.Sprintf("/console/accounts/…%s (p50 %s)", of, ms(quantile(times, 0.5))), milliseconds(quantile(times, 0.95)), boundProfile, "ms p95")
	}
	return nil
}

// warmups is how often a page is asked for before its times count.
const warmups = 3

// askFor sends requests one after the other, after some that warm up, and
// returns the times of their answers in order.
func askFor(ctx context.Context, client *httpClient, repeats int, request func(int) []byte) ([]time.Duration, error) {
	for i := range warmups {
		if _, err := client.do(ctx, request(i)); err != nil {
			return nil, err
		}
	}
	times := make([]time.Duration, repeats)
	for i := range times {
		start := time.Now()
		if _, err := client.do(ctx, request(i)); err != nil {
			return nil, err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// someAccounts returns accounts that are anywhere among all of them: active ones,
// whose profile has the most.
func (b *consoleBench) someAccounts(ctx context.Context, n int) ([]uuid.UUID, error) {
	rows, err := b.owner.Query(ctx, `
		SELECT id FROM accounts TABLESAMPLE SYSTEM (100.0 * least(1, 200.0 * $1 / greatest(1, (SELECT sum(active + pending) FROM account_counts))))
		WHERE status = 'active' LIMIT $1 * 20`, n)
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("there are no active accounts")
	}
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] }) //nolint:gosec // an order, no secret
	return ids[:min(n, len(ids))], nil
}
