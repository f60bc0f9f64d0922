package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
	"kibali/domain/policy"
)

// Why a top-up was not posted, where it was not the ledger that said so.
const (
	CodeDeclined = "declined" // by the second signatory
	CodeUnsigned = "unsigned" // nobody signed it in time
)

// The states of a decision that is open; a closed one's is its outcome.
const (
	StateOpen     = "open"
	StateUnsigned = "awaiting_signature"
)

// LockDecision returns a decision and keeps everyone else from changing it until
// the transaction ends. Who locks an account too locks that first. It returns
// fault.NotFound when there is no such decision.
func (t *Tx) LockDecision(ctx context.Context, id uuid.UUID) (Decision, error) {
	if _, err := t.tx.Exec(ctx, `SELECT FROM decisions WHERE id = $1 FOR UPDATE`, id); err != nil {
		return Decision{}, failed("read decision", err)
	}
	return t.Reader().Decision(ctx, id)
}

// LockStaff returns an enabled staff member and makes others who decide in the
// same name wait until the transaction ends. It returns fault.NotFound when
// there is none.
func (t *Tx) LockStaff(ctx context.Context, id uuid.UUID) (Staff, error) {
	if _, err := t.tx.Exec(ctx, `SELECT FROM staff WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
		return Staff{}, failed("read staff member", err)
	}
	return t.Reader().Staff(ctx, id)
}

// ToppedUpAlone returns how many credits a staff member has given and taken on
// their own signature in the 24 hours before now, together. What was refused or
// has lapsed does not count, and neither does what a second person signs.
func (r *Reader) ToppedUpAlone(ctx context.Context, staffID uuid.UUID, now time.Time) (int64, error) {
	var sum int64
	err := r.db.QueryRow(ctx, `
		SELECT least(coalesce(sum(abs(amount)), 0), 9007199254740991)::bigint FROM decisions
		WHERE staff_id = $1 AND requested_at > $2 AND kind = $3 AND lapses_at IS NULL AND (outcome IS NULL OR outcome = 'applied')`,
		staffID, now.Add(-policy.Day), account.TopUp).Scan(&sum)
	return sum, failed("read decisions", err)
}

// Signature is the word of a second person on a top-up.
type Signature struct {
	DecisionID uuid.UUID
	Kind       account.Action // account.Countersign or account.Decline
	StaffID    uuid.UUID
	Note       string
	At         time.Time
}

// SignDecision records a signature. The decision is locked and unsigned.
func (t *Tx) SignDecision(ctx context.Context, s Signature) error {
	_, err := t.tx.Exec(ctx, `
		UPDATE decisions SET signature = $2, signed_by = $3, signature_note = $4, signed_at = $5 WHERE id = $1`,
		s.DecisionID, s.Kind, s.StaffID, s.Note, s.At)
	return failed("sign decision", err)
}

// AwaitSignature records that a top-up's case waits for a signature: until then
// it is told again of the decision.
func (t *Tx) AwaitSignature(ctx context.Context, id uuid.UUID, now time.Time) error {
	_, err := t.tx.Exec(ctx, `UPDATE decisions SET awaiting_since = coalesce(awaiting_since, $2) WHERE id = $1`, id, now)
	return failed("record decision", err)
}

// TopUpRequest is what makes a top-up reach an account once.
func TopUpRequest(decisionID, accountID uuid.UUID) Request {
	return Request{Scope: decisionID, Key: accountID.String()}
}

// TopUpTransfer returns the transfer by which a top-up has reached an account,
// or fault.NotFound.
func (r *Reader) TopUpTransfer(ctx context.Context, decisionID, accountID uuid.UUID) (Posted, error) {
	request := TopUpRequest(decisionID, accountID)
	return r.posted(ctx, `t.scope = $1 AND t.request_key = $2`, request.Scope, request.Key)
}

// TopUpsQuery asks for decisions about credits, the newest first.
type TopUpsQuery struct {
	State string // StateOpen, StateUnsigned or an outcome; empty is every one
	// After is where the page before ends.
	After *TopUpsCursor
	Limit int
}

// TopUpsCursor is where a page of top-ups ends.
type TopUpsCursor struct {
	At time.Time `json:"at"`
	ID uuid.UUID `json:"id"`
}

// TopUps returns a page of decisions about credits, and where the next one
// begins: nil at the end.
func (r *Reader) TopUps(ctx context.Context, q TopUpsQuery) ([]Decision, *TopUpsCursor, error) {
	var at *time.Time
	var id uuid.UUID
	if q.After != nil {
		at, id = &q.After.At, q.After.ID
	}
	rows, err := r.db.Query(ctx, decisionSelect+`
		WHERE d.kind = 'top_up' AND ($1::timestamptz IS NULL OR (d.requested_at, d.id) < ($1, $2))
			AND ($3 = '' OR $3 = coalesce(d.outcome, CASE WHEN d.lapses_at IS NOT NULL AND d.signature IS NULL THEN 'awaiting_signature' ELSE 'open' END))
		ORDER BY d.requested_at DESC, d.id DESC LIMIT $4`, at, id, q.State, q.Limit+1)
	if err != nil {
		return nil, nil, failed("read decisions", err)
	}
	decisions, err := pgx.CollectRows(rows, pgx.RowToStructByName[Decision])
	if err != nil || len(decisions) <= q.Limit {
		return decisions, nil, failed("read decisions", err)
	}
	decisions = decisions[:q.Limit]
	last := decisions[q.Limit-1]
	return decisions, &TopUpsCursor{At: last.RequestedAt, ID: last.ID}, nil
}
