package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"kibali/devstack"
	"kibali/domain/cases"
	"kibali/domain/policy"
	"kibali/identity"
	"kibali/migrations"
)

type gateCommand struct {
	Keys        int           `default:"1000000" help:"How many accounts there are, each with an API key."`
	Accounts    int           `default:"10000" help:"How many of them are charged."`
	Suspensions int           `default:"1000" help:"How many accounts are suspended under load."`
	Rounds      int           `default:"5" help:"How many rounds there are, of each contender in turn."`
	Round       time.Duration `default:"5s" help:"How long a round is."`
	Quick       bool          `help:"Few accounts and one short round: to see that it works."`
}

// Run measures and prints.
func (c gateCommand) Run(ctx context.Context) (err error) {
	if c.Quick {
		c.Keys, c.Accounts, c.Suspensions, c.Rounds, c.Round = 5000, 1000, 40, 1, time.Second
	}
	b := &gateBench{command: c}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx); err != nil {
		return err
	}
	fmt.Printf("%d accounts with a key each, PostgreSQL %s, %s\n", c.Keys, b.stack.Postgres.Version(), machine())
	for _, measure := range []func(context.Context) error{b.charges, b.authorize, b.suspensions} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// gateReplicas is how many serve there are when accounts are suspended; charges
// and authorisations ask the first.
const gateReplicas = 3

// gateBench is an installation whose accounts are active and rich.
type gateBench struct {
	command gateCommand
	dir     string
	stack   *devstack.Stack
	owner   *pgxpool.Pool
	token   string // of an admin
	ids     []uuid.UUID
	keys    []string // of the account at the same place
	serves  []*server
	servers []*server // everything that runs
}

func (b *gateBench) open(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "kibali-bench-"); err != nil {
		return err
	}
	// PostgreSQL may have to run as another user, who has to get there.
	if err := os.Chmod(b.dir, 0o711); err != nil { //nolint:gosec // entered, not read
		return err
	}
	b.stack, err = devstack.Start(ctx, devstack.Options{
		DataDir: filepath.Join(b.dir, "stack"), Durable: true, Headless: true, SearchAttributes: cases.SearchAttributes(), Progress: progress,
		PostgresSettings: map[string]string{"shared_buffers": quarterOfMemory(), "max_wal_size": "8GB"},
	})
	if err != nil {
		return err
	}
	if err := migrations.Migrate(ctx, b.stack.OwnerURL()); err != nil {
		return err
	}
	if b.owner, err = pgxpool.New(ctx, b.stack.Postgres.SuperuserURL(devstack.DatabaseName)); err != nil {
		return err
	}
	if err := b.furnish(ctx); err != nil {
		return fmt.Errorf("furnish the database: %w", err)
	}
	return b.start(ctx)
}

// furnish makes the accounts, without the triggers that would count each.
func (b *gateBench) furnish(ctx context.Context) error {
	progress("making %d accounts and keys", b.command.Keys)
	always := policy.Default()
	always.QuietHours = nil
	if _, err := b.owner.Exec(ctx, `INSERT INTO policies (content, note) VALUES ($1, 'bench')`, always); err != nil {
		return err
	}
	if _, err := b.owner.Exec(ctx, `
		INSERT INTO staff (id, email, name, role, created_at) VALUES (gen_random_uuid(), 'admin@example.co.tz', 'Bench admin', 'admin', now())`); err != nil {
		return err
	}
	var err error
	if b.token, err = issueToken(ctx, b.owner); err != nil {
		return err
	}
	hashes := make([][32]byte, b.command.Keys)
	for i := range hashes {
		key, hash := identity.NewAPIKey()
		b.ids, b.keys, hashes[i] = append(b.ids, uuid.Must(uuid.NewV7())), append(b.keys, key), hash
	}
	return b.copyAccounts(ctx, hashes)
}

