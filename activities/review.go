package activities

import (
	"context"
	"fmt"
	"strings"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/notify"
	"kibali/store"
)

// Expire ends a review whose applicant has been waited for long enough, and
// gives the account's e-mail and phone back. It is refused when the account
// has moved on, and when the applicant has handed something in that the case
// has not taken up yet.
func (a *Activities) Expire(ctx context.Context, d Deadline) (cases.Outcome, error) {
	caseID := cases.RegistrationID(d.AccountID)
	var o cases.Outcome
	err := a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		acc, err := tx.LockAccount(ctx, d.AccountID)
		if err != nil {
			return err
		}
		if expired(acc) {
			o, err = outcome(ctx, tx, acc, caseID, cases.Applied, "") // by an attempt whose answer was lost
			return err
		}
		waits, err := tx.Reader().Waits(ctx, acc.ID)
		if err != nil {
			return err
		}
		if waits || !cases.EntryOf(acc).Equal(d.Entry) {
			o, err = refused(ctx, tx, acc, caseID, fault.Conflict)
			return err
		}
		o, err = a.expire(ctx, tx, acc)
		return err
	})
	return o, err
}

func expired(acc account.Account) bool { return acc.Status == account.Rejected && acc.DecidedBy == nil }

func (a *Activities) expire(ctx context.Context, tx *store.Tx, acc account.Account) (cases.Outcome, error) {
	t, err := a.change(ctx, tx, acc, account.Expire)
	if err != nil {
		return cases.Outcome{}, err
	}
	if err := tx.ReleaseContact(ctx, acc.ID, t.now); err != nil {
		return cases.Outcome{}, err
	}
	t.owe(notify.ApplicationExpired, moment(acc))
	t.write.Final = true
	return t.commit(ctx, cases.RegistrationID(acc.ID))
}

// The audit events of reminders.
const (
	eventReminded  = "reminded" // the applicant, of documents or changes
	eventReviewDue = "review.reminded"
	eventEscalated = "review.escalated"
)

// Remind reminds whoever is awaited: the applicant of documents or changes,
// the reviewers of a review that is due, or the admins when nobody is a
// reviewer. It reminds nobody when the account has moved on, and once however
// often the case is opened again.
func (a *Activities) Remind(ctx context.Context, d Deadline) (cases.Outcome, error) {
	event := eventReminded
	if d.Entry.Stage == account.InReview {
		event = eventReviewDue
	}
	return a.reminding(ctx, d, event, func(ctx context.Context, tx *store.Tx, acc account.Account) ([]store.Notice, error) {
		switch acc.Stage {
		case account.InReview:
			return a.staffNotices(ctx, tx, acc, notify.ReviewDue, actor.Reviewer, actor.Admin)
		case account.ChangesRequested:
			return a.userNotices(acc, notify.ChangesMissing), nil
		default:
			return a.userNotices(acc, notify.DocumentsMissing), nil
		}
	})
}

// Escalate tells the admins of an overdue review. It tells nobody when the
// account has moved on, and once however often the case is opened again.
func (a *Activities) Escalate(ctx context.Context, d Deadline) (cases.Outcome, error) {
	return a.reminding(ctx, d, eventEscalated, func(ctx context.Context, tx *store.Tx, acc account.Account) ([]store.Notice, error) {
		return a.staffNotices(ctx, tx, acc, notify.ReviewEscalated, actor.Admin)
	})
}

func (a *Activities) reminding(ctx context.Context, d Deadline, event string,
	notices func(context.Context, *store.Tx, account.Account) ([]store.Notice, error)) (cases.Outcome, error) {
	caseID := cases.RegistrationID(d.AccountID)
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
		if err := a.remind(ctx, tx, acc, event, notices); err != nil {
			return err
		}
		o, err = outcome(ctx, tx, acc, caseID, cases.Applied, "")
		return err
	})
	return o, err
}

// remind writes a reminder, unless there was the same for the account's stay in
// its stage.
func (a *Activities) remind(ctx context.Context, tx *store.Tx, acc account.Account, event string,
	notices func(context.Context, *store.Tx, account.Account) ([]store.Notice, error)) error {
	reminded, err := tx.Reminded(ctx, acc.ID, event, acc.StageSince)
	if err != nil || reminded {
		return err
	}
	owed, err := notices(ctx, tx, acc)
	if err != nil {
		return err
	}
	now := a.now()
	if now.Before(acc.StageSince) { // by the clock of another worker
		now = acc.StageSince
	}
	return tx.WriteReminder(ctx, store.Reminder{
		AccountID: acc.ID, Action: event, WorkflowID: cases.RegistrationID(acc.ID),
		Stage: acc.Stage, Since: acc.StageSince, Notices: owed,
	}, now)
}

