package workflows

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// TopUp is a decision about credits: it posts them, at once when one signature
// is enough, else when a second one has come, and lapses when none does in time.
// It closes when it is posted, refused or lapsed and everybody has been told.
func TopUp(ctx workflow.Context, in cases.TopUpInput) error {
	t := &topUp{correspondence: newCorrespondence(ctx), decisionID: in.DecisionID}
	t.sendInTurn(ctx, in.Notices)
	if err := hear(ctx, &t.correspondence, cases.Decide, t.check, t.decide); err != nil {
		return err
	}
	return t.run(ctx)
}

type topUp struct {
	correspondence
	decisionID uuid.UUID
	// outcome is how far the top-up is; without a result before it was looked at.
	outcome cases.TopUpOutcome
}

// run takes the top-up as far as it goes, and waits for a signature, or for the
// time for one to pass.
func (t *topUp) run(ctx workflow.Context) error {
	if _, err := t.decide(ctx, cases.Decision{DecisionID: t.decisionID, Kind: account.TopUp}); err != nil {
		return err
	}
	if t.waits() {
		if err := t.awaitSignature(ctx); err != nil {
			return err
		}
	}
	return workflow.Await(ctx, func() bool { return t.dealtWith(ctx) })
}

func (t *topUp) waits() bool { return t.outcome.Result == cases.Waiting }

// awaitSignature returns when the top-up waits no more: a message has settled
// it, or the time for one has passed.
func (t *topUp) awaitSignature(ctx workflow.Context) error {
	timerCtx, stopTimer := workflow.WithCancel(ctx)
	defer stopTimer()
	timer := workflow.NewTimerWithOptions(timerCtx, t.outcome.LapsesAt.Sub(workflow.Now(ctx)),
		workflow.TimerOptions{Summary: "time for a second signature"})
	if err := workflow.Await(ctx, func() bool { return timer.IsReady() || !t.waits() }); err != nil {
		return err
	}
	_, err := t.settle(ctx, cases.TopUpStep{DecisionID: t.decisionID, Over: true}, true)
	return err
}

func (t *topUp) check(d cases.Decision) error {
	kinds := []account.Action{account.TopUp, account.Countersign, account.Decline}
	if d.DecisionID != t.decisionID || !slices.Contains(kinds, d.Kind) {
		return malformed("a top-up hears of its own decision, of one of the kinds %v", kinds)
	}
	return nil
}

// decide is where every message ends, whichever way and however often it comes:
// what it says stands in the decision's row, so it only makes the case look. The
// decision itself makes it look once, a signature each time until it is settled.
func (t *topUp) decide(ctx workflow.Context, d cases.Decision) (cases.TopUpOutcome, error) {
	return t.settle(ctx, cases.TopUpStep{DecisionID: t.decisionID}, d.Kind != account.TopUp)
}

// settle takes the top-up as far as its decision permits, unless it is settled
// or, without again, was looked at before. The activity has the last word.
func (t *topUp) settle(ctx workflow.Context, step cases.TopUpStep, again bool) (cases.TopUpOutcome, error) {
	if err := t.mutex.Lock(ctx); err != nil {
		return cases.TopUpOutcome{}, err
	}
	defer t.mutex.Unlock()
	if t.outcome.Result != "" && (!t.waits() || !again) {
		return t.outcome, nil
	}
	summary := "top up (decision " + t.decisionID.String() + ")"
	if step.Over {
		summary = "lapse, unless it is signed (decision " + t.decisionID.String() + ")"
	}
	var outcome cases.TopUpOutcome
	if err := workflow.ExecuteActivity(changing(ctx, summary), act.SettleTopUp, step).Get(ctx, &outcome); err != nil {
		return cases.TopUpOutcome{}, err
	}
	t.follow(ctx, outcome)
	return outcome, nil
}

// follow takes over how far an activity has found or taken the top-up.
func (t *topUp) follow(ctx workflow.Context, outcome cases.TopUpOutcome) {
	t.sendInTurn(ctx, outcome.Notices)
	t.outcome = outcome
	if t.waits() {
		return // the attributes say so since it was opened
	}
	attributes := []temporal.SearchAttributeUpdate{
		caseStatusKey.ValueSet(cases.StatusOfTopUp(outcome.Result, time.Time{})), deadlineKey.ValueUnset(),
	}
	if outcome.ActorID != uuid.Nil {
		attributes = append(attributes, reviewerKey.ValueSet(outcome.ActorID.String()))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, attributes...); err != nil {
		workflow.GetLogger(ctx).Error("The search attributes could not be changed.", "Error", err)
	}
}

// atATime is how many notices of a top-up are on their way at a time: a bulk has
// more than a case may have steps open.
const atATime = 100

// sendInTurn sends notices that are owed, as many as may be on their way at a
// time, beside everything else.
func (t *topUp) sendInTurn(ctx workflow.Context, notices []cases.Notice) {
	if len(notices) <= atATime {
		t.send(ctx, notices)
		return
	}
	t.working++
	workflow.GoNamed(ctx, "notices", func(ctx workflow.Context) {
		for _, notice := range notices {
			if workflow.Await(ctx, func() bool { return t.sending < atATime }) != nil {
				break
			}
			t.send(ctx, []cases.Notice{notice})
		}
		t.working--
	})
}
