package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/actor"
)

// StaffView is a staff member as administrators see them.
type StaffView struct {
	ID           uuid.UUID
	Email        string
	Name         string
	Role         actor.Role
	CreatedAt    time.Time
	DisabledAt   *time.Time
	HasPassword  bool
	SecondFactor bool
	// SSO says that they sign in through an identity provider.
	SSO bool `db:"sso"`
	// LastUsedAt is when a session or token of theirs was last used; nil before
	// the first use.
	LastUsedAt *time.Time
}

const staffViewSelect = `
	SELECT s.id, s.email, s.name, s.role, s.created_at, s.disabled_at, s.password_hash IS NOT NULL AS has_password,
		EXISTS (SELECT FROM staff_factors f WHERE f.staff_id = s.id AND f.confirmed_at IS NOT NULL) AS second_factor,
		EXISTS (SELECT FROM staff_identities i WHERE i.staff_id = s.id) AS sso,
		greatest((SELECT max(x.last_used_at) FROM staff_sessions x WHERE x.staff_id = s.id),
			(SELECT max(t.last_used_at) FROM staff_tokens t WHERE t.staff_id = s.id)) AS last_used_at
	FROM staff s `

// StaffMembers returns all staff, those who are enabled first, by name.
func (r *Reader) StaffMembers(ctx context.Context) ([]StaffView, error) {
	rows, err := r.db.Query(ctx, staffViewSelect+`ORDER BY s.disabled_at IS NOT NULL, s.name, s.id`)
	if err != nil {
		return nil, failed("read staff", err)
	}
	members, err := pgx.CollectRows(rows, pgx.RowToStructByName[StaffView])
	return members, failed("read staff", err)
}

// StaffMember returns a staff member, enabled or not, or fault.NotFound.
func (r *Reader) StaffMember(ctx context.Context, id uuid.UUID) (StaffView, error) {
	rows, err := r.db.Query(ctx, staffViewSelect+`WHERE s.id = $1`, id)
	if err != nil {
		return StaffView{}, failed("read staff member", err)
	}
	member, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[StaffView])
	return member, failed("read staff member", err)
}

// LockStaffMember is StaffMember that keeps others from changing the staff
// member until the transaction ends. It locks all enabled admins too, so that
// of two changes that each leave one admin behind, the second sees the first.
func (t *Tx) LockStaffMember(ctx context.Context, id uuid.UUID) (member StaffView, otherAdmins int, err error) {
	rows, err := t.tx.Query(ctx, `
		SELECT id FROM staff WHERE id = $1 OR role = 'admin' AND disabled_at IS NULL ORDER BY id FOR NO KEY UPDATE`, id)
	if err != nil {
		return StaffView{}, 0, failed("lock staff", err)
	}
	if _, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err != nil {
		return StaffView{}, 0, failed("lock staff", err)
	}
	err = t.tx.QueryRow(ctx, `SELECT count(*) FROM staff WHERE role = 'admin' AND disabled_at IS NULL AND id <> $1`, id).Scan(&otherAdmins)
	if err != nil {
		return StaffView{}, 0, failed("count admins", err)
	}
	member, err = t.Reader().StaffMember(ctx, id)
	return member, otherAdmins, err
}

// HoldStaff returns an enabled staff member, or fault.NotFound, and keeps others
// from disabling them or changing their role until the transaction ends.
func (t *Tx) HoldStaff(ctx context.Context, id uuid.UUID) (Staff, error) {
	return t.Reader().staff(ctx, `SELECT `+staffColumns+` FROM staff s WHERE s.id = $1 AND s.disabled_at IS NULL FOR SHARE`, id)
}

// UpdateStaff replaces the name and the role of a staff member.
func (t *Tx) UpdateStaff(ctx context.Context, id uuid.UUID, name string, role actor.Role) error {
	_, err := t.tx.Exec(ctx, `UPDATE staff SET name = $2, role = $3 WHERE id = $1`, id, name, role)
	return failed("update staff", err)
}

// DisableStaff shuts a staff member out, at a time, or lets them in again when
// that is nil.
func (t *Tx) DisableStaff(ctx context.Context, id uuid.UUID, at *time.Time) error {
	_, err := t.tx.Exec(ctx, `UPDATE staff SET disabled_at = $2 WHERE id = $1`, id, at)
	return failed("update staff", err)
}

// RemoveFactor takes the second factor and the recovery codes from a staff
// member.
func (t *Tx) RemoveFactor(ctx context.Context, staffID uuid.UUID, now time.Time) error {
	if err := t.PutFactor(ctx, staffID, Factor{TriesSince: now}); err != nil {
		return err
	}
	return t.ReplaceRecoveryCodes(ctx, staffID, nil)
}

// FreeClaims lets others look at what a staff member is looking at.
func (t *Tx) FreeClaims(ctx context.Context, staffID uuid.UUID) error {
	_, err := t.tx.Exec(ctx, `DELETE FROM review_claims WHERE staff_id = $1`, staffID)
	return failed("free claims", err)
}

// OpenDecisionsOf returns the open decisions of a staff member, in the order in
// which their accounts are locked.
func (r *Reader) OpenDecisionsOf(ctx context.Context, staffID uuid.UUID) ([]Decision, error) {
	rows, err := r.db.Query(ctx, decisionSelect+`WHERE d.staff_id = $1 AND d.outcome IS NULL ORDER BY d.account_id, d.id`, staffID)
	if err != nil {
		return nil, failed("read decisions", err)
	}
	open, err := pgx.CollectRows(rows, pgx.RowToStructByName[Decision])
	return open, failed("read decisions", err)
}
