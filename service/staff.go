package service

import (
	"context"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

// NewStaff returns a staff member with a new id, or a fault.Invalid that names
// what is wrong with the e-mail, the name or the role.
func NewStaff(email, name, role string) (store.Staff, error) {
	s := store.Staff{ID: newID()}
	var bad []fault.Field
	note := func(field *fault.Field) {
		if field != nil {
			bad = append(bad, *field)
		}
	}
	var field *fault.Field
	s.Email, field = account.ParseEmail(email)
	note(field)
	s.Name, field = account.ParseName(name)
	note(field)
	s.Role, field = actor.ParseRole(role)
	note(field)
	return s, fault.InvalidFields(bad...)
}

// AddStaff records a staff member, with the audit event. passwordHash may be
// empty. It returns fault.Taken when the e-mail is in use.
func (s *Service) AddStaff(ctx context.Context, tx *store.Tx, by actor.Actor, member store.Staff, passwordHash string) error {
	now := s.now()
	if err := tx.InsertStaff(ctx, member, passwordHash, now); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, staffEvent(s, by, "staff.created", member.ID, nil, map[string]any{"role": member.Role}))
}

func staffEvent(s *Service, by actor.Actor, action string, id uuid.UUID, before, after map[string]any) store.Event {
	return store.Event{At: s.now(), Actor: by, Action: action, Subject: "staff", SubjectID: id.String(), Before: before, After: after}
}

// Invited is a staff member with the one-time link by which they choose a
// password.
type Invited struct {
	Staff      store.StaffView
	Invitation Invitation
}

// CreateStaff adds a staff member and invites them. It returns fault.Invalid
// for what NewStaff refuses, and fault.Taken when the e-mail is in use.
func (s *Service) CreateStaff(ctx context.Context, by actor.Actor, key *store.IdempotencyKey, email, name, role string) (Invited, error) {
	if err := permitted(by, actor.Administer); err != nil {
		return Invited{}, err
	}
	member, err := NewStaff(email, name, role)
	if err != nil {
		return Invited{}, err
	}
	return once(ctx, s, key, func(ctx context.Context, tx *store.Tx) (added Invited, err error) {
		if err := s.AddStaff(ctx, tx, by, member, ""); err != nil {
			return Invited{}, err
		}
		if added.Invitation, err = s.invite(ctx, tx, by, member.ID); err != nil {
			return Invited{}, err
		}
		added.Staff, err = tx.Reader().StaffMember(ctx, member.ID)
		return added, err
	})
}

// StaffChange is what an administrator changes of a staff member; nil leaves it
// as it is.
type StaffChange struct {
	Name *string
	Role *string
}

var errLastAdmin = fault.New(fault.Conflict, "The last admin stays an admin: make another one first.")

// ChangeStaff gives a staff member another name or role. What they have asked
// for and their new role does not permit lapses at once. It returns
// fault.Conflict when the last admin would be none.
func (s *Service) ChangeStaff(ctx context.Context, by actor.Actor, id uuid.UUID, change StaffChange) (store.StaffView, error) {
	if err := permitted(by, actor.Administer); err != nil {
		return store.StaffView{}, err
	}
	var member store.StaffView
	var lapsed []store.Decision
	err := s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		var otherAdmins int
		if member, otherAdmins, err = tx.LockStaffMember(ctx, id); err != nil {
			return err
		}
		wanted, err := change.applied(member)
		if err != nil {
			return err
		}
		if wanted.Role == member.Role && wanted.Name == member.Name {
			return nil
		}
		if lapsed, err = s.changeStaff(ctx, tx, by, member, wanted, otherAdmins); err != nil {
			return err
		}
		member = wanted
		return nil
	})
	if err == nil {
		s.tellAllLapsed(ctx, lapsed)
	}
	return member, err
}

func (c StaffChange) applied(member store.StaffView) (store.StaffView, error) {
	var bad []fault.Field
	if c.Name != nil {
		name, field := account.ParseName(*c.Name)
		if field != nil {
			bad = append(bad, *field)
		}
		member.Name = name
	}
	if c.Role != nil {
		role, field := actor.ParseRole(*c.Role)
		if field != nil {
			bad = append(bad, *field)
		}
		member.Role = role
	}
	return member, fault.InvalidFields(bad...)
}

// changeStaff writes what differs between a staff member, who is locked, and
// what is wanted of them, and returns the decisions that lapsed by it.
func (s *Service) changeStaff(ctx context.Context, tx *store.Tx, by actor.Actor, member, wanted store.StaffView, otherAdmins int) (lapsed []store.Decision, err error) {
	if member.Role == actor.Admin && wanted.Role != actor.Admin && member.DisabledAt == nil && otherAdmins == 0 {
		return nil, errLastAdmin
	}
	if err := tx.UpdateStaff(ctx, member.ID, wanted.Name, wanted.Role); err != nil {
		return nil, err
	}
	before, after := map[string]any{}, map[string]any{}
	if wanted.Role != member.Role {
		lapsed, err = s.lapseWhatIsNotPermitted(ctx, tx, actor.Actor{Kind: actor.Staff, ID: member.ID, Role: wanted.Role})
		if err != nil {
			return nil, err
		}
		before["role"], after["role"], after["decisions_lapsed"] = member.Role, wanted.Role, len(lapsed)
	}
	if wanted.Name != member.Name {
		after["name_changed"] = true // a name is personal: the row has it
	}
	return lapsed, tx.AppendEvent(ctx, staffEvent(s, by, "staff.changed", member.ID, before, after))
}

