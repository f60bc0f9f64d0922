package activities_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"kibali/activities"
	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/store"
)

func deadline(a account.Account) activities.Deadline {
	return activities.Deadline{AccountID: a.ID, Entry: cases.EntryOf(a)}
}

func TestExpire(t *testing.T) {
	t.Parallel()

	t.Run("gives_the_contact_back_once", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		first := must(d.Expire(t.Context(), deadline(a)))(t)
		again := must(d.Expire(t.Context(), deadline(a)))(t)
		require.Equal(t, cases.Applied, first.Result)
		require.Equal(t, first, again, "an answer that was lost is given again")
		require.ElementsMatch(t, []string{"email application_expired", "sms application_expired"}, channels(first))
		expired := d.account(a.ID)
		require.Equal(t, account.Rejected, expired.Status)
		require.True(t, expired.ContactReleased)
		_, err := d.reader.LoginByEmail(t.Context(), a.Email)
		require.True(t, fault.Is(err, fault.NotFound))
		require.Equal(t, []string{"register", "expire"}, d.events(a.ID))
	})

	t.Run("is_refused_when_the_account_has_moved_on", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.decide(a, account.RequestChanges)
		o := must(d.Expire(t.Context(), deadline(a)))(t)
		require.Equal(t, cases.Refused, o.Result)
		require.Equal(t, account.ChangesRequested, o.Entry.Stage)
	})

	t.Run("is_refused_when_the_applicant_has_handed_something_in", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.decide(a, account.RequestChanges)
		a = d.account(a.ID)
		d.resubmits(a)
		require.Equal(t, cases.Refused, must(d.Expire(t.Context(), deadline(a)))(t).Result)

		b := d.register()
		d.upload(b, sample.JPEG(200, 100, 1))
		require.Equal(t, cases.Refused, must(d.Expire(t.Context(), deadline(b)))(t).Result)
		require.Equal(t, account.Pending, d.account(b.ID).Status)
	})
}

func TestReminders(t *testing.T) {
	t.Parallel()

	t.Run("to_the_applicant_are_owed_once", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		first := must(d.Remind(t.Context(), deadline(a)))(t)
		require.ElementsMatch(t, []string{"email documents_missing", "sms documents_missing"}, channels(first))
		require.Equal(t, first, must(d.Remind(t.Context(), deadline(a)))(t))
		require.Equal(t, []string{"register", "reminded"}, d.events(a.ID))

		changes := d.decide(a, account.RequestChanges)
		require.Len(t, changes.Notices, 4, "what is owed since before is still owed")
		missing := must(d.Remind(t.Context(), deadline(d.account(a.ID))))(t)
		require.Contains(t, channels(missing), "sms changes_missing")
		require.Equal(t, cases.Refused, must(d.Remind(t.Context(), deadline(a)))(t).Result, "the stage is over")
	})

	t.Run("of_a_review_go_to_reviewers_and_then_to_admins", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.prepared(a)
		a = d.account(a.ID)
		nobody := must(d.Remind(t.Context(), deadline(a)))(t)
		require.Equal(t, []string{"email review_due"}, channels(nobody), "the admin, for want of reviewers")
		require.Equal(t, d.admin.ID, *d.notice(nobody.Notices[0].NoticeID).StaffID)

		escalated := must(d.Escalate(t.Context(), deadline(a)))(t)
		require.Contains(t, channels(escalated), "email review_escalated")
		require.Equal(t, []string{"register", "document.prepared", "documents_received", "review.reminded", "review.escalated"}, d.events(a.ID))

		d.hire(actor.Admin)
		d.hire(actor.Reviewer)
		for range 2 {
			require.Equal(t, escalated, must(d.Remind(t.Context(), deadline(a)))(t), "a case that is opened again reminds nobody again")
			require.Equal(t, escalated, must(d.Escalate(t.Context(), deadline(a)))(t))
		}
		require.Len(t, d.events(a.ID), 5)

		b := d.register()
		d.prepared(b)
		d.hire(actor.Reviewer)
		due := must(d.Remind(t.Context(), deadline(d.account(b.ID))))(t)
		require.Equal(t, []string{"email review_due", "email review_due"}, channels(due))
	})
}

