package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// RetentionLock is the advisory lock of the process that deletes what is kept for
// too long.
const RetentionLock int64 = 0x6b6962616c7265 // "kibalre"

// rejectedSince is the condition that an account a was rejected, or expired,
// before %s and has not applied again since.
const rejectedSince = `
	a.status IN ('rejected', 'closed') AND a.stage_since < CASE a.status WHEN 'closed' THEN 'infinity' ELSE %[1]s END AND NOT EXISTS (
		SELECT FROM applications p WHERE p.account_id = a.id AND (p.outcome IS NULL OR p.outcome = 'approved' OR p.closed_at >= %[1]s))`

// KeptAfterRejection returns accounts that were rejected before the given time,
// have not applied again, and whose documents are still there.
func (r *Reader) KeptAfterRejection(ctx context.Context, before time.Time, limit int) ([]uuid.UUID, error) {
	return r.ids(ctx, `
		SELECT a.id FROM accounts a
		WHERE `+fmt.Sprintf(rejectedSince, "$1::timestamptz")+`
			AND EXISTS (SELECT FROM documents d WHERE d.account_id = a.id AND d.discarded_at IS NULL)
		LIMIT $2`, before, limit)
}

// RejectedSince reports whether an account was rejected before the given time and
// has not applied again.
func (r *Reader) RejectedSince(ctx context.Context, id uuid.UUID, before time.Time) (bool, error) {
	var yes bool
	err := r.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM accounts a WHERE a.id = $2 AND `+fmt.Sprintf(rejectedSince, "$1::timestamptz")+`)`,
		before, id).Scan(&yes)
	return yes, failed("read account", err)
}

// KeptAfterClosing returns accounts that were closed at the given time or before,
// are not erased, and have no message without an outcome, the oldest first.
func (r *Reader) KeptAfterClosing(ctx context.Context, before time.Time, limit int) ([]uuid.UUID, error) {
	return r.ids(ctx, `
		SELECT a.id FROM accounts a
		WHERE a.status = 'closed' AND a.erased_at IS NULL AND a.stage_since <= $1
			AND NOT EXISTS (SELECT FROM messages m WHERE m.account_id = a.id AND m.settled_at IS NULL)
		ORDER BY a.stage_since LIMIT $2`, before, limit)
}

func (r *Reader) ids(ctx context.Context, sql string, args ...any) ([]uuid.UUID, error) {
	rows, err := r.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, failed("read accounts", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return ids, failed("read accounts", err)
}
