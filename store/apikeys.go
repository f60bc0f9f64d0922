package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/fault"
)

// APIKey is an account's key to the API and the gate. Only its hash is kept.
type APIKey struct {
	ID         uuid.UUID
	AccountID  uuid.UUID
	Name       string
	Prefix     string // of the key, by which its owner knows it again
	CreatedAt  time.Time
	LastUsedAt *time.Time // nil: not yet; lags a minute at most
}

// InsertAPIKey adds a key, whose hash is given, unless the account has most
// keys already: fault.Conflict. The account must be locked. It returns
// fault.KeyReused when there is a key with the id, of whomever.
func (t *Tx) InsertAPIKey(ctx context.Context, k APIKey, hash [32]byte, most int) error {
	tag, err := t.tx.Exec(ctx, `
		INSERT INTO api_keys (id, account_id, name, prefix, hash, created_at) SELECT $1, $2, $3, $4, $5, $6
		WHERE (SELECT count(*) FROM api_keys WHERE account_id = $2 AND revoked_at IS NULL) < $7`,
		k.ID, k.AccountID, k.Name, k.Prefix, hash[:], k.CreatedAt, most)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.Conflict, "An account may have at most %d API keys; revoke one that is not used any more.", most)
	}
	if violates(err, "api_keys_pkey") {
		return fault.New(fault.KeyReused, "This API key was made already, and is shown only once.")
	}
	return failed("insert API key", err)
}

// RevokeAPIKey ends a key of the account for good. It returns fault.NotFound
// when the account has no such key in force.
func (t *Tx) RevokeAPIKey(ctx context.Context, accountID, id uuid.UUID, now time.Time) error {
	tag, err := t.tx.Exec(ctx, `UPDATE api_keys SET revoked_at = $3 WHERE id = $1 AND account_id = $2 AND revoked_at IS NULL`, id, accountID, now)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.NotFound, "There is no such API key.")
	}
	return failed("revoke API key", err)
}

// APIKeys returns the keys of an account that are in force, the newest first.
func (r *Reader) APIKeys(ctx context.Context, accountID uuid.UUID) ([]APIKey, error) {
	rows, err := r.db.Query(ctx, `
		SELECT id, account_id, name, prefix, created_at, last_used_at FROM api_keys
		WHERE account_id = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id DESC`, accountID)
	if err != nil {
		return nil, failed("read API keys", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByName[APIKey])
	return keys, failed("read API keys", err)
}
