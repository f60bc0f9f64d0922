package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/domain/ledger"
)

// Outcome is how one of several postings ended: posted, or refused with the
// fault that posting it alone would have given.
type Outcome struct {
	Posted Posted
	Err    error // a *fault.Error, or nil
}

// bulkRows is how many postings go into one statement.
const bulkRows = 5000

// PostAll posts top-ups and charges, as many as there are, in their order: each
// either happens or not, whatever becomes of the others, and the outcomes stand
// in the order of the postings. p.Kind is ledger.TopUp or ledger.Charge; what
// each outcome may be is what TopUp and Charge say. Two postings of the same
// request in one call are one: the second is the first one's replay, or
// fault.KeyReused.
//
// Thousands of postings are one statement, which locks the accounts in the
// order of their ids: two calls at once wait for each other and never for ever.
// A transaction that calls it holds no other account's lock, therefore. An
// error is of the transaction, which is of no use after it.
func (t *Tx) PostAll(ctx context.Context, postings []Posting) ([]Outcome, error) {
	return within(t).postAll(ctx, postings)
}

func (o poster) postAll(ctx context.Context, postings []Posting) ([]Outcome, error) {
	outcomes := make([]Outcome, len(postings))
	requests := make(map[Request]int, len(postings)) // where a request stands first
	var waiting, again []int
	for i, p := range postings {
		if _, twice := requests[p.Request]; twice {
			again = append(again, i)
			continue
		}
		requests[p.Request] = i
		if err := p.check(); err != nil {
			outcomes[i].Err = err
			continue
		}
		waiting = append(waiting, i)
	}
	for len(waiting) > 0 {
		pass := waiting[:min(len(waiting), bulkRows)]
		late, err := o.pass(ctx, postings, pass, outcomes)
		if err != nil {
			return nil, failed("post transfers", err)
		}
		waiting = append(late, waiting[len(pass):]...)
	}
	for _, i := range again {
		outcomes[i] = outcomes[requests[postings[i].Request]].replay(postings[i])
	}
	return outcomes, nil
}

// replay is the outcome of a request that has another one's key.
func (first Outcome) replay(p Posting) Outcome {
	switch {
	case first.Err != nil: // refusals are not remembered, but nothing has changed since
		return first
	case first.Posted.same(p.posted(p.change(), platformAccount(p.Kind))):
		first.Posted.Replayed = true
		return first
	}
	return Outcome{Err: fault.New(fault.KeyReused, "This key was used for another request.")}
}

// postMany posts many transfers. Of each account it takes the postings in their
// order up to the first one that the account's credits do not permit, and has a
// row for every posting, whether it was posted and what it is to be judged by
// otherwise. Locking comes first, so every row that is read is the newest.
var postMany = `
	WITH asked AS (
		SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::timestamptz[], $7::text[], $8::text[],
			$9::text[], $10::text[], $11::uuid[], $12::uuid[], $13::uuid[]) WITH ORDINALITY
			AS a (account_id, id, scope, request_key, change, at, kind, reason, reference, actor_kind, actor_id, decision_id, platform, n)
	), locked AS MATERIALIZED (
		SELECT b.*, ` + keeps + ` AS keeps FROM balances b WHERE b.account_id = ANY ($1) ORDER BY b.account_id FOR UPDATE
	), able AS (
		SELECT a.*, l.keeps, l.available, l.held, l.seq, sum(a.change) OVER mine AS moved, row_number() OVER mine AS nth,
			greatest(l.changed_at, max(a.at) OVER mine) AS moment
		FROM asked a JOIN locked l USING (account_id)
		WHERE (l.status = 'active' AND l.blocked_by IS NULL OR a.kind <> 'charge') AND l.status = ANY ($14::text[])
			AND NOT EXISTS (SELECT FROM transfers t WHERE t.scope = a.scope AND t.request_key = a.request_key)
		WINDOW mine AS (PARTITION BY a.account_id ORDER BY a.n)
	), accepted AS MATERIALIZED (
		SELECT id, account_id, scope, request_key, change, kind, reason, reference, actor_kind, actor_id, decision_id, platform, n, keeps, moment,
			seq + nth AS seq,
			available + CASE WHEN keeps THEN 0 ELSE moved::bigint END AS available,
			held + CASE WHEN keeps THEN moved::bigint ELSE 0 END AS held
		FROM (
			SELECT *, min(CASE WHEN keeps THEN held ELSE available END + moved) OVER mine AS least,
				max(available + held + moved) OVER mine AS most
			FROM able WINDOW mine AS (PARTITION BY account_id ORDER BY n)
		) running
		WHERE least >= 0 AND most <= $15::bigint
	), changed AS (
		UPDATE balances b SET available = s.available, held = s.held, seq = s.seq, changed_at = s.moment
		FROM (SELECT DISTINCT ON (account_id) account_id, available, held, seq, moment FROM accepted ORDER BY account_id, n DESC) s
		WHERE b.account_id = s.account_id
	), transfer AS (
		INSERT INTO transfers (amount, seq, created_at, id, from_account, to_account, scope, request_key, kind, reason, reference,
			actor_kind, actor_id, decision_id)
		SELECT abs(change), seq, moment, id, CASE WHEN change > 0 THEN platform ELSE account_id END,
			CASE WHEN change > 0 THEN account_id ELSE platform END, scope, request_key, kind, reason, reference, actor_kind, actor_id, decision_id
		FROM accepted ORDER BY n RETURNING id, position
	), legs AS (
		INSERT INTO entries (ledger_account, seq, position, amount, held_amount, available_after, held_after)
		SELECT * FROM (
			SELECT a.account_id, a.seq, t.position, CASE WHEN a.keeps THEN 0 ELSE a.change END, CASE WHEN a.keeps THEN a.change ELSE 0 END,
				a.available, a.held
			FROM accepted a JOIN transfer t USING (id)
			UNION ALL
			SELECT a.platform, t.position, t.position, -a.change, 0, NULL, NULL FROM accepted a JOIN transfer t USING (id)
		) leg ORDER BY position
	)
	SELECT a.n, t.position, c.seq, c.available, c.held, c.moment, coalesce(l.keeps, false), coalesce(l.status, ''),
		l.blocked_by IS NOT NULL, coalesce(l.available, 0), coalesce(l.held, 0),
		EXISTS (SELECT FROM transfers t WHERE t.scope = a.scope AND t.request_key = a.request_key)
	FROM asked a LEFT JOIN locked l USING (account_id) LEFT JOIN accepted c ON c.n = a.n LEFT JOIN transfer t ON t.id = c.id
	ORDER BY a.n`

