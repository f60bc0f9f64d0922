package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"kibali/domain/fault"
	"kibali/domain/ledger"
)

// ErrKeyEpoch says that an API key of the account was revoked since the pass of the
// one that a charge is made with, which may be that one.
var ErrKeyEpoch = fault.New(fault.Unavailable, "The API keys of the account are changing. Please try again.")

// postCharge posts one charge, like postOne, with less for PostgreSQL to do.
const postCharge = `
	WITH posted AS (
		UPDATE balances b SET available = b.available - $2::bigint, seq = b.seq + 1, changed_at = greatest(b.changed_at, $3::timestamptz)
		WHERE b.account_id = $1::uuid AND b.status = 'active' AND b.blocked_by IS NULL AND b.available >= $2
			AND NOT EXISTS (SELECT FROM transfers t WHERE t.scope = $4::uuid AND t.request_key = $5::text)
			AND $11::int IN (0, b.key_epoch)
		RETURNING b.seq, b.available, b.held, b.changed_at
	)
	INSERT INTO transfers (amount, seq, created_at, available_after, held_after, id, account_id, from_account, to_account, scope, kind, request_key,
		reference, actor_kind, actor_id)
	SELECT $2, p.seq, p.changed_at, p.available, p.held, $6::uuid, $1, $1, $10::uuid, $4, 'charge', $5, $7::text, $8::text, $9::uuid FROM posted p
	RETURNING seq, available_after, held_after, created_at, position`

// chargeOne runs the statement. It returns pgx.ErrNoRows when the guard did not
// hold.
func (o poster) chargeOne(ctx context.Context, p Posting) (Posted, error) {
	posted := p.posted(p.change(), ledger.Sales)
	e := &posted.Entry
	err := o.db.QueryRow(ctx, postCharge,
		p.AccountID, p.Amount, p.At, p.Request.Scope, p.Request.Key, p.ID, p.Reference, p.Actor.Kind, posted.ActorID, ledger.Sales, p.KeyEpoch,
	).Scan(&e.Seq, &e.AvailableAfter, &e.HeldAfter, &posted.CreatedAt, &posted.Position)
	e.Amount = p.change()
	return posted, err
}

// postCharges posts charges of several accounts. Of each account it posts all or
// none: all when the account may be charged, has the credits, and is in the epochs
// of the API keys. It has a row
// for each charge that it posted, and one without a position for each account
// that it could lock.
//
// The accounts come in the order of their ids, each with the part of the other
// arrays that is its own, so nothing is joined that is not found by an index,
// and the plan is good for any number of rows. The planner is kept from looking
// at how many there are: it would make a plan each time, which takes longer
// than carrying it out. Requests are looked up one by one, by index also while
// the table is small: a plan outlives that. The accounts are locked in that order; %s says what is
// done about those that somebody else has locked. Positions are drawn after the
// balances were changed, like those of postOne.
const postCharges = `
	WITH locked AS (
		SELECT b.account_id, a.first, a.last, a.total, a.at
		FROM unnest((SELECT $1::uuid[]), (SELECT $2::int[]), (SELECT $3::int[]), (SELECT $4::bigint[]), (SELECT $5::timestamptz[]))
			AS a (account_id, first, last, total, at)
		JOIN balances b ON b.account_id = a.account_id
		ORDER BY b.account_id FOR UPDATE OF b %s
	), posted AS (
		UPDATE balances b SET available = b.available - l.total, seq = b.seq + l.last - l.first + 1, changed_at = greatest(b.changed_at, l.at)
		FROM locked l
		WHERE b.account_id = l.account_id AND b.status = 'active' AND b.blocked_by IS NULL AND b.available >= l.total
			AND NOT EXISTS (
				SELECT FROM unnest(($7::uuid[])[l.first:l.last], ($8::text[])[l.first:l.last], ($15::int[])[l.first:l.last]) AS mine (scope, request_key, key_epoch)
				WHERE mine.key_epoch NOT IN (0, b.key_epoch)
					OR (SELECT true FROM transfers t WHERE t.scope = mine.scope AND t.request_key = mine.request_key)
			)
		RETURNING b.account_id, b.seq, b.available, b.held, b.changed_at, l.first, l.last, l.total
	), transfer AS (
		INSERT INTO transfers (amount, seq, created_at, available_after, held_after, id, account_id, from_account, to_account, scope, kind, request_key,
			reference, actor_kind, actor_id)
		SELECT ($9::bigint[])[i], p.seq + i - p.last, p.changed_at, p.available + p.total - ($10::bigint[])[i], p.held, ($6::uuid[])[i],
			p.account_id, p.account_id, $14::uuid, ($7::uuid[])[i], 'charge', ($8::text[])[i], ($11::text[])[i], ($12::text[])[i], ($13::uuid[])[i]
		FROM posted p CROSS JOIN LATERAL generate_series(p.first, p.last) AS i
		RETURNING id, position, seq, available_after, held_after, created_at
	)
	SELECT id, position, seq, available_after, held_after, created_at FROM transfer
	UNION ALL SELECT account_id, NULL, NULL, NULL, NULL, NULL FROM locked`

