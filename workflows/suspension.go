package workflows

import (
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// Suspension is a suspension in force: the decision to suspend opens it, its end
// may be moved while it runs, appeals against it are brought to those who decide
// them, and it closes when the account is reactivated, by a decision or because
// its end has come, or closed, and everybody has been told.
func Suspension(ctx workflow.Context, in cases.SuspensionInput) error {
	s := newCase(ctx, in.AccountID, in.Entry, rules{cases.Suspension, suspensionAlarm})
	s.send(ctx, in.Notices)
	if err := s.hearDecisions(ctx, account.Suspend, account.ChangeUntil, account.DismissAppeal,
		account.Reactivate, account.Close); err != nil {
		return err
	}
	s.hearAppeals(ctx)
	return s.run(ctx)
}

// hearAppeals makes the case take appeals up. One that comes before the
// suspension that it is about is not taken up yet and will be told again.
func (c *accountCase) hearAppeals(ctx workflow.Context) {
	hearSignals(ctx, &c.correspondence, cases.AppealMade, func(ctx workflow.Context, m cases.Appeal) {
		if err := c.takeUp(ctx, m); err != nil {
			workflow.GetLogger(ctx).Error("An appeal could not be taken up.", "AppealID", m.AppealID, "Error", err)
		}
	})
}

func (c *accountCase) takeUp(ctx workflow.Context, m cases.Appeal) error {
	if err := c.mutex.Lock(ctx); err != nil {
		return err
	}
	defer c.mutex.Unlock()
	var outcome cases.Outcome
	summary := "appeal " + m.AppealID.String()
	if err := workflow.ExecuteActivity(changing(ctx, summary), act.TakeUpAppeal, m).Get(ctx, &outcome); err != nil {
		return err
	}
	c.follow(ctx, outcome, "", uuid.Nil)
	return nil
}

func suspensionAlarm(entry cases.Entry, deadline time.Time) alarm {
	if deadline.Equal(entry.RemindAt) && !deadline.Equal(entry.DeadlineAt) {
		return alarm{summary: "reminder: appeal to be decided", activity: act.RemindOfAppeal}
	}
	return alarm{summary: "end of suspension", action: account.Reactivate, activity: act.EndSuspension}
}
