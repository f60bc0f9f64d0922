package store

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// How staff sign in.
const (
	MethodPassword = "password"
	MethodSSO      = "sso"
)

// StaffSession is a staff member's session. Only the hash of its token is
// kept.
type StaffSession struct {
	ID      uuid.UUID
	StaffID uuid.UUID
	Hash    [32]byte `db:"-"`
	Method  string
	// SecondFactor says that it began with one.
	SecondFactor bool
	CreatedAt    time.Time
	// AuthenticatedAt is when the person last proved who they are; until
	// RecentUntil that is recent.
	AuthenticatedAt time.Time
	RecentUntil     time.Time
	// LastUsedAt may lag some seconds. The session ends when it was not used for
	// Idle, and at ExpiresAt at the latest.
	LastUsedAt time.Time
	Idle       time.Duration
	ExpiresAt  time.Time
	Address    *netip.Addr
}

const (
	staffSessionColumns = `x.id, x.staff_id, x.method, x.second_factor, x.created_at, x.authenticated_at, x.recent_until,
	x.last_used_at, x.idle, x.expires_at, x.address`
	// staffSessionLives holds at $2 for a session that has not ended.
	staffSessionLives = `x.ended_at IS NULL AND x.expires_at > $2 AND x.last_used_at + x.idle > $2`
)

// InsertStaffSession records a session.
func (t *Tx) InsertStaffSession(ctx context.Context, s StaffSession) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO staff_sessions (id, staff_id, hash, method, second_factor, created_at, authenticated_at, recent_until, last_used_at, idle, expires_at, address)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		s.ID, s.StaffID, s.Hash[:], s.Method, s.SecondFactor, s.CreatedAt, s.AuthenticatedAt, s.RecentUntil, s.LastUsedAt, s.Idle, s.ExpiresAt, s.Address)
	return failed("insert staff session", err)
}

// SignedIn is a session with the staff member whose it is.
type SignedIn struct {
	StaffSession
	Staff Staff
}

// StaffSessionByToken returns the session whose token has the hash, with its
// staff member, unless it has ended at now or the staff member is disabled:
// fault.NotFound.
func (r *Reader) StaffSessionByToken(ctx context.Context, hash [32]byte, now time.Time) (SignedIn, error) {
	var in SignedIn
	s := &in.StaffSession
	err := r.db.QueryRow(ctx, `
		SELECT `+staffSessionColumns+`, `+staffColumns+`
		FROM staff_sessions x JOIN staff s ON s.id = x.staff_id
		WHERE x.hash = $1 AND s.disabled_at IS NULL AND `+staffSessionLives, hash[:], now).
		Scan(&s.ID, &s.StaffID, &s.Method, &s.SecondFactor, &s.CreatedAt, &s.AuthenticatedAt, &s.RecentUntil, &s.LastUsedAt, &s.Idle, &s.ExpiresAt,
			&s.Address, &in.Staff.ID, &in.Staff.Email, &in.Staff.Name, &in.Staff.Role)
	return in, failed("read staff session", err)
}

// StaffSessions returns the sessions of a staff member that live at now, the
// newest first.
func (r *Reader) StaffSessions(ctx context.Context, staffID uuid.UUID, now time.Time) ([]StaffSession, error) {
	rows, err := r.db.Query(ctx, `
		SELECT `+staffSessionColumns+` FROM staff_sessions x
		WHERE x.staff_id = $1 AND `+staffSessionLives+` ORDER BY x.created_at DESC, x.id`, staffID, now)
	if err != nil {
		return nil, failed("read staff sessions", err)
	}
	sessions, err := pgx.CollectRows(rows, pgx.RowToStructByName[StaffSession])
	return sessions, failed("read staff sessions", err)
}

// RenewStaffSession records that the person of a session proved again who they
// are.
func (t *Tx) RenewStaffSession(ctx context.Context, id uuid.UUID, now, recentUntil time.Time) error {
	_, err := t.tx.Exec(ctx, `UPDATE staff_sessions SET authenticated_at = $2, recent_until = $3 WHERE id = $1`, id, now, recentUntil)
	return failed("renew staff session", err)
}

// EndStaffSession ends a session of a staff member for good. It returns
// fault.NotFound when they have none of that id that lives at now.
func (t *Tx) EndStaffSession(ctx context.Context, staffID, id uuid.UUID, now time.Time) error {
	var ended uuid.UUID
	err := t.tx.QueryRow(ctx, `
		UPDATE staff_sessions x SET ended_at = $2 WHERE x.id = $1 AND x.staff_id = $3 AND `+staffSessionLives+` RETURNING x.id`,
		id, now, staffID).Scan(&ended)
	return failed("read staff session", err)
}

// EndStaffSessions ends every session of a staff member, except one unless that
// is uuid.Nil, and returns how many there were.
func (t *Tx) EndStaffSessions(ctx context.Context, staffID, except uuid.UUID, now time.Time) (int, error) {
	tag, err := t.tx.Exec(ctx, `
		UPDATE staff_sessions x SET ended_at = $2 WHERE x.staff_id = $1 AND x.id <> $3 AND `+staffSessionLives, staffID, now, except)
	return int(tag.RowsAffected()), failed("end staff sessions", err)
}

// GiveSecondFactor records that the person of a session has confirmed a second
// factor in it.
func (t *Tx) GiveSecondFactor(ctx context.Context, id uuid.UUID) error {
	_, err := t.tx.Exec(ctx, `UPDATE staff_sessions SET second_factor = true WHERE id = $1`, id)
	return failed("write staff session", err)
}

// StaffLogin is what a staff member signs in with.
type StaffLogin struct {
	Staff
	PasswordHash string // empty when they have no password
}

// StaffLogin returns the login of the enabled staff member with a normalised
// e-mail, or fault.NotFound.
func (r *Reader) StaffLogin(ctx context.Context, email string) (StaffLogin, error) {
	return r.staffLogin(ctx, `s.email = $1`, email)
}

// StaffLoginOf is StaffLogin by id.
func (r *Reader) StaffLoginOf(ctx context.Context, id uuid.UUID) (StaffLogin, error) {
	return r.staffLogin(ctx, `s.id = $1`, id)
}

// LockStaffLogin is StaffLoginOf that keeps others from changing the staff
// member until the transaction ends.
func (t *Tx) LockStaffLogin(ctx context.Context, id uuid.UUID) (StaffLogin, error) {
	return t.Reader().staffLogin(ctx, `s.id = $1 FOR NO KEY UPDATE`, id)
}

func (r *Reader) staffLogin(ctx context.Context, where string, key any) (StaffLogin, error) {
	rows, err := r.db.Query(ctx, `
		SELECT `+staffColumns+`, coalesce(s.password_hash, '') AS password_hash
		FROM staff s WHERE s.disabled_at IS NULL AND `+where, key)
	if err != nil {
		return StaffLogin{}, failed("read staff member", err)
	}
	login, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[StaffLogin])
	return login, failed("read staff member", err)
}

// UpdateStaffPassword replaces the hash of a staff member's password.
func (t *Tx) UpdateStaffPassword(ctx context.Context, id uuid.UUID, hash string) error {
	_, err := t.tx.Exec(ctx, `UPDATE staff SET password_hash = $2 WHERE id = $1`, id, hash)
	return failed("update staff", err)
}
