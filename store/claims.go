package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ReviewClaim says that a staff member is looking at an application.
type ReviewClaim struct {
	AccountID uuid.UUID
	StaffID   uuid.UUID
	StaffName string
	ClaimedAt time.Time
	ExpiresAt time.Time
}

// Claim makes an application the staff member's to look at until expires,
// unless it is another one's at now, and returns whose it is. It returns
// fault.NotFound when there is no such account.
func (s *Store) Claim(ctx context.Context, accountID, staffID uuid.UUID, now, expires time.Time) (ReviewClaim, error) {
	rows, err := s.pool.Query(ctx, `
		WITH claimed AS (
			INSERT INTO review_claims AS c (account_id, staff_id, claimed_at, expires_at)
			SELECT id, $2::uuid, $3::timestamptz, $4::timestamptz FROM accounts WHERE id = $1
			ON CONFLICT (account_id) DO UPDATE SET
				staff_id   = CASE WHEN c.expires_at <= $3 THEN excluded.staff_id ELSE c.staff_id END,
				claimed_at = CASE WHEN c.expires_at <= $3 THEN excluded.claimed_at ELSE c.claimed_at END,
				expires_at = CASE WHEN c.expires_at <= $3 OR c.staff_id = excluded.staff_id THEN excluded.expires_at ELSE c.expires_at END
			RETURNING account_id, staff_id, claimed_at, expires_at
		)
		SELECT c.account_id, c.staff_id, s.name AS staff_name, c.claimed_at, c.expires_at FROM claimed c JOIN staff s ON s.id = c.staff_id`,
		accountID, staffID, now, expires)
	if err != nil {
		return ReviewClaim{}, failed("claim application", err)
	}
	claim, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[ReviewClaim])
	return claim, failed("read account", err)
}

// Unclaim ends a claim of the staff member, where there is one.
func (s *Store) Unclaim(ctx context.Context, accountID, staffID uuid.UUID) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM review_claims WHERE account_id = $1 AND staff_id = $2`, accountID, staffID)
	return failed("end claim", err)
}

// ForgetClaims drops the claims that ended before the given time.
func (s *Store) ForgetClaims(ctx context.Context, before time.Time) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM review_claims WHERE expires_at < $1`, before)
	return failed("forget claims", err)
}
