package activities_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/activities"
	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/domain/policy"
	"kibali/store"
)

func TestApplyDecision(t *testing.T) {
	t.Parallel()

	t.Run("approves_once_however_often_it_runs", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		message := d.decides(a, account.Approve)
		first, err := d.ApplyDecision(t.Context(), message)
		require.NoError(t, err)
		require.Equal(t, cases.Applied, first.Result)
		require.Equal(t, account.Active, first.Entry.Status)
		require.Zero(t, first.Entry.DeadlineAt)
		require.ElementsMatch(t, []string{"email approved", "sms approved"}, channels(first))

		d.pass(time.Hour)
		for range 3 {
			again, err := d.ApplyDecision(t.Context(), message)
			require.NoError(t, err)
			require.Equal(t, first, again)
		}
		require.Equal(t, []string{"register", "approve"}, d.events(a.ID))
		approved := d.account(a.ID)
		require.Equal(t, message.DecisionID, *approved.DecidedBy)
		require.Equal(t, cases.EntryOf(approved), first.Entry)
	})

	t.Run("of_a_suspension_blocks_until_its_end", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.decide(a, account.Approve)
		until := noon.Add(72 * time.Hour)
		suspended := d.decide(d.account(a.ID), account.Suspend, func(s *store.Decision) { s.Until = &until })
		require.Equal(t, account.Suspended, suspended.Entry.Status)
		require.True(t, suspended.Entry.DeadlineAt.Equal(until))
		require.ElementsMatch(t, []string{"email suspended", "sms suspended"}, channels(suspended), "not what another case owes")
		require.True(t, d.account(a.ID).SuspendedUntil.Equal(until))

		reactivated := d.decide(d.account(a.ID), account.Reactivate)
		require.Equal(t, account.Active, reactivated.Entry.Status)
		require.Zero(t, d.account(a.ID).SuspendedUntil)

		closed := d.decide(d.account(a.ID), account.Close)
		require.Equal(t, account.Closed, closed.Entry.Status)
		require.Equal(t, []string{"register", "approve", "suspend", "reactivate", "close"}, d.events(a.ID))
	})

	t.Run("of_a_suspension's_end_changes_nothing_else", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.decide(a, account.Approve)
		until, later := noon.Add(72*time.Hour), noon.Add(96*time.Hour)
		d.decide(d.account(a.ID), account.Suspend, func(s *store.Decision) { s.Until = &until })
		before := d.account(a.ID)
		d.pass(time.Hour)
		o := d.decide(before, account.ChangeUntil, func(s *store.Decision) { s.Until, s.ReasonCode, s.Reason = &later, "", "" })
		require.Equal(t, cases.Applied, o.Result)
		require.Subset(t, channels(o), []string{"email suspension_changed", "sms suspension_changed"})
		want := before
		want.SuspendedUntil, want.DeadlineAt = later, later
		require.Equal(t, want, d.account(a.ID))
		closed := d.decision(d.decides(before, account.ChangeUntil, func(s *store.Decision) { s.Until = &later }).DecisionID)
		again, err := d.ApplyDecision(t.Context(), cases.Decision{DecisionID: closed.ID, Kind: account.ChangeUntil})
		require.NoError(t, err)
		require.Len(t, again.Notices, len(o.Notices), "nobody is told of what did not change")
		o = d.decide(before, account.ChangeUntil)
		require.Zero(t, o.Entry.DeadlineAt)
		require.Zero(t, d.account(a.ID).SuspendedUntil)
		require.Equal(t, []string{"{\"stage\": \"\", \"until\": \"2026-11-26T09:00:00Z\", \"status\": \"suspended\"}"},
			d.read(`SELECT before::text FROM audit_events WHERE account_id = $1 AND action = 'change_until' ORDER BY id LIMIT 1`, a.ID))
	})

	t.Run("that_the_state_does_not_permit_is_refused_for_good", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		late := d.decides(a, account.Reject, func(s *store.Decision) { s.CaseID += "/2" })
		late2 := d.decides(a, account.Reject)
		require.Equal(t, cases.Refused, must(d.ApplyDecision(t.Context(), late))(t).Result, "it is another case's")
		require.Equal(t, cases.Applied, must(d.ApplyDecision(t.Context(), late2))(t).Result)

		d.decides(d.account(a.ID), account.Close)
		approve := d.decides(a, account.Approve)
		for range 2 {
			o := must(d.ApplyDecision(t.Context(), approve))(t)
			require.Equal(t, cases.Refused, o.Result)
			require.Equal(t, "conflict", o.Code)
			require.Equal(t, account.Rejected, o.Entry.Status)
		}
		require.Equal(t, cases.Refused, d.decision(approve.DecisionID).Outcome)
		require.Equal(t, []string{"register", "reject.refused", "reject", "approve.refused"}, d.events(a.ID))
	})

	t.Run("that_does_not_exist_is_not_found", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		_, err := d.ApplyDecision(t.Context(), cases.Decision{DecisionID: uuid.New(), Kind: account.Approve})
		require.True(t, fault.Is(err, fault.NotFound))
	})

	t.Run("gives_deadlines_under_the_policy_of_the_application", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		d.policies(func(p *policy.Policy) {
			p.Changes = policy.Patience{Remind: policy.Duration(time.Hour), Expire: policy.Duration(2 * time.Hour)}
		})
		a := d.register()
		d.policies(func(*policy.Policy) {})
		o := d.decide(a, account.RequestChanges)
		require.Equal(t, account.ChangesRequested, o.Entry.Stage)
		require.Equal(t, time.Hour, o.Entry.RemindAt.Sub(o.Entry.Since))
		require.Equal(t, 2*time.Hour, o.Entry.DeadlineAt.Sub(o.Entry.Since))
	})

	t.Run("moves_on_in_time_even_when_the_clock_does_not", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.pass(-time.Hour)
		o := d.decide(a, account.RequestChanges)
		require.True(t, o.Entry.Since.After(a.StageSince))
	})

	t.Run("to_approve_supersedes_what_still_waits", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.decide(a, account.RequestChanges)
		first, err := d.reader.CurrentApplication(t.Context(), a.ID)
		require.NoError(t, err)
		waiting := d.resubmits(a)
		d.decide(d.account(a.ID), account.Approve)
		require.Equal(t, store.ApplicationApproved, d.application(first.ID).Outcome)
		require.Equal(t, store.ApplicationSuperseded, d.application(waiting.ID).Outcome)
		o := must(d.AcceptResubmission(t.Context(), cases.Resubmission{ApplicationID: waiting.ID}))(t)
		require.Equal(t, cases.Refused, o.Result)
		require.Equal(t, "Juma", d.account(a.ID).Name)
		require.Equal(t, []string{"register", "request_changes", "resubmit.superseded", "approve"}, d.events(a.ID), "once, where it ended")
	})

	t.Run("to_reject_leaves_room_for_a_correction_that_is_on_its_way", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.decide(a, account.RequestChanges)
		waiting := d.resubmits(a)
		d.decide(d.account(a.ID), account.Reject)
		o := must(d.AcceptResubmission(t.Context(), cases.Resubmission{ApplicationID: waiting.ID}))(t)
		require.Equal(t, cases.Applied, o.Result)
		require.Equal(t, account.InReview, o.Entry.Stage)
		require.Equal(t, "Neema Traders", d.account(a.ID).Company.Name)
	})

	t.Run("keeps_the_role_that_it_was_asked_for_under", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a, b := d.register(), d.register()
		message, late := d.decides(a, account.Approve), d.decides(b, account.Approve)
		d.decide(b, account.RequestChanges, func(s *store.Decision) { s.CaseID += "/2" })
		d.dismiss()
		require.Equal(t, cases.Applied, must(d.ApplyDecision(t.Context(), message))(t).Result)
		require.Equal(t, cases.Applied, must(d.ApplyDecision(t.Context(), late))(t).Result)
		require.Equal(t, []string{"approve admin", "request_changes.refused admin", "approve admin"}, d.read(`
			SELECT action || ' ' || actor_role FROM audit_events
			WHERE account_id IN ($1, $2) AND actor_kind = 'staff' AND action NOT LIKE '%.requested' ORDER BY account_id = $2, id`, a.ID, b.ID))
	})

	t.Run("owes_what_its_case_decided_and_nothing_of_another", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.decide(a, account.Approve)
		a = d.account(a.ID)
		early := d.decides(a, account.Close)
		d.decide(a, account.Suspend)
		closed := d.decide(d.account(a.ID), account.Close)
		require.Contains(t, channels(closed), "sms closed")
		late := must(d.ApplyDecision(t.Context(), early))(t)
		require.Equal(t, cases.Refused, late.Result)
		require.Empty(t, late.Notices, "the suspension's case sends them")
	})

	t.Run("and_expiry_at_the_same_instant_have_one_winner", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		for range 20 {
			a := d.register()
			message := d.decides(a, account.Approve)
			var decided, expired cases.Outcome
			var racing sync.WaitGroup
			racing.Go(func() { decided = must(d.ApplyDecision(t.Context(), message))(t) })
			racing.Go(func() {
				expired = must(d.Expire(t.Context(), activities.Deadline{AccountID: a.ID, Entry: cases.EntryOf(a)}))(t)
			})
			racing.Wait()
			require.NotEqual(t, decided.Result, expired.Result)
			after := d.account(a.ID)
			require.Equal(t, decided.Result == cases.Applied, after.Status == account.Active)
			require.Equal(t, expired.Result == cases.Applied, after.ContactReleased)
			require.Len(t, d.events(a.ID), map[bool]int{true: 2, false: 3}[decided.Result == cases.Applied])
		}
	})
}

