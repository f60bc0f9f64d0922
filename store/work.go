package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/cases"
)

// SweepLock is the advisory lock that the sweeping process holds.
const SweepLock int64 = 0x6b6962616c69 // "kibali"

// Alone runs do while no other process runs something under the same lock. It
// returns false, having done nothing, when another process holds it.
func (s *Store) Alone(ctx context.Context, lock int64, do func(ctx context.Context) error) (bool, error) {
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
	// A connection that cannot unlock is closed, which unlocks.
	if _, unlockErr := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, lock); unlockErr != nil {
		return true, failed("unlock", conn.Hijack().Close(context.WithoutCancel(ctx)))
	}
	return true, err
}

// WaitingDecisions returns open decisions that were asked for before the given
// time, the oldest first.
func (r *Reader) WaitingDecisions(ctx context.Context, before time.Time, limit int) ([]Decision, error) {
	rows, err := r.db.Query(ctx, decisionSelect+`WHERE d.outcome IS NULL AND d.requested_at < $1 ORDER BY d.requested_at LIMIT $2`, before, limit)
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

// OverdueAccount is an account whose case should have acted on a deadline.
type OverdueAccount struct {
	ID     uuid.UUID
	CaseID string `db:"-"`
	Status string
}

// OverdueAccounts returns accounts that wait for the applicant, or for the end
// of a suspension, although their deadline was before the given time.
func (r *Reader) OverdueAccounts(ctx context.Context, before time.Time, limit int) ([]OverdueAccount, error) {
	rows, err := r.db.Query(ctx, `
		SELECT id, status FROM accounts
		WHERE status = 'pending' AND stage IN ('awaiting_documents', 'changes_requested') AND deadline_at < $1
		   OR status = 'suspended' AND suspended_until < $1
		ORDER BY id LIMIT $2`, before, limit)
	if err != nil {
		return nil, failed("read accounts", err)
	}
	overdue, err := pgx.CollectRows(rows, pgx.RowToStructByName[OverdueAccount])
	for i, a := range overdue {
		overdue[i].CaseID = cases.RegistrationID(a.ID)
		if a.Status == "suspended" {
			overdue[i].CaseID = cases.SuspensionID(a.ID)
		}
	}
	return overdue, failed("read accounts", err)
}
