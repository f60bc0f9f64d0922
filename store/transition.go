package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
	"kibali/domain/actor"
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
			*w.Decision, cases.Applied, w.Event.At)
	}
	if w.Application != nil {
		batch.Queue(`
			UPDATE applications SET outcome = $2, closed_at = $3, accepted_at = coalesce(accepted_at, $3)
			WHERE id = $1 AND outcome IS NULL`, *w.Application, w.Outcome, a.StageSince)
	}
	if w.Final {
		batch.Queue(fmt.Sprintf(supersede, "account_id"), a.ID, a.StageSince, w.Decision, w.Event.WorkflowID)
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

// supersede ends the submissions for which a column has the value $1, each with
// its audit event: whoever handed one in was told that it is there.
const supersede = `
	WITH superseded AS (
		UPDATE applications SET outcome = 'superseded', closed_at = $2, accepted_at = coalesce(accepted_at, $2)
		WHERE %s = $1 AND outcome IS NULL RETURNING id, account_id
	)
	INSERT INTO audit_events (at, actor_kind, action, subject, subject_id, account_id, after, decision_id, workflow_id)
	SELECT $2::timestamptz, 'system', 'resubmit.superseded', 'application', id::text, account_id,
		'{"outcome": "superseded"}'::jsonb, $3::uuid, $4::text
	FROM superseded`

// SupersedeApplication ends a corrected application that came too late.
func (t *Tx) SupersedeApplication(ctx context.Context, a Application, now time.Time) error {
	_, err := t.tx.Exec(ctx, fmt.Sprintf(supersede, "id"), a.ID, now, nil, cases.RegistrationID(a.AccountID))
	return failed("close application", err)
}

// DecisionRole returns the role under which a decision was asked for, or none
// when nobody recorded that it was.
func (r *Reader) DecisionRole(ctx context.Context, d Decision) (actor.Role, error) {
	var role actor.Role
	err := r.db.QueryRow(ctx, `
		SELECT actor_role FROM audit_events
		WHERE account_id = $1 AND decision_id = $2 AND action = $3 ORDER BY id LIMIT 1`,
		d.AccountID, d.ID, string(d.Kind)+".requested").Scan(&role)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return role, failed("read audit event", err)
}

// Reminder is that somebody was reminded of an account, for the time that the
// account is in its present state.
type Reminder struct {
	AccountID  uuid.UUID
	Action     string // of its audit event
	WorkflowID string
	Stage      account.Stage
	Since      time.Time // when the account entered the state
	Notices    []Notice  // whom it owes one; none when there is nobody to be told
}

// Reminded reports whether there was a reminder of the action since the account
// entered its present state.
func (t *Tx) Reminded(ctx context.Context, accountID uuid.UUID, action string, since time.Time) (bool, error) {
	var reminded bool
	err := t.tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM audit_events WHERE account_id = $1 AND action = $2 AND after->>'since' = $3)`,
		accountID, action, since.UTC().Format(time.RFC3339Nano)).Scan(&reminded)
	return reminded, failed("read audit event", err)
}

// WriteReminder writes a reminder: what it owes, and its audit event.
func (t *Tx) WriteReminder(ctx context.Context, r Reminder, now time.Time) error {
	var batch pgx.Batch
	for _, n := range r.Notices {
		queueNotice(&batch, n)
	}
	queueEvent(&batch, Event{
		At: now, Actor: actor.Actor{Kind: actor.System}, Action: r.Action, Subject: "account", SubjectID: r.AccountID.String(),
		AccountID: &r.AccountID, WorkflowID: r.WorkflowID,
		After: map[string]any{"stage": r.Stage, "since": r.Since.UTC().Format(time.RFC3339Nano), "notices": len(r.Notices)},
	})
	return failed("write reminder", t.tx.SendBatch(ctx, &batch).Close())
}
