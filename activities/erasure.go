package activities

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/store"
)

// reasonRetention is the reason code of what time orders.
const reasonRetention = store.ForRetention

// DeleteDocuments takes the files of an account that is to be erased out of
// storage. First nobody is given them any more, then they are deleted, and each
// is noted when it is gone: whoever dies on the way leaves what the next attempt
// needs to go on. It does nothing for an account that is not closed, and for a
// decision that is not open.
func (a *Activities) DeleteDocuments(ctx context.Context, step cases.ErasureStep) error {
	defer alive(ctx)()
	due := false
	err := a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		acc, err := tx.LockAccount(ctx, step.AccountID)
		if err != nil {
			return err
		}
		d := store.Discard{
			For: store.ForErasure, Actor: actor.Actor{Kind: actor.System}, At: a.now(), WorkflowID: cases.ErasureID(acc.ID),
		}
		if due, err = a.erasable(ctx, tx, acc, step); err != nil || !due {
			return err
		}
		if step.DecisionID != uuid.Nil {
			decision, err := tx.Reader().Decision(ctx, step.DecisionID)
			if err != nil {
				return err
			}
			role, err := tx.Reader().DecisionRole(ctx, decision)
			if err != nil {
				return err
			}
			d.Actor = actor.Actor{Kind: actor.Staff, ID: decision.StaffID, Role: role, RequestID: decision.RequestID}
			d.DecisionID = &decision.ID
		}
		return tx.DiscardDocuments(ctx, acc.ID, d)
	})
	if err != nil || !due {
		return err
	}
	discarded, err := a.reader.DiscardedDocuments(ctx, step.AccountID, time.Time{}, deletedAtOnce)
	for err == nil && len(discarded) > 0 {
		for _, d := range discarded {
			if err := a.documents.Discard(ctx, d.StorageKey); err != nil {
				return err
			}
			if err := a.store.FilesDeleted(ctx, d.ID, a.now()); err != nil {
				return err
			}
		}
		discarded, err = a.reader.DiscardedDocuments(ctx, step.AccountID, time.Time{}, deletedAtOnce)
	}
	return err
}

// deletedAtOnce is how many documents are read at a time to delete their files.
const deletedAtOnce = 100

// erasable reports whether the erasure is still wanted, as far as the account and
// what orders it say.
func (a *Activities) erasable(ctx context.Context, tx *store.Tx, acc account.Account, step cases.ErasureStep) (bool, error) {
	if acc.Status != account.Closed || acc.Erased() {
		return false, nil
	}
	if step.DecisionID != uuid.Nil {
		d, err := tx.Reader().Decision(ctx, step.DecisionID)
		return d.Open() && d.AccountID == acc.ID, err
	}
	p, _, err := tx.Reader().Policy(ctx)
	if err != nil {
		return false, err
	}
	due, ok := p.Retention.ErasureDue(acc.StageSince)
	return ok && !a.now().Before(due), nil
}

// EraseAccount erases an account that was closed for as long as the policy keeps
// it, once its documents are deleted. It refuses, and changes nothing, when the
// account is not closed or was erased, and when the policy in force keeps it
// longer.
func (a *Activities) EraseAccount(ctx context.Context, step cases.ErasureStep) (cases.Outcome, error) {
	var o cases.Outcome
	err := a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		acc, err := tx.LockAccount(ctx, step.AccountID)
		if err != nil {
			return err
		}
		caseID := cases.ErasureID(acc.ID)
		due, err := a.erasable(ctx, tx, acc, step)
		if err != nil {
			return err
		}
		if !due {
			o, err = refused(ctx, tx, acc, caseID, fault.Conflict)
			return err
		}
		t, err := a.change(ctx, tx, acc, account.Erase)
		if err != nil {
			return err
		}
		t.write.Event.ReasonCode = reasonRetention
		o, err = t.commit(ctx, caseID)
		return err
	})
	return o, err
}

// erase does what the transition is about, when it is an erasure. It is said last,
// when every file is gone: until then all is there that is needed to go on.
func (t *transition) erase(ctx context.Context) error {
	if t.action != account.Erase {
		return nil
	}
	left, err := t.tx.Reader().DiscardedDocuments(ctx, t.account.ID, time.Time{}, 1)
	if err != nil {
		return err
	}
	documents, err := t.tx.Reader().Documents(ctx, t.account.ID)
	if err != nil {
		return err
	}
	for _, d := range documents {
		if d.Kept() || len(left) > 0 {
			return fault.New(fault.Unavailable, "The documents of the account are not deleted yet.")
		}
	}
	t.account.ErasedAt = t.now
	t.write.Event.Before["erased"], t.write.Event.After["erased"] = false, true
	t.write.Event.After["documents"] = len(documents)
	return t.tx.EraseAccount(ctx, t.account, t.write.Decision, t.now)
}
