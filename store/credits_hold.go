package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/actor"
	"kibali/domain/ledger"
)

// Move is a movement of all that an account has on one side.
type Move struct {
	ID         uuid.UUID // of the transfer
	AccountID  uuid.UUID
	DecisionID *uuid.UUID // nil when time moves it
	Actor      actor.Actor
	At         time.Time
}

// moveAll moves all that an account has, as the kind says. It has no row when
// there is nothing to move.
const moveAll = `
	WITH old AS (
		SELECT account_id, available, held FROM balances WHERE account_id = $1::uuid FOR UPDATE
	), moved AS (
		UPDATE balances b SET
			available = CASE $2::text WHEN 'release' THEN b.available + b.held ELSE 0 END,
			held = CASE $2 WHEN 'hold' THEN b.held + b.available ELSE 0 END,
			seq = b.seq + 1, changed_at = greatest(b.changed_at, $3::timestamptz)
		FROM old
		WHERE b.account_id = old.account_id
			AND CASE $2 WHEN 'hold' THEN b.available WHEN 'release' THEN b.held ELSE b.available + b.held END > 0
		RETURNING b.account_id, b.seq, b.available, b.held, b.changed_at,
			b.available - old.available AS amount, b.held - old.held AS held_amount
	), transfer AS (
		INSERT INTO transfers (amount, seq, created_at, held_amount, available_after, held_after, id, account_id, from_account, to_account, scope, request_key,
			kind, actor_kind, actor_id, decision_id)
		SELECT CASE $2 WHEN 'settlement' THEN -(m.amount + m.held_amount) ELSE abs(m.amount) END, m.seq, m.changed_at, m.held_amount, m.available, m.held,
			$4::uuid, m.account_id, m.account_id, coalesce($5::uuid, m.account_id), $4, $2, $2, $6::text, $7::uuid, $8::uuid
		FROM moved m
	)
	SELECT available, held, amount, held_amount FROM moved`

// Hold moves all available credits of an account to its held ones, where they
// cannot be spent: a suspension begins. The account is locked by the caller,
// and its status changed in the same transaction. It returns the account's
// balance before and after.
func (t *Tx) Hold(ctx context.Context, m Move) (before, after ledger.Balance, err error) {
	return t.move(ctx, m, ledger.Hold, nil)
}

// Release moves all held credits of an account back to its available ones: a
// suspension has ended. It is otherwise like Hold.
func (t *Tx) Release(ctx context.Context, m Move) (before, after ledger.Balance, err error) {
	return t.move(ctx, m, ledger.Release, nil)
}

// Settle takes all credits of an account that is closed, available and held. It
// is otherwise like Hold.
func (t *Tx) Settle(ctx context.Context, m Move) (before, after ledger.Balance, err error) {
	return t.move(ctx, m, ledger.Settlement, &ledger.Settled)
}

func (t *Tx) move(ctx context.Context, m Move, kind ledger.Kind, to *uuid.UUID) (before, after ledger.Balance, err error) {
	var actorID *uuid.UUID
	if m.Actor.ID != uuid.Nil {
		actorID = &m.Actor.ID
	}
	var e ledger.Entry
	err = t.tx.QueryRow(ctx, moveAll, m.AccountID, kind, m.At, m.ID, to, m.Actor.Kind, actorID, m.DecisionID).
		Scan(&e.AvailableAfter, &e.HeldAfter, &e.Amount, &e.HeldAmount)
	if errors.Is(err, pgx.ErrNoRows) { // there is nothing to move
		before, err = t.Reader().Balance(ctx, m.AccountID)
		return before, before, err
	}
	after = ledger.Balance{Available: e.AvailableAfter, Held: e.HeldAfter}
	before = ledger.Balance{Available: after.Available - e.Amount, Held: after.Held - e.HeldAmount}
	return before, after, failed("move credits", err)
}
