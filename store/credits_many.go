package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/ledger"
)

// manyMost is how many postings go into one statement at most. Sums of so many
// amounts are numbers of 64 bits, and it takes an array of texts apart in a
// time that does not count.
const manyMost = 128

// postTopUps posts top-ups of several accounts. Of each account it posts all or
// none: all when the account's credits permit one after the other. It has a row
// for each one that it posted. It is otherwise like postCharges.
const postTopUps = `
	WITH locked AS (
		SELECT b.account_id, a.first, a.last, a.total, a.least, a.most, a.at
		FROM unnest((SELECT $1::uuid[]), (SELECT $2::int[]), (SELECT $3::int[]), (SELECT $4::bigint[]), (SELECT $5::bigint[]),
				(SELECT $6::bigint[]), (SELECT $7::timestamptz[]))
			AS a (account_id, first, last, total, least, most, at)
		JOIN balances b ON b.account_id = a.account_id
		ORDER BY b.account_id FOR UPDATE OF b
	), posted AS (
		UPDATE balances b SET
			available = b.available + CASE WHEN ` + keeps + ` THEN 0 ELSE l.total END,
			held = b.held + CASE WHEN ` + keeps + ` THEN l.total ELSE 0 END,
			seq = b.seq + l.last - l.first + 1, changed_at = greatest(b.changed_at, l.at)
		FROM locked l
		WHERE b.account_id = l.account_id AND b.status = ANY ($8::text[])
			AND CASE WHEN ` + keeps + ` THEN b.held ELSE b.available END >= -l.least
			AND b.available + b.held <= $9::bigint - l.most
			AND NOT EXISTS (
				SELECT FROM unnest(($11::uuid[])[l.first:l.last], ($12::text[])[l.first:l.last]) AS mine (scope, request_key)
				WHERE (SELECT true FROM transfers t WHERE t.scope = mine.scope AND t.request_key = mine.request_key)
			)
		RETURNING b.account_id, b.seq, b.available, b.held, b.changed_at, ` + keeps + ` AS keeps, l.first, l.last, l.total
	)
	INSERT INTO transfers (amount, seq, created_at, held_amount, available_after, held_after, id, account_id, from_account, to_account, scope, kind,
		request_key, reason, actor_kind, actor_id, decision_id)
	SELECT abs(n.change), p.seq + i - p.last, p.changed_at, CASE WHEN p.keeps THEN n.change ELSE 0 END,
		p.available - CASE WHEN p.keeps THEN 0 ELSE p.total - n.sum END, p.held - CASE WHEN p.keeps THEN p.total - n.sum ELSE 0 END, ($10::uuid[])[i],
		p.account_id, CASE WHEN n.change > 0 THEN $19::uuid ELSE p.account_id END, CASE WHEN n.change > 0 THEN p.account_id ELSE $19 END,
		($11::uuid[])[i], 'top_up', ($12::text[])[i], ($15::text[])[i], ($16::text[])[i], ($17::uuid[])[i], ($18::uuid[])[i]
	FROM posted p CROSS JOIN LATERAL generate_series(p.first, p.last) AS i
	CROSS JOIN LATERAL (SELECT ($13::bigint[])[i] AS change, ($14::bigint[])[i] AS sum) n
	RETURNING id, position, seq, held_amount, available_after, held_after, created_at`

