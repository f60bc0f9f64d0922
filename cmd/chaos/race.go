package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
)

// calm is what happens after the faults: racers race while what the faults
// left behind settles.
func (r *run) calm(ctx context.Context) error {
	var group sync.WaitGroup
	var settleErr error
	group.Go(func() { settleErr = r.settle(ctx, r.calmed, "after the storm") })
	var err error
	for _, next := range []struct {
		what string
		race func(context.Context) error
	}{{"applications", r.race}, {"credits", r.raceForCredits}, {"contacts", r.raceForContacts}} {
		if err == nil && (r.For == "" || r.For == "all" || r.For == next.what) {
			err = next.race(ctx)
		}
	}
	group.Wait()
	if err := errors.Join(err, settleErr); err != nil {
		return err
	}
	return r.settle(ctx, time.Now(), "after the races")
}

// race has many staff members decide on one application at once, on both
// replicas, round after round. The next application is registered meanwhile.
func (r *run) race(ctx context.Context) error {
	began := time.Now()
	entrants := make(chan *customer, 2)
	registering, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	group.Go(func() {
		defer close(entrants)
		for range r.Rounds {
			c := r.newCustomer(r.random)
			if c.register(registering) != nil {
				return
			}
			select {
			case entrants <- c:
			case <-registering.Done():
				return
			}
		}
	})
	rounds := 0
	for c := range entrants {
		if err := r.raceOnce(ctx, c); err != nil {
			return err
		}
		if rounds++; rounds%100 == 0 {
			r.say("%d rounds", rounds)
		}
	}
	if rounds != r.Rounds {
		return fmt.Errorf("only %d of %d rounds: %w", rounds, r.Rounds, context.Cause(ctx))
	}
	r.report.fact("%d rounds of %d racers in %.0f s", rounds, r.Racers, time.Since(began).Seconds())
	return nil
}

// lap is what one racer got.
type lap struct {
	by        staffMember
	operation *operation
	answer    answer
	err       error
}

func (r *run) raceOnce(ctx context.Context, c *customer) error {
	laps := make([]lap, r.Racers)
	gate := make(chan struct{})
	var group sync.WaitGroup
	for n := range laps {
		kind := []account.Action{account.Approve, account.Reject}[c.random.IntN(2)]
		by := r.staff[c.random.IntN(len(r.staff))]
		laps[n] = lap{by: by, operation: c.newOperation(kind, by)}
		group.Go(func() {
			<-gate
			laps[n].answer, laps[n].err = r.racing.once(ctx, n, laps[n].operation.call)
		})
	}
	close(gate)
	group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return r.judge(c, laps)
}

// judge finds the one winner, and what the others were told of it.
func (r *run) judge(c *customer, laps []lap) error {
	var winners []lap
	for _, l := range laps {
		switch {
		case l.err != nil:
			r.report.breach("P3", "racer without an answer", "account %s: %v", c.id, l.err)
		case l.answer.ok():
			winners = append(winners, l)
		}
	}
	r.report.count("races", 1)
	if len(winners) != 1 {
		r.report.breach("P3", "not one winner", "account %s: %d of %d won", c.id, len(winners), len(laps))
		return nil
	}
	winner := winners[0]
	r.journal.asked(winner.operation)
	if err := c.keepDecision(winner.operation, winner.answer); err != nil {
		return err
	}
	r.journal.raced(race{c.id, winner.operation.decision, winner.operation.kind})
	for _, l := range laps {
		if l.err == nil && !l.answer.ok() {
			if wrong := toldWrong(l.answer, winner); wrong != "" {
				r.report.breach("P3", "loser told wrongly", "account %s: %s: %s", c.id, wrong, l.answer.body)
			}
			r.report.count("racers that lost", 1)
		}
	}
	return nil
}

// toldWrong says what is missing from a loser's answer, "" for nothing.
func toldWrong(a answer, winner lap) string {
	current := a.problem().Current
	switch {
	case a.status != http.StatusConflict || a.problem().Code != "conflict":
		return "no conflict"
	case current == nil:
		return "not told what is true"
	case current.Action != string(winner.operation.kind):
		return "told another decision"
	case current.Actor == nil || current.Actor.Kind != "staff" || current.Actor.Name != winner.by.name:
		return "told another staff member"
	case current.DecidedAt == nil || time.Since(*current.DecidedAt).Abs() > racerPatience:
		return "not told when"
	case current.Pending != (current.Status == string(account.Pending)):
		return "told a decision that was carried out without its effect, or the reverse"
	}
	return ""
}

// raceForContacts has companies register with one e-mail at once, in several
// notations, and then with one phone.
func (r *run) raceForContacts(ctx context.Context) error {
	const rivals = 8
	for round := range r.TakenRounds {
		shared, field := r.canaries.applicant(), []string{"email", "phone"}[round%2]
		answers, errs := make([]answer, rivals), make([]error, rivals)
		var group sync.WaitGroup
		for n := range rivals {
			one := r.canaries.applicant()
			if field == "email" {
				one.email = []string{shared.email, strings.ToUpper(shared.email), " " + shared.email + " "}[n%3]
			} else {
				one.phone = shared.phone
			}
			group.Go(func() {
				answers[n], errs[n] = r.racing.once(ctx, n, jsonCall(http.MethodPost, "/v1/registrations", "", "", one.form()))
			})
		}
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if err := r.judgeContacts(field, answers); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) judgeContacts(field string, answers []answer) error {
	won := 0
	for _, a := range answers {
		p := a.problem()
		switch {
		case a.status == http.StatusCreated:
			won++
			var registered struct {
				Account struct {
					ID    uuid.UUID
					Email string
				}
			}
			if err := a.decode(&registered); err != nil {
				return err
			}
			r.journal.registered(registered.Account.ID, registered.Account.Email)
		case a.status != http.StatusConflict || p.Code != "taken" || len(p.Errors) != 1 || p.Errors[0].Field != field:
			r.report.breach("P2", "taken contact told wrongly", "%s: %s: %s", field, a, a.body)
		}
	}
	r.report.count("races for an e-mail or a phone", 1)
	if won != 1 {
		r.report.breach("P2", "contact not taken once", "%s: %d of %d registrations won", field, won, len(answers))
	}
	return nil
}
