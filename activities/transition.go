package activities

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/notify"
	"kibali/store"
)

// transition is a change of an account's state under way: the account is
// locked, nothing is written yet.
type transition struct {
	*Activities
	tx      *store.Tx
	now     time.Time
	before  account.State
	until   time.Time // before it
	action  account.Action
	appeal  *uuid.UUID // that the decision answers
	account account.Account
	write   store.Transition
}

// change begins a transition: it asks the state machine and sets the state
// that action leads to, with its deadlines. It returns fault.Conflict when the
// state machine does not permit the action, and has changed nothing then.
func (a *Activities) change(ctx context.Context, tx *store.Tx, acc account.Account, action account.Action) (*transition, error) {
	status, stage, err := account.Next(acc.Status, acc.Stage, action)
	if err != nil {
		return nil, err
	}
	t := &transition{Activities: a, tx: tx, before: acc.State(), until: acc.SuspendedUntil, account: acc, action: action}
	// The moment of a transition grows from one to the next, whatever the
	// clocks of the workers say: cases tell older from newer by it.
	t.now = a.now()
	if !t.now.After(acc.StageSince) {
		t.now = acc.StageSince.Add(time.Microsecond)
	}
	if !action.Remains() {
		t.account.Status, t.account.Stage, t.account.StageSince = status, stage, t.now
		t.account.BlockedBy, t.account.SuspendedUntil = nil, time.Time{}
		t.account.RemindAt, t.account.DeadlineAt = time.Time{}, time.Time{}
		if action != account.DocumentsReceived { // documents do not undo a request for changes
			t.account.DecidedBy = nil
		}
	}
	t.write.Event = store.Event{
		At: t.now, Actor: actor.Actor{Kind: actor.System}, Action: string(action),
		Subject: "account", SubjectID: acc.ID.String(), AccountID: &acc.ID,
	}
	if err := t.reviewChanged(ctx, action); err != nil {
		return nil, err
	}
	return t, nil
}

// reviewChanged sets the deadlines of a stage of the review, under the policy
// of the application that it is about, and ends that application with it.
func (t *transition) reviewChanged(ctx context.Context, action account.Action) error {
	if t.before.Status != account.Pending && t.account.Status != account.Pending {
		return nil
	}
	application, err := t.tx.Reader().CurrentApplication(ctx, t.account.ID)
	if err != nil {
		return err
	}
	if t.account.Status != account.Pending {
		t.write.Application = &application.ID
		t.write.Outcome = map[account.Action]string{
			account.Approve: store.ApplicationApproved, account.Reject: store.ApplicationRejected, account.Expire: store.ApplicationExpired,
		}[action]
		return nil
	}
	p, err := t.policyVersion(ctx, t.tx.Reader(), application.PolicyVersion)
	if err != nil {
		return err
	}
	remind, end, err := p.Deadlines(t.account.Stage, t.now)
	t.account.RemindAt, t.account.DeadlineAt = toInstant(remind), toInstant(end)
	return err
}

// decidedBy makes the transition that of a staff member's decision.
func (t *transition) decidedBy(d store.Decision, role actor.Role) {
	if !t.action.Remains() {
		t.account.DecidedBy = &d.ID
	}
	if t.action == account.Suspend || t.action == account.ChangeUntil {
		t.endsAt(d.Until)
	}
	t.write.Decision, t.appeal = &d.ID, d.AppealID
	t.write.Event.Actor = actor.Actor{Kind: actor.Staff, ID: d.StaffID, Role: role, RequestID: d.RequestID}
	t.write.Event.DecisionID, t.write.Event.ReasonCode = &d.ID, d.ReasonCode
}

// endsAt makes the suspension end by itself at the given time; never, when there
// is none.
func (t *transition) endsAt(until *time.Time) {
	t.account.SuspendedUntil, t.account.DeadlineAt = time.Time{}, time.Time{}
	if until != nil {
		t.account.SuspendedUntil, t.account.DeadlineAt = toInstant(*until), toInstant(*until)
	}
}

// tells reports whether the user is told of the decision: not of an end that was
// moved to where it is.
func (t *transition) tells() bool {
	return t.action != account.ChangeUntil || !t.account.SuspendedUntil.Equal(t.until)
}

// owe adds a notice to the user in every channel. key tells it from others of
// its kind.
func (t *transition) owe(kind notify.Kind, key string) {
	for _, channel := range []string{store.Email, store.SMS} {
		t.write.Notices = append(t.write.Notices, store.Notice{
			ID: newID(), Key: strings.Join([]string{string(kind), key, channel}, "/"),
			AccountID: t.account.ID, DecisionID: t.write.Decision, Kind: string(kind), Channel: channel, CreatedAt: t.now,
		})
	}
}

// commit writes the transition and returns what the case is told of it.
func (t *transition) commit(ctx context.Context, caseID string) (cases.Outcome, error) {
	t.write.Event.WorkflowID = caseID
	t.write.Event.Before = t.facts(t.before, t.until)
	t.write.Event.After = t.facts(t.account.State(), t.account.SuspendedUntil)
	if err := t.endAppeal(ctx); err != nil {
		return cases.Outcome{}, err
	}
	t.write.Account = t.account
	if err := t.moveCredits(ctx); err != nil {
		return cases.Outcome{}, err
	}
	if err := t.erase(ctx); err != nil {
		return cases.Outcome{}, err
	}
	if err := t.tx.WriteTransition(ctx, t.write); err != nil {
		return cases.Outcome{}, err
	}
	return outcome(ctx, t.tx, t.account, caseID, cases.Applied, "")
}

// facts is what an event says of the account before or after it: the state, and
// the end of a suspension where that is what was changed.
func (t *transition) facts(state account.State, until time.Time) map[string]any {
	facts := map[string]any{"status": state.Status, "stage": state.Stage}
	if t.action == account.ChangeUntil {
		facts["until"] = nil
		if !until.IsZero() {
			facts["until"] = until.UTC()
		}
	}
	return facts
}

// outcome is what a case is told of an account: how its message ended, the
// account's state, and every notice of the case that is still owed, so that
// none is lost when an earlier answer was.
func outcome(ctx context.Context, tx *store.Tx, acc account.Account, caseID string, result cases.Result, code string) (cases.Outcome, error) {
	owed, err := owedBy(ctx, tx.Reader(), acc.ID, caseID)
	return cases.Outcome{Result: result, Code: code, Entry: cases.EntryOf(acc), Notices: owed}, err
}

// owedBy returns the notices that a case has still to send to an account.
func owedBy(ctx context.Context, r *store.Reader, accountID uuid.UUID, caseID string) ([]cases.Notice, error) {
	pending, err := r.PendingNotices(ctx, accountID)
	var owed []cases.Notice
	for _, n := range pending {
		if notice := (cases.Notice{NoticeID: n.ID, Channel: n.Channel, Kind: n.Kind}); notice.BelongsTo(caseID, n.CaseID) {
			owed = append(owed, notice)
		}
	}
	return owed, err
}

// refused is outcome for a message that changed nothing.
func refused(ctx context.Context, tx *store.Tx, acc account.Account, caseID string, code fault.Code) (cases.Outcome, error) {
	return outcome(ctx, tx, acc, caseID, cases.Refused, string(code))
}

// toInstant is t as the database keeps it.
func toInstant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
