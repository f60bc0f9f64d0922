package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// Decision is what a staff member asked for, and how it ended.
type Decision struct {
	ID          uuid.UUID
	AccountID   uuid.UUID // none of a bulk top-up
	CaseID      string
	Kind        account.Action
	ReasonCode  string
	Reason      string // shown to the user
	Note        string // kept inside
	Until       *time.Time
	StaffID     uuid.UUID
	StaffName   string
	RequestID   string
	RequestedAt time.Time
	Outcome     cases.Result // empty while it is open
	OutcomeCode string
	ClosedAt    *time.Time
	// Amount is a top-up's, in credits: below zero when it takes away, and the
	// total of a bulk.
	Amount int64
	// LapsesAt is when a top-up lapses without a second signature; nil when one
	// signature is enough. AwaitingSince says that its case knows that it waits.
	LapsesAt      *time.Time
	AwaitingSince *time.Time
	// Signature is account.Countersign, account.Decline or none yet.
	Signature     account.Action
	SignedBy      *uuid.UUID
	SignedByName  string
	SignedAt      *time.Time
	SignatureNote string
	// AppealID is the appeal that the decision answers; nil when it answers none.
	AppealID *uuid.UUID
}

// Open reports whether the decision is still to be carried out.
func (d Decision) Open() bool { return d.Outcome == "" }

// Unsigned reports whether the decision waits for a second signature.
func (d Decision) Unsigned() bool { return d.Open() && d.LapsesAt != nil && d.Signature == "" }

// ErrDecisionOpen says that a case has an open decision already.
var ErrDecisionOpen = errors.New("the case has an open decision")

// ErrSubmissionWaits says that an account has a submission that its case has
// not taken up yet.
var ErrSubmissionWaits = errors.New("the account has a submission that waits")

const decisionSelect = `
	SELECT d.id, coalesce(d.account_id, '00000000-0000-0000-0000-000000000000') AS account_id, d.case_id, d.kind, d.reason_code, d.reason, d.note, d.until,
		d.staff_id, s.name AS staff_name, d.request_id, d.requested_at,
		coalesce(d.outcome, '') AS outcome, d.outcome_code, d.closed_at,
		coalesce(d.amount, 0) AS amount, d.lapses_at, d.awaiting_since,
		coalesce(d.signature, '') AS signature, d.signed_by, coalesce(signatory.name, '') AS signed_by_name, d.signed_at, d.signature_note, d.appeal_id
	FROM decisions d JOIN staff s ON s.id = d.staff_id LEFT JOIN staff signatory ON signatory.id = d.signed_by `

// InsertDecision records an open decision. It returns ErrDecisionOpen when the
// case has one: of several who decide at once, one is recorded. After that
// error the transaction is of no further use.
func (t *Tx) InsertDecision(ctx context.Context, d Decision) error {
	var accountID *uuid.UUID
	if d.AccountID != uuid.Nil {
		accountID = &d.AccountID
	}
	var amount *int64
	if d.Kind == account.TopUp {
		amount = &d.Amount
	}
	_, err := t.tx.Exec(ctx, `
		INSERT INTO decisions (id, account_id, case_id, kind, reason_code, reason, note, until, staff_id, request_id, requested_at,
			amount, lapses_at, appeal_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		d.ID, accountID, d.CaseID, d.Kind, d.ReasonCode, d.Reason, d.Note, d.Until, d.StaffID, d.RequestID, d.RequestedAt, amount, d.LapsesAt,
		d.AppealID)
	if violates(err, "decisions_open") {
		return ErrDecisionOpen
	}
	return failed("insert decision", err)
}

// CloseDecision records how a decision ended; code says why it was refused.
func (t *Tx) CloseDecision(ctx context.Context, id uuid.UUID, result cases.Result, code string, now time.Time) error {
	_, err := t.tx.Exec(ctx, `UPDATE decisions SET outcome = $2, outcome_code = $3, closed_at = $4 WHERE id = $1 AND outcome IS NULL`,
		id, result, code, now)
	return failed("close decision", err)
}

// Decision returns one decision, or fault.NotFound.
func (r *Reader) Decision(ctx context.Context, id uuid.UUID) (Decision, error) {
	return r.decision(ctx, `WHERE d.id = $1`, id)
}

// OpenDecision returns the open decision of a case, or fault.NotFound.
func (r *Reader) OpenDecision(ctx context.Context, caseID string) (Decision, error) {
	return r.decision(ctx, `WHERE d.case_id = $1 AND d.outcome IS NULL`, caseID)
}

func (r *Reader) decision(ctx context.Context, where string, key any) (Decision, error) {
	rows, err := r.db.Query(ctx, decisionSelect+where, key)
	if err != nil {
		return Decision{}, failed("read decision", err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Decision])
	return d, failed("read decision", err)
}
