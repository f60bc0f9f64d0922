package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// AccountViewed is the action of the event that a staff member has looked at an
// account.
const AccountViewed = "account.viewed"

// LastViewed returns when the staff member has looked at the account last, as far
// as the audit trail has it: the zero time when it has not. Of many transactions
// that ask so at once, the others wait until the first has ended and see what it
// has written.
func (t *Tx) LastViewed(ctx context.Context, staffID, accountID uuid.UUID) (time.Time, error) {
	_, err := t.tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1::text || $2::text, 0))`, staffID, accountID)
	if err != nil {
		return time.Time{}, failed("lock views of an account", err)
	}
	var last *time.Time
	err = t.tx.QueryRow(ctx, `
		SELECT max(at) FROM audit_events WHERE action = 'account.viewed' AND account_id = $1 AND actor_id = $2`, accountID, staffID).Scan(&last)
	if err != nil || last == nil {
		return time.Time{}, failed("read views of an account", err)
	}
	return last.UTC(), nil
}
