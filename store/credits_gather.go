package store

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// gatherMost is how many charges go into one statement at most.
	gatherMost = manyMost
	// gathersAtOnce is how many statements for several charges are under way at
	// a time: one of them works while another one waits for its commit.
	gathersAtOnce = 2
	// singlesAtOnce is how many charges with nobody to share a statement with go by
	// themselves, on two fifths of the connections at most.
	singlesAtOnce = 8
	// lanesAtOnce is how many statements wait at a time for accounts that others
	// have locked, on a fifth of the connections at most.
	lanesAtOnce = 4
	// gatherTimeout bounds one statement; what became of its charges is unknown
	// then.
	gatherTimeout = 30 * time.Second
)

// gatherer posts the charges that come at a time together, because a statement
// for many costs less than many statements, and commits once. Whoever comes
// while as many statements as there may be are under way waits for the next one,
// which takes all that wait. A charge that nobody came with goes by itself.
//
// An account is in one statement of this process at a time, but for what that
// statement refused, which is posted again charge by charge to learn why. A
// statement for several accounts leaves out those that somebody else has locked,
// so that nobody waits for another account's lock; these go into a lane of their own.
type gatherer struct {
	pool       *pgxpool.Pool
	singlesMax int
	lanesMax   int

	mu      sync.Mutex
	waiting []*gathered
	// locked are charges of accounts that somebody else has locked.
	locked  map[uuid.UUID][]*gathered
	queue   []uuid.UUID // the accounts of locked that no lane waits for yet
	busy    map[uuid.UUID]bool
	coming  bool // a statement is about to take what waits
	singles int  // charges under way by themselves
	batches int  // statements for several charges under way, and the one that is coming
	lanes   int

	// refused bounds how many charges that a statement refused are posted at a time.
	refused chan struct{}
}

// gathered is a charge that waits to be posted.
type gathered struct {
	Posting
	done    chan struct{}
	outcome Outcome
	failure error // of the database: the outcome is unknown
	// again are the same request, which came while this one waited.
	again []*gathered
}

// finish tells whoever waits for the charge.
func (w *gathered) finish(outcome Outcome, failure error) {
	w.outcome, w.failure = outcome, failure
	close(w.done)
}

func newGatherer(pool *pgxpool.Pool) *gatherer {
	connections := int(pool.Config().MaxConns)
	lanes := max(1, min(lanesAtOnce, connections/5))
	return &gatherer{
		pool: pool, singlesMax: max(1, min(singlesAtOnce, connections*2/5)), lanesMax: lanes, refused: make(chan struct{}, lanes),
		locked: map[uuid.UUID][]*gathered{}, busy: map[uuid.UUID]bool{},
	}
}

// post posts a charge and waits for its outcome.
func (g *gatherer) post(ctx context.Context, p Posting) (Posted, error) {
	if err := p.check(); err != nil {
		return Posted{}, err
	}
	mine := &gathered{Posting: p, done: make(chan struct{})}
	g.add(mine)
	select {
	case <-mine.done:
	case <-ctx.Done():
		return Posted{}, failed("post transfer", ctx.Err())
	}
	if mine.failure != nil {
		return Posted{}, failed("post transfer", mine.failure)
	}
	return mine.outcome.Posted, mine.outcome.Err
}

// add puts a charge among those that wait.
func (g *gatherer) add(w *gathered) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, w)
	g.start()
}

// start starts the statements for which there are charges. The caller holds
// g.mu.
func (g *gatherer) start() {
	if len(g.waiting) > 0 && !g.coming && g.batches < gathersAtOnce {
		g.coming = true
		g.batches++
		go g.next()
	}
	for g.lanes < g.lanesMax && len(g.queue) > 0 {
		account := g.queue[0]
		g.queue = g.queue[1:]
		lane := g.locked[account]
		delete(g.locked, account)
		g.busy[account] = true
		g.lanes++
		go g.runLane(account, lane)
	}
}

