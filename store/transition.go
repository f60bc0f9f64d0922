package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// How an application ends.
const (
	ApplicationApproved   = "approved"
	ApplicationRejected   = "rejected"
	ApplicationExpired    = "expired"
	ApplicationSuperseded = "superseded"
)

// Transition is everything that a change of an account's state writes.
type Transition struct {
	// Account is the account as it is afterwards.
	Account account.Account
	// Decision is the decision that made the change and ends as applied; nil
	// when none did.
	Decision *uuid.UUID
	// Application is the submission that ends with Outcome; nil when the
	// review goes on or was over before.
	Application *uuid.UUID
	Outcome     string
	// Final says that no corrected application can be taken up any more; what
	// still waits is superseded.
	Final   bool
	Notices []Notice
	Event   Event
}

// WriteTransition writes a transition in one round trip. The account is locked
// by the caller.
func (t *Tx) WriteTransition(ctx context.Context, w Transition) error {
	var batch pgx.Batch
	a := w.Account
	batch.Queue(`
		UPDATE accounts SET status = $2, stage = $3, stage_since = $4, remind_at = $5, deadline_at = $6,
			decided_by = $7, blocked_by = $8, suspended_until = $9
		WHERE id = $1`,
		a.ID, a.Status, a.Stage, a.StageSince, orNull(a.RemindAt), orNull(a.DeadlineAt),
		a.DecidedBy, a.BlockedBy, orNull(a.SuspendedUntil))
	if w.Decision != nil {
		batch.Queue(`UPDATE decisions SET outcome = $2, closed_at = $3 WHERE id = $1 AND outcome IS NULL`,
			*w.Decision, cases.Applied, a.StageSince)
	}
	if w.Application != nil {
		batch.Queue(`
			UPDATE applications SET outcome = $2, closed_at = $3, accepted_at = coalesce(accepted_at, $3)
			WHERE id = $1 AND outcome IS NULL`, *w.Application, w.Outcome, a.StageSince)
	}
	if w.Final {
		batch.Queue(`
			UPDATE applications SET outcome = 'superseded', closed_at = $2, accepted_at = coalesce(accepted_at, $2)
			WHERE account_id = $1 AND outcome IS NULL`, a.ID, a.StageSince)
	}
	for _, n := range w.Notices {
		queueNotice(&batch, n)
	}
	queueEvent(&batch, w.Event)
	return failed("write transition", t.tx.SendBatch(ctx, &batch).Close())
}

// LockAccountOfDecision is LockAccount for the account that a decision is
// about. It returns fault.NotFound when there is no such decision.
func (t *Tx) LockAccountOfDecision(ctx context.Context, decisionID uuid.UUID) (account.Account, error) {
	var a account.Account
	err := t.tx.QueryRow(ctx, `
		SELECT `+accountColumns+` FROM accounts a
		WHERE a.id = (SELECT account_id FROM decisions WHERE id = $1) FOR UPDATE`, decisionID).Scan(accountTargets(&a)...)
	return a, failed("read decision", err)
}

// Waits reports whether an applicant has handed something in that the case has
// not taken up yet: a document, or a corrected application.
func (r *Reader) Waits(ctx context.Context, accountID uuid.UUID) (bool, error) {
	var waits bool
	err := r.db.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM documents WHERE account_id = $1 AND status = 'received')
			OR EXISTS (SELECT FROM applications WHERE account_id = $1 AND accepted_at IS NULL)
				AND EXISTS (SELECT FROM applications WHERE account_id = $1 AND accepted_at IS NOT NULL)`,
		accountID).Scan(&waits)
	return waits, failed("read account", err)
}

// SupersedeApplication ends a corrected application that came too late.
func (t *Tx) SupersedeApplication(ctx context.Context, id uuid.UUID, now time.Time) error {
	_, err := t.tx.Exec(ctx, `
		UPDATE applications SET outcome = 'superseded', closed_at = $2, accepted_at = coalesce(accepted_at, $2)
		WHERE id = $1 AND outcome IS NULL`, id, now)
	return failed("close application", err)
}
