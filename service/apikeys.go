package service

import (
	"context"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// CreateAPIKey makes a key of the user's account and returns it, for this one
// time. The key gets the given id, or one of its own when that is nil: a form
// that is sent twice with the id of its key makes one, and fault.KeyReused the
// second time. It returns fault.Invalid for a name that is none, fault.Conflict when
// the account has as many keys as the policy permits, and the reason when the
// account is not active.
func (s *Service) CreateAPIKey(ctx context.Context, by actor.Actor, id uuid.UUID, name string) (k store.APIKey, key string, err error) {
	if err := itself(by); err != nil {
		return store.APIKey{}, "", err
	}
	name, field := account.ParseLabel(name)
	if field != nil {
		return store.APIKey{}, "", fault.InvalidFields(*field)
	}
	if id == uuid.Nil {
		id = newID()
	}
	key, hash := identity.NewAPIKey()
	k = store.APIKey{ID: id, AccountID: by.ID, Name: name, Prefix: identity.ShownOf(key), CreatedAt: s.now()}
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		a, err := tx.LockAccount(ctx, by.ID)
		if err != nil {
			return err
		}
		if err := usable(a); err != nil {
			return err
		}
		p, _, err := tx.Reader().Policy(ctx)
		if err != nil {
			return err
		}
		if err := tx.InsertAPIKey(ctx, k, hash, p.MaxAPIKeys); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: k.CreatedAt, Actor: by, Action: "api_key.created", Subject: "api_key", SubjectID: k.ID.String(), AccountID: &by.ID,
		})
	})
	return k, key, err
}

// RevokeAPIKey ends a key of the user's account at once and for good. It
// returns fault.NotFound when the account has no such key.
func (s *Service) RevokeAPIKey(ctx context.Context, by actor.Actor, id uuid.UUID) error {
	if err := itself(by); err != nil {
		return err
	}
	now := s.now()
	return s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.RevokeAPIKey(ctx, by.ID, id, now); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "api_key.revoked", Subject: "api_key", SubjectID: id.String(), AccountID: &by.ID,
		})
	})
}

// usable returns nil when an account may be used: it is active and no
// suspension is on its way.
func usable(a account.Account) error {
	switch {
	case a.Status == account.Suspended || a.BlockedBy != nil:
		return fault.New(fault.AccountSuspended, "This account is suspended.")
	case a.Status == account.Active:
		return nil
	case a.Status == account.Pending:
		return fault.New(fault.AccountPending, "This account is not approved yet.")
	case a.Status == account.Rejected:
		return fault.New(fault.AccountRejected, "The application of this account was rejected.")
	default:
		return fault.New(fault.AccountClosed, "This account is closed.")
	}
}
