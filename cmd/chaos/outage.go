package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	enums "go.temporal.io/api/enums/v1"
	"golang.org/x/sync/errgroup"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// customers returns new registered ones.
func (r *run) customers(ctx context.Context, n int) ([]*customer, error) {
	found := make([]*customer, n)
	group, ctx := errgroup.WithContext(ctx)
	for i := range found {
		found[i] = r.newCustomer(r.random)
		group.Go(func() error { return found[i].register(ctx) })
	}
	return found, group.Wait()
}

// withoutTemporal takes registrations, uploads and decisions while Temporal is
// away. That the cases hear of all of them is found out at the end.
func (r *run) withoutTemporal(ctx context.Context) error {
	known, err := r.customers(ctx, 2)
	if err != nil {
		return err
	}
	spender := r.newCustomer(r.random)
	if err := spender.settleIn(ctx); err != nil {
		return err
	}
	if err := r.stack.Temporal.Kill(); err != nil {
		return err
	}
	doors := spender.watch(ctx, time.Time{})
	defer doors.leave()
	uploader, approved, stranger := known[0], known[1], r.newCustomer(r.random)
	uploader.caller, stranger.caller = r.caller.without("Temporal"), r.caller.without("Temporal")
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return uploader.hand(groupCtx) })
	group.Go(func() error { return r.decideUnheard(groupCtx, approved, account.Approve, "Temporal") })
	group.Go(func() error { return r.shutUnheard(groupCtx, doors, "Temporal") })
	group.Go(func() error {
		// A case that was never opened gets everything at once.
		if err := stranger.register(groupCtx); err != nil {
			return err
		}
		if err := stranger.hand(groupCtx); err != nil {
			return err
		}
		return r.decideUnheard(groupCtx, stranger, account.Approve, "Temporal")
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if err := pause(ctx, r.Outage); err != nil {
		return err
	}
	if err := r.stack.Temporal.Start(ctx); err != nil {
		return err
	}
	if r.Outage == 0 {
		return nil // it settles with the rest, which takes less time
	}
	return r.settle(ctx, time.Now(), "after Temporal was back")
}

// decideUnheard has a decision recorded that nobody can carry out now: 202,
// with the decision's address.
func (r *run) decideUnheard(ctx context.Context, c *customer, kind account.Action, missing string) error {
	o := c.newOperation(kind, r.staff[0])
	r.journal.asked(o)
	a, err := r.caller.once(ctx, 0, o.call)
	if err != nil {
		return err
	}
	if a.status != http.StatusAccepted {
		r.report.breach("P1", "not 202 without "+missing, "%s of account %s: %s: %s", kind, c.id, a, a.body)
		return nil
	}
	if err := c.keepDecision(o, a); err != nil {
		return err
	}
	if a.location != "/v1/decisions/"+o.decision.String() {
		r.report.breach("P1", "202 without the decision's address", "%q", a.location)
	}
	r.report.fact("%s without %s: 202 after %.1f s", kind, missing, a.took.Seconds())
	return nil
}

// shutUnheard has an account suspended that nobody can suspend now: from the
// answer on its doors are shut all the same.
func (r *run) shutUnheard(ctx context.Context, d *doors, missing string) error {
	if err := r.decideUnheard(ctx, d.customer, account.Suspend, missing); err != nil {
		return err
	}
	d.shut()
	return pause(ctx, time.Second)
}

// withoutPostgres asks everything of both replicas while PostgreSQL is away.
func (r *run) withoutPostgres(ctx context.Context) error {
	c := r.newCustomer(r.random)
	if err := c.settleIn(ctx); err != nil {
		return err
	}
	if err := r.stack.Postgres.Kill(); err != nil {
		return err
	}
	for n, call := range r.everything(c) {
		for replica := range r.replicas {
			a, err := r.caller.once(ctx, replica, call)
			if err != nil {
				r.report.breach("P16", "no answer without PostgreSQL", "%s %s: %v", call.method, shape(call.path), err)
			} else if a.status != http.StatusServiceUnavailable || a.problem().Code != "unavailable" {
				r.report.breach("P16", "not 503 without PostgreSQL", "%d: %s %s: %s: %s", n, call.method, shape(call.path), a, a.body)
			}
			r.report.count("requests without PostgreSQL", 1)
		}
	}
	if err := r.stack.Postgres.Start(ctx); err != nil {
		return err
	}
	began := time.Now()
	reading := jsonCall(http.MethodGet, "/v1/accounts/"+c.id.String(), r.staff[0].token, "", nil)
	for replica := range r.replicas {
		err := until(ctx, 30*time.Second, 20*time.Millisecond, "serve did not recover from an absence of PostgreSQL", func() (bool, error) {
			a, err := r.caller.once(ctx, replica, reading)
			return a.status == http.StatusOK, err
		})
		if err != nil {
			r.report.breach("P1", "no recovery of PostgreSQL's absence", "%v", err)
		}
	}
	r.report.fact("both replicas answered again %.2f s after PostgreSQL was back", time.Since(began).Seconds())
	return nil
}

// everything is one call of every kind that needs PostgreSQL.
func (r *run) everything(c *customer) []call {
	staff, of := r.staff[0].token, "/v1/accounts/"+c.id.String()
	kind, name, content := c.paper(true)
	nobody := r.canaries.applicant()
	calls := []call{
		jsonCall(http.MethodPost, "/v1/registrations", "", "", nobody.form()),
		uploadCall(c.id.String(), c.upload, kind, name, content),
		jsonCall(http.MethodPost, "/v1/sessions", "", "", map[string]string{"email": c.email, "password": c.password}),
		jsonCall(http.MethodPost, "/v1/me/resubmission", c.session, "", c.corrected()),
		jsonCall(http.MethodDelete, "/v1/sessions/current", c.session, "", nil),
		c.newOperation(account.Approve, r.staff[0]).call,
		c.newOperation(account.Suspend, r.staff[0]).call,
	}
	for _, door := range ways {
		call, _ := door(c)
		calls = append(calls, call)
	}
	calls = append(calls, c.newTopUp(1, r.finance[0]).call)
	for _, path := range []string{of, of + "/transactions", of + "/documents", of + "/timeline", "/v1/accounts", "/v1/accounts?q=" + c.word, "/v1/stats", "/v1/ledger", "/v1/decisions/" + uuid.NewString()} {
		calls = append(calls, jsonCall(http.MethodGet, path, staff, "", nil))
	}
	return append(calls, jsonCall(http.MethodGet, "/v1/me", c.session, "", nil))
}

// withoutWorkers decides while no worker runs: 202, a signal that nobody has
// handled, and the decision carried out when a worker starts.
func (r *run) withoutWorkers(ctx context.Context) error {
	pending, active := r.newCustomer(r.random), r.newCustomer(r.random)
	if err := pending.register(ctx); err != nil {
		return err
	}
	if err := active.settleIn(ctx); err != nil {
		return err
	}
	doors := active.watch(ctx, time.Time{})
	defer doors.leave()
	for _, worker := range r.workers {
		if err := worker.kill(); err != nil {
			return err
		}
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.decideUnheard(groupCtx, pending, account.Approve, "workers") })
	group.Go(func() error { return r.shutUnheard(groupCtx, doors, "workers") })
	if err := group.Wait(); err != nil {
		return err
	}
	for _, caseID := range []string{cases.RegistrationID(pending.id), cases.SuspensionID(active.id)} {
		if err := r.unhandled(ctx, caseID); err != nil {
			return err
		}
	}
	began := time.Now()
	for _, worker := range r.workers {
		if err := worker.start(); err != nil {
			return err
		}
	}
	if err := pending.awaitState(ctx, "active"); err != nil {
		return err
	}
	if err := active.awaitState(ctx, "suspended"); err != nil {
		return err
	}
	r.report.fact("both decisions were carried out %.1f s after the workers were started", time.Since(began).Seconds())
	return nil
}

