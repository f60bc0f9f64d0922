package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/devstack"
	"kibali/domain/actor"
	"kibali/domain/ledger"
	"kibali/migrations"
	"kibali/store"
)

type ledgerCommand struct {
	Accounts int           `default:"10000" help:"How many accounts are charged."`
	Entries  int           `default:"5000000" help:"How many entries verification has to look at."`
	Rounds   int           `default:"5" help:"How many rounds there are, of each contender in turn."`
	Round    time.Duration `default:"5s" help:"How long a round is."`
	Bulk     int           `default:"100000" help:"How many top-ups are posted at once."`
	Quick    bool          `help:"Short rounds and few rows: to see that it works."`
}

// Run measures and prints.
func (c ledgerCommand) Run(ctx context.Context) (err error) {
	if c.Quick {
		c.Accounts, c.Entries, c.Rounds, c.Round, c.Bulk = 500, 20_000, 1, time.Second, 2000
	}
	dir, err := os.MkdirTemp("", "kibali-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// PostgreSQL may have to run as another user, who has to get there.
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // entered, not read
		return err
	}
	postgres, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{
		Dir: filepath.Join(dir, "postgres"), Durable: true, Throwaway: true, Progress: progress,
		Settings: map[string]string{"shared_buffers": quarterOfMemory(), "max_wal_size": "8GB"},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postgres.Stop()) }()
	if err := migrations.Migrate(ctx, postgres.OwnerURL(devstack.DatabaseName)); err != nil {
		return err
	}
	b := &ledgerBench{command: c, postgres: postgres, dir: dir}
	if b.owner, err = pgxpool.New(ctx, postgres.SuperuserURL(devstack.DatabaseName)); err != nil {
		return err
	}
	defer b.owner.Close()
	fmt.Printf("PostgreSQL %s, %s\n", postgres.Version(), machine())
	return b.run(ctx)
}

// ledgerBench is a database with accounts that are charged.
type ledgerBench struct {
	command  ledgerCommand
	postgres *devstack.Postgres
	owner    *pgxpool.Pool
	dir      string
	accounts []uuid.UUID
}

// The bounds.
const (
	boundPosting      = 1.0
	boundBulk         = 20_000
	boundVerify       = 20 * time.Second
	boundVerifyMemory = 200 // MB
)

func (b *ledgerBench) run(ctx context.Context) error {
	if err := b.furnish(ctx); err != nil {
		return err
	}
	bulk, err := b.bulk(ctx)
	if err != nil {
		return err
	}
	floor, err := newPgbench(ctx, b.postgres)
	if err != nil {
		return err
	}
	if _, err := b.owner.Exec(ctx, `VACUUM ANALYZE`); err != nil { // so that nothing does in the middle of a round
		return err
	}
	verdicts := []string{verdict(bulk >= boundBulk, "bulk top-ups >= %d a second: %.0f", boundBulk, bulk)}
	for _, clients := range []int{8, 32} {
		ratio, err := b.compare(ctx, floor, clients)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, verdict(ratio >= boundPosting, "postings >= %.1f x pgbench -N at %d clients: %.2f", boundPosting, clients, ratio))
	}
	took, memory, err := b.verification(ctx)
	if err != nil {
		return err
	}
	fmt.Println()
	for _, v := range append(verdicts,
		verdict(took <= boundVerify, "verification <= %v: %v", boundVerify, took.Round(10*time.Millisecond)),
		verdict(memory <= boundVerifyMemory, "its memory <= %d MB: %d", boundVerifyMemory, memory)) {
		fmt.Println(v)
	}
	return nil
}

// furnish makes the accounts that are charged.
func (b *ledgerBench) furnish(ctx context.Context) error {
	progress("making %d accounts", b.command.Accounts)
	for n := range b.command.Accounts {
		b.accounts = append(b.accounts, numbered(n))
	}
	_, err := b.owner.Exec(ctx, `
		INSERT INTO accounts (id, name, email, phone, locale, company_name, company_industry, status, stage_since, registered_at, search_text)
		SELECT id, 'Asha Mushi', 'asha' || n || '@example.co.tz', '+255' || 700000000 + n, 'sw', 'Kilimo Bora Ltd', 'agriculture', 'active', now(), now(),
			'asha mushi' || E'\n' || 'asha' || n || '@example.co.tz'
		FROM unnest($1::uuid[]) WITH ORDINALITY AS a (id, n)`, b.accounts)
	if err != nil {
		return err
	}
	_, err = b.owner.Exec(ctx, `VACUUM ANALYZE`)
	return err
}

// open opens the store as serve does.
func (b *ledgerBench) open(ctx context.Context) (*store.Store, error) {
	config, err := pgxpool.ParseConfig(b.postgres.AppURL(devstack.DatabaseName))
	if err != nil {
		return nil, err
	}
	config.MaxConns = connections
	return store.OpenConfig(ctx, config)
}

