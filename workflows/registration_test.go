package workflows_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"kibali/domain/account"
	"kibali/domain/cases"
)

func TestRegistration(t *testing.T) {
	t.Parallel()

	t.Run("is_approved_and_tells_the_applicant", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		var answer *reply
		w.after(time.Hour, func() { answer = w.update(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, "applied", answer.result())
		require.Equal(t, account.Active, answer.outcome.Entry.Status)
		require.Equal(t, []string{"approve"}, w.did)
		w.sentOnce(t, "email received", "sms received", "email approve", "sms approve")
	})

	t.Run("is_rejected_and_tells_the_applicant", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.InReview)
		w.after(time.Hour, func() { w.signal(cases.Decide, decision(account.Reject)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, account.Rejected, w.entry.Status)
		w.sentOnce(t, "email received", "sms received", "email reject", "sms reject")
	})

	t.Run("reminds_the_applicant_of_documents_and_expires", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		start := w.env.Now()
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"Remind awaiting_documents", "expire"}, w.did)
		require.Equal(t, documentsExpire, w.env.Now().Sub(start).Truncate(time.Minute))
		require.Equal(t, 1, w.maxTimer, "one timer at a time")
		w.sentOnce(t, "email received", "sms received", "email Remind", "sms Remind", "email expire", "sms expire")
	})

	t.Run("reminds_reviewers_then_escalates_and_never_expires", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		w.after(time.Hour, func() { w.signal(cases.DocumentReceived, cases.Document{DocumentID: uuid.New()}) })
		w.after(90*day, func() {
			require.Equal(t, []string{"document", "Remind in_review", "Escalate in_review"}, w.did)
			require.Zero(t, w.timers, "after the escalation the case waits for a person")
			w.update(cases.Decide, decision(account.Approve))
		})
		w.register()
		w.requireClosed(t)
		require.Equal(t, account.Active, w.entry.Status)
	})

	t.Run("asks_for_changes_reminds_of_them_and_takes_them", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.InReview)
		var resubmitted *reply
		w.after(time.Hour, func() { w.update(cases.Decide, decision(account.RequestChanges)) })
		w.after(10*day, func() { resubmitted = w.update(cases.Resubmit, cases.Resubmission{ApplicationID: uuid.New()}) })
		w.after(11*day, func() { w.update(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"request_changes", "Remind changes_requested", "resubmit", "approve"}, w.did)
		require.Equal(t, account.InReview, resubmitted.outcome.Entry.Stage)
	})

	t.Run("expires_when_changes_do_not_come", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.InReview)
		w.after(time.Hour, func() { w.update(cases.Decide, decision(account.RequestChanges)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"request_changes", "Remind changes_requested", "expire"}, w.did)
	})

	t.Run("opened_late_skips_a_reminder_that_expiry_overtakes", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		w.entry.RemindAt, w.entry.DeadlineAt = w.env.Now().Add(-2*time.Hour), w.env.Now().Add(-time.Hour)
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"expire"}, w.did)
	})

	t.Run("opened_again_when_its_review_is_overdue_reminds_and_escalates_at_once", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.InReview)
		w.entry.RemindAt, w.entry.DeadlineAt = w.env.Now().Add(-2*time.Hour), w.env.Now().Add(-time.Hour)
		w.after(time.Minute, func() { require.Equal(t, []string{"Remind in_review", "Escalate in_review"}, w.did) })
		w.after(90*day, func() { w.update(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"Remind in_review", "Escalate in_review", "approve"}, w.did)
	})

	t.Run("takes_a_correction_also_after_documents", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.ChangesRequested)
		var corrected *reply
		w.after(time.Hour, func() { w.signal(cases.DocumentReceived, cases.Document{DocumentID: uuid.New()}) })
		w.after(2*time.Hour, func() { corrected = w.update(cases.Resubmit, cases.Resubmission{ApplicationID: uuid.New()}) })
		w.after(3*time.Hour, func() { w.update(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, "applied", corrected.result())
		require.Equal(t, []string{"document", "resubmit", "approve"}, w.did)
	})

	t.Run("whose_review_is_over_closes_at_once", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Active, account.NoStage)
		start := w.env.Now()
		w.register()
		w.requireClosed(t)
		require.Empty(t, w.did)
		require.Less(t, w.env.Now().Sub(start), time.Minute)
	})

	t.Run("of_a_rejected_account_goes_on_with_a_new_application", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.InReview)
		w.notify = func(n cases.Notice) error {
			if n.Kind == "reject" && w.entry.Status == account.Rejected {
				return temporal.NewApplicationErrorWithOptions("away", "notice_temporary",
					temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour})
			}
			return nil
		}
		w.after(time.Hour, func() { w.update(cases.Decide, decision(account.Reject)) })
		w.after(90*time.Minute, func() {
			require.False(t, w.env.IsWorkflowCompleted(), "the notices are still owed")
			w.update(cases.Resubmit, cases.Resubmission{ApplicationID: uuid.New()})
		})
		w.after(3*time.Hour, func() {
			require.False(t, w.env.IsWorkflowCompleted())
			w.update(cases.Decide, decision(account.Approve))
		})
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"reject", "resubmit", "approve"}, w.did)
		w.sentOnce(t, "email received", "sms received", "email reject", "sms reject", "email resubmit", "sms resubmit", "email approve", "sms approve")
	})
}

