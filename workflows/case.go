package workflows

import (
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// accountCase is what the cases of an account have in common: each message is
// taken once, whichever way and however often it comes; the account's row is
// followed; one timer runs; notices are sent beside all of that; and the case
// closes when nothing is left to do.
type accountCase struct {
	correspondence
	rules
	accountID uuid.UUID
	// entry is the newest state of the account that the case has heard of.
	entry cases.Entry
	// seenTo is the last deadline of the entry that has passed; zero before
	// the first.
	seenTo time.Time

	answers map[uuid.UUID]cases.Outcome
}

// rules is where the cases of an account differ.
type rules struct {
	workflow string // the type of workflow
	// alarm returns what the case does by itself when a deadline of an entry
	// passes.
	alarm func(entry cases.Entry, deadline time.Time) alarm
}

// alarm is what a case does by itself when a deadline passes.
type alarm struct {
	summary  string
	action   account.Action // none for a reminder
	activity any
}

func newCase(ctx workflow.Context, accountID uuid.UUID, entry cases.Entry, r rules) *accountCase {
	return &accountCase{
		correspondence: newCorrespondence(ctx),
		rules:          r,
		accountID:      accountID,
		entry:          entry,
		answers:        map[uuid.UUID]cases.Outcome{},
	}
}

// run waits for the deadlines of the account's state, and for messages to
// change it, until the case is settled. There is never more than one timer.
func (c *accountCase) run(ctx workflow.Context) error {
	for !c.settled(ctx) {
		deadline := c.nextDeadline()
		timerCtx, stopTimer := workflow.WithCancel(ctx)
		timer := c.startTimer(timerCtx, deadline)
		err := workflow.Await(ctx, func() bool {
			return timer.IsReady() || !c.nextDeadline().Equal(deadline) || c.settled(ctx)
		})
		if err != nil {
			return err
		}
		if timer.IsReady() {
			err = c.meet(ctx, deadline)
		}
		stopTimer()
		if err != nil {
			return err
		}
	}
	return nil
}

// settled reports whether the case may close: nothing is left to decide, every
// message that came has been dealt with, and every notice has been sent or
// given up.
func (c *accountCase) settled(ctx workflow.Context) bool { return c.over() && c.dealtWith(ctx) }

// over reports whether nobody has to decide anything.
func (c *accountCase) over() bool { return cases.Over(c.workflow, c.entry) }

// nextDeadline returns the deadline of the entry that comes next, or zero.
func (c *accountCase) nextDeadline() time.Time {
	remind, end := c.entry.RemindAt, c.entry.DeadlineAt
	switch {
	case c.over():
		return time.Time{}
	case remind.After(c.seenTo) && (end.IsZero() || remind.Before(end)):
		return remind
	case end.After(c.seenTo):
		return end
	}
	return time.Time{}
}

// startTimer returns a future that is ready at the deadline; never, when the
// deadline is zero.
func (c *accountCase) startTimer(ctx workflow.Context, deadline time.Time) workflow.Future {
	if deadline.IsZero() {
		never, _ := workflow.NewFuture(ctx)
		return never
	}
	summary := c.alarm(c.entry, deadline).summary + ", " + deadline.UTC().Format("2006-01-02 15:04 UTC")
	return workflow.NewTimerWithOptions(ctx, deadline.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: summary})
}

// meet does what the passed deadline calls for, unless a message was quicker.
// The activity has the last word: when it finds that the account has moved on,
// the case follows the account.
func (c *accountCase) meet(ctx workflow.Context, deadline time.Time) error {
	if err := c.mutex.Lock(ctx); err != nil {
		return err
	}
	defer c.mutex.Unlock()
	if !c.nextDeadline().Equal(deadline) {
		return nil
	}
	c.seenTo = deadline
	if c.overtaken(ctx, deadline) {
		return nil
	}
	ring := c.alarm(c.entry, deadline)
	var outcome cases.Outcome
	err := workflow.ExecuteActivity(changing(ctx, ring.summary), ring.activity, c.deadline()).Get(ctx, &outcome)
	if temporal.IsCanceledError(err) {
		return err
	}
	if err != nil {
		// Staff can still decide, so the case stays open.
		workflow.GetLogger(ctx).Error("A deadline could not be met.", "Deadline", ring.summary, "Error", err)
		return nil
	}
	c.follow(ctx, outcome, ring.action, uuid.Nil)
	return nil
}

// overtaken reports whether the deadline is a reminder that would come too late,
// because waiting ends at once. Waiting for staff does not end, so who should
// have reviewed is told beside the admins.
func (c *accountCase) overtaken(ctx workflow.Context, deadline time.Time) bool {
	if !deadline.Equal(c.entry.RemindAt) || c.entry.DeadlineAt.IsZero() || workflow.Now(ctx).Before(c.entry.DeadlineAt) {
		return false
	}
	return c.entry.Stage != account.InReview ||
		workflow.GetVersion(ctx, "remind-of-a-review-that-is-overdue", workflow.DefaultVersion, 1) == workflow.DefaultVersion
}

// follow takes over the state of the account that an activity has left or
// found. by is the staff member whose decision it was, or nil.
func (c *accountCase) follow(ctx workflow.Context, outcome cases.Outcome, action account.Action, by uuid.UUID) {
	c.send(ctx, outcome.Notices)
	if outcome.Entry.Equal(c.entry) || outcome.Entry.Since.Before(c.entry.Since) {
		return // known already, or an older truth that was slow to arrive
	}
	if outcome.Result != cases.Applied {
		action, by = "", uuid.Nil
	}
	c.entry, c.seenTo = outcome.Entry, time.Time{}
	if err := workflow.UpsertTypedSearchAttributes(ctx, c.attributes(action, by)...); err != nil {
		workflow.GetLogger(ctx).Error("The search attributes could not be changed.", "Error", err)
	}
}

var (
	caseStatusKey = temporal.NewSearchAttributeKeyKeyword(cases.AttributeCaseStatus)
	reviewerKey   = temporal.NewSearchAttributeKeyKeyword(cases.AttributeReviewer)
	deadlineKey   = temporal.NewSearchAttributeKeyTime(cases.AttributeDeadline)
)

func (c *accountCase) attributes(action account.Action, by uuid.UUID) []temporal.SearchAttributeUpdate {
	now := cases.AttributesOf(c.workflow, c.entry, action)
	deadline := deadlineKey.ValueUnset()
	if !now.Deadline.IsZero() {
		deadline = deadlineKey.ValueSet(now.Deadline)
	}
	attributes := []temporal.SearchAttributeUpdate{caseStatusKey.ValueSet(now.CaseStatus), deadline}
	if by != uuid.Nil {
		attributes = append(attributes, reviewerKey.ValueSet(by.String()))
	}
	return attributes
}
