package activities

import (
	"context"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/letters"
	"kibali/store"
)

// ApplyDecision carries a staff member's decision out, as its row says it, and
// closes it: as applied, or as refused when the account's state does not permit
// it any more. A decision that is closed already is left as it is and gives
// the outcome that it had. It returns fault.NotFound when there is no such
// decision.
func (a *Activities) ApplyDecision(ctx context.Context, d cases.Decision) (cases.Outcome, error) {
	var o cases.Outcome
	err := a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		acc, err := tx.LockAccountOfDecision(ctx, d.DecisionID)
		if err != nil {
			return err
		}
		decision, err := tx.Reader().Decision(ctx, d.DecisionID)
		if err != nil {
			return err
		}
		if decision.Open() {
			o, err = a.apply(ctx, tx, acc, decision)
		} else {
			o, err = outcome(ctx, tx, acc, decision.CaseID, decision.Outcome, decision.OutcomeCode)
		}
		return err
	})
	return o, err
}

func (a *Activities) apply(ctx context.Context, tx *store.Tx, acc account.Account, d store.Decision) (cases.Outcome, error) {
	if d.CaseID != cases.IDFor(acc.ID, acc.State(), d.Kind) {
		// It was meant for a state that the account has left.
		return a.refuse(ctx, tx, acc, d, fault.Conflict)
	}
	if d.AppealID != nil {
		appeal, err := tx.Reader().Appeal(ctx, *d.AppealID)
		if err != nil {
			return cases.Outcome{}, err
		}
		if !appeal.Open() {
			return a.refuse(ctx, tx, acc, d, fault.Conflict)
		}
	}
	t, err := a.change(ctx, tx, acc, d.Kind)
	if fault.Is(err, fault.Conflict) || d.Kind == account.Erase && acc.Erased() {
		return a.refuse(ctx, tx, acc, d, fault.Conflict)
	}
	if err != nil {
		return cases.Outcome{}, err
	}
	unproved, err := a.unproved(ctx, tx, acc, d.Kind)
	if err != nil {
		return cases.Outcome{}, err
	}
	if unproved {
		return a.refuse(ctx, tx, acc, d, cases.CodeUnproved)
	}
	role, err := tx.Reader().DecisionRole(ctx, d)
	if err != nil {
		return cases.Outcome{}, err
	}
	t.decidedBy(d, role)
	if t.tells() {
		if kind, ok := letters.KindOf(d); ok {
			t.owe(kind, d.ID.String())
		}
	}
	// After a rejection a corrected application that is on its way still counts.
	t.write.Final = d.Kind == account.Approve || d.Kind == account.Close
	return t.commit(ctx, d.CaseID)
}

// unproved reports whether the policy in force makes the approval of an account
// wait for a contact to be proved.
func (a *Activities) unproved(ctx context.Context, tx *store.Tx, acc account.Account, kind account.Action) (bool, error) {
	if kind != account.Approve {
		return false, nil
	}
	p, _, err := tx.Reader().Policy(ctx)
	return len(p.Contacts.Unproved(acc)) > 0, err
}

// refuse closes a decision that cannot be carried out. The account stays as it
// is, but for the block of a decision to suspend, which goes.
func (a *Activities) refuse(ctx context.Context, tx *store.Tx, acc account.Account, d store.Decision, code fault.Code) (cases.Outcome, error) {
	now := a.now()
	if err := tx.CloseDecision(ctx, d.ID, cases.Refused, string(code), now); err != nil {
		return cases.Outcome{}, err
	}
	if acc.BlockedBy != nil && *acc.BlockedBy == d.ID {
		if err := tx.BlockAccount(ctx, acc.ID, nil); err != nil {
			return cases.Outcome{}, err
		}
	}
	if err := tx.EndAppealAgainst(ctx, d.ID, now); err != nil {
		return cases.Outcome{}, err
	}
	role, err := tx.Reader().DecisionRole(ctx, d)
	if err != nil {
		return cases.Outcome{}, err
	}
	err = tx.AppendEvent(ctx, store.Event{
		At: now, Actor: actor.Actor{Kind: actor.Staff, ID: d.StaffID, Role: role, RequestID: d.RequestID},
		Action: string(d.Kind) + ".refused", Subject: "decision", SubjectID: d.ID.String(), AccountID: &acc.ID,
		After:      map[string]any{"status": acc.Status, "stage": acc.Stage, "code": code},
		ReasonCode: d.ReasonCode, DecisionID: &d.ID, WorkflowID: d.CaseID,
	})
	if err != nil {
		return cases.Outcome{}, err
	}
	return refused(ctx, tx, acc, d.CaseID, code)
}
