package service

import (
	"context"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/store"
)

// ChangePassword gives the login of the user who asks another password, ends
// every session and the right to add documents, tells the user of it and begins a
// new session. It returns fault.Invalid, naming current_password or password,
// when the present password is wrong or the new one cannot be taken.
func (s *Service) ChangePassword(ctx context.Context, by actor.Actor, current, password string) (LoggedIn, error) {
	if err := itself(by); err != nil {
		return LoggedIn{}, err
	}
	login, err := s.provePassword(ctx, by, current)
	if err != nil {
		return LoggedIn{}, err
	}
	if password == current {
		return LoggedIn{}, errUnchanged
	}
	hash, err := s.newPassword(ctx, by.ID, password, false)
	if err != nil {
		return LoggedIn{}, err
	}
	id := newID()
	var token string
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.LockAccount(ctx, by.ID); err != nil {
			return err
		}
		now, err := tx.LockLogin(ctx, by.ID)
		if err != nil {
			return err
		}
		if now.PasswordHash != login.PasswordHash {
			return errCurrentPassword // it was changed in this moment
		}
		err = s.setPassword(ctx, tx, passwordChange{key: id, hash: hash, Event: store.Event{
			At: s.now(), Actor: by, Action: "password.changed", Subject: "account", SubjectID: by.ID.String(), AccountID: &by.ID,
			WorkflowID: cases.NotificationID(id),
		}})
		if err != nil {
			return err
		}
		var begun store.Beginning
		token, begun, err = s.newSession(ctx, tx.Reader(), by, store.Login{ID: now.ID, AccountID: by.ID, PasswordHash: hash})
		if err != nil {
			return err
		}
		return tx.BeginSession(ctx, begun)
	})
	if err != nil {
		return LoggedIn{}, err
	}
	s.openNotification(ctx, cases.NotificationID(id), by.ID)
	view, err := s.reader.Account(ctx, by.ID)
	return LoggedIn{Token: token, Account: view}, err
}

// provePassword returns the login of the user who asks, whose password is the
// given one. It returns fault.Invalid, naming current_password, when it is not, and
// fault.RateLimited after too many failures.
func (s *Service) provePassword(ctx context.Context, by actor.Actor, password string) (store.Login, error) {
	login, err := s.reader.LoginOf(ctx, by.ID)
	if err != nil {
		return store.Login{}, err
	}
	try := &attempt{failure: use{s.limits.Login, whatPassword, []string{by.ID.String()}}}
	if err := try.begin(ctx, s); err != nil {
		return store.Login{}, err
	}
	right, _, err := s.hasher.Verify(ctx, password, login.PasswordHash)
	if err != nil {
		return store.Login{}, err
	}
	if !right {
		return store.Login{}, errCurrentPassword
	}
	try.succeed(ctx, s)
	return login, nil
}

var errCurrentPassword = fault.InvalidFields(fault.Field{Field: "current_password", Code: "wrong", Detail: "Is not your password."})

// openNotification opens the case that sends what an account is owed by it. When
// that fails, the sweep does it.
func (s *Service) openNotification(ctx context.Context, caseID string, accountID uuid.UUID) {
	ctx, cancel := detached(ctx, s.reach)
	defer cancel()
	o, err := s.openingOf(ctx, caseID, accountID)
	if err == nil {
		_, err = s.temporal.ExecuteWorkflow(ctx, o.options, o.workflow, o.input)
	}
	if err != nil {
		s.unreached(caseID, err)
	}
}

// passwordChange is a login's change of password, with its event.
type passwordChange struct {
	store.Event
	key  uuid.UUID // tells its notices from others
	hash string
}

// setPassword gives the login of the event's account, which is locked, another
// password, ends every token of the account and owes it a word about that.
func (s *Service) setPassword(ctx context.Context, tx *store.Tx, c passwordChange) error {
	login, err := tx.LockLogin(ctx, *c.AccountID)
	if err != nil {
		return err
	}
	if err := tx.SetPassword(ctx, login, c.hash, c.At); err != nil {
		return err
	}
	if err := tx.EndSessions(ctx, *c.AccountID, c.At); err != nil {
		return err
	}
	if err := tx.InsertNotices(ctx, passwordNotices(c)...); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, c.Event)
}

func passwordNotices(c passwordChange) []store.Notice {
	var notices []store.Notice
	for _, channel := range []string{store.Email, store.SMS} {
		notices = append(notices, store.Notice{
			ID: newID(), Key: "password_changed/" + c.key.String() + "/" + channel, AccountID: *c.AccountID, CaseID: c.WorkflowID,
			Kind: "password_changed", Channel: channel, CreatedAt: c.At,
		})
	}
	return notices
}

// ownData is what a password must not be made of.
func ownData(name, email, phone string, c account.Company) []string {
	return []string{email, name, phone, c.Name, c.RegistrationNumber, c.TIN, c.Website, c.Address}
}
