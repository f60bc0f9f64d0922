package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/actor"
)

// StaffToken is a personal access token of a staff member.
type StaffToken struct {
	ID      uuid.UUID
	StaffID uuid.UUID
	Name    string
	Hash    [32]byte `db:"-"`
	// Scopes are what it is limited to; nil is everything that the role permits.
	Scopes     []actor.Permission
	CreatedAt  time.Time
	ExpiresAt  *time.Time // nil: it does not expire
	LastUsedAt *time.Time // only read
}

// InsertStaffToken adds a token of a staff member.
func (t *Tx) InsertStaffToken(ctx context.Context, token StaffToken) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO staff_tokens (id, staff_id, hash, name, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		token.ID, token.StaffID, token.Hash[:], token.Name, token.Scopes, token.CreatedAt, token.ExpiresAt)
	return failed("insert staff token", err)
}

// TokenHolder is the staff member of a token.
type TokenHolder struct {
	Staff
	TokenID uuid.UUID
	Scopes  []actor.Permission // of the token
}

// staffTokenLives holds at $2 for a token that is good.
const staffTokenLives = `t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)`

// StaffByToken returns the staff member whose token has the hash, unless the
// token is revoked or has expired at now, or the staff member is disabled:
// fault.NotFound.
func (r *Reader) StaffByToken(ctx context.Context, hash [32]byte, now time.Time) (TokenHolder, error) {
	var h TokenHolder
	err := r.db.QueryRow(ctx, `
		SELECT `+staffColumns+`, t.id, t.scopes FROM staff_tokens t JOIN staff s ON s.id = t.staff_id
		WHERE t.hash = $1 AND s.disabled_at IS NULL AND `+staffTokenLives, hash[:], now).
		Scan(&h.ID, &h.Email, &h.Name, &h.Role, &h.TokenID, &h.Scopes)
	return h, failed("read staff member", err)
}

// StaffTokens returns the tokens of a staff member that are good at now, the
// newest first.
func (r *Reader) StaffTokens(ctx context.Context, staffID uuid.UUID, now time.Time) ([]StaffToken, error) {
	rows, err := r.db.Query(ctx, `
		SELECT t.id, t.staff_id, t.name, t.scopes, t.created_at, t.expires_at, t.last_used_at FROM staff_tokens t
		WHERE t.staff_id = $1 AND `+staffTokenLives+` ORDER BY t.created_at DESC, t.id DESC`, staffID, now)
	if err != nil {
		return nil, failed("read staff tokens", err)
	}
	tokens, err := pgx.CollectRows(rows, pgx.RowToStructByName[StaffToken])
	return tokens, failed("read staff tokens", err)
}

// RevokeStaffToken ends a token of a staff member for good. It returns
// fault.NotFound when they have none of that id that is good at now.
func (t *Tx) RevokeStaffToken(ctx context.Context, staffID, id uuid.UUID, now time.Time) error {
	var revoked uuid.UUID
	err := t.tx.QueryRow(ctx, `
		UPDATE staff_tokens t SET revoked_at = $2 WHERE t.id = $1 AND t.staff_id = $3 AND `+staffTokenLives+` RETURNING t.id`,
		id, now, staffID).Scan(&revoked)
	return failed("read staff token", err)
}

// RevokeStaffTokens ends every token of a staff member and returns how many
// there were.
func (t *Tx) RevokeStaffTokens(ctx context.Context, staffID uuid.UUID, now time.Time) (int, error) {
	tag, err := t.tx.Exec(ctx, `UPDATE staff_tokens t SET revoked_at = $2 WHERE t.staff_id = $1 AND `+staffTokenLives, staffID, now)
	return int(tag.RowsAffected()), failed("revoke staff tokens", err)
}
