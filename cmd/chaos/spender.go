package main

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
)

// spend is the life of a customer who uses the platform: credits are bought,
// charged, refunded and spent on messages, and the account is suspended now and
// then. It ends when ctx does, or after a while, with what is under way.
func (c *customer) spend(ctx context.Context) error {
	if err := c.settleIn(ctx); err != nil {
		return err
	}
	var charges []*posting
	for range 60 {
		if err := pause(ctx, between(c.random, 5, 60)); err != nil {
			return err
		}
		var err error
		switch n := c.random.IntN(100); {
		case n < 50:
			p := c.chargeSelf(1 + c.random.Int64N(5))
			if c.random.IntN(4) == 0 {
				p = c.chargeFor(1 + c.random.Int64N(5))
			}
			if err = c.post(ctx, p); p.id != uuid.Nil {
				charges = append(charges, p)
			}
		case n < 62 && len(charges) > 0:
			charge := charges[len(charges)-1]
			charges = charges[:len(charges)-1]
			err = c.post(ctx, c.refundOf(charge, 1+c.random.Int64N(charge.amount)))
		case n < 80:
			err = c.post(ctx, c.newMessage(1+c.random.IntN(3)))
		case n < 90:
			err = c.topUp(ctx, 1+c.random.Int64N(100))
		case n < 93:
			err = c.topUpTogether(ctx, []string{"countersign", "decline"}[c.random.IntN(2)])
		case n < 97:
			err = c.suspension(ctx, 0)
		default:
			err = c.suspension(ctx, 6*time.Second)
		}
		if err != nil {
			return err
		}
	}
	c.report.count("spenders who came to their end", 1)
	return nil
}

// everyWay has one customer do everything that there is once, before anything
// breaks, so that there is some of each to look at.
func (r *run) everyWay(ctx context.Context) error {
	c := r.newCustomer(r.random)
	if err := c.settleIn(ctx); err != nil {
		return err
	}
	for _, p := range []*posting{c.chargeSelf(3), c.chargeFor(2), c.newMessage(1), c.newMessage(12)} {
		if err := c.post(ctx, p); err != nil {
			return err
		}
		if p.id != uuid.Nil && !p.message {
			if err := c.post(ctx, c.refundOf(p, 1)); err != nil {
				return err
			}
		}
	}
	for _, verb := range []string{"countersign", "decline"} {
		if err := c.topUpTogether(ctx, verb); err != nil {
			return err
		}
	}
	if err := c.suspension(ctx, 2*time.Second); err != nil {
		return err
	}
	if err := c.suspension(ctx, 0); err != nil {
		return err
	}
	if err := c.post(ctx, c.chargeSelf(1)); err != nil {
		return err
	}
	last := r.newCustomer(r.random) // stays suspended
	if err := last.settleIn(ctx); err != nil {
		return err
	}
	if err := last.decide(ctx, account.Suspend); err != nil {
		return err
	}
	return last.topUp(ctx, 5)
}

// settleIn makes the customer one whose programs may send.
func (c *customer) settleIn(ctx context.Context) error {
	if err := c.register(ctx); err != nil {
		return err
	}
	if err := c.decide(ctx, account.Approve); err != nil {
		return err
	}
	if err := c.login(ctx); err != nil {
		return err
	}
	if err := c.makeKey(ctx); err != nil {
		return err
	}
	return c.topUp(ctx, 50)
}

// makeKey makes an API key. One whose answer was lost stays unused.
func (c *customer) makeKey(ctx context.Context) error {
	a, err := c.persist(ctx, c.random.IntN(len(c.caller.replicas)), jsonCall(http.MethodPost, "/v1/me/api-keys", c.session, "", map[string]any{"name": "programs"}))
	if err != nil {
		return err
	}
	if a.status != http.StatusCreated {
		return c.refusal("API key", a)
	}
	var made struct{ Key string }
	if err := a.decode(&made); err != nil {
		return err
	}
	c.key = made.Key
	return nil
}

// suspension keeps the account out, for the given time or until it is
// reactivated, while all doors are tried. Credits that arrive meanwhile are
// held, and the same key works afterwards.
func (c *customer) suspension(ctx context.Context, length time.Duration) error {
	var until time.Time
	if length > 0 {
		until = time.Now().Add(length).Truncate(time.Second)
	}
	d := c.watch(ctx, until)
	defer d.leave()
	o := c.newSuspension(c.staff[0], until)
	c.journal.asked(o)
	a, err := c.persist(ctx, c.random.IntN(len(c.caller.replicas)), o.call)
	if err != nil {
		return err
	}
	if length > 0 && a.attempts > 1 && a.status == http.StatusUnprocessableEntity {
		c.report.count("suspensions that came after their end", 1)
		return nil
	}
	d.shut()
	if !a.ok() {
		return c.refusal("suspension", a)
	}
	if err := c.keepDecision(o, a); err != nil {
		return err
	}
	if err := c.topUp(ctx, 7); err != nil {
		return err
	}
	if err := c.awaitDecision(ctx, o); err != nil {
		return err
	}
	c.report.count("suspensions under watch", 1)
	if length > 0 {
		if err := c.awaitState(ctx, string(account.Active)); err != nil {
			return err
		}
		d.leave()
	} else {
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return err
		}
		d.leave()
		if err := c.decide(ctx, account.Reactivate); err != nil {
			return err
		}
	}
	return c.enter(ctx)
}

// enter passes the gate with the key that the customer has had all along.
func (c *customer) enter(ctx context.Context) error {
	a, err := c.persist(ctx, c.random.IntN(len(c.caller.replicas)), call{method: http.MethodGet, path: "/v1/gate/authorize", token: c.key})
	if err != nil {
		return err
	}
	if !a.ok() {
		return c.refusal("passing the gate again", a)
	}
	c.report.count("keys that worked again after a suspension", 1)
	return nil
}