var (
	postChargesWaiting  = fmt.Sprintf(postCharges, "")
	postChargesUnlocked = fmt.Sprintf(postCharges, "SKIP LOCKED")
)

// charged is what a statement for several charges says of one of them.
type charged struct {
	posted *Posted // nil when it was not
	// locked says that the account was looked at: if nothing was posted, then
	// for a cause.
	locked bool
}

// charge posts several charges in one statement. Of an account it posts all or
// none. It waits for accounts that somebody else has locked, or leaves them
// out. The charges are at most manyMost, of different requests, and have been
// checked.
func (o poster) charge(ctx context.Context, postings []Posting, leaveLocked bool) ([]charged, error) {
	sql := postChargesWaiting
	if leaveLocked {
		sql = postChargesUnlocked
	}
	order := inAccountOrder(postings)
	at := placesOf(postings)
	rows, err := o.db.Query(ctx, sql, chargeArguments(postings, order)...)
	if err != nil {
		return nil, err
	}
	outcomes := make([]charged, len(postings))
	var (
		id                             uuid.UUID // of the transfer, or of the account
		position, seq, available, held pgtype.Int8
		moment                         pgtype.Timestamptz
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &position, &seq, &available, &held, &moment}, func() error {
		if !position.Valid {
			place, _ := slices.BinarySearchFunc(order, id, func(i int, id uuid.UUID) int { return bytes.Compare(postings[i].AccountID[:], id[:]) })
			for ; place < len(order) && postings[order[place]].AccountID == id; place++ {
				outcomes[order[place]].locked = true
			}
			return nil
		}
		p := postings[at[id]]
		posted := p.posted(p.change(), ledger.Sales)
		posted.Position, posted.CreatedAt = position.Int64, moment.Time
		e := &posted.Entry
		e.Seq, e.Amount, e.AvailableAfter, e.HeldAfter = seq.Int64, p.change(), available.Int64, held.Int64
		outcomes[at[id]].posted = &posted
		return nil
	})
	return outcomes, err
}

// chargeArguments returns the arguments of postCharges.
func chargeArguments(postings []Posting, order []int) []any {
	n := len(order)
	var (
		accounts                     = make(accountParts, 0, n)
		ids, scopes                  = make(uuids, n), make(uuids, n)
		epochs                       = make([]int32, n)
		keys, references, actorKinds = make([]string, n), make([]string, n), make([]string, n)
		amounts, sums                = make([]int64, n), make([]int64, n)
		actors                       = make([]*uuid.UUID, n)
	)
	for i, at := range order {
		p := postings[at]
		accounts = accounts.add(p, i+1)
		ids[i], scopes[i], keys[i], references[i], actorKinds[i] = p.ID, p.Request.Scope, p.Request.Key, p.Reference, string(p.Actor.Kind)
		epochs[i], amounts[i], sums[i] = p.KeyEpoch, p.Amount, -accounts[len(accounts)-1].total
		if p.Actor.ID != uuid.Nil {
			actors[i] = &p.Actor.ID
		}
	}
	var (
		accountIDs  = make(uuids, len(accounts))
		first, last = make([]int32, len(accounts)), make([]int32, len(accounts))
		totals      = make([]int64, len(accounts))
		moments     = make(times, len(accounts))
	)
	for i, a := range accounts {
		accountIDs[i], first[i], last[i], totals[i], moments[i] = a.id, a.first, a.last, -a.total, unixMicro(a.at.UnixMicro())
	}
	return []any{
		accountIDs, first, last, totals, moments, ids, scopes, keys, amounts, sums, references, actorKinds, actors, ledger.Sales, epochs,
	}
}
