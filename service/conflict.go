package service

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

// Current is what a conflict says of an account: its state and what made it
// so. Action, Actor and DecidedAt are absent where nobody has decided yet.
type Current struct {
	Status    account.Status `json:"status,omitempty"` // none where it is about many accounts
	Stage     account.Stage  `json:"stage,omitempty"`
	Action    account.Action `json:"action,omitempty"`
	Actor     *CurrentActor  `json:"actor,omitempty"`
	DecidedAt *time.Time     `json:"decided_at,omitempty"`
	// Pending says that the decision is recorded and being carried out.
	Pending bool `json:"pending,omitempty"`
}

// CurrentActor is who decided.
type CurrentActor struct {
	Kind actor.Kind `json:"kind"`
	ID   *uuid.UUID `json:"id,omitempty"`
	Name string     `json:"name,omitempty"`
}

// withCurrent adds what made the account what it is to a conflict. Another
// error, and an error on the way, is returned as it is.
func (s *Service) withCurrent(ctx context.Context, r *store.Reader, a account.Account, err error) error {
	refused := fault.As(err)
	if refused == nil || refused.Code != fault.Conflict {
		return err
	}
	if a.DecidedBy != nil {
		d, err := r.Decision(ctx, *a.DecidedBy)
		if err != nil {
			return err
		}
		return refused.With("current", currentOf(a, d))
	}
	current := Current{Status: a.Status, Stage: a.Stage}
	switch a.Status {
	case account.Rejected:
		current.Action = account.Expire
	case account.Active:
		current.Action = account.Reactivate
	}
	if current.Action != "" {
		current.Actor, current.DecidedAt = &CurrentActor{Kind: actor.System}, &a.StageSince
	}
	return refused.With("current", current)
}

func conflict(a account.Account, d store.Decision, message string) error {
	return fault.New(fault.Conflict, "%s", message).With("current", currentOf(a, d))
}

func currentOf(a account.Account, d store.Decision) Current {
	at := d.RequestedAt
	if d.ClosedAt != nil {
		at = *d.ClosedAt
	}
	at = at.UTC()
	return Current{
		Status: a.Status, Stage: a.Stage, Action: d.Kind, DecidedAt: &at, Pending: d.Open(),
		Actor: &CurrentActor{Kind: actor.Staff, ID: &d.StaffID, Name: d.StaffName},
	}
}
