package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/domain/fault"
)

const (
	// passesAtOnce is how many statements look for passes at a time.
	passesAtOnce = 2
	// passesMost is how many passes one of them looks for.
	passesMost = 256
	// passesWithin bounds one of them.
	passesWithin = 5 * time.Second
)

// passGatherer asks for the passes of all who wait at the same moment in one
// statement. Nothing is remembered: who waits is in the list before the statement
// is sent, so it sees whatever was committed before they came.
type passGatherer struct {
	pool *pgxpool.Pool

	mu      sync.Mutex
	waiting []*passAsk
	asking  int
}

// passAsk is one who waits. pass and err are set when done is closed.
type passAsk struct {
	hash [32]byte
	done chan struct{}
	pass Pass
	err  error
}

func (g *passGatherer) find(ctx context.Context, hash [32]byte) (Pass, error) {
	ask := &passAsk{hash: hash, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, ask)
	begin := g.asking < passesAtOnce
	if begin {
		g.asking++
	}
	g.mu.Unlock()
	if begin {
		go g.run()
	}
	select {
	case <-ask.done:
		return ask.pass, ask.err
	case <-ctx.Done():
		return Pass{}, failed("read API key", ctx.Err())
	}
}

// run asks for those who wait until nobody does.
func (g *passGatherer) run() {
	for {
		g.mu.Lock()
		batch := g.waiting[:min(len(g.waiting), passesMost)]
		g.waiting = g.waiting[len(batch):]
		if len(batch) == 0 {
			g.waiting = nil
			g.asking--
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
		g.ask(batch)
	}
}

// ask looks for the passes of a batch and lets everyone go who waits for one.
func (g *passGatherer) ask(batch []*passAsk) {
	ctx, cancel := context.WithTimeout(context.Background(), passesWithin)
	defer cancel()
	err := g.look(ctx, batch)
	for _, ask := range batch {
		switch {
		case err != nil:
			ask.pass, ask.err = Pass{}, failed("read API key", err)
		case ask.pass.Status == "":
			ask.err = fault.New(fault.NotFound, "There is no such API key.")
		}
		close(ask.done)
	}
}

func (g *passGatherer) look(ctx context.Context, batch []*passAsk) error {
	hashes := make([][]byte, len(batch))
	for i, ask := range batch {
		hashes[i] = ask.hash[:]
	}
	// LIMIT leaves the planner one way: by the index of hashes, for each.
	rows, err := g.pool.Query(ctx, `
		SELECT asked.n, found.id, found.account_id, found.status, found.blocked
		FROM unnest($1::bytea[]) WITH ORDINALITY AS asked (hash, n) CROSS JOIN LATERAL (
			SELECT k.id, k.account_id, a.status, a.blocked_by IS NOT NULL AS blocked FROM api_keys k JOIN accounts a ON a.id = k.account_id
			WHERE k.hash = asked.hash AND k.revoked_at IS NULL LIMIT 1
		) found`, hashes)
	if err != nil {
		return err
	}
	var n int
	var p Pass
	_, err = pgx.ForEachRow(rows, []any{&n, &p.CredentialID, &p.AccountID, &p.Status, &p.Blocked}, func() error {
		batch[n-1].pass = p
		return nil
	})
	return err
}
