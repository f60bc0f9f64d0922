package service

import (
	"context"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

// Erase asks for everything personal to be taken out of a closed account: it
// cannot be undone, and leaves the ledger and the audit trail as they are. ask
// has a reason code; its note stays, so it must say nothing of the person. See
// decide for the errors; it is fault.Conflict too while a message of the account
// has no outcome yet, and when the account was erased before.
func (s *Service) Erase(ctx context.Context, by actor.Actor, ask Ask) (Decided, error) {
	if err := permitted(by, actor.ManageData); err != nil {
		return Decided{}, err
	}
	if err := ask.normalise(account.Erase); err != nil {
		return Decided{}, err
	}
	return s.decide(ctx, by, order{Ask: ask, kind: account.Erase})
}

// erasable returns fault.Conflict when a closed account cannot be erased now.
func erasable(ctx context.Context, r *store.Reader, a account.Account) error {
	if a.Erased() {
		return fault.New(fault.Conflict, "The account was erased before.")
	}
	if a.Status != account.Closed {
		return nil // the state machine says so
	}
	unfinished, err := r.Unfinished(ctx, a.ID)
	if err == nil && unfinished > 0 {
		err = fault.New(fault.Conflict, "%d messages of the account have no outcome yet.", unfinished)
	}
	return err
}