// bulk posts top-ups for all accounts in one transaction, as a staff member's
// file is, and returns how many a second.
func (b *ledgerBench) bulk(ctx context.Context) (float64, error) {
	db, err := b.open(ctx)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var rates []float64
	for range 3 {
		postings := make([]store.Posting, b.command.Bulk)
		scope := uuid.New()
		for i := range postings {
			postings[i] = store.Posting{
				ID: uuid.Must(uuid.NewV7()), Request: store.Request{Scope: scope, Key: fmt.Sprint(i)}, Kind: ledger.TopUp,
				AccountID: b.accounts[i%len(b.accounts)], Amount: 1_000_000, Reason: ledger.Complimentary, Actor: actor.Actor{Kind: actor.System}, At: time.Now(),
			}
		}
		start := time.Now()
		err := db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			outcomes, err := tx.PostAll(ctx, postings)
			for _, o := range outcomes {
				err = errors.Join(err, o.Err)
			}
			return err
		})
		if err != nil {
			return 0, err
		}
		rates = append(rates, float64(len(postings))/time.Since(start).Seconds())
	}
	fmt.Printf("\n%d top-ups in one transaction, a second: %.0f\n", b.command.Bulk, rates)
	return median(rates), nil
}

// compare has the store and pgbench in turn, and returns the median of the
// ratios of their rates.
func (b *ledgerBench) compare(ctx context.Context, floor *pgbench, clients int) (float64, error) {
	db, err := b.open(ctx)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	script, err := b.script(ctx)
	if err != nil {
		return 0, err
	}
	anyone := func() uuid.UUID { return b.accounts[rand.IntN(len(b.accounts))] }      //nolint:gosec // one of many
	if _, err := b.charges(ctx, db, clients, b.command.Round/5, anyone); err != nil { // to warm up
		return 0, err
	}
	fmt.Printf("\n%d clients, a second\n", clients)
	var posted, floors, ratios, eachRatios []float64
	for range b.command.Rounds {
		rate, err := b.charges(ctx, db, clients, b.command.Round, anyone)
		if err != nil {
			return 0, err
		}
		bare, err := floor.run(ctx, clients, b.command.Round)
		if err != nil {
			return 0, err
		}
		each, err := floor.runScript(ctx, clients, b.command.Round, b.postgres.AppURL(devstack.DatabaseName), script)
		if err != nil {
			return 0, err
		}
		fmt.Printf("  charges %7.0f   pgbench -N %7.0f   ratio %.2f   pgbench with a charge's statement %7.0f   ratio %.2f\n", rate, bare, rate/bare, each, each/bare)
		posted, floors, ratios = append(posted, rate), append(floors, bare), append(ratios, rate/bare)
		eachRatios = append(eachRatios, each/bare)
	}
	fmt.Printf("  median  %7.0f              %7.0f         %.2f                                               %.2f\n",
		median(posted), median(floors), median(ratios), median(eachRatios))
	one := b.accounts[0]
	rate, err := b.charges(ctx, db, clients, b.command.Round, func() uuid.UUID { return one })
	if err != nil {
		return 0, err
	}
	fmt.Printf("  all on one account %.0f\n", rate)
	rate, err = b.replays(ctx, db, clients, b.command.Round)
	fmt.Printf("  replays of one request %.0f\n", rate)
	return median(ratios), err
}

// charges has so many clients charge accounts for a while, and returns how many
// charges a second were posted.
func (b *ledgerBench) charges(ctx context.Context, db *store.Store, clients int, round time.Duration, account func() uuid.UUID) (float64, error) {
	return together(clients, round, func() error {
		id := account()
		_, err := db.Charge(ctx, store.Posting{
			ID: uuid.Must(uuid.NewV7()), Request: store.Request{Scope: id, Key: uuid.NewString()}, AccountID: id, Amount: 1,
			Reference: "SMS", Actor: actor.Actor{Kind: actor.Account, ID: id}, At: time.Now(),
		})
		return err
	})
}

func (b *ledgerBench) replays(ctx context.Context, db *store.Store, clients int, round time.Duration) (float64, error) {
	id := b.accounts[0]
	p := store.Posting{
		ID: uuid.Must(uuid.NewV7()), Request: store.Request{Scope: id, Key: uuid.NewString()}, AccountID: id, Amount: 1,
		Actor: actor.Actor{Kind: actor.Account, ID: id}, At: time.Now(),
	}
	return together(clients, round, func() error {
		_, err := db.Charge(ctx, p)
		return err
	})
}

// together has clients do something again and again for a while, and returns
// how often a second it was done.
func together(clients int, round time.Duration, do func() error) (float64, error) {
	var done atomic.Int64
	failures := make([]error, clients)
	var working sync.WaitGroup
	start := time.Now()
	for i := range clients {
		working.Go(func() {
			for time.Since(start) < round {
				if failures[i] = do(); failures[i] != nil {
					return
				}
				done.Add(1)
			}
		})
	}
	working.Wait()
	return float64(done.Load()) / time.Since(start).Seconds(), errors.Join(failures...)
}
