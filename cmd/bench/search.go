package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/devstack"
	"kibali/domain/account"
	"kibali/identity"
	"kibali/store"
	"kibali/web"
)

type searchCommand struct {
	Accounts int    `default:"1000000" help:"How many accounts there are."`
	Quick    bool   `help:"Fewer accounts, unless told how many, and shorter rounds: to see that it works."`
	Only     string `help:"Ask only kinds of search that have this in their name."`
}

const quickAccounts = 20_000

// Run measures and prints.
func (c searchCommand) Run(ctx context.Context) (err error) {
	scale := scale{repeats: 6, rounds: 3, round: 500 * time.Millisecond}
	if c.Quick {
		scale.repeats, scale.rounds, scale.round = 1, 1, 200*time.Millisecond
		c.Accounts = min(c.Accounts, quickAccounts)
	}
	postgres, err := openDataset(ctx, c.Accounts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postgres.Stop()) }()
	b, err := newSearchBench(ctx, postgres, scale)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	fmt.Printf("%d accounts, PostgreSQL %s, %s\n", c.Accounts, postgres.Version(), machine())
	return b.run(ctx, c.Accounts, c.Only)
}

// scale is how long is measured.
type scale struct {
	repeats int // of each question by one client
	rounds  int // of each contender with all clients, in turn
	round   time.Duration
}

// searchBench is what the questions go to.
type searchBench struct {
	scale   scale
	dir     string
	token   string
	cursors *web.Cursors
	api     *server
	floor   *server
	scholar *scholar
	who     []statement // what finds out whose the token is
	pool    *pgxpool.Pool
	owner   *pgxpool.Pool
}

// clients is how many ask at once. The API and both floors have as many
// connections to the database as `kibali serve` has by default.
const (
	clients     = 16
	connections = 20
)

func newSearchBench(ctx context.Context, postgres *devstack.Postgres, scale scale) (_ *searchBench, err error) {
	b := &searchBench{scale: scale}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.dir, err = os.MkdirTemp("", "kibali-bench-"); err != nil {
		return nil, err
	}
	key := rand.Text() + rand.Text()
	if b.cursors, err = web.NewCursors([]byte(key)); err != nil {
		return nil, err
	}
	database := postgres.AppURL(devstack.DatabaseName)
	if b.pool, err = floorPool(ctx, database, connections); err != nil {
		return nil, err
	}
	if b.owner, err = pgxpool.New(ctx, postgres.OwnerURL(devstack.DatabaseName)); err != nil {
		return nil, err
	}
	if b.token, err = issueToken(ctx, b.owner); err != nil {
		return nil, err
	}
	if b.scholar, err = newScholar(ctx, database); err != nil {
		return nil, err
	}
	if b.who, err = b.scholar.studyToken(ctx, b.token); err != nil {
		return nil, err
	}
	if b.floor, err = startSelf(ctx, "floor", "--database-url", database, "--pool", strconv.Itoa(connections)); err != nil {
		return nil, err
	}
	b.api, err = startAPI(ctx, database, key, b.dir)
	return b, err
}

func issueToken(ctx context.Context, owner *pgxpool.Pool) (string, error) {
	token, hash := identity.NewToken(identity.StaffToken)
	_, err := owner.Exec(ctx, `INSERT INTO staff_tokens (id, staff_id, hash, name, created_at)
		SELECT $1, id, $2, 'bench', now() FROM staff WHERE role = 'admin'`, uuid.New(), hash[:])
	return token, err
}

func (b *searchBench) close() error {
	var failures []error
	for _, server := range []*server{b.api, b.floor} {
		if server != nil {
			failures = append(failures, server.stop())
		}
	}
	if b.scholar != nil {
		b.scholar.store.Close()
	}
	for _, pool := range []*pgxpool.Pool{b.pool, b.owner} {
		if pool != nil {
			pool.Close()
		}
	}
	return errors.Join(append(failures, os.RemoveAll(b.dir))...)
}

func (b *searchBench) run(ctx context.Context, accounts int, only string) error {
	progress("reading all accounts, to know the right answers")
	all, err := readCatalogue(ctx, b.owner)
	if err != nil {
		return err
	}
	var questions []question
	for _, s := range append([]search{{kind: listKind}}, searches(accounts)...) {
		if strings.Contains(s.kind, only) {
			questions = append(questions, all.questions(s)...)
		}
	}
	report := &report{}
	if err := b.alone(ctx, questions, report); err != nil {
		return err
	}
	report.printTimes(os.Stdout)
	if err := b.together(ctx, questions, report); err != nil {
		return err
	}
	report.printRates(os.Stdout)
	report.memory = b.api.peakMemory()
	report.printVerdicts(os.Stdout)
	return nil
}

var (
	tabs  = []account.Status{"", account.Pending, account.Active, account.Suspended, account.Rejected, account.Closed}
	sorts = []store.Sort{store.SortRegistered, store.SortLastActive, store.SortCredits}
)