func (b *gateBench) copyAccounts(ctx context.Context, hashes [][32]byte) error {
	connection, err := b.owner.Acquire(ctx)
	if err != nil {
		return err
	}
	defer connection.Release()
	if _, err := connection.Exec(ctx, `SET session_replication_role = replica`); err != nil {
		return err
	}
	now := time.Now()
	if _, err := connection.CopyFrom(ctx, pgx.Identifier{"accounts"},
		[]string{"id", "name", "email", "phone", "locale", "company_name", "company_industry", "status", "stage", "stage_since", "registered_at", "search_text"},
		pgx.CopyFromSlice(len(b.ids), func(i int) ([]any, error) {
			return []any{b.ids[i], "Bench", fmt.Sprintf("bench%d@example.co.tz", i), fmt.Sprintf("+2557%08d", i), "en", "Bench Ltd", "other", "active", "", now, now, ""}, nil
		})); err != nil {
		return err
	}
	if _, err := connection.CopyFrom(ctx, pgx.Identifier{"balances"}, []string{"account_id", "available", "status"},
		pgx.CopyFromSlice(len(b.ids), func(i int) ([]any, error) { return []any{b.ids[i], int64(1_000_000_000), "active"}, nil })); err != nil {
		return err
	}
	if _, err := connection.Exec(ctx, `
		INSERT INTO account_activity (account_id, status) SELECT id, status FROM accounts;
		INSERT INTO account_credits (account_id, status, credits) SELECT account_id, status, available FROM balances`, pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	if _, err := connection.CopyFrom(ctx, pgx.Identifier{"api_keys"}, []string{"id", "account_id", "name", "prefix", "hash", "created_at"},
		pgx.CopyFromSlice(len(b.ids), func(i int) ([]any, error) {
			return []any{uuid.New(), b.ids[i], "bench", identity.ShownOf(b.keys[i]), hashes[i][:], now}, nil
		})); err != nil {
		return err
	}
	_, err = connection.Exec(ctx, `SET session_replication_role = DEFAULT; UPDATE account_counts SET active = $1 WHERE shard = 0`, pgx.QueryExecModeSimpleProtocol, b.command.Keys)
	if err != nil {
		return err
	}
	// Not of the ledger: with statistics of an empty one PostgreSQL would read it
	// from end to end for the first minute, see migration 34.
	_, err = connection.Exec(ctx, `VACUUM ANALYZE accounts, balances, api_keys, account_activity, account_credits`)
	return err
}

func (b *gateBench) start(ctx context.Context) error {
	binary, err := buildKibali(ctx, b.dir)
	if err != nil {
		return err
	}
	settings := []string{
		"KIBALI_DATABASE_URL=" + b.stack.AppURL(), "KIBALI_SECRET_KEY=" + b.token, "KIBALI_LISTEN=127.0.0.1:0", "KIBALI_OPERATIONS_LISTEN=127.0.0.1:0",
		"KIBALI_DOCUMENTS_URL=file://" + b.dir, "KIBALI_BASE_URL=http://127.0.0.1", "KIBALI_EMAIL_PROVIDER=inbox", "KIBALI_SMS_PROVIDER=inbox",
		"TEMPORAL_ADDRESS=" + b.stack.Temporal.Address(), "TEMPORAL_NAMESPACE=" + client.DefaultNamespace,
	}
	for range gateReplicas {
		serve, err := startKibali(ctx, binary, "serve", "serving", settings...)
		if err != nil {
			return err
		}
		b.serves, b.servers = append(b.serves, serve), append(b.servers, serve)
	}
	worker, err := startKibali(ctx, binary, "worker", "working", settings...)
	if err != nil {
		return err
	}
	b.servers = append(b.servers, worker)
	return runKibali(ctx, binary, "deploy", settings...)
}

func (b *gateBench) close() error {
	var failures []error
	for _, s := range b.servers {
		failures = append(failures, s.stop())
	}
	if b.owner != nil {
		b.owner.Close()
	}
	if b.stack != nil {
		failures = append(failures, b.stack.Stop())
	}
	if b.dir != "" {
		failures = append(failures, os.RemoveAll(b.dir))
	}
	return errors.Join(failures...)
}
