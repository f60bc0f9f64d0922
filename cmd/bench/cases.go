package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"kibali/devstack"
	"kibali/domain/cases"
	"kibali/domain/policy"
	"kibali/migrations"
)

type casesCommand struct {
	Cases  int  `default:"320" help:"How many cases a round has."`
	Rounds int  `default:"5" help:"How many rounds there are, of each contender in turn."`
	Quick  bool `help:"One round of a few cases: to see that it works."`
}

// silent is the logger of Temporal's clients.
var silent = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// Run measures and prints.
func (c casesCommand) Run(ctx context.Context) (err error) {
	if c.Quick {
		c.Cases, c.Rounds = 2*clients, 1
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
	stack, err := devstack.Start(ctx, devstack.Options{
		DataDir: filepath.Join(dir, "stack"), Durable: true, Headless: true, SearchAttributes: cases.SearchAttributes(), Progress: progress,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	b, err := newCaseBench(ctx, stack, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	fmt.Printf("PostgreSQL %s, %s\n", stack.Postgres.Version(), machine())
	return b.run(ctx, c)
}

// caseBench is an installation with one serve and one worker, and a worker of
// bare cases beside it on the same servers.
type caseBench struct {
	token    string
	owner    *pgxpool.Pool
	pool     *pgxpool.Pool // as serve's
	temporal client.Client
	servers  []*server
	api      string // its address
}

func newCaseBench(ctx context.Context, stack *devstack.Stack, dir string) (_ *caseBench, err error) {
	b := &caseBench{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if err := migrations.Migrate(ctx, stack.OwnerURL()); err != nil {
		return nil, err
	}
	if b.owner, err = pgxpool.New(ctx, stack.OwnerURL()); err != nil {
		return nil, err
	}
	if err := b.furnish(ctx); err != nil {
		return nil, fmt.Errorf("furnish the database: %w", err)
	}
	if b.pool, err = floorPool(ctx, stack.AppURL(), connections); err != nil {
		return nil, err
	}
	address := stack.Temporal.Address()
	if b.temporal, err = client.Dial(client.Options{HostPort: address, Namespace: client.DefaultNamespace, Logger: silent}); err != nil {
		return nil, err
	}
	err = b.start(ctx, dir, stack.AppURL(), address)
	return b, err
}

// furnish makes an admin, a policy under which an SMS is sent at night too, and
// a table for the transactions of bare cases.
func (b *caseBench) furnish(ctx context.Context) error {
	always := policy.Default()
	always.QuietHours = nil
	if _, err := b.owner.Exec(ctx, `INSERT INTO policies (content, note) VALUES ($1, 'bench')`, always); err != nil {
		return err
	}
	if _, err := b.owner.Exec(ctx, `
		INSERT INTO staff (id, email, name, role, created_at) VALUES (gen_random_uuid(), 'admin@example.co.tz', 'Bench admin', 'admin', now());
		CREATE TABLE bench_commits (id uuid PRIMARY KEY, content text NOT NULL);
		GRANT INSERT ON bench_commits TO `+devstack.AppRole); err != nil {
		return err
	}
	var err error
	b.token, err = issueToken(ctx, b.owner)
	return err
}

func (b *caseBench) start(ctx context.Context, dir, database, temporal string) error {
	binary, err := buildKibali(ctx, dir)
	if err != nil {
		return err
	}
	settings := []string{
		"KIBALI_DATABASE_URL=" + database, "KIBALI_SECRET_KEY=" + b.token, "KIBALI_LISTEN=127.0.0.1:0", "KIBALI_OPERATIONS_LISTEN=127.0.0.1:0",
		"KIBALI_DOCUMENTS_URL=file://" + dir, "KIBALI_BASE_URL=http://127.0.0.1", "KIBALI_EMAIL_PROVIDER=inbox", "KIBALI_SMS_PROVIDER=inbox",
		"KIBALI_LIMIT_REGISTRATION_ADDRESS=0", "TEMPORAL_ADDRESS=" + temporal, "TEMPORAL_NAMESPACE=" + client.DefaultNamespace,
	}
	for _, process := range []struct{ name, said string }{{"serve", "serving"}, {"worker", "working"}} {
		server, err := startKibali(ctx, binary, process.name, process.said, settings...)
		if err != nil {
			return err
		}
		b.servers = append(b.servers, server)
	}
	b.api = b.servers[0].address
	bare, err := startSelf(ctx, "bare", "--address", temporal, "--namespace", client.DefaultNamespace)
	if err != nil {
		return err
	}
	b.servers = append(b.servers, bare)
	return runKibali(ctx, binary, "deploy", settings...)
}

func (b *caseBench) close() error {
	var failures []error
	for _, server := range b.servers {
		failures = append(failures, server.stop())
	}
	if b.temporal != nil {
		b.temporal.Close()
	}
	for _, pool := range []*pgxpool.Pool{b.pool, b.owner} {
		if pool != nil {
			pool.Close()
		}
	}
	return errors.Join(failures...)
}

// run warms up, looks at what a case is made of, and measures.
func (b *caseBench) run(ctx context.Context, c casesCommand) error {
	report := caseReport{}
	real := &realCases{b: b}
	bare, err := newBareCases(b)
	if err != nil {
		return err
	}
	progress("warming up")
	before, err := b.transactions(ctx)
	if err != nil {
		return err
	}
	_, err = runCases(ctx, b.temporal, real, 2*clients)
	if err != nil {
		return err
	}
	after, err := b.transactions(ctx)
	if err != nil {
		return err
	}
	bare.commits = int((after - before + clients) / (2 * clients))
	report.commits = bare.commits
	if _, err := runCases(ctx, b.temporal, bare, 2*clients); err != nil {
		return err
	}
	if err := b.anatomise(ctx, real, bare, &report); err != nil {
		return err
	}
	for round := range c.Rounds {
		progress("round %d of %d: %d cases each", round+1, c.Rounds, c.Cases)
		for _, contender := range []caseContender{real, bare} {
			took, err := runCases(ctx, b.temporal, contender, c.Cases)
			if err != nil {
				return err
			}
			rate := float64(c.Cases) / took.Seconds()
			if contender == caseContender(real) {
				report.real = append(report.real, rate)
			} else {
				report.floor = append(report.floor, rate)
			}
		}
	}
	if err := b.allDone(ctx); err != nil {
		return err
	}
	report.print(os.Stdout)
	return nil
}

// transactions is how many transactions have written something so far.
func (b *caseBench) transactions(ctx context.Context) (n int64, err error) {
	err = b.owner.QueryRow(ctx, `SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint`).Scan(&n)
	return n, err
}

// allDone returns an error unless every account was approved and every notice
// sent.
func (b *caseBench) allDone(ctx context.Context) error {
	var accounts, active, notices, sent int
	err := b.owner.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM accounts WHERE status = 'active'),
			(SELECT count(*) FROM notices), (SELECT count(*) FROM notices WHERE status = 'sent')`).Scan(&accounts, &active, &notices, &sent)
	if err == nil && (accounts != active || notices != sent || notices != 2*bareNotices*accounts) {
		err = fmt.Errorf("%d of %d accounts were approved, and %d of %d notices sent", active, accounts, sent, notices)
	}
	return err
}

// anatomise reads the history of a case, with and without an upload, and of a bare
// one.
func (b *caseBench) anatomise(ctx context.Context, real *realCases, bare *bareCases, report *caseReport) (err error) {
	for _, one := range []struct {
		contender caseContender
		history   *history
	}{{real, &report.plain}, {&realCases{b: b, upload: true}, &report.uploaded}, {bare, &report.bare}} {
		worker, err := one.contender.worker()
		if err != nil {
			return err
		}
		id, err := worker.run(ctx)
		worker.close()
		if err != nil {
			return err
		}
		if err := b.temporal.GetWorkflow(ctx, id, "").Get(ctx, nil); err != nil {
			return err
		}
		if *one.history, err = readHistory(ctx, b.temporal, id); err != nil {
			return err
		}
	}
	if plain, bare := report.plain.shape(), report.bare.shape(); plain != bare {
		return fmt.Errorf("a bare case (%s) is not shaped like a real one (%s)", bare, plain)
	}
	return nil
}
