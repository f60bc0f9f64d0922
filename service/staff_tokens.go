package service

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// How long a personal access token may be good, and how many a staff member may
// have.
const (
	staffTokenLife  = 366 * 24 * time.Hour
	maxStaffTokens  = 50
	leastTokenLife  = time.Minute
	tokenScopeField = "scopes"
)

// NewStaffToken is the personal access token that a staff member asks for.
type NewStaffToken struct {
	Name string
	// Scopes are what it is limited to; none is everything that the role permits.
	Scopes    []string
	ExpiresAt time.Time
}

// CreatedStaffToken is a personal access token, which is shown this once.
type CreatedStaffToken struct {
	Token  string
	Record store.StaffToken
}

// CreateStaffToken makes a personal access token for the staff member who asks.
// It returns fault.Invalid, naming what is wrong, for a name that is none, a
// scope that their role does not permit or a time that is past or more than a
// year ahead, and fault.Conflict when they have too many.
func (s *Service) CreateStaffToken(ctx context.Context, by actor.Actor, key *store.IdempotencyKey, wanted NewStaffToken) (CreatedStaffToken, error) {
	made, err := s.newStaffToken(by, wanted)
	if err != nil {
		return CreatedStaffToken{}, err
	}
	return once(ctx, s, key, func(ctx context.Context, tx *store.Tx) (CreatedStaffToken, error) {
		if _, err := tx.LockStaffLogin(ctx, by.ID); err != nil {
			return CreatedStaffToken{}, err
		}
		have, err := tx.Reader().StaffTokens(ctx, by.ID, s.now())
		if err != nil {
			return CreatedStaffToken{}, err
		}
		if len(have) >= maxStaffTokens {
			return CreatedStaffToken{}, fault.New(fault.Conflict, "You may have at most %d tokens: revoke one first.", maxStaffTokens)
		}
		if err := tx.InsertStaffToken(ctx, made.Record); err != nil {
			return CreatedStaffToken{}, err
		}
		return made, tx.AppendEvent(ctx, store.Event{
			At: made.Record.CreatedAt, Actor: by, Action: "staff.token_created", Subject: "staff_token", SubjectID: made.Record.ID.String(),
			After: map[string]any{"scopes": made.Record.Scopes, "expires_at": made.Record.ExpiresAt},
		})
	})
}

func (s *Service) newStaffToken(by actor.Actor, wanted NewStaffToken) (CreatedStaffToken, error) {
	now := s.now()
	var bad []fault.Field
	name, field := account.ParseLabel(wanted.Name)
	if field != nil {
		bad = append(bad, *field)
	}
	var scopes []actor.Permission
	for _, scope := range wanted.Scopes {
		if !by.May(actor.Permission(scope)) || slices.Contains(scopes, actor.Permission(scope)) {
			bad = append(bad, fault.Field{Field: tokenScopeField, Code: "invalid", Detail: "Must be permissions of your role, each once."})
			break
		}
		scopes = append(scopes, actor.Permission(scope))
	}
	expires := wanted.ExpiresAt.UTC().Truncate(time.Microsecond)
	if expires.Before(now.Add(leastTokenLife)) || expires.After(now.Add(staffTokenLife)) {
		bad = append(bad, fault.Field{Field: "expires_at", Code: "invalid", Detail: "Must be in the future, and within a year."})
	}
	token, hash := identity.NewToken(identity.StaffToken)
	return CreatedStaffToken{Token: token, Record: store.StaffToken{
		ID: newID(), StaffID: by.ID, Name: name, Hash: hash, Scopes: scopes, CreatedAt: now, ExpiresAt: &expires,
	}}, fault.InvalidFields(bad...)
}

// RevokeStaffToken ends a personal access token of the staff member who asks. It
// returns fault.NotFound when they have none of that id.
func (s *Service) RevokeStaffToken(ctx context.Context, by actor.Actor, id uuid.UUID) error {
	now := s.now()
	return s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.RevokeStaffToken(ctx, by.ID, id, now); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "staff.token_revoked", Subject: "staff_token", SubjectID: id.String(),
		})
	})
}
