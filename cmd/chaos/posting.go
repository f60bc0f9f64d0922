package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"kibali/domain/ledger"
)

// posting is one movement of credits that a client asked for, under one key.
// Its mark is its own, so that every row that came of it can be told.
type posting struct {
	kind ledger.Kind
	// message says that the charge is that of an SMS to customers of the account.
	message bool
	account uuid.UUID
	// mark is the reference of a charge, the text of a message, the charge that a
	// refund is of.
	mark       string
	amount     int64
	recipients int // of a message
	call       call
	// answer has status 0 while its outcome was not learned.
	answer answer
	// id is the transfer, or the message, that was acknowledged; or nil.
	id uuid.UUID
	// late says that it was asked for after a suspension of the account was
	// answered: it must have no effect, whatever was answered.
	late bool
}

// chargeSelf is a charge by the account's own key.
func (c *customer) chargeSelf(amount int64) *posting { return c.newCharge(c.key, amount, nil) }

// chargeFor is a charge by the platform's gateway.
func (c *customer) chargeFor(amount int64) *posting { return c.newCharge(c.gateway, amount, &c.id) }

func (c *customer) newCharge(token string, amount int64, of *uuid.UUID) *posting {
	mark := uuid.NewString()
	body := map[string]any{"amount": amount, "reference": mark}
	if of != nil {
		body["account_id"] = of.String()
	}
	return &posting{
		kind: ledger.Charge, account: c.id, mark: mark, amount: amount,
		call: jsonCall(http.MethodPost, "/v1/gate/charges", token, uuid.NewString(), body),
	}
}

// refundOf gives a charge back, all of it or a part.
func (c *customer) refundOf(charge *posting, amount int64) *posting {
	body := map[string]any{}
	if amount < charge.amount {
		body["amount"] = amount
	}
	return &posting{
		kind: ledger.ChargeRefund, account: c.id, mark: charge.id.String(), amount: amount,
		call: jsonCall(http.MethodPost, "/v1/gate/charges/"+charge.id.String()+"/refund", c.gateway, uuid.NewString(), body),
	}
}

// newMessage is an SMS of one segment to several customers of the account.
func (c *customer) newMessage(recipients int) *posting {
	text := fmt.Sprintf("%s %s", c.word, uuid.New())
	to := make([]string, recipients)
	for i := range to {
		to[i] = c.canaries.recipient()
	}
	return &posting{
		kind: ledger.Charge, message: true, account: c.id, mark: text, amount: int64(recipients), recipients: recipients,
		call: jsonCall(http.MethodPost, "/v1/messages", c.key, uuid.NewString(), map[string]any{"to": to, "text": text}),
	}
}

// post has a posting made, and keeps at it until it is known how it ended. What
// was learned only after an unknown outcome, and a tenth of the rest, is asked
// for again.
func (c *customer) post(ctx context.Context, p *posting) error {
	c.journal.posted(p)
	a, err := c.persist(ctx, c.random.IntN(len(c.caller.replicas)), p.call)
	if err != nil {
		return err
	}
	if err := c.journal.answered(p, a); err != nil {
		return err
	}
	if !a.ok() {
		return c.refusedPosting(p, a)
	}
	c.report.count("acknowledged: "+p.what(), 1)
	if a.attempts > 1 || c.random.IntN(10) == 0 {
		c.postAgain(ctx, p)
	}
	return nil
}

// what names the kind of a posting in the report.
func (p *posting) what() string {
	switch {
	case p.message:
		return "messages"
	case p.kind == ledger.ChargeRefund:
		return "refunds"
	}
	return "charges"
}

// refusedPosting is about an answer that the customer may have had a reason to
// get: there were too few credits, or a refund had come before.
func (c *customer) refusedPosting(p *posting, a answer) error {
	if a.status == http.StatusPaymentRequired && a.problem().Code == "insufficient_credits" {
		c.report.count("refused for too few credits", 1)
		return nil
	}
	return c.refusal(p.what(), a)
}

// mostReplays is how often a posting that is known is asked for again.
const mostReplays = 5

// postAgain asks for a posting again, up to five times, on one replica after the
// other, and once with another payload.
func (c *caller) postAgain(ctx context.Context, p *posting) {
	for n := range 1 + int(p.mark[0])%mostReplays {
		a, err := c.persist(ctx, n, p.call)
		if err != nil {
			return // the fault is under way; whether it had another effect is found at the end
		}
		if a.status == http.StatusForbidden && a.problem().Code == "account_suspended" {
			return // its key opens nothing at the moment, old answers neither
		}
		c.report.count("replays of postings", 1)
		if a.status != p.answer.status || !bytes.Equal(a.body, p.answer.body) {
			c.report.breach("P2", "a replay of a posting was answered otherwise", "%s %s: %s, then %s: %s, then %s",
				p.what(), p.id, p.answer, a, p.answer.body, a.body)
		}
	}
	var changed map[string]any
	if err := json.Unmarshal(p.call.body, &changed); err != nil {
		panic(err) // our own body
	}
	if p.message {
		changed["text"] = p.mark + " once more"
	} else {
		changed["amount"] = p.amount + 1
	}
	a, err := c.persist(ctx, 0, jsonCall(p.call.method, p.call.path, p.call.token, p.call.key, changed))
	if err == nil && p.kind == ledger.ChargeRefund && a.status == http.StatusUnprocessableEntity {
		return // more than was charged is refused before its key is looked at
	}
	if err == nil && (a.status != http.StatusConflict || a.problem().Code != "idempotency_key_reused") {
		c.report.breach("P2", "a key took another payload", "%s %s: %s", p.what(), p.id, a)
	}
}

// answered notes what a posting was answered with.
func (j *journal) answered(p *posting, a answer) error {
	var made struct{ Charge, Refund, Message struct{ ID uuid.UUID } }
	if a.ok() {
		if err := a.decode(&made); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	p.answer = a
	for _, id := range []uuid.UUID{made.Charge.ID, made.Refund.ID, made.Message.ID} {
		if id != uuid.Nil {
			p.id = id
		}
	}
	return nil
}
