package workflows

import (
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// PasswordReset is one request for another password, asked for by anyone or
// forced by staff: it mails the link, waits until that is used or expires, and
// tells the customer how it ended. The link's time is the row's, which refuses;
// the timer only ends the case. For an e-mail that nobody has it takes the same
// course and mails nothing.
func PasswordReset(ctx workflow.Context, in cases.PasswordResetInput) error {
	r := &passwordReset{in: in}
	if err := r.listen(ctx); err != nil {
		return err
	}
	r.issue(ctx)
	for closed := false; !closed; {
		if err := r.awaitUse(ctx); err != nil {
			return err
		}
		if err := r.close(ctx); err != nil {
			return err
		}
		// What could not be taken up is left: the sweep opens its case again.
		closed = r.ended() || r.state.ExpiresAt.IsZero()
	}
	tell(ctx, r.state.Notices)
	return workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

type passwordReset struct {
	in       cases.PasswordResetInput
	taken    bool // taking it up was tried for as long as it is worth it
	redeemed bool // the link was used since the row was looked at
	state    cases.ResetState
}

func (r *passwordReset) ended() bool { return r.state.Outcome != "" }

// listen makes the case hear that the link was used, and of the decision that
// forced it: whoever made that waits for the answer.
func (r *passwordReset) listen(ctx workflow.Context) error {
	redeemed, decided := workflow.GetSignalChannel(ctx, cases.Redeemed), workflow.GetSignalChannel(ctx, cases.Decide)
	workflow.GoNamed(ctx, "signals", func(ctx workflow.Context) {
		heard := workflow.NewSelector(ctx)
		heard.AddReceive(redeemed, func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			r.redeemed = true
		})
		heard.AddReceive(decided, func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil) // it is what opened the case
		})
		for ctx.Err() == nil {
			heard.Select(ctx)
		}
	})
	return workflow.SetUpdateHandlerWithOptions(ctx, cases.Decide, r.decide, workflow.UpdateHandlerOptions{
		Validator:   r.check,
		Description: "Answers once the link was mailed, or cannot be.",
	})
}

func (r *passwordReset) check(d cases.Decision) error {
	if d.DecisionID == uuid.Nil || d.DecisionID != r.in.DecisionID || d.Kind != account.ForceReset {
		return malformed("this case is that of decision %s", r.in.DecisionID)
	}
	return nil
}

func (r *passwordReset) decide(ctx workflow.Context, _ cases.Decision) (cases.ResetState, error) {
	err := workflow.Await(ctx, func() bool { return r.taken })
	return cases.ResetState{Outcome: r.state.Outcome, ExpiresAt: r.state.ExpiresAt}, err
}

// issue mails the link. When that cannot be done in the time that the link has,
// the request expires.
func (r *passwordReset) issue(ctx workflow.Context) {
	if err := workflow.ExecuteActivity(mailing(ctx, "mail the link", r.in.Patience), act.IssueReset, r.in.ResetID).Get(ctx, &r.state); err != nil {
		workflow.GetLogger(ctx).Warn("A link could not be mailed.", "ResetID", r.in.ResetID, "Error", err)
	}
	r.taken = true
}

// awaitUse waits until the link was used or has expired.
func (r *passwordReset) awaitUse(ctx workflow.Context) error {
	if r.ended() || r.state.ExpiresAt.IsZero() || r.redeemed {
		return nil
	}
	timerCtx, stopTimer := workflow.WithCancel(ctx)
	defer stopTimer()
	// At least a second, for a worker whose clock is behind.
	timer := workflow.NewTimerWithOptions(timerCtx, max(r.state.ExpiresAt.Sub(workflow.Now(ctx)), time.Second),
		workflow.TimerOptions{Summary: "end of the link"})
	return workflow.Await(ctx, func() bool { return timer.IsReady() || r.redeemed })
}

// close asks how the request ended, which it has unless its link is still good.
func (r *passwordReset) close(ctx workflow.Context) error {
	r.redeemed = false
	var state cases.ResetState
	if err := workflow.ExecuteActivity(changing(ctx, "end the request"), act.CloseReset, r.in.ResetID).Get(ctx, &state); err != nil {
		return err
	}
	r.state = state
	if !r.ended() {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx, caseStatusKey.ValueSet(r.state.Outcome))
}
