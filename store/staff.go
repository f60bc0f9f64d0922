package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/actor"
)

// Staff is someone who runs the platform.
type Staff struct {
	ID    uuid.UUID
	Email string
	Name  string
	Role  actor.Role
}

const staffColumns = `s.id, s.email, s.name, s.role`

// InsertStaff adds a staff member; passwordHash may be empty. It returns
// fault.Taken when the e-mail is in use.
func (t *Tx) InsertStaff(ctx context.Context, s Staff, passwordHash string, now time.Time) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO staff (id, email, name, role, password_hash, created_at) VALUES ($1, $2, $3, $4, nullif($5, ''), $6)`,
		s.ID, s.Email, s.Name, s.Role, passwordHash, now)
	return failed("insert staff", err)
}

// StaffByEmail returns the enabled staff member with a normalised e-mail, or
// fault.NotFound.
func (r *Reader) StaffByEmail(ctx context.Context, email string) (Staff, error) {
	return r.staff(ctx, `SELECT `+staffColumns+` FROM staff s WHERE s.email = $1 AND s.disabled_at IS NULL`, email)
}

// Staff returns an enabled staff member, or fault.NotFound.
func (r *Reader) Staff(ctx context.Context, id uuid.UUID) (Staff, error) {
	return r.staff(ctx, `SELECT `+staffColumns+` FROM staff s WHERE s.id = $1 AND s.disabled_at IS NULL`, id)
}

func (r *Reader) staff(ctx context.Context, sql string, args ...any) (Staff, error) {
	rows, err := r.db.Query(ctx, sql, args...)
	if err != nil {
		return Staff{}, failed("read staff member", err)
	}
	s, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Staff])
	return s, failed("read staff member", err)
}

// AccountOfStaff returns the account that has the e-mail address of a staff member,
// or the nil id when none has.
func (r *Reader) AccountOfStaff(ctx context.Context, staffID uuid.UUID) (id uuid.UUID, err error) {
	err = r.db.QueryRow(ctx, `
		SELECT a.id FROM staff s JOIN accounts a ON a.email = s.email AND a.contact_released_at IS NULL WHERE s.id = $1`, staffID).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	return id, failed("read account", err)
}

// StaffOfRole returns the enabled staff of a role, by name.
func (r *Reader) StaffOfRole(ctx context.Context, role actor.Role) ([]Staff, error) {
	rows, err := r.db.Query(ctx, `SELECT `+staffColumns+` FROM staff s WHERE s.role = $1 AND s.disabled_at IS NULL ORDER BY s.name, s.id`, role)
	if err != nil {
		return nil, failed("read staff", err)
	}
	staff, err := pgx.CollectRows(rows, pgx.RowToStructByName[Staff])
	return staff, failed("read staff", err)
}