// next takes what waits and posts it. Those who were answered at the same moment
// may have their next charge ready, so they go first.
func (g *gatherer) next() {
	runtime.Gosched()
	g.mu.Lock()
	g.coming = false
	batch := g.take()
	single := len(batch) == 1 && g.singles < g.singlesMax
	if single {
		g.singles++
	}
	if single || len(batch) == 0 {
		g.batches--
	}
	if len(batch) > 0 {
		g.start()
	}
	g.mu.Unlock()
	switch {
	case single:
		g.runSingle(batch[0])
	case len(batch) > 0:
		g.run(batch)
	}
}

// runSingle posts a charge by itself.
func (g *gatherer) runSingle(w *gathered) {
	g.alone(w)
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.busy, w.AccountID)
	g.singles--
	g.start()
}

// take takes the charges of the next statement out of those that wait: the
// oldest ones of accounts that are in no other statement, each request once.
// Those of accounts that somebody else has locked join their lane.
func (g *gatherer) take() []*gathered {
	if len(g.waiting) == 0 {
		return nil
	}
	var batch, left []*gathered
	requests := make(map[Request]*gathered, len(g.waiting))
	for _, w := range g.waiting {
		switch same := requests[w.Request]; {
		case same != nil:
			same.again = append(same.again, w)
		case len(g.locked[w.AccountID]) > 0:
			g.locked[w.AccountID] = append(g.locked[w.AccountID], w)
		case g.busy[w.AccountID] || len(batch) == gatherMost:
			left = append(left, w)
		default:
			requests[w.Request] = w
			batch = append(batch, w)
		}
	}
	for _, w := range batch {
		g.busy[w.AccountID] = true
	}
	g.waiting = left
	return batch
}

// run posts a batch, and then what has gathered meanwhile.
func (g *gatherer) run(batch []*gathered) {
	locked := g.settle(batch, true)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range batch {
		delete(g.busy, w.AccountID)
	}
	for _, w := range locked {
		if len(g.locked[w.AccountID]) == 0 {
			g.queue = append(g.queue, w.AccountID)
		}
		g.locked[w.AccountID] = append(g.locked[w.AccountID], w)
	}
	g.batches--
	g.start()
}

// runLane posts charges of one account that somebody else had locked.
func (g *gatherer) runLane(account uuid.UUID, lane []*gathered) {
	for len(lane) > 0 {
		part := lane[:min(len(lane), gatherMost)]
		g.settle(part, false)
		lane = lane[len(part):]
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.busy, account)
	g.lanes--
	g.start()
}

// settle posts charges in one statement and tells those who wait for them. It
// returns those whose account somebody else has locked, when these are to be
// left out.
func (g *gatherer) settle(batch []*gathered, leaveLocked bool) (locked []*gathered) {
	ctx, cancel := context.WithTimeout(context.Background(), gatherTimeout)
	defer cancel()
	postings := make([]Posting, len(batch))
	for i, w := range batch {
		postings[i] = w.Posting
	}
	posted, err := alone(g.pool).charge(ctx, postings, leaveLocked)
	if violates(err, "transfers_request") || violates(err, "transfers_pkey") {
		// The same request was posted elsewhere at this moment. Nothing of the
		// statement has happened: each charge is posted by itself.
		posted, err = make([]charged, len(batch)), nil
		leaveLocked = false
	}
	for i, w := range batch {
		switch {
		case err != nil:
			for _, same := range append(w.again, w) {
				same.finish(Outcome{}, err)
			}
		case posted[i].posted != nil:
			w.finish(Outcome{Posted: *posted[i].posted}, nil)
			for _, same := range w.again {
				same.finish(w.outcome.replay(same.Posting), nil)
			}
		case leaveLocked && !posted[i].locked:
			locked = append(locked, w)
		default:
			go g.refuse(w)
		}
	}
	return locked
}

// refuse posts a charge that a statement for several did not, in its turn.
func (g *gatherer) refuse(w *gathered) {
	g.refused <- struct{}{}
	defer func() { <-g.refused }()
	g.alone(w)
}

// alone posts one charge by itself, and then what came with it.
func (g *gatherer) alone(w *gathered) {
	ctx, cancel := context.WithTimeout(context.Background(), gatherTimeout)
	defer cancel()
	posted, err := alone(g.pool).post(ctx, w.Posting)
	w.finish(Outcome{Posted: posted, Err: err}, nil)
	for _, same := range w.again {
		g.alone(same)
	}
}
