package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// Closure closes an account that has no other open case: it carries the
// decision out, tells the customer, and ends.
func Closure(ctx workflow.Context, in cases.ClosureInput) error {
	c := newCase(ctx, in.AccountID, cases.Entry{}, rules{cases.Closure, closureAlarm})
	c.send(ctx, in.Notices)
	if err := c.hearDecisions(ctx, account.Close); err != nil {
		return err
	}
	return c.run(ctx)
}

// A closing waits for nobody, so nothing is due in it.
func closureAlarm(cases.Entry, time.Time) alarm { return alarm{} }