func TestAReminderForWhichThereIsNobodyIsOnRecord(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.register()
	d.prepared(a)
	a = d.account(a.ID)
	d.dismiss()
	require.Empty(t, must(d.Remind(t.Context(), deadline(a)))(t).Notices)
	require.Empty(t, must(d.Escalate(t.Context(), deadline(a)))(t).Notices)
	require.Equal(t, []string{"review.reminded in_review 0", "review.escalated in_review 0"}, d.read(`
		SELECT concat_ws(' ', action, after->>'stage', after->>'notices') FROM audit_events
		WHERE account_id = $1 AND action LIKE 'review.%' ORDER BY id`, a.ID))
	items, _, err := d.reader.Timeline(t.Context(), a.ID, 1, nil)
	require.NoError(t, err)
	require.Equal(t, "review.escalated", items[0].Action, "everybody can see that it was escalated")
}

func TestAnApplicantWhoUploadsFirstCanStillCorrectTheApplication(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.register()
	d.decide(a, account.RequestChanges)
	request := d.account(a.ID).DecidedBy
	d.pass(time.Minute)
	d.prepared(a)
	waiting := d.account(a.ID)
	require.Equal(t, account.InReview, waiting.Stage)
	require.Equal(t, request, waiting.DecidedBy)
	require.True(t, waiting.ChangesAsked())

	d.pass(time.Minute)
	o := must(d.AcceptResubmission(t.Context(), cases.Resubmission{ApplicationID: d.resubmits(a).ID}))(t)
	require.Equal(t, cases.Applied, o.Result)
	require.Equal(t, account.InReview, o.Entry.Stage)
	require.True(t, o.Entry.Since.After(waiting.StageSince), "staff have the whole time for what is new")
	corrected := d.account(a.ID)
	require.Equal(t, "Neema", corrected.Name)
	require.False(t, corrected.ChangesAsked())
}

func TestACorrectionThatComesTooLateIsOnRecordAsSuperseded(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.register()
	d.decide(a, account.RequestChanges)
	d.decide(d.account(a.ID), account.Approve)
	application := d.resubmits(a)
	for range 2 {
		require.Equal(t, cases.Refused, must(d.AcceptResubmission(t.Context(), cases.Resubmission{ApplicationID: application.ID}))(t).Result)
	}
	require.Equal(t, store.ApplicationSuperseded, d.application(application.ID).Outcome)
	require.Equal(t, []string{"register", "request_changes", "approve", "resubmit.superseded"}, d.events(a.ID))
}

func TestAcceptResubmission(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.register()
	d.decide(a, account.RequestChanges)
	application := d.resubmits(a)
	message := cases.Resubmission{ApplicationID: application.ID}
	first := must(d.AcceptResubmission(t.Context(), message))(t)
	require.Equal(t, cases.Applied, first.Result)
	require.Equal(t, account.InReview, first.Entry.Stage)
	require.Contains(t, channels(first), "email application_received")
	require.Equal(t, first, must(d.AcceptResubmission(t.Context(), message))(t))
	changed := d.account(a.ID)
	require.Equal(t, "Neema", changed.Name)
	require.Equal(t, "sw", changed.Locale)
	require.Nil(t, changed.DecidedBy)
	require.Equal(t, []string{"register", "request_changes", "resubmit"}, d.events(a.ID))

	_, err := d.AcceptResubmission(t.Context(), cases.Resubmission{ApplicationID: uuid.New()})
	require.True(t, fault.Is(err, fault.NotFound))
}

