package service

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// LoggedIn is a session that has begun.
type LoggedIn struct {
	Token   string
	Account store.AccountView
}

// Login begins a session. An unknown e-mail, a wrong password and a login that
// opens nothing any more are told apart by nobody: fault.Unauthenticated, after
// the same work; too many such failures are fault.RateLimited. After the right
// password a suspended account is refused with fault.AccountSuspended, which says
// why, since when and until when, and has a token to appeal with.
func (s *Service) Login(ctx context.Context, by actor.Actor, email, password string) (LoggedIn, error) {
	login, err := s.loginOf(ctx, email)
	if err != nil {
		return LoggedIn{}, err
	}
	try := newAttempt(s.limits, by, whatLogin, email)
	try.known = func(ctx context.Context) (bool, error) { return s.known(ctx, by, login.AccountID) }
	if err := try.begin(ctx, s); err != nil {
		return LoggedIn{}, err
	}
	right, outdated, err := s.hasher.Verify(ctx, password, login.PasswordHash)
	if err != nil {
		return LoggedIn{}, err
	}
	if !right {
		return LoggedIn{}, wrongLogin()
	}
	try.succeed(ctx, s)
	view, err := s.reader.Account(ctx, login.AccountID)
	if err != nil {
		return LoggedIn{}, err
	}
	switch {
	case view.Status == account.Closed:
		return LoggedIn{}, wrongLogin()
	case login.ResetRequired:
		return LoggedIn{}, errResetRequired
	case view.Status == account.Suspended:
		return LoggedIn{}, s.withAppealToken(ctx, by, view.ID, suspended(view))
	case view.BlockedBy != nil:
		return LoggedIn{}, s.withAppealToken(ctx, by, view.ID, s.blocked(ctx, view))
	}
	by.Kind, by.ID = actor.Account, view.ID
	token, begun, err := s.beginSession(ctx, by, login, password, outdated)
	if isNotFound(err) {
		return LoggedIn{}, wrongLogin() // the password was changed in this moment
	}
	if err != nil {
		return LoggedIn{}, err
	}
	view.LastActiveAt = begun
	return LoggedIn{Token: token, Account: view}, nil
}

// loginOf returns the login of an e-mail, or an empty one that no password
// opens.
func (s *Service) loginOf(ctx context.Context, email string) (store.Login, error) {
	address, field := account.ParseEmail(email)
	if field != nil {
		return store.Login{}, nil
	}
	login, err := s.reader.LoginByEmail(ctx, address)
	if isNotFound(err) {
		return store.Login{}, nil
	}
	return login, err
}

func wrongLogin() error {
	return fault.New(fault.Unauthenticated, "The e-mail address or the password is wrong.")
}

var errResetRequired = fault.New(fault.ResetRequired,
	"Set a new password first: the link is in your e-mail, and another one can be asked for.")

func suspended(view store.AccountView) error {
	refused := fault.New(fault.AccountSuspended, "This account is suspended.").
		With("reason", view.Reason.Text).With("reason_code", view.Reason.Code).With("suspended_at", view.StageSince.UTC())
	if view.SuspendedUntil.IsZero() {
		return refused.With("until", nil)
	}
	return refused.With("until", view.SuspendedUntil)
}

// blocked is what suspended is, while the decision is on its way to its case.
func (s *Service) blocked(ctx context.Context, view store.AccountView) error {
	d, err := s.reader.Decision(ctx, *view.BlockedBy)
	if err != nil {
		return err
	}
	view.Reason = &store.StatusReason{Code: d.ReasonCode, Text: d.Reason}
	view.StageSince, view.SuspendedUntil = d.RequestedAt, time.Time{}
	if d.Until != nil {
		view.SuspendedUntil = d.Until.UTC()
	}
	return suspended(view)
}

func (s *Service) beginSession(ctx context.Context, by actor.Actor, login store.Login, password string, outdated bool) (token string, at time.Time, err error) {
	hash := ""
	if outdated {
		if hash, err = s.hasher.Hash(ctx, password); err != nil {
			return "", time.Time{}, err
		}
	}
	token, begun, err := s.newSession(ctx, s.reader, by, login)
	if err != nil {
		return "", time.Time{}, err
	}
	begun.NewHash = hash
	return token, begun.Session.CreatedAt, s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.BeginSession(ctx, begun) })
}

// newSession returns a session of a login, as long as the policy says, with its
// token: each has one of its own, whatever sessions there were before.
func (s *Service) newSession(ctx context.Context, r *store.Reader, by actor.Actor, login store.Login) (token string, begun store.Beginning, err error) {
	p, _, err := r.Policy(ctx)
	if err != nil {
		return "", store.Beginning{}, err
	}
	idle, life := time.Duration(p.Sessions.User.Idle), time.Duration(p.Sessions.User.Life)
	now := s.now()
	token, hash := identity.NewToken(identity.SessionToken)
	session := store.Session{
		ID: newID(), AccountID: login.AccountID, Purpose: store.PurposeSession, Hash: hash,
		CreatedAt: now, Idle: idle, ExpiresAt: now.Add(life), Address: addressOf(by),
	}
	return token, store.Beginning{Session: session, Proved: login, Event: store.Event{
		At: now, Actor: by, Action: "session.begun", Subject: "session", SubjectID: session.ID.String(), AccountID: &login.AccountID,
	}}, nil
}

// Logout ends the session of a token. A session that has ended already, or
// never was, is fault.NotFound.
func (s *Service) Logout(ctx context.Context, by actor.Actor, token string) error {
	session, err := s.reader.SessionByToken(ctx, identity.HashToken(token), s.now())
	if err != nil {
		return err
	}
	by.Kind, by.ID = actor.Account, session.AccountID
	return s.EndSession(ctx, by, session.ID)
}

// EndSession ends a session of the user who asks: the one in use or another one
// of theirs. It returns fault.NotFound when they have none of that id.
func (s *Service) EndSession(ctx context.Context, by actor.Actor, sessionID uuid.UUID) error {
	if err := itself(by); err != nil {
		return err
	}
	now := s.now()
	return s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.EndSession(ctx, by.ID, sessionID, now); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "session.ended", Subject: "session", SubjectID: sessionID.String(), AccountID: &by.ID,
		})
	})
}