// topUp posts several top-ups in one statement, and returns for each what was
// posted, or nil. Of an account it posts all or none. The top-ups are at most
// manyMost, of different requests, and have been checked.
func (o poster) topUp(ctx context.Context, postings []Posting) ([]*Posted, error) {
	order := inAccountOrder(postings)
	rows, err := o.db.Query(ctx, postTopUps, topUpArguments(postings, order)...)
	if err != nil {
		return nil, err
	}
	at := placesOf(postings)
	outcomes := make([]*Posted, len(postings))
	var id uuid.UUID
	var now Posted
	e := &now.Entry
	_, err = pgx.ForEachRow(rows, []any{&id, &now.Position, &e.Seq, &e.HeldAmount, &e.AvailableAfter, &e.HeldAfter, &now.CreatedAt}, func() error {
		p := postings[at[id]]
		posted := p.posted(p.change(), ledger.Funding)
		posted.Position, posted.CreatedAt = now.Position, now.CreatedAt
		posted.Entry.Seq, posted.Entry.HeldAmount, posted.Entry.AvailableAfter, posted.Entry.HeldAfter = e.Seq, e.HeldAmount, e.AvailableAfter, e.HeldAfter
		posted.Entry.Amount = p.change() - e.HeldAmount
		outcomes[at[id]] = &posted
		return nil
	})
	return outcomes, err
}

// placesOf returns where the transfer with an id stands among the postings.
func placesOf(postings []Posting) map[uuid.UUID]int {
	at := make(map[uuid.UUID]int, len(postings))
	for i, p := range postings {
		at[p.ID] = i
	}
	return at
}

// inAccountOrder returns the postings' indexes by account; those of one account
// stay in their order.
func inAccountOrder(postings []Posting) []int {
	order := make([]int, len(postings))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(bytes.Compare(postings[a].AccountID[:], postings[b].AccountID[:]), cmp.Compare(a, b))
	})
	return order
}

// accountParts are what the postings of each account come to.
type accountParts []accountPart

type accountPart struct {
	id          uuid.UUID
	first, last int32 // the places of its postings among all, from 1
	total       int64
	least, most int64 // the lowest and the highest of the sums on the way, or 0
	at          time.Time
}

// add adds the next posting, in the order of the accounts.
func (c accountParts) add(p Posting, place int) accountParts {
	if n := len(c); n == 0 || c[n-1].id != p.AccountID {
		c = append(c, accountPart{id: p.AccountID, first: int32(place), at: p.At})
	}
	a := &c[len(c)-1]
	a.last = int32(place)
	a.total += p.change()
	a.least, a.most = min(a.least, a.total), max(a.most, a.total)
	if p.At.After(a.at) {
		a.at = p.At
	}
	return c
}

// topUpArguments returns the arguments of postTopUps.
func topUpArguments(postings []Posting, order []int) []any {
	n := len(order)
	var (
		accounts                  = make(accountParts, 0, n)
		ids, scopes               = make([]uuid.UUID, n), make([]uuid.UUID, n)
		keys, reasons, actorKinds = make([]string, n), make([]string, n), make([]string, n)
		changes, sums             = make([]int64, n), make([]int64, n)
		actors, decisions         = make([]*uuid.UUID, n), make([]*uuid.UUID, n)
	)
	for i, at := range order {
		p := postings[at]
		accounts = accounts.add(p, i+1)
		ids[i], scopes[i], keys[i], reasons[i], actorKinds[i] = p.ID, p.Request.Scope, p.Request.Key, string(p.Reason), string(p.Actor.Kind)
		changes[i], sums[i], decisions[i] = p.change(), accounts[len(accounts)-1].total, p.DecisionID
		if p.Actor.ID != uuid.Nil {
			actors[i] = &p.Actor.ID
		}
	}
	var (
		accountIDs          = make([]uuid.UUID, len(accounts))
		first, last         = make([]int32, len(accounts)), make([]int32, len(accounts))
		totals, least, most = make([]int64, len(accounts)), make([]int64, len(accounts)), make([]int64, len(accounts))
		moments             = make([]time.Time, len(accounts))
	)
	for i, a := range accounts {
		accountIDs[i], first[i], last[i], moments[i] = a.id, a.first, a.last, a.at
		totals[i], least[i], most[i] = a.total, a.least, a.most
	}
	return []any{
		accountIDs, first, last, totals, least, most, moments, statuses[ledger.TopUp], ledger.Most,
		ids, scopes, keys, changes, sums, reasons, actorKinds, actors, decisions, ledger.Funding,
	}
}
