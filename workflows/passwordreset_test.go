package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/workflows"
)

// link stands for a request for another password in PostgreSQL.
type link struct {
	id, decision uuid.UUID
	issued       int
	expires      time.Time
	outcome      string
	unknown      bool          // nobody has the e-mail
	behind       time.Duration // how much the clock of the activities is
}

const linkLife = time.Hour

func (w *world) IssueReset(ctx context.Context, _ uuid.UUID) (cases.ResetState, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.patience = activity.GetInfo(ctx).ScheduleToCloseTimeout
	if w.failing != nil {
		if err := w.failing("IssueReset"); err != nil {
			return cases.ResetState{}, err
		}
	}
	w.link.issued++
	if w.link.outcome == "" && w.link.expires.IsZero() {
		w.link.expires = w.env.Now().UTC().Add(linkLife)
		if !w.link.unknown {
			w.sent = append(w.sent, "email link")
		}
	}
	return w.linkState(), nil
}

func (w *world) CloseReset(context.Context, uuid.UUID) (cases.ResetState, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did = append(w.did, "close")
	over := !w.link.expires.IsZero() && !w.env.Now().Add(-w.link.behind).Before(w.link.expires)
	if w.link.outcome == "" && over {
		w.link.outcome = "expired"
	}
	state := w.linkState()
	if state.Outcome != "" && !w.link.unknown {
		state.Notices = w.owe(state.Outcome)
	}
	return state, nil
}

func (w *world) linkState() cases.ResetState {
	return cases.ResetState{Outcome: w.link.outcome, ExpiresAt: w.link.expires}
}

// use redeems the link, as the API does, and tells the case if it can.
func (w *world) use(tell bool) {
	w.mu.Lock()
	w.link.outcome = "used"
	w.mu.Unlock()
	if tell {
		w.signal(cases.Redeemed, nil)
	}
}

// reset runs the case of a request.
func (w *world) reset() {
	w.link.id = uuid.New()
	w.env.ExecuteWorkflow(workflows.PasswordReset, cases.PasswordResetInput{
		ResetID: w.link.id, DecisionID: w.link.decision, Patience: linkLife,
	})
}

func TestPasswordReset(t *testing.T) {
	t.Parallel()

	t.Run("ends_when_the_link_is_used_and_tells", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Active, account.NoStage)
		start := w.env.Now()
		w.after(10*time.Minute, func() { w.use(true) })
		w.reset()
		w.requireClosed(t)
		require.Less(t, w.env.Now().Sub(start), 11*time.Minute)
		w.sentOnce(t, "email link", "email used", "sms used")
	})

	t.Run("ends_with_the_link_s_time_and_tells", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Active, account.NoStage)
		start := w.env.Now()
		w.reset()
		w.requireClosed(t)
		require.InDelta(t, linkLife, w.env.Now().Sub(start), float64(time.Minute))
		require.Equal(t, 1, w.maxTimer)
		w.sentOnce(t, "email link", "email expired", "sms expired")
	})

	t.Run("of_an_address_that_nobody_has_takes_the_same_course_and_tells_nobody", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Active, account.NoStage)
		w.link.unknown = true
		start := w.env.Now()
		w.reset()
		w.requireClosed(t)
		require.InDelta(t, linkLife, w.env.Now().Sub(start), float64(time.Minute))
		require.Equal(t, []string{"close"}, w.did)
		require.Empty(t, w.sent)
	})

	t.Run("whose_use_it_did_not_hear_of_finds_it_at_the_end", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Active, account.NoStage)
		w.after(10*time.Minute, func() { w.use(false) })
		w.reset()
		w.requireClosed(t)
		w.sentOnce(t, "email link", "email used", "sms used")
	})

	t.Run("that_was_replaced_before_it_came_to_it_ends_at_once", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Active, account.NoStage)
		w.link.outcome, w.link.unknown = "replaced", true
		start := w.env.Now()
		w.reset()
		w.requireClosed(t)
		require.Less(t, w.env.Now().Sub(start), time.Minute)
		require.Empty(t, w.sent)
	})

	t.Run("waits_on_while_a_worker_s_clock_says_that_the_link_is_good", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Active, account.NoStage)
		w.link.behind = 3 * time.Second
		w.reset()
		w.requireClosed(t)
		require.Less(t, w.count("close"), 8, "without haste")
		w.sentOnce(t, "email link", "email expired", "sms expired")
	})

	t.Run("whose_link_cannot_be_mailed_in_its_time_is_left_to_the_sweep", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Active, account.NoStage)
		w.failing = func(string) error { return errors.New("away") }
		w.reset()
		w.requireClosed(t)
		require.Equal(t, linkLife, w.patience)
		require.Equal(t, []string{"close"}, w.did)
		require.Empty(t, w.sent)
	})

	t.Run("that_staff_force_answers_their_decision_and_no_other", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Active, account.NoStage)
		w.link.decision = uuid.New()
		var right, again, wrong, other *reply
		w.after(0, func() {
			right = w.update(cases.Decide, cases.Decision{DecisionID: w.link.decision, Kind: account.ForceReset})
			wrong = w.update(cases.Decide, cases.Decision{DecisionID: w.link.decision, Kind: account.Close})
			other = w.update(cases.Decide, cases.Decision{DecisionID: uuid.New(), Kind: account.ForceReset})
		})
		w.after(time.Minute, func() {
			again = w.update(cases.Decide, cases.Decision{DecisionID: w.link.decision, Kind: account.ForceReset})
			w.signal(cases.Decide, cases.Decision{DecisionID: w.link.decision, Kind: account.ForceReset})
		})
		w.reset()
		w.requireClosed(t)
		require.False(t, right.at.IsZero())
		require.NoError(t, right.err)
		require.False(t, again.at.IsZero())
		require.Error(t, wrong.rejected)
		require.Error(t, other.rejected)
		require.Equal(t, 1, w.link.issued)
	})

	t.Run("that_is_opened_again_after_its_end_tells_what_is_still_owed", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Active, account.NoStage)
		w.link.outcome, w.link.expires = "used", w.env.Now()
		w.after(0, func() { w.signal(cases.Redeemed, nil) })
		w.reset()
		w.requireClosed(t)
		w.sentOnce(t, "email used", "sms used")
	})
}

func TestNotification(t *testing.T) {
	t.Parallel()
	w := setup(t, account.Active, account.NoStage)
	w.notify = func(n cases.Notice) error {
		if n.Channel == "sms" {
			return broken("the provider")
		}
		return nil
	}
	w.env.ExecuteWorkflow(workflows.Notification, cases.NotificationInput{AccountID: w.accountID, Notices: w.owe("password_changed")})
	w.requireClosed(t)
	w.sentOnce(t, "email password_changed", "gave up sms password_changed")
}
