package service

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/sso"
	"kibali/store"
)

// SSO returns the identity provider of staff, nil when there is none.
func (s *Service) SSO() *sso.Provider { return s.sso }

// SignedOn is what came of a sign-in through the identity provider.
type SignedOn struct {
	StaffSignedIn
	// Next is where the person was going.
	Next string
}

// StaffSignOn begins a session of the staff member whom the identity provider
// names. kept is what their browser kept since sso.Begin, and query what the
// provider sent it back with. Whoever is new is added, and what the provider says
// of their name, e-mail and role is taken over. It returns fault.Unauthenticated
// with an sso.Reason when nobody is signed in, fault.Unavailable when the provider
// does not answer, and fault.RateLimited after too many failures from an address.
//
// A sign-in that was begun to step a session up is fault.Unauthenticated: it is
// for StaffSignOnAgain.
func (s *Service) StaffSignOn(ctx context.Context, by actor.Actor, kept string, query url.Values) (SignedOn, error) {
	person, err := s.signedOn(ctx, by, kept, query)
	if err != nil {
		return SignedOn{}, err
	}
	if person.Session != uuid.Nil {
		return SignedOn{}, sso.Refuse(sso.Lost)
	}
	on := signOn{Service: s, by: by, person: person}
	begun, err := on.begin(ctx)
	s.tellAllLapsed(ctx, on.lapsed)
	return SignedOn{begun, person.Next}, err
}

// StaffSignOnAgain lets the staff member of a session prove again through the
// identity provider who they are, for what asks for a recent sign-in. It returns
// what StaffSignOn does, also when the provider names somebody else.
func (s *Service) StaffSignOnAgain(ctx context.Context, by actor.Actor, session store.StaffSession, kept string, query url.Values) (next string, err error) {
	person, err := s.signedOn(ctx, by, kept, query)
	if err != nil {
		return "", err
	}
	if person.Session != session.ID {
		return "", sso.Refuse(sso.Lost)
	}
	var refused error
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		first, err := tx.UseSignOn(ctx, person.Once, s.now(), 2*sso.Patience)
		if err != nil {
			return err
		}
		if !first {
			return sso.Refuse(sso.Lost)
		}
		id, err := tx.Reader().StaffByIdentity(ctx, store.StaffIdentity{Issuer: person.Issuer, Subject: person.Subject})
		if isNotFound(err) || err == nil && id != session.StaffID {
			refused = sso.Refuse(sso.Another)
			return nil
		}
		if err != nil {
			return err
		}
		at := earlier(person.AuthenticatedAt, s.now())
		if err := tx.RenewStaffSession(ctx, session.ID, at, at.Add(recentSignIn)); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: s.now(), Actor: by, Action: "staff.stepped_up", Subject: "staff_session", SubjectID: session.ID.String(),
			After: map[string]any{"method": store.MethodSSO},
		})
	})
	return person.Next, errors.Join(err, refused)
}

// signedOn asks the provider who it is. Only failures are counted.
func (s *Service) signedOn(ctx context.Context, by actor.Actor, kept string, query url.Values) (sso.Person, error) {
	if s.sso == nil {
		return sso.Person{}, fault.New(fault.NotFound, "There is no identity provider.")
	}
	try := newAttempt(s.limits, by, whatStaffSignOn, "")
	try.failure, try.strange = use{}, use{} // whose sign-in fails is not known
	if err := try.begin(ctx, s); err != nil {
		return sso.Person{}, err
	}
	person, err := s.sso.Finish(ctx, kept, query)
	if err == nil || fault.Is(err, fault.Unavailable) {
		try.succeed(ctx, s)
	}
	return person, err
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}

// signOn is one sign-in of somebody whom the provider has named.
type signOn struct {
	*Service
	by      actor.Actor
	person  sso.Person
	refused error
	lapsed  []store.Decision
}

// provider is who changes a staff member at their sign-in, for the record.
func (o *signOn) provider() actor.Actor {
	return actor.Actor{Kind: actor.System, RequestID: o.by.RequestID, Address: o.by.Address}
}

func (o *signOn) begin(ctx context.Context) (begun StaffSignedIn, err error) {
	err = o.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		o.lapsed, o.refused = nil, nil
		first, err := tx.UseSignOn(ctx, o.person.Once, o.now(), 2*sso.Patience)
		if err != nil {
			return err
		}
		if !first {
			return sso.Refuse(sso.Lost)
		}
		staff, err := o.member(ctx, tx)
		if err != nil || o.refused != nil {
			return err
		}
		how := store.StaffSession{Method: store.MethodSSO, SecondFactor: true, AuthenticatedAt: earlier(o.person.AuthenticatedAt, o.now())}
		begun, err = o.beginStaffSession(ctx, tx, o.by, staff, how)
		return err
	})
	if fault.Is(err, fault.Taken) {
		err = sso.Refuse(sso.EmailTaken)
	}
	if err == nil {
		err = o.refused
	}
	return begun, err
}

