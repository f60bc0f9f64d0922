package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// Suspension is a suspension in force: the decision to suspend opens it, its end
// may be moved while it runs, and it closes when the account is reactivated, by a decision or because its end has
// come, or closed, and everybody has been told.
func Suspension(ctx workflow.Context, in cases.SuspensionInput) error {
	s := newCase(ctx, in.AccountID, in.Entry, rules{cases.Suspension, suspensionAlarm})
	s.send(ctx, in.Notices)
	if err := s.hearDecisions(ctx, account.Suspend, account.ChangeUntil, account.Reactivate, account.Close); err != nil {
		return err
	}
	return s.run(ctx)
}

func suspensionAlarm(cases.Entry, time.Time) alarm {
	return alarm{summary: "end of suspension", action: account.Reactivate, activity: act.EndSuspension}
}
