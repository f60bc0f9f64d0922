package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// raceForCredits has many programs charge the last credit of an account at once,
// on both replicas, round after round: the account's own key and the platform's
// gateway in turn.
func (r *run) raceForCredits(ctx context.Context) error {
	began := time.Now()
	c := r.newCustomer(r.random)
	if err := c.settleIn(ctx); err != nil {
		return err
	}
	if err := c.drain(ctx); err != nil {
		return err
	}
	for round := range r.Rounds {
		if err := c.topUp(ctx, 1); err != nil {
			return err
		}
		if err := r.raceForCredit(ctx, c); err != nil {
			return err
		}
		if (round+1)%100 == 0 {
			r.say("%d rounds for a credit", round+1)
		}
	}
	r.report.fact("%d rounds of %d racers for the last credit in %.0f s", r.Rounds, r.Racers, time.Since(began).Seconds())
	return nil
}

// drain charges all that the customer has.
func (c *customer) drain(ctx context.Context) error {
	a, err := c.persist(ctx, 0, jsonCall(http.MethodGet, "/v1/accounts/"+c.id.String(), c.staff[0].token, "", nil))
	if err != nil {
		return err
	}
	var got struct {
		Account struct{ Credits struct{ Available int64 } }
	}
	if err := a.decode(&got); err != nil {
		return err
	}
	return c.post(ctx, c.chargeSelf(got.Account.Credits.Available))
}

func (r *run) raceForCredit(ctx context.Context, c *customer) error {
	racers, answers, errs := make([]*posting, r.Racers), make([]answer, r.Racers), make([]error, r.Racers)
	gate := make(chan struct{})
	var group sync.WaitGroup
	for n := range racers {
		if racers[n] = c.chargeSelf(1); n%2 == 1 {
			racers[n] = c.chargeFor(1)
		}
		group.Go(func() {
			<-gate
			answers[n], errs[n] = r.racing.once(ctx, n/2, racers[n].call)
		})
	}
	close(gate)
	group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return r.judgeCredit(c, racers, answers, errs)
}

// judgeCredit finds the one who got the credit, and what the others were told.
func (r *run) judgeCredit(c *customer, racers []*posting, answers []answer, errs []error) error {
	won := 0
	for n, a := range answers {
		switch {
		case errs[n] != nil:
			r.journal.posted(racers[n]) // it may have won
			r.report.breach("P5", "racer without an answer", "account %s: %v", c.id, errs[n])
		case a.ok():
			won++
			r.journal.posted(racers[n])
			if err := r.journal.answered(racers[n], a); err != nil {
				return err
			}
			if left := creditsIn(a); left != "0 available, 0 held" {
				r.report.breach("P5", "winner told wrongly", "account %s: %s", c.id, a.body)
			}
		case a.status != http.StatusPaymentRequired || a.problem().Code != "insufficient_credits" || creditsIn(a) != "0 available, 0 held":
			r.report.breach("P5", "loser told wrongly", "account %s: %s: %s", c.id, a, a.body)
		default:
			r.report.count("racers who came too late for a credit", 1)
		}
	}
	r.report.count("races for the last credit", 1)
	if won != 1 {
		r.report.breach("P5", "not one winner", "account %s: %d of %d had the last credit", c.id, won, len(racers))
	}
	return nil
}

// creditsIn is what an answer says that the account has: a charge's in credits, a
// refusal's in the problem.
func creditsIn(a answer) string {
	var told struct {
		Available, Held *int64
		Credits         *struct{ Available, Held *int64 }
	}
	if err := a.decode(&told); err != nil {
		return err.Error()
	}
	if told.Credits != nil {
		told.Available, told.Held = told.Credits.Available, told.Credits.Held
	}
	if told.Available == nil || told.Held == nil {
		return "nothing"
	}
	return fmt.Sprintf("%d available, %d held", *told.Available, *told.Held)
}