// lapseWhatIsNotPermitted ends the open decisions that somebody may no longer
// ask for, and returns them.
func (s *Service) lapseWhatIsNotPermitted(ctx context.Context, tx *store.Tx, now actor.Actor) ([]store.Decision, error) {
	open, err := tx.Reader().OpenDecisionsOf(ctx, now.ID)
	if err != nil {
		return nil, err
	}
	var lapsed []store.Decision
	for _, d := range open {
		if now.May(permissionOf(d.Kind)) {
			continue
		}
		ended, err := s.lapseIn(ctx, tx, d)
		if err != nil {
			return nil, err
		}
		if ended {
			lapsed = append(lapsed, d)
		}
	}
	return lapsed, nil
}

func (s *Service) tellAllLapsed(ctx context.Context, lapsed []store.Decision) {
	for _, d := range lapsed {
		s.tellLapsed(ctx, d)
	}
}

// DisableStaff shuts a staff member out: their sessions, tokens and invitations
// end at once and for good, and what they have asked for and is not carried out
// yet lapses. It returns fault.Conflict for the last admin, and for somebody who
// is disabled already.
func (s *Service) DisableStaff(ctx context.Context, by actor.Actor, key *store.IdempotencyKey, id uuid.UUID) (store.StaffView, error) {
	if err := permitted(by, actor.Administer); err != nil {
		return store.StaffView{}, err
	}
	var lapsed []store.Decision
	member, err := once(ctx, s, key, func(ctx context.Context, tx *store.Tx) (store.StaffView, error) {
		member, otherAdmins, err := tx.LockStaffMember(ctx, id)
		if err != nil {
			return store.StaffView{}, err
		}
		switch {
		case member.DisabledAt != nil:
			return store.StaffView{}, fault.New(fault.Conflict, "This staff member is disabled already.")
		case member.Role == actor.Admin && otherAdmins == 0:
			return store.StaffView{}, errLastAdmin
		}
		now := s.now()
		member.DisabledAt = &now
		if err := tx.DisableStaff(ctx, id, &now); err != nil {
			return store.StaffView{}, err
		}
		var ended map[string]any
		if ended, lapsed, err = s.shutOut(ctx, tx, id); err != nil {
			return store.StaffView{}, err
		}
		return member, tx.AppendEvent(ctx, staffEvent(s, by, "staff.disabled", id, nil, ended))
	})
	if err == nil {
		s.tellAllLapsed(ctx, lapsed)
	}
	return member, err
}

// shutOut ends everything that lets a staff member in and everything that they
// asked for, and returns how much there was.
func (s *Service) shutOut(ctx context.Context, tx *store.Tx, id uuid.UUID) (ended map[string]any, lapsed []store.Decision, err error) {
	now := s.now()
	sessions, err := tx.EndStaffSessions(ctx, id, uuid.Nil, now)
	if err != nil {
		return nil, nil, err
	}
	tokens, err := tx.RevokeStaffTokens(ctx, id, now)
	if err != nil {
		return nil, nil, err
	}
	if err := tx.EndInvitations(ctx, id, now); err != nil {
		return nil, nil, err
	}
	if err := tx.FreeClaims(ctx, id); err != nil {
		return nil, nil, err
	}
	lapsed, err = s.lapseWhatIsNotPermitted(ctx, tx, actor.Actor{ID: id}) // who is nobody may do nothing
	return map[string]any{"sessions_ended": sessions, "tokens_revoked": tokens, "decisions_lapsed": len(lapsed)}, lapsed, err
}

// EnableStaff lets a disabled staff member sign in again. Sessions and tokens
// that ended stay ended. It returns fault.Conflict for somebody who is enabled.
func (s *Service) EnableStaff(ctx context.Context, by actor.Actor, key *store.IdempotencyKey, id uuid.UUID) (store.StaffView, error) {
	if err := permitted(by, actor.Administer); err != nil {
		return store.StaffView{}, err
	}
	return once(ctx, s, key, func(ctx context.Context, tx *store.Tx) (store.StaffView, error) {
		member, _, err := tx.LockStaffMember(ctx, id)
		if err != nil {
			return store.StaffView{}, err
		}
		if member.DisabledAt == nil {
			return store.StaffView{}, fault.New(fault.Conflict, "This staff member is enabled already.")
		}
		member.DisabledAt = nil
		if err := tx.DisableStaff(ctx, id, nil); err != nil {
			return store.StaffView{}, err
		}
		return member, tx.AppendEvent(ctx, staffEvent(s, by, "staff.enabled", id, nil, nil))
	})
}

// ResetFactor takes the second factor from a staff member who has lost it, and
// ends their sessions. Where one is required they set up another at the next
// sign-in.
func (s *Service) ResetFactor(ctx context.Context, by actor.Actor, key *store.IdempotencyKey, id uuid.UUID) (store.StaffView, error) {
	if err := permitted(by, actor.Administer); err != nil {
		return store.StaffView{}, err
	}
	return once(ctx, s, key, func(ctx context.Context, tx *store.Tx) (store.StaffView, error) {
		member, _, err := tx.LockStaffMember(ctx, id)
		if err != nil {
			return store.StaffView{}, err
		}
		member.SecondFactor = false
		return member, s.resetFactor(ctx, tx, by, id)
	})
}

func (s *Service) resetFactor(ctx context.Context, tx *store.Tx, by actor.Actor, id uuid.UUID) error {
	now := s.now()
	if err := tx.RemoveFactor(ctx, id, now); err != nil {
		return err
	}
	sessions, err := tx.EndStaffSessions(ctx, id, uuid.Nil, now)
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, staffEvent(s, by, "staff.second_factor_reset", id, nil, map[string]any{"sessions_ended": sessions}))
}