func must(o cases.Outcome, err error) func(*testing.T) cases.Outcome {
	return func(t *testing.T) cases.Outcome {
		t.Helper()
		if err != nil {
			t.Errorf("unexpected error: %v", err)
		}
		return o
	}
}

func TestEndSuspension(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.register()
	d.decide(a, account.Approve)
	until := noon.Add(time.Hour)
	suspended := d.decide(d.account(a.ID), account.Suspend, func(s *store.Decision) { s.Until = &until })

	t.Run("follows_a_move_that_has_not_reached_its_case", func(t *testing.T) {
		later, b := until.Add(time.Hour), d.register()
		d.decide(b, account.Approve)
		ends := d.decide(d.account(b.ID), account.Suspend, func(s *store.Decision) { s.Until = &until }).Entry
		move := d.decides(d.account(b.ID), account.ChangeUntil, func(s *store.Decision) { s.Until = &later })
		o := must(d.EndSuspension(t.Context(), activities.Deadline{AccountID: b.ID, Entry: ends}))(t)
		require.Equal(t, cases.Refused, o.Result)
		require.True(t, o.Entry.DeadlineAt.Equal(later))
		require.Subset(t, channels(o), []string{"email suspension_changed", "sms suspension_changed"})
		require.Equal(t, cases.Applied, d.decision(move.DecisionID).Outcome)
		require.Equal(t, o.Entry, must(d.ApplyDecision(t.Context(), move))(t).Entry, "it comes late, and is done")

		d.decides(d.account(b.ID), account.ChangeUntil, func(s *store.Decision) { s.Until = &later })
		o = must(d.EndSuspension(t.Context(), activities.Deadline{AccountID: b.ID, Entry: o.Entry}))(t)
		require.Equal(t, cases.Applied, o.Result, "a move to where it is keeps nobody suspended")
		require.Equal(t, []string{"register", "approve", "suspend", "change_until", "change_until", "reactivate"}, d.events(b.ID))
	})

	moved := suspended.Entry
	moved.DeadlineAt = until.Add(-time.Minute)
	o := must(d.EndSuspension(t.Context(), activities.Deadline{AccountID: a.ID, Entry: moved}))(t)
	require.Equal(t, cases.Refused, o.Result, "the end was moved")
	require.Equal(t, account.Suspended, d.account(a.ID).Status)

	o = must(d.EndSuspension(t.Context(), activities.Deadline{AccountID: a.ID, Entry: suspended.Entry}))(t)
	require.Equal(t, cases.Applied, o.Result)
	again := must(d.EndSuspension(t.Context(), activities.Deadline{AccountID: a.ID, Entry: suspended.Entry}))(t)
	require.Equal(t, o.Notices, again.Notices, "an answer that was lost owes the same")
	require.Equal(t, account.Active, again.Entry.Status)
	require.Equal(t, []string{"register", "approve", "suspend", "reactivate"}, d.events(a.ID))
}
