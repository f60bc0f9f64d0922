package store

import (
	"context"

	"github.com/google/uuid"

	"kibali/domain/fault"
)

// Suspension returns why an account is suspended, since when and until when; of
// one that is blocked, what the decision says that is on its way. It returns
// fault.NotFound for an account that is neither.
func (r *Reader) Suspension(ctx context.Context, accountID uuid.UUID) (StatusReason, error) {
	var s StatusReason
	err := r.db.QueryRow(ctx, `
		SELECT d.reason_code, d.reason, coalesce(s.name, ''),
			CASE WHEN a.status = 'suspended' THEN a.stage_since ELSE d.requested_at END,
			coalesce(CASE WHEN a.status = 'suspended' THEN a.suspended_until ELSE d.until END, 'epoch')
		FROM accounts a
		JOIN decisions d ON d.id = CASE WHEN a.status = 'suspended' THEN a.decided_by ELSE a.blocked_by END
		LEFT JOIN staff s ON s.id = d.staff_id
		WHERE a.id = $1`, accountID).Scan(&s.Code, &s.Text, &s.By, (*instant)(&s.At), (*instant)(&s.Until))
	return s, failed("read suspension", err)
}

// Fault is the refusal of an account that is suspended for the reason: what its
// user is told, since when and until when.
func (s StatusReason) Fault() error {
	refused := fault.New(fault.AccountSuspended, "This account is suspended.").
		With("reason", s.Text).With("reason_code", s.Code).With("suspended_at", s.At.UTC())
	if s.Until.IsZero() {
		return refused.With("until", nil)
	}
	return refused.With("until", s.Until.UTC())
}
