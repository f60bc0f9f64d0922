package activities

import (
	"context"
	"strings"
	"time"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/notify"
	"kibali/store"
)

// The audit events of an appeal, beside those of the decision that ends it.
const (
	eventAppealTakenUp   = "appeal.taken_up"
	eventAppealReminded  = "appeal.reminded"
	eventAppealEscalated = "appeal.escalated"
)

// TakeUpAppeal makes a suspension wait for an appeal to be decided: its deadline
// becomes the account's, and the user is told that it has arrived. It does
// nothing for an appeal that was taken up or has ended, and nothing yet while
// the suspension itself is on its way. It returns fault.NotFound when there is
// no such appeal.
func (a *Activities) TakeUpAppeal(ctx context.Context, m cases.Appeal) (cases.Outcome, error) {
	made, err := a.reader.Appeal(ctx, m.AppealID)
	if err != nil {
		return cases.Outcome{}, err
	}
	var o cases.Outcome
	err = a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		acc, err := tx.LockAccount(ctx, made.AccountID)
		if err != nil {
			return err
		}
		appeal, err := tx.Reader().Appeal(ctx, m.AppealID)
		if err != nil {
			return err
		}
		waits := appeal.Open() && appeal.AcceptedAt == nil && acc.Status == account.Suspended
		if !waits {
			o, err = refused(ctx, tx, acc, appeal.CaseID, fault.Conflict)
			return err
		}
		if err := tx.AcceptAppeal(ctx, appeal.ID, a.now()); err != nil {
			return err
		}
		acc.RemindAt = appeal.RemindAt
		o, err = a.await(ctx, tx, acc, appeal, eventAppealTakenUp, a.userAppealNotices(appeal, notify.AppealReceived))
		return err
	})
	return o, err
}

// RemindOfAppeal reminds the admins of an appeal that should have been decided,
// and later that it still is not. It reminds nobody when the account has moved
// on.
func (a *Activities) RemindOfAppeal(ctx context.Context, d Deadline) (cases.Outcome, error) {
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
		appeal, err := tx.Reader().OpenAppeal(ctx, acc.ID)
		if err != nil {
			return err
		}
		event, kind, next := eventAppealReminded, notify.AppealDue, appeal.EscalateAt
		if !acc.RemindAt.Before(appeal.EscalateAt) {
			event, kind, next = eventAppealEscalated, notify.AppealOverdue, time.Time{}
		}
		notices, err := a.adminAppealNotices(ctx, tx, appeal, kind)
		if err != nil {
			return err
		}
		acc.RemindAt = next
		o, err = a.await(ctx, tx, acc, appeal, event, notices)
		return err
	})
	return o, err
}

// await writes until when the suspended account waits for its appeal to be
// decided, with what is owed for it.
func (a *Activities) await(ctx context.Context, tx *store.Tx, acc account.Account, appeal store.Appeal, event string, notices []store.Notice) (cases.Outcome, error) {
	err := tx.WriteTransition(ctx, store.Transition{Account: acc, Notices: notices, Event: store.Event{
		At: a.now(), Actor: actor.Actor{Kind: actor.System}, Action: event, Subject: "appeal", SubjectID: appeal.ID.String(),
		AccountID: &acc.ID, After: map[string]any{"notices": len(notices)}, WorkflowID: appeal.CaseID,
	}})
	if err != nil {
		return cases.Outcome{}, err
	}
	return outcome(ctx, tx, acc, appeal.CaseID, cases.Applied, "")
}

func (a *Activities) userAppealNotices(appeal store.Appeal, kind notify.Kind) []store.Notice {
	var notices []store.Notice
	for _, channel := range []string{store.Email, store.SMS} {
		notices = append(notices, a.appealNotice(appeal, kind, channel, channel))
	}
	return notices
}

func (a *Activities) adminAppealNotices(ctx context.Context, tx *store.Tx, appeal store.Appeal, kind notify.Kind) ([]store.Notice, error) {
	admins, err := tx.Reader().StaffOfRole(ctx, actor.Admin)
	if err != nil {
		return nil, err
	}
	var notices []store.Notice
	for _, admin := range admins {
		n := a.appealNotice(appeal, kind, store.Email, admin.ID.String())
		n.StaffID = &admin.ID
		notices = append(notices, n)
	}
	return notices, nil
}

func (a *Activities) appealNotice(appeal store.Appeal, kind notify.Kind, channel, recipient string) store.Notice {
	return store.Notice{
		ID: newID(), Key: strings.Join([]string{string(kind), appeal.ID.String(), recipient}, "/"),
		AccountID: appeal.AccountID, DecisionID: &appeal.DecisionID, Kind: string(kind), Channel: channel, CreatedAt: a.now(),
	}
}

// endAppeal ends the appeal of a suspension with it, or because staff dismiss
// it, and says so in the event of the change.
func (t *transition) endAppeal(ctx context.Context) error {
	if t.before.Status != account.Suspended || t.action == account.ChangeUntil {
		return nil
	}
	appeal, err := t.tx.Reader().OpenAppeal(ctx, t.account.ID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	end := store.AppealMoot
	switch {
	case t.action == account.DismissAppeal:
		end, t.account.RemindAt = store.AppealDismissed, time.Time{}
	case t.appeal != nil:
		end = store.AppealGranted
	}
	t.write.Event.After["appeal_id"], t.write.Event.After["appeal"] = appeal.ID, end
	return t.tx.EndAppeal(ctx, appeal.ID, end, t.write.Decision, t.now)
}
