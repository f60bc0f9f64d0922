package workflows

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"kibali/activities"
	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/domain/fault"
)

// hearDecisions makes the case take decisions of the given kinds.
func (c *accountCase) hearDecisions(ctx workflow.Context, kinds ...account.Action) error {
	check := func(d cases.Decision) error {
		if d.DecisionID == uuid.Nil || !slices.Contains(kinds, d.Kind) {
			return malformed("a decision has an id and one of the kinds %v", kinds)
		}
		return nil
	}
	return hear(ctx, &c.correspondence, cases.Decide, check, c.decide)
}

// decide carries a decision out, once, and returns what became of it.
func (c *accountCase) decide(ctx workflow.Context, d cases.Decision) (cases.Outcome, error) {
	return c.answer(ctx, d.DecisionID, func() (outcome cases.Outcome, err error) {
		ctx := changing(ctx, fmt.Sprintf("%s (decision %s)", d.Kind, d.DecisionID))
		if err = workflow.ExecuteActivity(ctx, act.ApplyDecision, d).Get(ctx, &outcome); err == nil {
			c.follow(ctx, outcome, d.Kind, d.ActorID)
		}
		return outcome, err
	})
}

// answer is where every way that a message can come ends: as an update, as a
// signal, as both, late or again. An id that was not seen before is carried
// out; one that was gets the same answer. A message that failed unexpectedly
// counts as not seen, so that it can be sent again.
func (c *accountCase) answer(ctx workflow.Context, id uuid.UUID, carryOut func() (cases.Outcome, error)) (cases.Outcome, error) {
	if err := c.mutex.Lock(ctx); err != nil {
		return cases.Outcome{}, err
	}
	defer c.mutex.Unlock()
	if outcome, seen := c.answers[id]; seen {
		return outcome, nil
	}
	outcome, err := carryOut()
	if err != nil {
		return cases.Outcome{}, err
	}
	c.answers[id] = outcome
	return outcome, nil
}

// deadline tells an activity which state of the account it is about.
func (c *accountCase) deadline() activities.Deadline {
	return activities.Deadline{AccountID: c.accountID, Entry: c.entry}
}

func malformed(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), string(fault.Malformed), nil)
}
