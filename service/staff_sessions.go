package service

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// recentSignIn is how long a sign-in counts as recent.
const recentSignIn = 15 * time.Minute

// StaffSignIn is what a staff member gives to sign in.
type StaffSignIn struct {
	Email    string
	Password string
	// Code is of the second factor, or a recovery code, for those who have one.
	Code string
}

// StaffSignedIn is a session of a staff member that has begun.
type StaffSignedIn struct {
	// Token opens the session; it is not shown again.
	Token   string
	Session store.StaffSession
	Staff   store.Staff
}

// StaffSignIn begins a session of a staff member. An unknown e-mail, a wrong
// password and a staff member who is disabled or has no password are told apart
// by nobody: fault.Unauthenticated, after the same work. After the right
// password see proof.give for what a second factor is refused with.
func (s *Service) StaffSignIn(ctx context.Context, by actor.Actor, in StaffSignIn) (StaffSignedIn, error) {
	login, err := s.staffLogin(ctx, in.Email)
	if err != nil {
		return StaffSignedIn{}, err
	}
	try := newAttempt(s.limits, by, whatStaffLogin, in.Email)
	try.strange = use{} // failures from elsewhere keep staff out from nowhere
	if err := try.begin(ctx, s); err != nil {
		return StaffSignedIn{}, err
	}
	right, outdated, err := s.hasher.Verify(ctx, in.Password, login.PasswordHash)
	if err != nil {
		return StaffSignedIn{}, err
	}
	if !right {
		return StaffSignedIn{}, wrongLogin()
	}
	hash := ""
	if outdated {
		if hash, err = s.hasher.Hash(ctx, in.Password); err != nil {
			return StaffSignedIn{}, err
		}
	}
	var begun StaffSignedIn
	var refused error
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		var factor bool
		factor, refused, err = proof{login, in.Code}.give(ctx, s, tx, by)
		if err != nil || refused != nil {
			return err
		}
		if outdated {
			if err := tx.UpdateStaffPassword(ctx, login.ID, hash); err != nil {
				return err
			}
		}
		begun, err = s.beginStaffSession(ctx, tx, by, login.Staff, store.StaffSession{
			Method: store.MethodPassword, SecondFactor: factor, AuthenticatedAt: s.now(),
		})
		return err
	})
	if err == nil && refused == nil {
		try.succeed(ctx, s)
	}
	return begun, errors.Join(err, refused)
}

// staffLogin returns the login of an e-mail, or an empty one that no password
// opens.
func (s *Service) staffLogin(ctx context.Context, email string) (store.StaffLogin, error) {
	address, field := account.ParseEmail(email)
	if field != nil {
		return store.StaffLogin{}, nil
	}
	login, err := s.reader.StaffLogin(ctx, address)
	if isNotFound(err) {
		return store.StaffLogin{}, nil
	}
	return login, err
}

// unchanged locks a staff member and returns what a wrong login gives unless
// they have still the password that was proved: whoever changes it, or disables
// them, ends the sessions that there are, and no other may begin after that.
func unchanged(ctx context.Context, tx *store.Tx, proved store.StaffLogin) error {
	now, err := tx.LockStaffLogin(ctx, proved.ID)
	if isNotFound(err) || err == nil && now.PasswordHash != proved.PasswordHash {
		return wrongLogin()
	}
	return err
}

// beginStaffSession records a session of a staff member who has proved who they
// are, in the way and at the time that session says, and its audit event. A proof
// whose time is not known is not a recent one.
func (s *Service) beginStaffSession(ctx context.Context, tx *store.Tx, by actor.Actor, staff store.Staff, session store.StaffSession) (StaffSignedIn, error) {
	now := s.now()
	proved, recentUntil := session.AuthenticatedAt, session.AuthenticatedAt.Add(recentSignIn)
	switch {
	case proved.IsZero():
		proved, recentUntil = now, now
	case !session.RecentUntil.IsZero(): // it goes on
		recentUntil = session.RecentUntil
	}
	p, _, err := tx.Reader().Policy(ctx)
	if err != nil {
		return StaffSignedIn{}, err
	}
	idle, life := time.Duration(p.Sessions.Staff.Idle), time.Duration(p.Sessions.Staff.Life)
	token, hash := identity.NewToken(identity.StaffSessionToken)
	session = store.StaffSession{
		ID: newID(), StaffID: staff.ID, Hash: hash, Method: session.Method, SecondFactor: session.SecondFactor, CreatedAt: now,
		AuthenticatedAt: proved, RecentUntil: recentUntil,
		LastUsedAt: now, Idle: idle, ExpiresAt: now.Add(life), Address: addressOf(by),
	}
	if err := tx.InsertStaffSession(ctx, session); err != nil {
		return StaffSignedIn{}, err
	}
	by.Kind, by.ID, by.Role = actor.Staff, staff.ID, staff.Role
	err = tx.AppendEvent(ctx, store.Event{
		At: now, Actor: by, Action: "staff.signed_in", Subject: "staff_session", SubjectID: session.ID.String(),
		After: map[string]any{"method": session.Method, "second_factor": session.SecondFactor},
	})
	return StaffSignedIn{Token: token, Session: session, Staff: staff}, err
}