// member returns the staff member who the person is: the one who is linked, else
// the one whose e-mail the provider vouches for, else a new one.
func (o *signOn) member(ctx context.Context, tx *store.Tx) (store.Staff, error) {
	identity := store.StaffIdentity{Issuer: o.person.Issuer, Subject: o.person.Subject}
	email, field := account.ParseEmail(o.person.Email)
	if field != nil {
		return store.Staff{}, sso.Refuse(sso.Unverified)
	}
	o.person.Email = email
	id, err := tx.Reader().StaffByIdentity(ctx, identity)
	if err == nil {
		return o.known(ctx, tx, id)
	}
	if !isNotFound(err) {
		return store.Staff{}, err
	}
	if o.person.Role == "" {
		return store.Staff{}, sso.Refuse(sso.NoRole)
	}
	id, err = tx.Reader().StaffIDByEmail(ctx, email)
	if isNotFound(err) {
		return o.added(ctx, tx, identity)
	}
	if err != nil {
		return store.Staff{}, err
	}
	return o.linked(ctx, tx, id, identity)
}

// added adds the person as a staff member.
func (o *signOn) added(ctx context.Context, tx *store.Tx, identity store.StaffIdentity) (store.Staff, error) {
	name, field := account.ParseName(o.person.Name)
	if field != nil {
		name = o.person.Email
	}
	member, err := NewStaff(o.person.Email, name, string(o.person.Role))
	if err != nil {
		return store.Staff{}, err
	}
	if err := o.AddStaff(ctx, tx, o.provider(), member, ""); err != nil {
		return store.Staff{}, err
	}
	return member, o.link(ctx, tx, member.ID, identity, 0)
}

// linked makes a staff member who had a password one who comes through the
// provider: the password, the second factor and every session with them end.
func (o *signOn) linked(ctx context.Context, tx *store.Tx, id uuid.UUID, identity store.StaffIdentity) (store.Staff, error) {
	member, _, err := tx.LockStaffMember(ctx, id)
	switch {
	case err != nil:
		return store.Staff{}, err
	case member.DisabledAt != nil:
		return store.Staff{}, sso.Refuse(sso.Disabled)
	case member.SSO:
		return store.Staff{}, sso.Refuse(sso.EmailTaken) // by another person of the provider
	}
	now := o.now()
	if err := tx.RemoveFactor(ctx, id, now); err != nil {
		return store.Staff{}, err
	}
	if err := tx.EndInvitations(ctx, id, now); err != nil {
		return store.Staff{}, err
	}
	ended, err := tx.EndStaffSessions(ctx, id, uuid.Nil, now)
	if err != nil {
		return store.Staff{}, err
	}
	if err := o.link(ctx, tx, id, identity, ended); err != nil {
		return store.Staff{}, err
	}
	staff, err := o.known(ctx, tx, id)
	if err == nil && o.refused != nil {
		err, o.refused = o.refused, nil // they keep their password
	}
	return staff, err
}

func (o *signOn) link(ctx context.Context, tx *store.Tx, id uuid.UUID, identity store.StaffIdentity, ended int) error {
	if err := tx.LinkStaff(ctx, id, identity, o.now()); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, staffEvent(o.Service, o.provider(), "staff.sign_on_linked", id, nil, map[string]any{"sessions_ended": ended}))
}

// known takes over what the provider says of a staff member who is linked, and
// refuses who is disabled or has no role any more.
func (o *signOn) known(ctx context.Context, tx *store.Tx, id uuid.UUID) (store.Staff, error) {
	member, otherAdmins, err := tx.LockStaffMember(ctx, id)
	if err != nil {
		return store.Staff{}, err
	}
	if member.DisabledAt != nil {
		return store.Staff{}, o.refuse(ctx, tx, id, sso.Disabled, nil)
	}
	if o.person.Role == "" {
		ended, lapsed, err := o.shutOut(ctx, tx, id)
		if err != nil {
			return store.Staff{}, err
		}
		o.lapsed = lapsed
		return store.Staff{}, o.refuse(ctx, tx, id, sso.NoRole, ended)
	}
	wanted := member
	wanted.Role = o.person.Role
	if name, field := account.ParseName(o.person.Name); field == nil {
		wanted.Name = name
	}
	if wanted.Role != member.Role || wanted.Name != member.Name {
		o.lapsed, err = o.changeStaff(ctx, tx, o.provider(), member, wanted, otherAdmins)
		if errors.Is(err, errLastAdmin) {
			return store.Staff{}, o.refuse(ctx, tx, id, sso.LastAdmin, nil)
		}
		if err != nil {
			return store.Staff{}, err
		}
	}
	if o.person.Email != member.Email {
		if err := o.changeEmail(ctx, tx, id); err != nil {
			return store.Staff{}, err
		}
	}
	return store.Staff{ID: id, Email: o.person.Email, Name: wanted.Name, Role: wanted.Role}, nil
}

func (o *signOn) changeEmail(ctx context.Context, tx *store.Tx, id uuid.UUID) error {
	if err := tx.UpdateStaffEmail(ctx, id, o.person.Email); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, staffEvent(o.Service, o.provider(), "staff.changed", id, nil, map[string]any{"email_changed": true}))
}

// refuse records that a staff member was refused, which is not an error of the
// transaction.
func (o *signOn) refuse(ctx context.Context, tx *store.Tx, id uuid.UUID, reason sso.Reason, ended map[string]any) error {
	o.refused = sso.Refuse(reason)
	after := map[string]any{"reason": reason}
	for name, n := range ended {
		after[name] = n
	}
	return tx.AppendEvent(ctx, staffEvent(o.Service, o.provider(), "staff.sign_on_refused", id, nil, after))
}
