package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Invitation is the right of a staff member to choose a password, once. Only the
// hash of its token is kept.
type Invitation struct {
	ID        uuid.UUID
	StaffID   uuid.UUID
	Hash      [32]byte
	InvitedBy *uuid.UUID // nil: by whoever runs the installation
	CreatedAt time.Time
	ExpiresAt time.Time
}

// InsertInvitation records an invitation, which replaces those that the staff
// member has.
func (t *Tx) InsertInvitation(ctx context.Context, i Invitation) error {
	if err := t.EndInvitations(ctx, i.StaffID, i.CreatedAt); err != nil {
		return err
	}
	_, err := t.tx.Exec(ctx, `
		INSERT INTO staff_invitations (id, staff_id, hash, invited_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		i.ID, i.StaffID, i.Hash[:], i.InvitedBy, i.CreatedAt, i.ExpiresAt)
	return failed("insert invitation", err)
}

// EndInvitations ends the invitations of a staff member.
func (t *Tx) EndInvitations(ctx context.Context, staffID uuid.UUID, now time.Time) error {
	_, err := t.tx.Exec(ctx, `UPDATE staff_invitations SET ended_at = $2 WHERE staff_id = $1 AND ended_at IS NULL`, staffID, now)
	return failed("end invitations", err)
}

// InvitedStaff returns the enabled staff member whose invitation has the hash
// and is good at now, or fault.NotFound.
func (r *Reader) InvitedStaff(ctx context.Context, hash [32]byte, now time.Time) (Staff, error) {
	return r.staff(ctx, `
		SELECT `+staffColumns+` FROM staff_invitations i JOIN staff s ON s.id = i.staff_id
		WHERE i.hash = $1 AND i.ended_at IS NULL AND i.expires_at > $2 AND s.disabled_at IS NULL`, hash[:], now)
}

// UseInvitation uses an invitation up: of several who do, one succeeds, and the
// others get fault.NotFound.
func (t *Tx) UseInvitation(ctx context.Context, hash [32]byte, now time.Time) (id uuid.UUID, err error) {
	err = t.tx.QueryRow(ctx, `
		UPDATE staff_invitations SET ended_at = $2 WHERE hash = $1 AND ended_at IS NULL AND expires_at > $2 RETURNING id`, hash[:], now).Scan(&id)
	return id, failed("read invitation", err)
}