func (a *Activities) userNotices(acc account.Account, kind notify.Kind) []store.Notice {
	var notices []store.Notice
	for _, channel := range []string{store.Email, store.SMS} {
		notices = append(notices, store.Notice{
			ID: newID(), Key: strings.Join([]string{string(kind), moment(acc), channel}, "/"),
			AccountID: acc.ID, DecisionID: acc.DecidedBy, Kind: string(kind), Channel: channel, CreatedAt: a.now(),
		})
	}
	return notices
}

// staffNotices are e-mails to the staff of the first of the roles that anybody
// has.
func (a *Activities) staffNotices(ctx context.Context, tx *store.Tx, acc account.Account, kind notify.Kind, roles ...actor.Role) ([]store.Notice, error) {
	for _, role := range roles {
		staff, err := tx.Reader().StaffOfRole(ctx, role)
		if err != nil {
			return nil, err
		}
		var notices []store.Notice
		for _, s := range staff {
			notices = append(notices, store.Notice{
				ID: newID(), Key: strings.Join([]string{string(kind), moment(acc), s.ID.String()}, "/"),
				AccountID: acc.ID, StaffID: &s.ID, Kind: string(kind), Channel: store.Email, CreatedAt: a.now(),
			})
		}
		if len(notices) > 0 {
			return notices, nil
		}
	}
	return nil, nil
}

// moment tells one stay of an account in a stage from another, so that what is
// owed for it is owed once.
func moment(acc account.Account) string {
	return fmt.Sprintf("%s/%d", acc.ID, acc.StageSince.UnixMicro())
}

// AcceptResubmission puts a corrected application into review: the account
// takes over what it says. It is refused, and the application superseded, when
// the account's state does not permit it any more. It returns fault.NotFound
// when there is no such application.
func (a *Activities) AcceptResubmission(ctx context.Context, m cases.Resubmission) (cases.Outcome, error) {
	waiting, err := a.reader.Application(ctx, m.ApplicationID)
	if err != nil {
		return cases.Outcome{}, err
	}
	caseID := cases.RegistrationID(waiting.AccountID)
	var o cases.Outcome
	err = a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		acc, err := tx.LockAccount(ctx, waiting.AccountID)
		if err != nil {
			return err
		}
		application, err := tx.Reader().Application(ctx, m.ApplicationID)
		if err != nil {
			return err
		}
		switch _, _, conflict := account.Next(acc.Status, acc.Stage, account.Resubmit); {
		case application.AcceptedAt != nil && acc.Status == account.Pending:
			o, err = outcome(ctx, tx, acc, caseID, cases.Applied, "") // taken up before
		case application.AcceptedAt != nil:
			o, err = refused(ctx, tx, acc, caseID, fault.Conflict)
		case conflict != nil || acc.ContactReleased:
			if err = tx.SupersedeApplication(ctx, application, a.now()); err == nil {
				o, err = refused(ctx, tx, acc, caseID, fault.Conflict)
			}
		default:
			o, err = a.accept(ctx, tx, acc, application)
		}
		return err
	})
	return o, err
}

func (a *Activities) accept(ctx context.Context, tx *store.Tx, acc account.Account, application store.Application) (cases.Outcome, error) {
	if err := tx.AcceptApplication(ctx, application, a.now()); err != nil {
		return cases.Outcome{}, err
	}
	acc.Name, acc.Locale, acc.Company = application.Name, application.Locale, application.Company
	if err := tx.UpdateAccountDetails(ctx, acc); err != nil {
		return cases.Outcome{}, err
	}
	t, err := a.change(ctx, tx, acc, account.Resubmit)
	if err != nil {
		return cases.Outcome{}, err
	}
	t.write.Event.Actor = actor.Actor{Kind: actor.Account, ID: acc.ID}
	t.owe(notify.ApplicationReceived, application.ID.String())
	return t.commit(ctx, cases.RegistrationID(acc.ID))
}
