package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/cases"
)

// SweepLock is the advisory lock that the sweeping process holds.
const SweepLock int64 = 0x6b6962616c69 // "kibali"

// Alone runs do while no other process runs something under the same lock. It
// returns false, having done nothing, when another one holds it. What this
// process does alone waits for its turn where that would take too many connections.
func (s *Store) Alone(ctx context.Context, lock int64, do func(ctx context.Context) error) (bool, error) {
	if _, held := s.aloneWith.LoadOrStore(lock, true); held {
		return false, nil
	}
	defer s.aloneWith.Delete(lock)
	select {
	case s.alone <- struct{}{}:
		defer func() { <-s.alone }()
	case <-ctx.Done():
		return false, failed("lock", ctx.Err())
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return false, failed("lock", err)
	}
	defer conn.Release()
	var held bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, lock).Scan(&held); err != nil {
		return false, failed("lock", err)
	}
	if !held {
		return false, nil
	}
	err = do(ctx)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, unlockErr := conn.Exec(ending, `SELECT pg_advisory_unlock($1)`, lock); unlockErr != nil {
		// A connection that cannot unlock is closed, which unlocks.
		return true, errors.Join(err, failed("unlock", conn.Hijack().Close(ending)))
	}
	return true, err
}

// WaitingDecisions returns open decisions that were asked for before the given
// time, the oldest first. A top-up whose case waits for a signature is not among
// them until one was given before that time, or the time for one has passed.
func (r *Reader) WaitingDecisions(ctx context.Context, before time.Time, limit int) ([]Decision, error) {
	rows, err := r.db.Query(ctx, decisionSelect+`
		WHERE d.outcome IS NULL AND d.requested_at < $1
			AND (d.awaiting_since IS NULL OR coalesce(d.signed_at, d.lapses_at) < $1)
		ORDER BY d.requested_at LIMIT $2`, before, limit)
	if err != nil {
		return nil, failed("read decisions", err)
	}
	decisions, err := pgx.CollectRows(rows, pgx.RowToStructByName[Decision])
	return decisions, failed("read decisions", err)
}

// WaitingApplication is a submission that no case has taken up.
type WaitingApplication struct {
	Application
	// Resubmission says that it is not the account's first.
	Resubmission bool
}

// WaitingApplications returns submissions from before the given time that no
// case has taken up, the oldest first.
func (r *Reader) WaitingApplications(ctx context.Context, before time.Time, limit int) ([]WaitingApplication, error) {
	rows, err := r.db.Query(ctx, `
		SELECT `+applicationColumns+`, EXISTS (
			SELECT FROM applications earlier WHERE earlier.account_id = applications.account_id AND earlier.id <> applications.id
		) AS resubmission
		FROM applications WHERE accepted_at IS NULL AND submitted_at < $1 ORDER BY submitted_at LIMIT $2`, before, limit)
	if err != nil {
		return nil, failed("read applications", err)
	}
	waiting, err := pgx.CollectRows(rows, pgx.RowToStructByName[WaitingApplication])
	return waiting, failed("read applications", err)
}

// WaitingDocuments returns documents from before the given time that have not
// been prepared for review, the oldest first.
func (r *Reader) WaitingDocuments(ctx context.Context, before time.Time, limit int) ([]Document, error) {
	rows, err := r.db.Query(ctx, documentSelect+`WHERE status = 'received' AND received_at < $1 ORDER BY received_at LIMIT $2`, before, limit)
	if err != nil {
		return nil, failed("read documents", err)
	}
	waiting, err := pgx.CollectRows(rows, pgx.RowToStructByName[Document])
	return waiting, failed("read documents", err)
}

// IdleCase is a case that should have acted by now: it is there and busy, or was
// lost.
type IdleCase struct {
	CaseID    string
	AccountID uuid.UUID // of a top-up, the decision's id
}

// IdleCases returns the cases that let a deadline of their account pass, or
// have a notice to send, since before the given time. What is older than since
// is left alone: a review that was escalated then waits for staff, a notice
// that old was given up.
func (r *Reader) IdleCases(ctx context.Context, since, before time.Time, limit int) ([]IdleCase, error) {
	rows, err := r.db.Query(ctx, `
		(SELECT $4 || id AS case_id, id AS account_id FROM accounts
		WHERE status = 'pending' AND (stage <> 'in_review' AND deadline_at < $2
			OR stage = 'in_review' AND (deadline_at BETWEEN $1 AND $2 OR remind_at BETWEEN $1 AND $2))
		LIMIT $3)
		UNION
		(SELECT $5 || id, id FROM accounts WHERE status = 'suspended' AND (suspended_until < $2 OR remind_at BETWEEN $1 AND $2) LIMIT $3)
		UNION
		(SELECT coalesce(nullif(n.case_id, ''), d.case_id, $4 || n.account_id), CASE WHEN d.kind = 'top_up' THEN d.id ELSE n.account_id END
		FROM notices n LEFT JOIN decisions d ON d.id = n.decision_id
		WHERE n.status = 'pending' AND n.created_at BETWEEN $1 AND $2 LIMIT $3)`,
		since, before, limit, cases.RegistrationPrefix, cases.SuspensionPrefix)
	if err != nil {
		return nil, failed("read cases", err)
	}
	idle, err := pgx.CollectRows(rows, pgx.RowToStructByName[IdleCase])
	return idle, failed("read cases", err)
}
