package store

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
)

// The purposes of a user's token.
const (
	PurposeSession = "session"
	PurposeUpload  = "upload" // may add documents and nothing else
	PurposeAppeal  = "appeal" // may appeal and nothing else
)

// Session is a user's token. Only its hash is kept.
type Session struct {
	ID        uuid.UUID
	AccountID uuid.UUID
	Purpose   string
	Hash      [32]byte `db:"-"`
	CreatedAt time.Time
	// LastUsedAt is exact to a minute. The session ends when it was not used for
	// Idle, and at ExpiresAt at the latest.
	LastUsedAt time.Time
	Idle       time.Duration
	ExpiresAt  time.Time
	Address    *netip.Addr // that it began from
	// Status is the account's, and Blocked whether a decision to suspend it is
	// open; both are read with the session in one statement.
	Status  account.Status
	Blocked bool
}

// InsertSession records a token that is no login's session.
func (t *Tx) InsertSession(ctx context.Context, s Session) error {
	var batch pgx.Batch
	queueSession(&batch, s)
	return failed("insert session", t.tx.SendBatch(ctx, &batch).Close())
}

func queueSession(batch *pgx.Batch, s Session) {
	batch.Queue(`
		INSERT INTO sessions (id, account_id, purpose, hash, created_at, last_used_at, idle, expires_at, address)
		VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8)`,
		s.ID, s.AccountID, s.Purpose, s.Hash[:], s.CreatedAt, s.Idle, s.ExpiresAt, s.Address)
}

// Beginning is everything that the beginning of a session writes.
type Beginning struct {
	Session Session
	// Proved is the login as it was when its password was found to be right.
	Proved Login
	// NewHash replaces the hash of its password, which was made at another cost;
	// empty when that stays.
	NewHash string
	Event   Event
}

// BeginSession records a session of a login that has proved who it is, in one
// round trip. It returns fault.NotFound, and the transaction is of no further
// use, when the password that was proved is not the login's any more or must be
// replaced: whoever sees to that ends the sessions that there are, and no other
// may begin afterwards.
func (t *Tx) BeginSession(ctx context.Context, b Beginning) error {
	var batch pgx.Batch
	var begun uuid.UUID
	s := b.Session
	// The account first, as everybody who changes it or its login does: the session
	// refers to it.
	batch.Queue(`
		UPDATE account_activity y SET last_active_at = greatest(last_active_at, $2)
		FROM (SELECT id FROM accounts WHERE id = $1 FOR KEY SHARE) a WHERE y.account_id = a.id`, b.Proved.AccountID, s.CreatedAt)
	batch.Queue(`
		INSERT INTO sessions (id, account_id, purpose, hash, created_at, last_used_at, idle, expires_at, address)
		SELECT $1::uuid, account_id, $2::text, $3::bytea, $4::timestamptz, $4::timestamptz, $5::interval, $6::timestamptz, $7::inet FROM logins
		WHERE id = $8 AND password_hash = $9 AND reset_required_by IS NULL AND released_at IS NULL FOR NO KEY UPDATE
		RETURNING id`,
		s.ID, s.Purpose, s.Hash[:], s.CreatedAt, s.Idle, s.ExpiresAt, s.Address, b.Proved.ID, b.Proved.PasswordHash).QueryRow(func(row pgx.Row) error {
		return row.Scan(&begun)
	})
	if b.NewHash != "" {
		batch.Queue(`UPDATE logins SET password_hash = $2 WHERE id = $1`, b.Proved.ID, b.NewHash)
	}
	queueEvent(&batch, b.Event)
	return failed("read login", t.tx.SendBatch(ctx, &batch).Close())
}

// sessionLives holds at $2 for a token that has not ended.
const sessionLives = `s.ended_at IS NULL AND s.expires_at > $2 AND s.last_used_at + s.idle > $2`

const sessionSelect = `
	SELECT s.id, s.account_id, s.purpose, s.created_at, s.last_used_at, s.idle, s.expires_at, s.address, a.status, a.blocked_by IS NOT NULL AS blocked
	FROM sessions s JOIN accounts a ON a.id = s.account_id `

// SessionByToken returns the session whose token has the hash and that has
// neither ended nor expired at now, or fault.NotFound. That it was used is noted
// once a minute, in the same statement, so that a session costs a request one
// look by index.
func (r *Reader) SessionByToken(ctx context.Context, hash [32]byte, now time.Time) (Session, error) {
	rows, err := r.db.Query(ctx, `
		WITH used AS (
			UPDATE sessions s SET last_used_at = $2
			WHERE s.hash = $1 AND s.last_used_at < $2::timestamptz - interval '1 minute' AND `+sessionLives+`
		)`+sessionSelect+`WHERE s.hash = $1 AND `+sessionLives, hash[:], now)
	if err != nil {
		return Session{}, failed("read session", err)
	}
	session, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Session])
	return session, failed("read session", err)
}