func TestReceiveDocument(t *testing.T) {
	t.Parallel()

	t.Run("prepares_pages_and_starts_the_review_once", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		document := d.upload(a, sample.JPEG(200, 100, 1))
		o := d.receive(document)
		require.Equal(t, account.InReview, o.Entry.Stage)
		require.False(t, o.Entry.RemindAt.IsZero())
		ready, err := d.reader.Document(t.Context(), document.ID)
		require.NoError(t, err)
		require.Equal(t, store.DocumentReady, ready.Status)
		require.Equal(t, 1, ready.Pages)
		require.Equal(t, o, d.receive(document))

		d.pass(time.Hour)
		second := d.receive(d.upload(a, sample.JPEG(200, 100, 2)))
		require.Equal(t, o.Entry, second.Entry, "another document does not give staff more time")
		require.Equal(t, []string{"register", "document.prepared", "documents_received", "document.prepared"}, d.events(a.ID))
	})

	t.Run("keeps_one_that_cannot_be_shown_for_the_reviewer_to_see", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		document := d.upload(a, sample.JPEG(200, 100, 1))
		require.NoError(t, d.files.Delete(t.Context(), document.StorageKey))
		d.pass(time.Hour)
		require.Equal(t, account.InReview, d.receive(document).Entry.Stage)
		refused, err := d.reader.Document(t.Context(), document.ID)
		require.NoError(t, err)
		require.Equal(t, store.DocumentRefused, refused.Status)
		require.Equal(t, "missing", refused.Refusal)
	})

	t.Run("looks_for_an_original_for_an_hour", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		document := d.upload(a, sample.JPEG(200, 100, 1))
		require.NoError(t, d.files.Delete(t.Context(), document.StorageKey))
		d.pass(time.Hour - time.Second)
		_, err := d.tryReceive(document)
		require.Error(t, err)
		waiting, err := d.reader.Document(t.Context(), document.ID)
		require.NoError(t, err)
		require.Equal(t, store.DocumentReceived, waiting.Status, "it was acknowledged")
		require.Equal(t, account.AwaitingDocuments, d.account(a.ID).Stage)
	})

	t.Run("answers_a_request_for_changes_only_when_it_came_after_it", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		early := d.upload(a, sample.JPEG(200, 100, 1))
		d.pass(time.Minute)
		d.decide(a, account.RequestChanges)
		require.Equal(t, account.ChangesRequested, d.receive(early).Entry.Stage)
		d.pass(time.Minute)
		late := d.upload(a, sample.JPEG(200, 100, 2))
		require.Equal(t, account.InReview, d.receive(late).Entry.Stage)
	})

	t.Run("of_a_review_that_is_over_changes_nothing_else", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		document := d.upload(a, sample.JPEG(200, 100, 1))
		d.decide(a, account.Approve)
		require.Equal(t, account.Active, d.receive(document).Entry.Status)
	})
}

func (d *desk) upload(a account.Account, content []byte) store.Document {
	d.t.Helper()
	received, err := d.files.Receive(d.t.Context(), bytes.NewReader(content))
	require.NoError(d.t, err)
	application, err := d.reader.CurrentApplication(d.t.Context(), a.ID)
	require.NoError(d.t, err)
	document := store.Document{
		ID: uuid.New(), AccountID: a.ID, ApplicationID: application.ID, Kind: "other", FileName: "id.jpg", ContentType: received.ContentType,
		Size: received.Size, SHA256: received.SHA256[:], StorageKey: received.Key, ReceivedAt: d.clock(),
	}
	d.in(func(ctx context.Context, tx *store.Tx) error { return tx.InsertDocument(ctx, document) })
	return document
}

// receive runs the activity where it can tell that it is alive.
func (d *desk) receive(document store.Document) cases.Outcome {
	d.t.Helper()
	o, err := d.tryReceive(document)
	require.NoError(d.t, err)
	return o
}

func (d *desk) tryReceive(document store.Document) (o cases.Outcome, err error) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(d.ReceiveDocument)
	value, err := env.ExecuteActivity(d.ReceiveDocument, cases.Document{DocumentID: document.ID})
	if err == nil {
		err = value.Get(&o)
	}
	return o, err
}

// prepared puts the account into review.
func (d *desk) prepared(a account.Account) { d.receive(d.upload(a, sample.JPEG(200, 100, 1))) }
