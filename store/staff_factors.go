package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/fault"
)

// Factor is the second factor of a staff member. Its secrets are sealed.
type Factor struct {
	Secret       []byte
	ConfirmedAt  *time.Time
	Pending      []byte // waits for its first code
	PendingSince *time.Time
	// LastStep is the time step of the last code that was accepted.
	LastStep int64
	// Tries are the wrong codes since TriesSince.
	Tries      int
	TriesSince time.Time
}

// Confirmed reports whether the factor is asked for at sign-in.
func (f Factor) Confirmed() bool { return f.ConfirmedAt != nil }

const factorSelect = `SELECT secret, confirmed_at, pending, pending_since, last_step, tries, tries_since FROM staff_factors WHERE staff_id = $1`

// LockFactor returns the second factor of a staff member, an empty one when
// they have none, and keeps others from trying codes until the transaction
// ends.
func (t *Tx) LockFactor(ctx context.Context, staffID uuid.UUID) (Factor, error) {
	return t.Reader().factor(ctx, factorSelect+` FOR UPDATE`, staffID)
}

// Factor returns the second factor of a staff member, an empty one when they
// have none.
func (r *Reader) Factor(ctx context.Context, staffID uuid.UUID) (Factor, error) {
	return r.factor(ctx, factorSelect, staffID)
}

func (r *Reader) factor(ctx context.Context, sql string, staffID uuid.UUID) (Factor, error) {
	rows, err := r.db.Query(ctx, sql, staffID)
	if err != nil {
		return Factor{}, failed("read second factor", err)
	}
	f, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Factor])
	if err = failed("read second factor", err); fault.Is(err, fault.NotFound) {
		return Factor{}, nil
	}
	return f, err
}

// PutFactor records everything of a staff member's second factor.
func (t *Tx) PutFactor(ctx context.Context, staffID uuid.UUID, f Factor) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO staff_factors (staff_id, secret, confirmed_at, pending, pending_since, last_step, tries, tries_since)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (staff_id) DO UPDATE SET secret = excluded.secret, confirmed_at = excluded.confirmed_at,
			pending = excluded.pending, pending_since = excluded.pending_since, last_step = excluded.last_step,
			tries = excluded.tries, tries_since = excluded.tries_since`,
		staffID, f.Secret, f.ConfirmedAt, f.Pending, f.PendingSince, f.LastStep, f.Tries, f.TriesSince)
	return failed("write second factor", err)
}

// ReplaceRecoveryCodes makes the hashes the only recovery codes of a staff
// member.
func (t *Tx) ReplaceRecoveryCodes(ctx context.Context, staffID uuid.UUID, hashes [][]byte) error {
	var batch pgx.Batch
	batch.Queue(`DELETE FROM staff_recovery_codes WHERE staff_id = $1`, staffID)
	batch.Queue(`INSERT INTO staff_recovery_codes (hash, staff_id) SELECT unnest($2::bytea[]), $1`, staffID, hashes)
	return failed("write recovery codes", t.tx.SendBatch(ctx, &batch).Close())
}

// UseRecoveryCode uses a recovery code up. It returns fault.NotFound when the
// staff member has none of that hash that was not used.
func (t *Tx) UseRecoveryCode(ctx context.Context, staffID uuid.UUID, hash []byte, now time.Time) error {
	var used uuid.UUID
	err := t.tx.QueryRow(ctx, `
		UPDATE staff_recovery_codes SET used_at = $3 WHERE staff_id = $1 AND hash = $2 AND used_at IS NULL
		RETURNING staff_id`, staffID, hash, now).Scan(&used)
	return failed("read recovery code", err)
}

// RecoveryCodesLeft returns how many recovery codes a staff member has not used.
func (r *Reader) RecoveryCodesLeft(ctx context.Context, staffID uuid.UUID) (int, error) {
	var n int
	err := r.db.QueryRow(ctx, `SELECT count(*) FROM staff_recovery_codes WHERE staff_id = $1 AND used_at IS NULL`, staffID).Scan(&n)
	return n, failed("read recovery codes", err)
}
