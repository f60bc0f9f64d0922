package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// How a request for another password ends.
const (
	ResetUsed     = "used"
	ResetExpired  = "expired"
	ResetReplaced = "replaced" // by a newer one
	ResetLapsed   = "lapsed"   // the staff member who forced it was not entitled any more
)

// PasswordReset is a request for another password: by anyone for an e-mail, or
// by staff for an account.
type PasswordReset struct {
	ID          uuid.UUID
	Email       string     // as it was asked for; empty when forced, and once it has ended
	AccountID   *uuid.UUID // nil until the case has looked, and when nobody has the e-mail
	DecisionID  *uuid.UUID // that forced it
	RequestedAt time.Time
	IssuedAt    *time.Time // when the case took it up
	ExpiresAt   *time.Time
	Outcome     string // empty while it is open
}

// Open reports whether the reset has not ended. Its link may have expired.
func (r PasswordReset) Open() bool { return r.Outcome == "" }

const resetColumns = `id, coalesce(email, '') AS email, account_id, decision_id, requested_at, issued_at, expires_at, coalesce(outcome, '') AS outcome`

// InsertReset records a request for another password.
func (t *Tx) InsertReset(ctx context.Context, r PasswordReset) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO password_resets (id, email, account_id, decision_id, requested_at) VALUES ($1, nullif($2, ''), $3, $4, $5)`,
		r.ID, r.Email, r.AccountID, r.DecisionID, r.RequestedAt)
	return failed("insert password reset", err)
}

// Reset returns one request, or fault.NotFound.
func (r *Reader) Reset(ctx context.Context, id uuid.UUID) (PasswordReset, error) {
	return r.reset(ctx, `SELECT `+resetColumns+` FROM password_resets WHERE id = $1`, id)
}

// LockReset is Reset that keeps others from changing the request until the
// transaction ends. Whoever locks the account too does that first.
func (t *Tx) LockReset(ctx context.Context, id uuid.UUID) (PasswordReset, error) {
	return t.Reader().reset(ctx, `SELECT `+resetColumns+` FROM password_resets WHERE id = $1 FOR UPDATE`, id)
}

// ResetByToken returns the request whose link has the token with the hash and
// is good at now, or fault.NotFound.
func (r *Reader) ResetByToken(ctx context.Context, hash [32]byte, now time.Time) (PasswordReset, error) {
	return r.reset(ctx, `
		SELECT `+resetColumns+` FROM password_resets
		WHERE token_hash = $1 AND closed_at IS NULL AND expires_at > $2`, hash[:], now)
}

func (r *Reader) reset(ctx context.Context, sql string, args ...any) (PasswordReset, error) {
	rows, err := r.db.Query(ctx, sql, args...)
	if err != nil {
		return PasswordReset{}, failed("read password reset", err)
	}
	reset, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[PasswordReset])
	return reset, failed("read password reset", err)
}

// IssueReset records that a request was taken up at r.IssuedAt and until when
// its link is good. hash is that of the link's token, nil when there is no
// account to mail one to.
func (t *Tx) IssueReset(ctx context.Context, r PasswordReset, hash []byte) error {
	_, err := t.tx.Exec(ctx, `UPDATE password_resets SET account_id = $2, issued_at = $3, expires_at = $4, token_hash = $5 WHERE id = $1`,
		r.ID, r.AccountID, r.IssuedAt, r.ExpiresAt, hash)
	return failed("issue password reset", err)
}

// ReplaceResets ends the other open requests of an account that were made before
// the given one, which replaces them, and returns them.
func (t *Tx) ReplaceResets(ctx context.Context, by PasswordReset, now time.Time) ([]PasswordReset, error) {
	rows, err := t.tx.Query(ctx, `
		UPDATE password_resets SET outcome = 'replaced', closed_at = $4, email = NULL
		WHERE account_id = $1 AND id <> $2 AND closed_at IS NULL AND (requested_at, id) < ($3, $2)
		RETURNING `+resetColumns, by.AccountID, by.ID, by.RequestedAt, now)
	if err != nil {
		return nil, failed("replace password resets", err)
	}
	replaced, err := pgx.CollectRows(rows, pgx.RowToStructByName[PasswordReset])
	return replaced, failed("replace password resets", err)
}

// LinksSince returns how many links an account was mailed after the given time,
// and whether one of them is of a later request than the given one.
func (r *Reader) LinksSince(ctx context.Context, reset PasswordReset, since time.Time) (links int, later bool, err error) {
	err = r.db.QueryRow(ctx, `
		SELECT count(*), coalesce(bool_or((requested_at, id) > ($3, $2)), false) FROM password_resets
		WHERE account_id = $1 AND id <> $2 AND issued_at > $4 AND token_hash IS NOT NULL`,
		reset.AccountID, reset.ID, reset.RequestedAt, since).Scan(&links, &later)
	return links, later, failed("read password resets", err)
}

// CloseReset ends a request. One that has ended stays as it is.
func (t *Tx) CloseReset(ctx context.Context, id uuid.UUID, outcome string, now time.Time) error {
	_, err := t.tx.Exec(ctx, `
		UPDATE password_resets SET outcome = $2, closed_at = $3, email = NULL WHERE id = $1 AND closed_at IS NULL`, id, outcome, now)
	return failed("close password reset", err)
}

// RedeemReset ends a request as used. It returns fault.NotFound when its link is
// not good at now: of many who use it at once, one succeeds.
func (t *Tx) RedeemReset(ctx context.Context, id uuid.UUID, now time.Time) error {
	var redeemed uuid.UUID
	err := t.tx.QueryRow(ctx, `
		UPDATE password_resets SET outcome = 'used', closed_at = $2, email = NULL
		WHERE id = $1 AND closed_at IS NULL AND expires_at > $2 AND token_hash IS NOT NULL RETURNING id`, id, now).Scan(&redeemed)
	return failed("read password reset", err)
}

// LapseReset ends the request that a decision has forced, and what it required.
func (t *Tx) LapseReset(ctx context.Context, decisionID uuid.UUID, now time.Time) error {
	var batch pgx.Batch
	batch.Queue(`
		UPDATE password_resets SET outcome = 'lapsed', closed_at = $2, email = NULL WHERE decision_id = $1 AND closed_at IS NULL`, decisionID, now)
	batch.Queue(`UPDATE logins SET reset_required_by = NULL WHERE reset_required_by = $1`, decisionID)
	return failed("lapse password reset", t.tx.SendBatch(ctx, &batch).Close())
}

// RequireReset makes the password of an account open nothing until it is
// another one, and ends everything that it has opened or asked for.
func (t *Tx) RequireReset(ctx context.Context, accountID, decisionID uuid.UUID, now time.Time) error {
	var batch pgx.Batch
	batch.Queue(`UPDATE logins SET reset_required_by = $2 WHERE account_id = $1 AND released_at IS NULL`, accountID, decisionID)
	queueEndSessions(&batch, accountID, now)
	queueVoidChanges(&batch, accountID, now)
	return failed("require password reset", t.tx.SendBatch(ctx, &batch).Close())
}

// WaitingResets returns requests whose case has not done what is due: it has not
// taken them up since before, or has not ended them although their time was over
// by then. The oldest come first.
func (r *Reader) WaitingResets(ctx context.Context, before, idle time.Time, limit int) ([]PasswordReset, error) {
	rows, err := r.db.Query(ctx, `
		(SELECT `+resetColumns+` FROM password_resets
		WHERE issued_at IS NULL AND closed_at IS NULL AND requested_at < $1 ORDER BY requested_at LIMIT $3)
		UNION ALL
		(SELECT `+resetColumns+` FROM password_resets WHERE closed_at IS NULL AND expires_at < $2 ORDER BY expires_at LIMIT $3)`,
		before, idle, limit)
	if err != nil {
		return nil, failed("read password resets", err)
	}
	resets, err := pgx.CollectRows(rows, pgx.RowToStructByName[PasswordReset])
	return resets, failed("read password resets", err)
}

// ForgetResets drops requests by anyone that ended before the given time.
func (s *Store) ForgetResets(ctx context.Context, before time.Time) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM password_resets WHERE closed_at < $1 AND decision_id IS NULL`, before)
	return failed("forget password resets", err)
}