// unhandled checks that a case holds a decision as a signal, which no worker has
// looked at. Temporal shows it once the step is given up that a worker may have
// had in hand when it was killed.
func (r *run) unhandled(ctx context.Context, caseID string) error {
	var signalled, handled bool
	var seen []string
	err := until(ctx, 20*time.Second, 250*time.Millisecond, "no signal in the history of "+caseID, func() (_ bool, err error) {
		signalled, handled, seen, err = r.signalIn(ctx, caseID)
		return signalled, err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	kind, _, _ := strings.Cut(caseID, "/")
	if err != nil || handled {
		r.report.breach("P7", "no unhandled signal without workers", "%s: signalled %t, handled %t: %v: %s", caseID, signalled, handled, err, strings.Join(seen, ", "))
	} else {
		r.report.fact("the decision on a %s stood in its history as an unhandled signal", kind)
	}
	return nil
}

// signalIn reports whether a decision stands in a case's history as a signal, and
// whether a worker has looked at it since.
func (r *run) signalIn(ctx context.Context, caseID string) (signalled, handled bool, seen []string, err error) {
	events := r.temporal.GetWorkflowHistory(ctx, caseID, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return false, false, nil, fmt.Errorf("read the history of %s: %w", caseID, err)
		}
		seen = append(seen, event.GetEventType().String())
		switch event.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			signal := event.GetWorkflowExecutionSignaledEventAttributes()
			var d cases.Decision
			if signal.GetSignalName() == cases.Decide && json.Unmarshal(signal.GetInput().GetPayloads()[0].GetData(), &d) == nil && d.DecisionID != uuid.Nil {
				signalled, handled = true, false
			}
		case enums.EVENT_TYPE_WORKFLOW_TASK_STARTED, enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			handled = true
		}
	}
	return signalled, handled, seen, nil
}