func addressOf(by actor.Actor) *netip.Addr {
	if !by.Address.IsValid() {
		return nil
	}
	return &by.Address
}

// hashStaffPassword returns the hash of a password that a staff member chooses,
// or fault.Invalid, naming password, when it cannot be taken.
func (s *Service) hashStaffPassword(ctx context.Context, staff store.Staff, password string) (string, error) {
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return "", err
	}
	if field := identity.CheckPassword(password, p.Passwords.Staff, staff.Email, staff.Name); field != nil {
		return "", fault.InvalidFields(*field)
	}
	return s.hasher.Hash(ctx, password)
}

// StaffSignOut ends a session of the staff member who asks: the one in use or
// another one of theirs. It returns fault.NotFound when they have none of that
// id.
func (s *Service) StaffSignOut(ctx context.Context, by actor.Actor, sessionID uuid.UUID) error {
	now := s.now()
	return s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.EndStaffSession(ctx, by.ID, sessionID, now); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "staff.signed_out", Subject: "staff_session", SubjectID: sessionID.String(),
		})
	})
}

// StaffStepUp lets the staff member of a session prove again who they are, for
// what asks for a recent sign-in. A wrong password or code is fault.Invalid,
// naming it, and leaves the session as it is; too many of either are
// fault.RateLimited.
func (s *Service) StaffStepUp(ctx context.Context, by actor.Actor, session store.StaffSession, password, code string) (store.StaffSession, error) {
	login, err := s.proveStaffPassword(ctx, by, password, "password")
	if err != nil {
		return store.StaffSession{}, err
	}
	var refused error
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, refused, err = proof{login, code}.give(ctx, s, tx, by)
		if err != nil || refused != nil {
			return err
		}
		session.AuthenticatedAt = s.now()
		session.RecentUntil = session.AuthenticatedAt.Add(recentSignIn)
		if err := tx.RenewStaffSession(ctx, session.ID, session.AuthenticatedAt, session.RecentUntil); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: session.AuthenticatedAt, Actor: by, Action: "staff.stepped_up", Subject: "staff_session", SubjectID: session.ID.String(),
		})
	})
	if fault.Is(refused, fault.Unauthenticated) {
		refused = wrongCode(fault.Invalid) // the session itself is good
	}
	return session, errors.Join(err, refused)
}

// proveStaffPassword returns the login of the staff member who asks, whose
// password is the given one. It returns fault.Invalid, naming field, when it is
// not, and fault.RateLimited after too many failures: who has got hold of a session
// does not get to guess.
func (s *Service) proveStaffPassword(ctx context.Context, by actor.Actor, password, field string) (store.StaffLogin, error) {
	login, err := s.reader.StaffLoginOf(ctx, by.ID)
	if err != nil {
		return store.StaffLogin{}, err
	}
	try := &attempt{failure: use{s.limits.Login, whatStaffPassword, []string{by.ID.String()}}}
	if err := try.begin(ctx, s); err != nil {
		return store.StaffLogin{}, err
	}
	right, _, err := s.hasher.Verify(ctx, password, login.PasswordHash)
	if err != nil {
		return store.StaffLogin{}, err
	}
	if !right {
		return store.StaffLogin{}, fault.InvalidFields(fault.Field{Field: field, Code: "wrong", Detail: "Is not your password."})
	}
	try.succeed(ctx, s)
	return login, nil
}

// ChangeStaffPassword gives the staff member who asks another password, ends
// every session of theirs and begins one in place of the one that asks, which is
// as recent as that one was: a password alone is no proof of who has a second
// factor. It returns fault.Invalid, naming current_password or password, when the
// present password is wrong or the new one cannot be taken, and fault.RateLimited
// after too many wrong ones.
func (s *Service) ChangeStaffPassword(ctx context.Context, by actor.Actor, session store.StaffSession, current, password string) (StaffSignedIn, error) {
	login, err := s.proveStaffPassword(ctx, by, current, "current_password")
	if err != nil {
		return StaffSignedIn{}, err
	}
	hash, err := s.hashStaffPassword(ctx, login.Staff, password)
	if err != nil {
		return StaffSignedIn{}, err
	}
	var begun StaffSignedIn
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := unchanged(ctx, tx, login); err != nil {
			return err
		}
		now := s.now()
		if err := tx.UpdateStaffPassword(ctx, by.ID, hash); err != nil {
			return err
		}
		ended, err := tx.EndStaffSessions(ctx, by.ID, uuid.Nil, now)
		if err != nil {
			return err
		}
		err = tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "staff.password_changed", Subject: "staff", SubjectID: by.ID.String(),
			After: map[string]any{"sessions_ended": ended},
		})
		if err != nil {
			return err
		}
		begun, err = s.beginStaffSession(ctx, tx, by, login.Staff, session)
		return err
	})
	return begun, err
}
