package workflows_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/workflows"
)

// suspend runs a suspension of the account from the world's state on.
func (w *world) suspend() {
	w.env.ExecuteWorkflow(workflows.Suspension, cases.SuspensionInput{AccountID: w.accountID, Entry: w.entry})
}

// endAt is a decision to move the end of the suspension.
func (w *world) endAt(until time.Time) cases.Decision {
	d := decision(account.ChangeUntil)
	w.ends[d.DecisionID] = until
	return d
}

func TestSuspension(t *testing.T) {
	t.Parallel()

	t.Run("ends_by_itself_at_until", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		w.entry.DeadlineAt = w.env.Now().Add(5 * day)
		start := w.env.Now()
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, []string{"reactivate"}, w.did)
		require.InDelta(t, 5*day, w.env.Now().Sub(start), float64(time.Minute))
		w.sentOnce(t, "email reactivate", "sms reactivate")
	})

	t.Run("without_an_end_waits_for_a_decision", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		var answer *reply
		w.after(400*day, func() {
			require.Zero(t, w.timers)
			answer = w.update(cases.Decide, decision(account.Reactivate))
		})
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, "applied", answer.result())
		require.Equal(t, account.Active, w.entry.Status)
	})

	t.Run("that_is_lifted_early_forgets_its_end", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		w.entry.DeadlineAt = w.env.Now().Add(5 * day)
		start := w.env.Now()
		w.after(day, func() { w.signal(cases.Decide, decision(account.Reactivate)) })
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, []string{"reactivate"}, w.did)
		require.InDelta(t, day, w.env.Now().Sub(start), float64(time.Minute))
	})

	t.Run("ends_when_the_account_is_closed", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		w.after(day, func() { w.signal(cases.Decide, decision(account.Close)) })
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, account.Closed, w.entry.Status)
		w.sentOnce(t, "email close", "sms close")
	})

	t.Run("whose_end_was_moved_follows_the_row", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		w.entry.DeadlineAt = w.env.Now().Add(5 * day)
		start := w.env.Now()
		w.after(4*day, func() { w.entry.DeadlineAt = start.Add(9 * day) })
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, []string{"EndSuspension refused", "reactivate"}, w.did)
		require.InDelta(t, 9*day, w.env.Now().Sub(start), float64(time.Minute))
	})

	t.Run("whose_end_is_moved_ends_then", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct{ from, to time.Duration }{
			"later": {5 * day, 9 * day}, "earlier": {9 * day, 5 * day}, "for the first time": {0, 5 * day},
		} {
			w := setup(t, account.Suspended, account.NoStage)
			start := w.env.Now()
			if c.from > 0 {
				w.entry.DeadlineAt = start.Add(c.from)
			}
			var answer *reply
			w.after(4*day, func() { answer = w.update(cases.Decide, w.endAt(start.Add(c.to))) })
			w.suspend()
			w.requireClosed(t)
			require.Equal(t, "applied", answer.result(), name)
			require.True(t, start.Add(c.to).Equal(answer.outcome.Entry.DeadlineAt), name)
			require.Equal(t, []string{"change_until", "reactivate"}, w.did, name)
			require.InDelta(t, c.to, w.env.Now().Sub(start), float64(time.Minute), name)
			w.sentOnce(t, "email change_until", "sms change_until", "email reactivate", "sms reactivate")
		}
	})

	t.Run("whose_end_is_taken_away_waits_for_a_decision", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		w.entry.DeadlineAt = w.env.Now().Add(5 * day)
		w.after(4*day, func() { w.signal(cases.Decide, w.endAt(time.Time{})) })
		w.after(90*day, func() {
			require.Zero(t, w.timers)
			w.signal(cases.Decide, decision(account.Reactivate))
		})
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, []string{"change_until", "reactivate"}, w.did)
	})

	t.Run("hears_of_a_move_ten_times_in_every_way_and_makes_it_once", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		start := w.env.Now()
		w.entry.DeadlineAt = start.Add(5 * day)
		move := w.endAt(start.Add(9 * day))
		var replies []*reply
		w.after(day, func() {
			replies = append(replies, w.update(cases.Decide, move))
			w.signal(cases.Decide, move)
		})
		for i := range 8 { // also late ones, after the end that it moved
			w.after(time.Duration(i)*day+2*day, func() { replies = append(replies, w.update(cases.Decide, move)) })
		}
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, []string{"change_until", "reactivate"}, w.did)
		for _, r := range replies {
			require.Equal(t, "applied", r.result())
		}
	})

	t.Run("and_a_move_at_its_end_have_one_winner", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		start := w.env.Now()
		w.entry.DeadlineAt = start.Add(5 * day)
		w.slow["EndSuspension"] = 2 * time.Second
		var late *reply
		w.after(5*day+time.Second, func() { late = w.update(cases.Decide, w.endAt(start.Add(9*day))) })
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, []string{"reactivate", "change_until refused"}, w.did)
		require.Equal(t, "refused", late.result())
	})

	t.Run("whose_end_passes_while_a_move_is_carried_out_follows_the_move", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		start := w.env.Now()
		w.entry.DeadlineAt = start.Add(5 * day)
		w.slow["ApplyDecision"] = 10 * time.Second
		w.after(5*day-5*time.Second, func() { w.signal(cases.Decide, w.endAt(start.Add(9*day))) })
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, []string{"change_until", "reactivate"}, w.did)
		require.InDelta(t, 9*day, w.env.Now().Sub(start), float64(time.Minute))
	})

	t.Run("brings_an_appeal_to_those_who_decide_it", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		start := w.env.Now()
		w.entry.DeadlineAt = start.Add(30 * day)
		w.after(day, func() { w.signal(cases.AppealMade, cases.Appeal{AppealID: uuid.New()}) })
		w.after(10*day, func() {
			require.Equal(t, []string{"appeal", "remind of appeal", "remind of appeal"}, w.did)
			require.Equal(t, 1, w.timers, "its end is waited for")
			w.signal(cases.Decide, decision(account.DismissAppeal))
		})
		w.after(11*day, func() { w.signal(cases.AppealMade, cases.Appeal{AppealID: uuid.New()}) })
		w.after(12*day, func() { w.signal(cases.Decide, w.endAt(start.Add(40*day))) })
		w.after(14*day, func() { w.signal(cases.Decide, decision(account.Reactivate)) })
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, []string{"appeal", "remind of appeal", "remind of appeal", "dismiss_appeal", "appeal", "change_until", "remind of appeal", "reactivate"}, w.did)
	})

	t.Run("hears_the_same_appeal_ten_times_and_takes_it_up_once", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		m := cases.Appeal{AppealID: uuid.New()}
		w.after(day, func() {
			for range 10 {
				w.signal(cases.AppealMade, m)
			}
		})
		w.after(2*day, func() { w.signal(cases.Decide, decision(account.Reactivate)) })
		w.after(2*day+time.Second, func() { w.signal(cases.AppealMade, m) })
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, 1, w.count("appeal"))
		w.sentOnce(t, "email appeal received", "sms appeal received", "email reactivate", "sms reactivate")
	})

	t.Run("that_ends_before_an_appeal_is_due_reminds_nobody", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		w.entry.DeadlineAt = w.env.Now().Add(2 * day)
		w.after(day, func() { w.signal(cases.AppealMade, cases.Appeal{AppealID: uuid.New()}) })
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, []string{"appeal", "reactivate"}, w.did)
	})

	t.Run("and_a_decision_at_its_end_have_one_winner", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		w.entry.DeadlineAt = w.env.Now().Add(5 * day)
		w.slow["EndSuspension"] = 2 * time.Second
		var late *reply
		w.after(5*day+time.Second, func() { late = w.update(cases.Decide, decision(account.Reactivate)) })
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, []string{"reactivate", "reactivate refused"}, w.did)
		require.Equal(t, "refused", late.result())
	})

	t.Run("takes_no_decision_of_a_review", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Suspended, account.NoStage)
		var wrong *reply
		w.after(time.Hour, func() { wrong = w.update(cases.Decide, decision(account.Approve)) })
		w.after(2*time.Hour, func() { w.signal(cases.Decide, decision(account.Reactivate)) })
		w.suspend()
		w.requireClosed(t)
		require.Equal(t, "rejected", wrong.result())
	})

	t.Run("of_an_account_that_is_not_suspended_closes_at_once", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Active, account.NoStage)
		w.suspend()
		w.requireClosed(t)
		require.Empty(t, w.did)
	})
}

