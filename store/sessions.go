package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
)

// The purposes of a user's token.
const (
	PurposeSession = "session"
	PurposeUpload  = "upload" // may add documents and nothing else
)

// Session is a user's token. Only its hash is kept.
type Session struct {
	ID        uuid.UUID
	AccountID uuid.UUID
	Purpose   string
	Hash      [32]byte `db:"-"`
	CreatedAt time.Time
	ExpiresAt time.Time
	// Status is the account's, and Blocked whether a decision to suspend it is
	// open; both are read with the session in one statement.
	Status  account.Status
	Blocked bool
}

// InsertSession records a token.
func (t *Tx) InsertSession(ctx context.Context, s Session) error {
	var batch pgx.Batch
	queueSession(&batch, s)
	return failed("insert session", t.tx.SendBatch(ctx, &batch).Close())
}

func queueSession(batch *pgx.Batch, s Session) {
	batch.Queue(`INSERT INTO sessions (id, account_id, purpose, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		s.ID, s.AccountID, s.Purpose, s.Hash[:], s.CreatedAt, s.ExpiresAt)
}

// SessionByToken returns the session whose token has the hash and that has
// neither ended nor expired at now, or fault.NotFound.
func (r *Reader) SessionByToken(ctx context.Context, hash [32]byte, now time.Time) (Session, error) {
	rows, err := r.db.Query(ctx, `
		SELECT s.id, s.account_id, s.purpose, s.created_at, s.expires_at, a.status, a.blocked_by IS NOT NULL AS blocked
		FROM sessions s JOIN accounts a ON a.id = s.account_id
		WHERE s.hash = $1 AND s.ended_at IS NULL AND s.expires_at > $2`, hash[:], now)
	if err != nil {
		return Session{}, failed("read session", err)
	}
	session, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Session])
	return session, failed("read session", err)
}

// EndSession ends a session for good.
func (t *Tx) EndSession(ctx context.Context, id uuid.UUID, now time.Time) error {
	_, err := t.tx.Exec(ctx, `UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL`, id, now)
	return failed("end session", err)
}

// Login is how a person proves to be the one an account belongs to.
type Login struct {
	ID           uuid.UUID
	AccountID    uuid.UUID
	PasswordHash string
}

// LoginByEmail returns the login of a normalised e-mail, or fault.NotFound.
func (r *Reader) LoginByEmail(ctx context.Context, email string) (Login, error) {
	rows, err := r.db.Query(ctx, `SELECT id, account_id, password_hash FROM logins WHERE email = $1 AND released_at IS NULL`, email)
	if err != nil {
		return Login{}, failed("read login", err)
	}
	login, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Login])
	return login, failed("read login", err)
}

// UpdatePasswordHash replaces the hash of a login.
func (t *Tx) UpdatePasswordHash(ctx context.Context, loginID uuid.UUID, hash string) error {
	_, err := t.tx.Exec(ctx, `UPDATE logins SET password_hash = $2 WHERE id = $1`, loginID, hash)
	return failed("update login", err)
}

// TouchAccount records that an account was in use.
func (t *Tx) TouchAccount(ctx context.Context, id uuid.UUID, now time.Time) error {
	_, err := t.tx.Exec(ctx, `UPDATE accounts SET last_active_at = greatest(last_active_at, $2) WHERE id = $1`, id, now)
	return failed("touch account", err)
}
