package service

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// invitationLife is how long an invited staff member may take.
const invitationLife = 3 * 24 * time.Hour

// Invitation is the one-time right to choose a password. It is handed over by
// whoever asked for it.
type Invitation struct {
	Token     string // not shown again
	ExpiresAt time.Time
}

// InviteStaff invites an enabled staff member to choose a password, another one
// if they have one. Older invitations of theirs end. A second factor that they
// have stays.
func (s *Service) InviteStaff(ctx context.Context, by actor.Actor, key *store.IdempotencyKey, id uuid.UUID) (Invited, error) {
	if err := permitted(by, actor.Administer); err != nil {
		return Invited{}, err
	}
	return once(ctx, s, key, func(ctx context.Context, tx *store.Tx) (invited Invited, err error) {
		if invited.Staff, _, err = tx.LockStaffMember(ctx, id); err != nil {
			return Invited{}, err
		}
		if invited.Staff.DisabledAt != nil {
			return Invited{}, fault.New(fault.Conflict, "This staff member is disabled.")
		}
		invited.Invitation, err = s.invite(ctx, tx, by, id)
		return invited, err
	})
}

func (s *Service) invite(ctx context.Context, tx *store.Tx, by actor.Actor, id uuid.UUID) (Invitation, error) {
	now := s.now()
	token, hash := identity.NewToken(identity.InvitationToken)
	i := store.Invitation{ID: newID(), StaffID: id, Hash: hash, CreatedAt: now, ExpiresAt: now.Add(invitationLife)}
	if by.Kind == actor.Staff {
		i.InvitedBy = &by.ID
	}
	if err := tx.InsertInvitation(ctx, i); err != nil {
		return Invitation{}, err
	}
	return Invitation{Token: token, ExpiresAt: i.ExpiresAt},
		tx.AppendEvent(ctx, staffEvent(s, by, "staff.invited", id, nil, map[string]any{"invitation_id": i.ID}))
}

// AcceptInvitation makes password the one of the staff member who was invited,
// and ends the sessions that they have, and what links them to the identity
// provider. It returns fault.Unauthenticated when
// the token is unknown, used, replaced or too old, whichever it is, and
// fault.Invalid, naming password, when that cannot be taken; the invitation is
// good for another try then.
func (s *Service) AcceptInvitation(ctx context.Context, by actor.Actor, token, password string) error {
	hash := identity.HashToken(token)
	staff, err := s.reader.InvitedStaff(ctx, hash, s.now())
	if isNotFound(err) {
		return wrongInvitation()
	}
	if err != nil {
		return err
	}
	passwordHash, err := s.hashStaffPassword(ctx, staff, password)
	if err != nil {
		return err
	}
	by.Kind, by.ID, by.Role = actor.Staff, staff.ID, staff.Role
	return s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.LockStaffLogin(ctx, staff.ID); err != nil {
			if isNotFound(err) {
				return wrongInvitation() // disabled meanwhile
			}
			return err
		}
		now := s.now()
		invitation, err := tx.UseInvitation(ctx, hash, now)
		if isNotFound(err) {
			return wrongInvitation()
		}
		if err != nil {
			return err
		}
		if err := tx.UpdateStaffPassword(ctx, staff.ID, passwordHash); err != nil {
			return err
		}
		// Who has a password does not come through the identity provider.
		unlinked, err := tx.UnlinkStaff(ctx, staff.ID)
		if err != nil {
			return err
		}
		ended, err := tx.EndStaffSessions(ctx, staff.ID, uuid.Nil, now)
		if err != nil {
			return err
		}
		return tx.AppendEvent(ctx, staffEvent(s, by, "staff.invitation_accepted", staff.ID, nil,
			map[string]any{"invitation_id": invitation, "sessions_ended": ended, "sign_on_unlinked": unlinked}))
	})
}

func wrongInvitation() error {
	return fault.New(fault.Unauthenticated, "The invitation was used, has expired or never was. Ask an administrator for another one.")
}
