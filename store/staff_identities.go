package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// StaffIdentity is who a staff member is to an identity provider.
type StaffIdentity struct {
	Issuer  string
	Subject string
}

// StaffByIdentity returns the id of the staff member, enabled or not, who is
// that to a provider, or fault.NotFound.
func (r *Reader) StaffByIdentity(ctx context.Context, i StaffIdentity) (id uuid.UUID, err error) {
	err = r.db.QueryRow(ctx, `SELECT staff_id FROM staff_identities WHERE issuer = $1 AND subject = $2`, i.Issuer, i.Subject).Scan(&id)
	return id, failed("read staff identity", err)
}

// StaffIDByEmail returns the id of the staff member, enabled or not, who has a
// normalised e-mail, or fault.NotFound.
func (r *Reader) StaffIDByEmail(ctx context.Context, email string) (id uuid.UUID, err error) {
	err = r.db.QueryRow(ctx, `SELECT id FROM staff WHERE email = $1`, email).Scan(&id)
	return id, failed("read staff member", err)
}

// LinkStaff records who a staff member is to a provider, and takes the password
// that they had. It returns fault.Taken when either is linked already.
func (t *Tx) LinkStaff(ctx context.Context, staffID uuid.UUID, i StaffIdentity, now time.Time) error {
	if _, err := t.tx.Exec(ctx, `UPDATE staff SET password_hash = NULL WHERE id = $1`, staffID); err != nil {
		return failed("update staff", err)
	}
	_, err := t.tx.Exec(ctx, `INSERT INTO staff_identities (issuer, subject, staff_id, linked_at) VALUES ($1, $2, $3, $4)`,
		i.Issuer, i.Subject, staffID, now)
	return failed("insert staff identity", err)
}

// UnlinkStaff forgets who a staff member is to a provider, and reports whether
// they were anybody.
func (t *Tx) UnlinkStaff(ctx context.Context, staffID uuid.UUID) (bool, error) {
	tag, err := t.tx.Exec(ctx, `DELETE FROM staff_identities WHERE staff_id = $1`, staffID)
	return tag.RowsAffected() > 0, failed("delete staff identity", err)
}

// UpdateStaffEmail replaces the e-mail of a staff member. It returns fault.Taken
// when somebody else has it.
func (t *Tx) UpdateStaffEmail(ctx context.Context, id uuid.UUID, email string) error {
	_, err := t.tx.Exec(ctx, `UPDATE staff SET email = $2 WHERE id = $1`, id, email)
	return failed("update staff", err)
}

// UseSignOn uses a sign-in through a provider up, and reports whether it was not
// used before. Those older than keep are forgotten.
func (t *Tx) UseSignOn(ctx context.Context, state [32]byte, now time.Time, keep time.Duration) (bool, error) {
	if _, err := t.tx.Exec(ctx, `DELETE FROM staff_sign_ons WHERE used_at < $1`, now.Add(-keep)); err != nil {
		return false, failed("delete sign-ons", err)
	}
	tag, err := t.tx.Exec(ctx, `INSERT INTO staff_sign_ons (state, used_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, state[:], now)
	return tag.RowsAffected() > 0, failed("insert sign-on", err)
}