func TestACaseThatIsOpenedAgainSendsWhatIsStillOwed(t *testing.T) {
	t.Parallel()
	for _, status := range []account.Status{account.Suspended, account.Active} {
		w := setup(t, status, account.NoStage)
		if status == account.Suspended {
			w.after(time.Hour, func() {
				require.ElementsMatch(t, []string{"email suspended", "sms suspended"}, w.sent, "without waiting for a decision")
				w.signal(cases.Decide, decision(account.Reactivate))
			})
		}
		w.env.ExecuteWorkflow(workflows.Suspension, cases.SuspensionInput{AccountID: w.accountID, Entry: w.entry, Notices: w.owe("suspended")})
		w.requireClosed(t)
		require.Subset(t, w.sent, []string{"email suspended", "sms suspended"})
	}
	w := setup(t, account.Closed, account.NoStage)
	w.env.ExecuteWorkflow(workflows.Closure, cases.ClosureInput{AccountID: w.accountID, Notices: w.owe("closed")})
	w.requireClosed(t)
	w.sentOnce(t, "email closed", "sms closed")
}

func TestClosureWithoutADecisionEnds(t *testing.T) {
	t.Parallel()
	w := setup(t, account.Active, account.NoStage)
	w.env.ExecuteWorkflow(workflows.Closure, cases.ClosureInput{AccountID: uuid.New()})
	w.requireClosed(t)
	require.Empty(t, w.did)
}