// Sessions returns the sessions of an account that live at now, the newest first.
func (r *Reader) Sessions(ctx context.Context, accountID uuid.UUID, now time.Time) ([]Session, error) {
	rows, err := r.db.Query(ctx, sessionSelect+`
		WHERE s.account_id = $1 AND s.purpose = 'session' AND `+sessionLives+` ORDER BY s.created_at DESC, s.id`, accountID, now)
	if err != nil {
		return nil, failed("read sessions", err)
	}
	sessions, err := pgx.CollectRows(rows, pgx.RowToStructByName[Session])
	return sessions, failed("read sessions", err)
}

// SignedInFrom reports whether an account was signed in to, or registered, from
// an address in the network since the given time.
func (r *Reader) SignedInFrom(ctx context.Context, accountID uuid.UUID, network netip.Prefix, since time.Time) (bool, error) {
	var known bool
	err := r.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM sessions WHERE account_id = $1 AND created_at > $3 AND address <<= $2)`,
		accountID, network, since).Scan(&known)
	return known, failed("read sessions", err)
}

// EndSession ends a session of an account for good. It returns fault.NotFound
// when the account has none of that id that lives at now.
func (t *Tx) EndSession(ctx context.Context, accountID, id uuid.UUID, now time.Time) error {
	var ended uuid.UUID
	err := t.tx.QueryRow(ctx, `
		UPDATE sessions s SET ended_at = $2 WHERE s.id = $1 AND s.account_id = $3 AND s.purpose = 'session' AND `+sessionLives+` RETURNING s.id`,
		id, now, accountID).Scan(&ended)
	return failed("read session", err)
}

// EndSessions ends every token of an account: sessions, and the right to add
// documents.
func (t *Tx) EndSessions(ctx context.Context, accountID uuid.UUID, now time.Time) error {
	var batch pgx.Batch
	queueEndSessions(&batch, accountID, now)
	return failed("end sessions", t.tx.SendBatch(ctx, &batch).Close())
}

func queueEndSessions(batch *pgx.Batch, accountID uuid.UUID, now time.Time) {
	batch.Queue(`UPDATE sessions SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL`, accountID, now)
}

// Login is how a person proves to be the one an account belongs to.
type Login struct {
	ID           uuid.UUID
	AccountID    uuid.UUID
	PasswordHash string
	// ResetRequired says that staff want another password first.
	ResetRequired bool
}

const loginSelect = `SELECT id, account_id, password_hash, reset_required_by IS NOT NULL AS reset_required FROM logins WHERE released_at IS NULL AND `

// LoginByEmail returns the login of a normalised e-mail, or fault.NotFound.
func (r *Reader) LoginByEmail(ctx context.Context, email string) (Login, error) {
	return r.login(ctx, loginSelect+`email = $1`, email)
}

// LoginOf returns the login of an account, or fault.NotFound.
func (r *Reader) LoginOf(ctx context.Context, accountID uuid.UUID) (Login, error) {
	return r.login(ctx, loginSelect+`account_id = $1`, accountID)
}

// LockLogin is LoginOf that keeps others from changing the login until the
// transaction ends.
func (t *Tx) LockLogin(ctx context.Context, accountID uuid.UUID) (Login, error) {
	return t.Reader().login(ctx, loginSelect+`account_id = $1 FOR NO KEY UPDATE`, accountID)
}

func (r *Reader) login(ctx context.Context, sql string, key any) (Login, error) {
	rows, err := r.db.Query(ctx, sql, key)
	if err != nil {
		return Login{}, failed("read login", err)
	}
	login, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Login])
	return login, failed("read login", err)
}

// SetPassword gives a login another password, which ends a demand for one, and
// changes of contacts that were asked for with the old one.
func (t *Tx) SetPassword(ctx context.Context, login Login, hash string, now time.Time) error {
	var batch pgx.Batch
	batch.Queue(`UPDATE logins SET password_hash = $2, reset_required_by = NULL WHERE id = $1`, login.ID, hash)
	queueVoidChanges(&batch, login.AccountID, now)
	return failed("update login", t.tx.SendBatch(ctx, &batch).Close())
}
