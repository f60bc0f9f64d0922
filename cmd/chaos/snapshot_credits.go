package main

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/ledger"
	"kibali/domain/message"
)

// credits is the part of a snapshot that is about credits and what they were
// spent on.
type credits struct {
	transfers  []transferRow
	entries    []entryRow
	balances   []balanceRow
	messages   []messageRow
	recipients []recipientRow
}

type transferRow struct {
	ID         uuid.UUID
	Position   int64
	Kind       ledger.Kind
	From       uuid.UUID `db:"from_account"`
	To         uuid.UUID `db:"to_account"`
	Amount     int64
	Scope      uuid.UUID
	Reference  string
	DecisionID *uuid.UUID
	Reverses   *uuid.UUID
}

type entryRow struct {
	LedgerAccount  uuid.UUID
	Seq            int64
	Position       int64
	Amount         int64
	HeldAmount     int64
	AvailableAfter *int64
	HeldAfter      *int64
}

type balanceRow struct {
	AccountID uuid.UUID
	Available int64
	Held      int64
	Seq       int64
	Status    string
	BlockedBy *uuid.UUID
}

type messageRow struct {
	ID         uuid.UUID
	AccountID  uuid.UUID
	ChargeID   uuid.UUID
	Text       string
	Segments   int
	Recipients int
	SettledAt  *time.Time
}

type recipientRow struct {
	MessageID  uuid.UUID
	Position   int
	Status     message.Status
	Failure    string
	RefundedAt *time.Time
}

func (s *snapshot) takeCredits(ctx context.Context, tx pgx.Tx) error {
	return errors.Join(
		rows(ctx, tx, &s.transfers, `SELECT id, position, kind, from_account, to_account, amount, scope, reference, decision_id, reverses FROM transfers ORDER BY position`),
		rows(ctx, tx, &s.entries, `SELECT ledger_account, seq, position, amount, held_amount, available_after, held_after FROM entries ORDER BY ledger_account, seq`),
		rows(ctx, tx, &s.balances, `SELECT account_id, available, held, seq, status, blocked_by FROM balances`),
		rows(ctx, tx, &s.messages, `SELECT id, account_id, charge_id, text, segments, recipients, settled_at FROM messages`),
		rows(ctx, tx, &s.recipients, `SELECT message_id, position, status, failure, refunded_at FROM message_recipients`),
	)
}
