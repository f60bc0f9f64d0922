package service

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// CreatedService is a service with its credential.
type CreatedService struct {
	Service store.Service
	Token   string
}

// CreateService adds a platform's own gateway and returns its credential, for
// this one time; the same request again, by its key, gives the same. It returns
// fault.Invalid for a name or scopes that are none, and fault.Taken when a
// service with the name has a credential in force.
func (s *Service) CreateService(ctx context.Context, by actor.Actor, key *store.IdempotencyKey, name string, scopes []actor.Scope) (CreatedService, error) {
	if err := permitted(by, actor.Administer); err != nil {
		return CreatedService{}, err
	}
	added, err := NewGateway(name, scopes)
	if err != nil {
		return CreatedService{}, err
	}
	return once(ctx, s, key, func(ctx context.Context, tx *store.Tx) (CreatedService, error) {
		token, hash := identity.NewToken(identity.ServiceToken)
		added.Prefix, added.CreatedBy, added.CreatedAt = identity.ShownOf(token), &by.ID, s.now()
		return CreatedService{added, token}, AddGateway(ctx, tx, by, added, hash)
	})
}

// NewGateway returns a service with a new id and its scopes in order, or a
// fault.Invalid that names what is wrong with the name or the scopes.
func NewGateway(name string, scopes []actor.Scope) (store.Service, error) {
	var bad []fault.Field
	name, field := account.ParseLabel(name)
	if field != nil {
		bad = append(bad, *field)
	}
	if len(scopes) == 0 {
		bad = append(bad, fault.Field{Field: "scopes", Code: "required", Detail: "Must name what the service may do."})
	}
	var given []actor.Scope
	for _, scope := range actor.Scopes() {
		if slices.Contains(scopes, scope) {
			given = append(given, scope)
		}
	}
	if len(given) != len(scopes) {
		bad = append(bad, fault.Field{Field: "scopes", Code: "invalid", Detail: "Must be authorize, charges or refunds, each once."})
	}
	return store.Service{ID: newID(), Name: name, Scopes: given}, fault.InvalidFields(bad...)
}

// AddGateway records a service, whose credential's hash is given, with the
// audit event.
func AddGateway(ctx context.Context, tx *store.Tx, by actor.Actor, added store.Service, hash [32]byte) error {
	if err := tx.InsertService(ctx, added, hash); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, store.Event{
		At: added.CreatedAt, Actor: by, Action: "service.created", Subject: "service", SubjectID: added.ID.String(),
		After: map[string]any{"name": added.Name, "scopes": added.Scopes},
	})
}

// RevokeService ends a service's credential at once and for good, and gives its
// name back. It returns fault.NotFound when there is no such service.
func (s *Service) RevokeService(ctx context.Context, by actor.Actor, id uuid.UUID) error {
	if err := permitted(by, actor.Administer); err != nil {
		return err
	}
	now := s.now()
	return s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.RevokeService(ctx, id, now); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "service.revoked", Subject: "service", SubjectID: id.String(),
		})
	})
}
