package activities

import (
	"context"

	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/notify"
	"kibali/store"
)

// EndSuspension reactivates an account whose suspension has run out. It is
// refused when the account has moved on or its suspension ends at another time
// now. A decision to end it at another time that is recorded and has not reached
// its case holds: it is carried out instead.
func (a *Activities) EndSuspension(ctx context.Context, d Deadline) (cases.Outcome, error) {
	caseID := cases.SuspensionID(d.AccountID)
	var o cases.Outcome
	err := a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		acc, err := tx.LockAccount(ctx, d.AccountID)
		if err != nil {
			return err
		}
		if !cases.EntryOf(acc).Equal(d.Entry) {
			o, err = refused(ctx, tx, acc, caseID, fault.Conflict)
			return err
		}
		open, err := tx.Reader().OpenDecision(ctx, caseID)
		if err == nil && open.Kind == account.ChangeUntil {
			if o, err = a.apply(ctx, tx, acc, open); err != nil {
				return err
			}
			if !o.Entry.Equal(d.Entry) { // else it was moved to where it is
				o.Result, o.Code = cases.Refused, string(fault.Conflict)
				return nil
			}
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		t, err := a.change(ctx, tx, acc, account.Reactivate)
		if err != nil {
			return err
		}
		t.owe(notify.Reactivated, moment(acc))
		o, err = t.commit(ctx, caseID)
		return err
	})
	return o, err
}