// pass runs one statement for the postings that pass names. It fills in the
// outcomes that are settled and returns the postings that are not.
func (o poster) pass(ctx context.Context, postings []Posting, pass []int, outcomes []Outcome) ([]int, error) {
	found, err := o.many(ctx, postings, pass)
	if err != nil {
		return nil, err
	}
	// What an account has after the pass, by which what was left out is judged,
	// and what it will have after those that come in the next pass.
	after := map[uuid.UUID]ledger.Balance{}
	for i, row := range found {
		if row.posted {
			after[postings[pass[i]].AccountID] = row.outcome.Balance()
		}
	}
	var late []int
	for i, row := range found {
		at := pass[i]
		p := postings[at]
		switch {
		case row.posted:
			outcomes[at] = Outcome{Posted: row.outcome}
			continue
		case row.known:
			s, err := o.standing(ctx, p)
			if err != nil {
				return nil, err
			}
			row.standing = s
		default:
			if balance, changed := after[p.AccountID]; changed {
				row.balance = balance
			}
		}
		posted, refusal := row.judge(p, p.change(), platformAccount(p.Kind))
		if posted == nil && refusal == nil {
			late = append(late, at)
			amount, held := sides(p.change(), ledger.Keeps(row.status))
			after[p.AccountID] = ledger.Balance{Available: row.balance.Available + amount, Held: row.balance.Held + held}
			continue
		}
		outcomes[at] = Outcome{Posted: orNothing(posted), Err: refusal}
	}
	return late, nil
}

// manyRow is what the statement says of one posting.
type manyRow struct {
	standing
	posted  bool
	outcome Posted
	known   bool // the request has posted before
}

func (o poster) many(ctx context.Context, postings []Posting, pass []int) ([]manyRow, error) {
	args := columnsOf(postings, pass)
	rows, err := o.db.Query(ctx, postMany, args...)
	if err != nil {
		return nil, err
	}
	i := 0
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (manyRow, error) {
		p := postings[pass[i]]
		i++
		m := manyRow{outcome: p.posted(p.change(), platformAccount(p.Kind))}
		var (
			n                              int64
			position, seq, available, held *int64
			moment                         *time.Time
			keeps                          bool
			status                         string
		)
		err := row.Scan(&n, &position, &seq, &available, &held, &moment, &keeps, &status, &m.blocked,
			&m.balance.Available, &m.balance.Held, &m.known)
		m.status = account.Status(status)
		if err != nil || position == nil {
			return m, err
		}
		m.posted = true
		m.outcome.Position, m.outcome.CreatedAt = *position, *moment
		e := &m.outcome.Entry
		e.Seq, e.AvailableAfter, e.HeldAfter = *seq, *available, *held
		e.Amount, e.HeldAmount = sides(p.change(), keeps)
		return m, nil
	})
	if err == nil && len(found) != len(pass) {
		return nil, errors.New("a statement for many transfers lost some")
	}
	return found, err
}

// columnsOf returns the arguments of postMany.
func columnsOf(postings []Posting, pass []int) []any {
	n := len(pass)
	var (
		accounts, ids, scopes, platforms             = make([]uuid.UUID, n), make([]uuid.UUID, n), make([]uuid.UUID, n), make([]uuid.UUID, n)
		keys, kinds, reasons, references, actorKinds = make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
		changes                                      = make([]int64, n)
		moments                                      = make([]time.Time, n)
		actors, decisions                            = make([]*uuid.UUID, n), make([]*uuid.UUID, n)
	)
	for i, at := range pass {
		p := postings[at]
		accounts[i], ids[i], scopes[i], platforms[i] = p.AccountID, p.ID, p.Request.Scope, platformAccount(p.Kind)
		keys[i], kinds[i], reasons[i], references[i], actorKinds[i] = p.Request.Key, string(p.Kind), string(p.Reason), p.Reference, string(p.Actor.Kind)
		changes[i], moments[i], decisions[i] = p.change(), p.At, p.DecisionID
		if p.Actor.ID != uuid.Nil {
			actors[i] = &p.Actor.ID
		}
	}
	return []any{
		accounts, ids, scopes, keys, changes, moments, kinds, reasons, references, actorKinds, actors, decisions, platforms,
		statuses[ledger.TopUp], ledger.Most,
	}
}