func TestRegistrationMessages(t *testing.T) {
	t.Parallel()

	t.Run("update_its_signal_and_the_late_update_are_one_decision", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		// The SMS keeps the case open long enough for the late update.
		w.notify = slowSMS(w, account.Active)
		d := decision(account.Approve)
		w.slow["ApplyDecision"] = 5 * time.Second
		var first, late *reply
		w.after(time.Hour, func() { first = w.update(cases.Decide, d) })
		w.after(time.Hour+3*time.Second, func() { w.signal(cases.Decide, d) })
		w.after(time.Hour+10*time.Second, func() { late = w.update(cases.Decide, d) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"approve"}, w.did)
		require.Equal(t, "applied", first.result())
		require.Equal(t, first.outcome, late.outcome)
		require.Equal(t, 1, w.ran["ApplyDecision"])
	})

	t.Run("the_same_decision_ten_times_is_one_decision", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		d := decision(account.Reject)
		w.slow["ApplyDecision"] = time.Second
		var replies []*reply
		w.after(time.Hour, func() {
			for range 5 {
				replies = append(replies, w.update(cases.Decide, d))
				w.signal(cases.Decide, d)
			}
		})
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"reject"}, w.did)
		require.Equal(t, 1, w.ran["ApplyDecision"])
		require.Len(t, replies, 5)
		for _, r := range replies {
			require.Equal(t, "applied", r.result())
			require.Equal(t, replies[0].outcome, r.outcome)
		}
		w.sentOnce(t, "email received", "sms received", "email reject", "sms reject")
	})

	t.Run("of_two_decisions_one_is_applied", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.InReview)
		var approve, reject *reply
		w.after(time.Hour, func() {
			approve = w.update(cases.Decide, decision(account.Approve))
			reject = w.update(cases.Decide, decision(account.Reject))
		})
		w.register()
		w.requireClosed(t)
		require.Equal(t, "applied", approve.result())
		require.Equal(t, "refused", reject.result())
		require.Equal(t, account.Active, reject.outcome.Entry.Status)
	})

	t.Run("expiry_that_began_first_refuses_the_decision", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		w.slow["Expire"] = 2 * time.Second
		var late *reply
		w.after(documentsExpire+time.Second, func() { late = w.update(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"Remind awaiting_documents", "expire", "approve refused"}, w.did)
		require.Equal(t, "refused", late.result())
		require.Equal(t, account.Rejected, late.outcome.Entry.Status)
	})

	t.Run("a_decision_that_began_first_stops_the_expiry", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		w.slow["ApplyDecision"] = 2 * time.Second
		var answer *reply
		w.after(documentsExpire-time.Second, func() { answer = w.update(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"Remind awaiting_documents", "approve"}, w.did)
		require.Equal(t, "applied", answer.result())
	})

	t.Run("a_decision_at_the_instant_of_expiry_has_one_winner", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		var answer *reply
		w.after(documentsExpire, func() { answer = w.update(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, 1, w.count("approve")+w.count("expire"))
		require.Equal(t, w.count("approve") == 1, answer.result() == "applied")
	})

	t.Run("an_expiry_that_the_row_refuses_leaves_the_case_to_the_row", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		w.after(documentsExpire-time.Second, func() {
			// A document is taken up, and the case has not heard of it yet.
			w.enter(account.Pending, account.InReview)
		})
		w.after(documentsExpire+time.Hour, func() { w.update(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"Remind awaiting_documents", "Expire refused", "approve"}, w.did)
	})

	t.Run("an_expiry_that_is_refused_in_the_same_state_is_not_tried_for_ever", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		w.instead["Expire"] = func() cases.Outcome { return cases.Outcome{Result: cases.Refused, Code: "conflict", Entry: w.entry} }
		w.after(60*day, func() { w.update(cases.Decide, decision(account.Reject)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, 1, w.ran["Expire"])
		require.Equal(t, []string{"Remind awaiting_documents", "reject"}, w.did)
	})

	t.Run("a_decision_that_fails_unexpectedly_can_be_sent_again", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		d := decision(account.Approve)
		w.failing = func(string) error { return broken("the world") }
		var failed, again *reply
		w.after(time.Hour, func() { failed = w.update(cases.Decide, d) })
		w.after(2*time.Hour, func() { w.signal(cases.Decide, d) })
		w.after(3*time.Hour, func() {
			require.False(t, w.env.IsWorkflowCompleted())
			w.failing = nil
			again = w.update(cases.Decide, d)
		})
		w.register()
		w.requireClosed(t)
		require.Equal(t, "failed", failed.result())
		require.Equal(t, "applied", again.result())
	})

	t.Run("a_database_that_is_away_delays_a_decision_and_loses_nothing", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		back := w.env.Now().Add(time.Hour + 40*time.Second)
		w.failing = func(string) error {
			if w.env.Now().Before(back) {
				return temporal.NewApplicationError("away", "internal")
			}
			return nil
		}
		var answer *reply
		w.after(time.Hour, func() { answer = w.update(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, "applied", answer.result())
		require.WithinDuration(t, back, answer.at, 20*time.Second)
	})

	t.Run("of_bad_form_are_refused_and_change_nothing", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		var replies []*reply
		w.after(time.Hour, func() {
			for _, bad := range []cases.Decision{{}, {Kind: account.Approve}, decision(account.Suspend), decision(account.Expire), decision("promote")} {
				replies = append(replies, w.update(cases.Decide, bad))
				w.signal(cases.Decide, bad)
			}
			replies = append(replies, w.update(cases.Resubmit, cases.Resubmission{}))
			w.signal(cases.Resubmit, cases.Resubmission{})
			w.signal(cases.DocumentReceived, cases.Document{})
			w.signal(cases.Decide, "not a decision")
		})
		w.after(2*time.Hour, func() { w.signal(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"approve"}, w.did)
		for _, r := range replies {
			require.Equal(t, "rejected", r.result())
		}
	})
}

func TestRegistrationDocuments(t *testing.T) {
	t.Parallel()

	t.Run("do_not_keep_a_decision_waiting", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		w.slow["ReceiveDocument"] = 10 * time.Minute
		asked := w.env.Now().Add(time.Hour + time.Minute)
		var answer *reply
		w.after(time.Hour, func() { w.signal(cases.DocumentReceived, cases.Document{DocumentID: uuid.New()}) })
		w.after(time.Hour+time.Minute, func() { answer = w.update(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.WithinDuration(t, asked, answer.at, time.Second)
		require.Equal(t, []string{"approve", "document"}, w.did, "the case stays open until the document is ready")
	})

	t.Run("are_prepared_once_each", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		one, two := cases.Document{DocumentID: uuid.New()}, cases.Document{DocumentID: uuid.New()}
		w.after(time.Hour, func() {
			for _, d := range []cases.Document{one, two, one, two, one} {
				w.signal(cases.DocumentReceived, d)
			}
		})
		w.after(2*time.Hour, func() {
			w.signal(cases.DocumentReceived, one)
			w.signal(cases.Decide, decision(account.Approve))
		})
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"document", "document", "approve"}, w.did)
	})

	t.Run("that_could_not_be_prepared_can_be_told_of_again", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		document := cases.Document{DocumentID: uuid.New()}
		w.failing = func(activity string) error {
			if activity == "ReceiveDocument" && w.env.Now().Before(w.entry.Since.Add(2*time.Hour)) {
				return broken("the library")
			}
			return nil
		}
		w.after(time.Hour, func() { w.signal(cases.DocumentReceived, document) })
		w.after(3*time.Hour, func() { w.signal(cases.DocumentReceived, document) })
		w.after(4*time.Hour, func() { w.signal(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"document", "approve"}, w.did)
	})

	t.Run("an_older_truth_that_comes_late_is_not_believed", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		// The document was taken up before the decision, and the answer of its
		// activity is slower than the decision's.
		older := cases.Entry{Status: account.Pending, Stage: account.InReview, Since: w.entry.Since.Add(time.Hour)}
		w.slow["ReceiveDocument"] = time.Hour
		w.instead["ReceiveDocument"] = func() cases.Outcome { return cases.Outcome{Result: cases.Applied, Entry: older} }
		w.after(time.Hour, func() { w.signal(cases.DocumentReceived, cases.Document{DocumentID: uuid.New()}) })
		w.after(90*time.Minute, func() { w.signal(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.Equal(t, []string{"approve"}, w.did)
	})
}

func TestRegistrationNotices(t *testing.T) {
	t.Parallel()

	t.Run("that_cannot_be_sent_are_given_up_and_block_nothing", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.AwaitingDocuments)
		w.notify = func(n cases.Notice) error {
			if n.Channel == "sms" {
				return temporal.NewApplicationError("away", "notice_temporary")
			}
			return nil
		}
		start := w.env.Now()
		var answer *reply
		w.after(time.Hour, func() { answer = w.update(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		require.WithinDuration(t, start.Add(time.Hour), answer.at, time.Second)
		w.sentOnce(t, "email received", "email approve", "gave up sms received", "gave up sms approve")
		// The test environment ends retries itself, so what is asked for is read.
		require.Equal(t, 3*day, w.patience)
	})

	t.Run("that_the_provider_takes_late_are_sent_late", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.InReview)
		morning := w.env.Now().Add(11 * time.Hour)
		w.notify = func(n cases.Notice) error {
			if n.Channel == "sms" && w.env.Now().Before(morning) {
				return temporal.NewApplicationErrorWithOptions("quiet", "quiet_hours",
					temporal.ApplicationErrorOptions{NextRetryDelay: morning.Sub(w.env.Now())})
			}
			return nil
		}
		w.after(time.Hour, func() { w.signal(cases.Decide, decision(account.Reject)) })
		w.register()
		w.requireClosed(t)
		w.sentOnce(t, "email received", "sms received", "email reject", "sms reject")
		require.WithinDuration(t, morning, w.env.Now(), time.Minute)
	})

	t.Run("that_are_named_twice_are_sent_once", func(t *testing.T) {
		t.Parallel()
		w := setup(t, account.Pending, account.InReview)
		w.instead["ApplyDecision"] = func() cases.Outcome {
			w.enter(account.Active, account.NoStage)
			var owed []cases.Notice
			for id, n := range w.notices { // what was owed before is named again
				require.Equal(t, id, n.NoticeID)
				owed = append(owed, n)
			}
			return cases.Outcome{Result: cases.Applied, Entry: w.entry, Notices: append(owed, w.owe("approve")...)}
		}
		w.after(time.Hour, func() { w.signal(cases.Decide, decision(account.Approve)) })
		w.register()
		w.requireClosed(t)
		w.sentOnce(t, "email received", "sms received", "email approve", "sms approve")
	})
}

// slowSMS makes an SMS take a minute once the account has the status.
func slowSMS(w *world, status account.Status) func(cases.Notice) error {
	return func(n cases.Notice) error {
		if n.Channel == "sms" && w.entry.Status == status && w.env.Now().Before(w.entry.Since.Add(time.Minute)) {
			return temporal.NewApplicationError("away", "notice_temporary")
		}
		return nil
	}
}
