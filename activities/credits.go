package activities

import (
	"context"

	"kibali/domain/account"
	"kibali/domain/ledger"
	"kibali/store"
)

// moveCredits does with an account's credits what its new status asks for: a
// suspension holds them, its end releases them, closing settles what is left.
// The audit event says what there was before and after. It comes before the
// status is written; from its lock on, nothing else changes the credits.
func (t *transition) moveCredits(ctx context.Context) error {
	var move func(context.Context, store.Move) (before, after ledger.Balance, err error)
	switch {
	case t.action.Remains():
		return nil
	case t.account.Status == account.Suspended:
		move = t.tx.Hold
	case t.account.Status == account.Closed:
		move = t.tx.Settle
	case t.before.Status == account.Suspended:
		move = t.tx.Release
	default:
		return nil
	}
	before, after, err := move(ctx, store.Move{
		ID: newID(), AccountID: t.account.ID, DecisionID: t.write.Decision, Actor: t.write.Event.Actor, At: t.now,
	})
	if err != nil {
		return err
	}
	t.write.Event.Before["credits"], t.write.Event.After["credits"] = before.Facts(), after.Facts()
	return nil
}
