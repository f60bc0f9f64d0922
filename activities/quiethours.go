package activities

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"kibali/domain/policy"
	"kibali/notify"
)

// awaitMorning returns nil, or during quiet hours an error that makes the
// attempt be repeated when they end.
func (a *Activities) awaitMorning(p policy.Policy, zone *time.Location) error {
	if p.QuietHours == nil {
		return nil
	}
	from, errFrom := notify.ParseClockTime(p.QuietHours.From)
	to, errTo := notify.ParseClockTime(p.QuietHours.To)
	if errFrom != nil || errTo != nil {
		// Not a fault: the SMS is owed until the policy can be read.
		return errors.New("the policy's quiet hours are no times of day")
	}
	now := a.now()
	end, quiet := notify.QuietHours{From: from, To: to, Location: zone}.Until(now)
	if !quiet {
		return nil
	}
	return temporal.NewApplicationErrorWithOptions("quiet hours until "+end.UTC().Format(time.RFC3339), "quiet_hours",
		temporal.ApplicationErrorOptions{NextRetryDelay: end.Sub(now), Category: temporal.ApplicationErrorCategoryBenign})
}
