package workflows

import (
	"fmt"

	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// Erasure takes everything personal out of a closed account: its documents
// first, then its rows, and ends. It begins with the decision that orders it, or
// with the time for which the policy keeps closed accounts.
func Erasure(ctx workflow.Context, in cases.ErasureInput) error {
	c := newCase(ctx, in.AccountID, cases.Entry{}, rules{cases.Erasure, closureAlarm})
	check := func(d cases.Decision) error {
		if d.DecisionID == uuid.Nil || d.Kind != account.Erase {
			return malformed("a decision has an id and the kind %s", account.Erase)
		}
		return nil
	}
	if err := hear(ctx, &c.correspondence, cases.Decide, check, c.eraseDecided); err != nil {
		return err
	}
	if in.Lapsed {
		if err := c.eraseLapsed(ctx); err != nil {
			return err
		}
	}
	return c.run(ctx)
}

// eraseDecided carries the decision to erase an account out, once.
func (c *accountCase) eraseDecided(ctx workflow.Context, d cases.Decision) (cases.Outcome, error) {
	return c.answer(ctx, d.DecisionID, func() (outcome cases.Outcome, err error) {
		step := cases.ErasureStep{AccountID: c.accountID, DecisionID: d.DecisionID}
		if err := c.deleteDocuments(ctx, step); err != nil {
			return outcome, err
		}
		ctx := changing(ctx, fmt.Sprintf("%s (decision %s)", d.Kind, d.DecisionID))
		if err = workflow.ExecuteActivity(ctx, act.ApplyDecision, d).Get(ctx, &outcome); err == nil {
			c.follow(ctx, outcome, d.Kind, d.ActorID)
		}
		return outcome, err
	})
}

// eraseLapsed erases an account that was kept for as long as the policy says.
func (c *accountCase) eraseLapsed(ctx workflow.Context) error {
	if err := c.mutex.Lock(ctx); err != nil {
		return err
	}
	defer c.mutex.Unlock()
	step := cases.ErasureStep{AccountID: c.accountID}
	if err := c.deleteDocuments(ctx, step); err != nil {
		return err
	}
	var outcome cases.Outcome
	ctx = changing(ctx, "erase what is personal")
	if err := workflow.ExecuteActivity(ctx, act.EraseAccount, step).Get(ctx, &outcome); err != nil {
		return err
	}
	c.follow(ctx, outcome, account.Erase, uuid.Nil)
	return nil
}

func (c *accountCase) deleteDocuments(ctx workflow.Context, step cases.ErasureStep) error {
	return workflow.ExecuteActivity(deleting(ctx, "delete the documents"), act.DeleteDocuments, step).Get(ctx, nil)
}
