package service

import (
	"context"
	"time"

	"kibali/domain/account"
	"kibali/domain/actor"
)

// Suspend asks for an active account to be kept out, until the given time or
// until it is reactivated. The account is blocked from the moment the decision
// is recorded, whatever happens to workers or Temporal. See decide for the
// errors.
func (s *Service) Suspend(ctx context.Context, by actor.Actor, ask Ask) (Decided, error) {
	return s.access(ctx, by, ask, account.Suspend)
}

// ChangeUntil asks for a suspension to end by itself at another time, or, when
// ask has none, not to end by itself. See decide for the errors.
func (s *Service) ChangeUntil(ctx context.Context, by actor.Actor, ask Ask) (Decided, error) {
	return s.access(ctx, by, ask, account.ChangeUntil)
}

// Reactivate asks for a suspended account to be let in again. See decide for
// the errors.
func (s *Service) Reactivate(ctx context.Context, by actor.Actor, ask Ask) (Decided, error) {
	return s.access(ctx, by, ask, account.Reactivate)
}

// Close asks for an account that is not under review to be closed for good.
// See decide for the errors.
func (s *Service) Close(ctx context.Context, by actor.Actor, ask Ask) (Decided, error) {
	return s.access(ctx, by, ask, account.Close)
}

func (s *Service) access(ctx context.Context, by actor.Actor, ask Ask, kind account.Action) (Decided, error) {
	if err := permitted(by, actor.ManageAccess); err != nil {
		return Decided{}, err
	}
	if err := ask.normalise(kind); err != nil {
		return Decided{}, err
	}
	if ask.Until != nil {
		until := ask.Until.UTC().Truncate(time.Microsecond)
		ask.Until = &until
	}
	return s.decide(ctx, by, order{Ask: ask, kind: kind})
}
