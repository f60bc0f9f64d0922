package activities

import (
	"time"

	"go.temporal.io/sdk/temporal"

	"kibali/domain/policy"
	"kibali/letters"
)

// awaitMorning returns nil, or during quiet hours an error that makes the
// attempt be repeated when they end.
func (a *Activities) awaitMorning(p policy.Policy, zone *time.Location) error {
	now := a.now()
	end, err := letters.QuietUntil(p, zone, now)
	if err != nil || end == nil {
		return err // no fault: the SMS is owed until the policy can be read
	}
	return temporal.NewApplicationErrorWithOptions("quiet hours until "+end.UTC().Format(time.RFC3339), "quiet_hours",
		temporal.ApplicationErrorOptions{NextRetryDelay: end.Sub(now), Category: temporal.ApplicationErrorCategoryBenign})
}
