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
// so. Where nobody has decided yet that is what the applicant did last.
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
	at := a.StageSince.UTC()
	current := Current{Status: a.Status, Stage: a.Stage, DecidedAt: &at, Actor: &CurrentActor{Kind: actor.System}}
	switch a.Status {
	case account.Rejected:
		current.Action = account.Expire
	case account.Active:
		current.Action = account.Reactivate
	default:
		current.Actor = &CurrentActor{Kind: actor.Account, ID: &a.ID, Name: a.Name}
		var err error
		if current.Action, err = submission(ctx, r, a); err != nil {
			return err
		}
	}
	return refused.With("current", current)
}

// register is what an applicant does first. It makes the account and moves none,
// so the state machine does not know it.
const register account.Action = "register"

// submission is what the applicant of an account did that nobody has decided on
// since.
func submission(ctx context.Context, r *store.Reader, a account.Account) (account.Action, error) {
	if a.Stage != account.InReview {
		return register, nil
	}
	application, err := r.CurrentApplication(ctx, a.ID)
	switch {
	case err != nil:
		return "", err
	case application.SubmittedAt.After(a.RegisteredAt):
		return account.Resubmit, nil
	}
	return account.DocumentsReceived, nil
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
