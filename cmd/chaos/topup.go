package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// alone is how many credits one member of staff may give in a run; what is given
// with a second signature is more.
const alone = 1_000_000_000

// topUp gives the customer credits, and waits until it is carried out.
func (c *customer) topUp(ctx context.Context, amount int64) error {
	o := c.newTopUp(amount, c.finance[c.random.IntN(len(c.finance))])
	a, err := c.ask(ctx, o)
	if err != nil {
		return err
	}
	if a.attempts > 1 || c.random.IntN(10) == 0 {
		c.replay(ctx, o)
	}
	return c.awaitDecision(ctx, o)
}

// topUpTogether asks for more than one may give, and has a second person
// countersign or decline.
func (c *customer) topUpTogether(ctx context.Context, verb string) error {
	o := c.newTopUp(alone+1, c.finance[0])
	if verb == "decline" {
		o.wants = cases.Refused
	}
	if _, err := c.ask(ctx, o); err != nil {
		return err
	}
	signature := jsonCall(http.MethodPost, "/v1/decisions/"+o.decision.String()+"/"+verb, c.staff[0].token, uuid.NewString(), map[string]any{"note": o.note})
	a, err := c.persist(ctx, c.random.IntN(len(c.caller.replicas)), signature)
	if err != nil {
		return err
	}
	if !a.ok() {
		return c.refusal(verb, a)
	}
	c.report.count("acknowledged: second signatures", 1)
	return c.awaitOutcome(ctx, o)
}

func (c *customer) newTopUp(amount int64, by staffMember) *operation {
	note := fmt.Sprintf("%s %s", c.word, uuid.New())
	return &operation{
		account: c.id, kind: account.TopUp, note: note, amount: amount, wants: cases.Applied,
		call: jsonCall(http.MethodPost, "/v1/accounts/"+c.id.String()+"/top-ups", by.token, uuid.NewString(),
			map[string]any{"amount": amount, "reason": "complimentary", "note": note}),
	}
}

// ask has an operation recorded, whenever it is carried out.
func (c *customer) ask(ctx context.Context, o *operation) (answer, error) {
	c.journal.asked(o)
	a, err := c.persist(ctx, c.random.IntN(len(c.caller.replicas)), o.call)
	if err != nil {
		return a, err
	}
	if !a.ok() {
		return a, c.refusal(string(o.kind), a)
	}
	return a, c.keepDecision(o, a)
}
