package service

import (
	"context"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/store"
)

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
	if err := tx.SetPassword(ctx, login.ID, c.hash); err != nil {
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
