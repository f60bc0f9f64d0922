package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
)

// snapshot is everything that PostgreSQL holds, read in one transaction. The
// checks work on it alone, with their own reading of the rows: they use no
// query of the product's.
type snapshot struct {
	accounts     []accountRow
	applications []applicationRow
	documents    []documentRow
	decisions    []decisionRow
	notices      []noticeRow
	events       []eventRow
	counts       map[int]map[string]int64 // what account_counts says, by shard, of each status and stage
	logins       []loginRow
	staff        []staffRow
	credits
}

type accountRow struct {
	ID         uuid.UUID
	Email      string
	Status     account.Status
	Stage      account.Stage
	StageSince time.Time
	DecidedBy  *uuid.UUID
	BlockedBy  *uuid.UUID
}

type staffRow struct {
	ID   uuid.UUID
	Role string
}

type loginRow struct {
	AccountID uuid.UUID
	Email     string
}

type applicationRow struct {
	ID         uuid.UUID
	AccountID  uuid.UUID
	AcceptedAt *time.Time
	Outcome    string
}

type documentRow struct {
	ID         uuid.UUID
	AccountID  uuid.UUID
	SHA256     []byte `db:"sha256"`
	StorageKey string
	Status     string
	Refusal    string
	Pages      int
}

type decisionRow struct {
	ID        uuid.UUID
	AccountID uuid.UUID
	Kind      account.Action
	Note      string
	StaffID   uuid.UUID
	Outcome   string
	ClosedAt  *time.Time
	// Of top-ups.
	Amount        int64
	LapsesAt      *time.Time
	AwaitingSince *time.Time
	Signature     string
}

type noticeRow struct {
	ID         uuid.UUID
	Key        string
	AccountID  uuid.UUID
	DecisionID *uuid.UUID
	Kind       string
	Channel    string
	Status     string
}

type eventRow struct {
	ID         int64
	At         time.Time
	Action     string
	Subject    string
	SubjectID  string
	AccountID  *uuid.UUID
	Before     json.RawMessage
	After      json.RawMessage
	DecisionID *uuid.UUID
}

// state is the status and stage in one of an event's columns.
func stateIn(column json.RawMessage) account.State {
	var s account.State
	if len(column) > 0 {
		_ = json.Unmarshal(column, &s) // a column without a state has none
	}
	return s
}

// take reads a snapshot in the given transaction.
func take(ctx context.Context, tx pgx.Tx) (snapshot, error) {
	var s snapshot
	err := errors.Join(
		rows(ctx, tx, &s.accounts, `SELECT id, email, status, stage, stage_since, decided_by, blocked_by FROM accounts`),
		rows(ctx, tx, &s.logins, `SELECT account_id, email FROM logins WHERE released_at IS NULL`),
		rows(ctx, tx, &s.applications, `SELECT id, account_id, accepted_at, coalesce(outcome, '') AS outcome FROM applications`),
		rows(ctx, tx, &s.documents, `SELECT id, account_id, sha256, storage_key, status, refusal,
			(SELECT count(*) FROM document_pages p WHERE p.document_id = documents.id)::int AS pages FROM documents`),
		rows(ctx, tx, &s.decisions, `SELECT id, account_id, kind, note, staff_id, coalesce(outcome, '') AS outcome, closed_at,
			coalesce(amount, 0) AS amount, lapses_at, awaiting_since, coalesce(signature, '') AS signature FROM decisions`),
		rows(ctx, tx, &s.staff, `SELECT id, role FROM staff`),
		rows(ctx, tx, &s.notices, `SELECT id, key, account_id, decision_id, kind, channel, status FROM notices`),
		rows(ctx, tx, &s.events, `SELECT id, at, action, subject, subject_id, account_id, before, after, decision_id FROM audit_events ORDER BY id`),
		s.takeCounts(ctx, tx),
		s.takeCredits(ctx, tx),
	)
	return s, err
}

func rows[T any](ctx context.Context, tx pgx.Tx, into *[]T, sql string) error {
	found, err := tx.Query(ctx, sql)
	if err != nil {
		return fmt.Errorf("read a snapshot: %w", err)
	}
	if *into, err = pgx.CollectRows(found, pgx.RowToStructByName[T]); err != nil {
		return fmt.Errorf("read a snapshot: %w", err)
	}
	return nil
}

func (s *snapshot) takeCounts(ctx context.Context, tx pgx.Tx) error {
	type shardRow struct {
		Shard                                         int
		Pending, Active, Suspended, Rejected, Closed  int64
		AwaitingDocuments, InReview, ChangesRequested int64
	}
	var shards []shardRow
	err := rows(ctx, tx, &shards, `SELECT shard, pending, active, suspended, rejected, closed, awaiting_documents, in_review, changes_requested
		FROM account_counts`)
	s.counts = map[int]map[string]int64{}
	for _, r := range shards {
		s.counts[r.Shard] = map[string]int64{
			string(account.Pending): r.Pending, string(account.Active): r.Active, string(account.Suspended): r.Suspended,
			string(account.Rejected): r.Rejected, string(account.Closed): r.Closed,
			string(account.AwaitingDocuments): r.AwaitingDocuments, string(account.InReview): r.InReview, string(account.ChangesRequested): r.ChangesRequested,
		}
	}
	return err
}

// reading runs do in a transaction of the superuser that sees one instant and
// is rolled back.
func (i *installation) reading(ctx context.Context, do func(tx pgx.Tx) error) error {
	tx, err := i.superuser.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing is kept, whatever happened
	return do(tx)
}
