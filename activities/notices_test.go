package activities_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"kibali/activities"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/domain/policy"
	"kibali/notify"
	"kibali/store"
)

// provider is an SMS provider that answers as it is told.
func provider(t *testing.T, answer http.HandlerFunc) func(*activities.Config) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	sender, err := notify.SMSConfig{
		Provider: "twilio", BaseURL: server.URL, Username: "AC00000000000000000000000000000000", Secret: "secret", SenderID: "+15005550006",
	}.Sender(nil)
	require.NoError(t, err)
	return func(c *activities.Config) { c.SMS = sender }
}

// owed returns the SMS that is owed for a rejection.
func owed(d *desk) (account.Account, uuid.UUID) {
	a := d.register()
	for _, n := range d.decide(a, account.Reject).Notices {
		if n.Channel == store.SMS {
			return a, n.NoticeID
		}
	}
	panic("a rejection owes an SMS")
}

func TestSendNotice(t *testing.T) {
	t.Parallel()

	t.Run("sends_once_and_records_it", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		for _, n := range d.decide(a, account.Reject).Notices {
			for range 3 {
				require.NoError(t, d.SendNotice(t.Context(), n.NoticeID))
			}
			sent := d.notice(n.NoticeID)
			require.Equal(t, store.NoticeSent, sent.Status)
			require.Equal(t, 1, sent.Attempts)
			require.Equal(t, "inbox", sent.Provider)
		}
		require.Len(t, d.inbox.List(), 2)
		for _, item := range d.inbox.List() {
			require.Contains(t, []string{a.Email, a.Phone}, item.To)
			require.Contains(t, item.Text, "Because.")
		}
	})

	t.Run("that_the_provider_will_never_take_fails_without_an_error", func(t *testing.T) {
		t.Parallel()
		d := setup(t, provider(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"code": 21211, "message": "Invalid 'To' Phone Number +255", "status": 400}`))
		}))
		_, id := owed(d)
		require.NoError(t, d.SendNotice(t.Context(), id))
		failed := d.notice(id)
		require.Equal(t, store.NoticeFailed, failed.Status)
		require.Equal(t, "twilio_21211", failed.Failure)
	})

	t.Run("that_the_provider_cannot_take_now_is_sent_later", func(t *testing.T) {
		t.Parallel()
		d := setup(t, provider(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "90")
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		_, id := owed(d)
		err := d.SendNotice(t.Context(), id)
		later, ok := errors.AsType[*temporal.ApplicationError](err)
		require.True(t, ok)
		require.False(t, later.NonRetryable())
		require.Equal(t, "notice_temporary", later.Type())
		require.Equal(t, 90*time.Second, later.NextRetryDelay())
		waiting := d.notice(id)
		require.Equal(t, store.NoticePending, waiting.Status)
		require.Equal(t, 1, waiting.Attempts)

		require.NoError(t, d.AbandonNotice(t.Context(), id))
		require.Equal(t, store.NoticeFailed, d.notice(id).Status)
		require.NoError(t, d.SendNotice(t.Context(), id), "what was given up is not sent")
	})

	t.Run("waits_for_the_morning_when_it_is_an_SMS", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		d.policies(func(p *policy.Policy) { p.QuietHours = &policy.QuietHours{From: "11:00", To: "14:30"} })
		a := d.register()
		for _, n := range d.decide(a, account.Reject).Notices {
			err := d.SendNotice(t.Context(), n.NoticeID)
			if n.Channel == store.Email {
				require.NoError(t, err)
				continue
			}
			quiet, ok := errors.AsType[*temporal.ApplicationError](err)
			require.True(t, ok)
			require.Equal(t, "quiet_hours", quiet.Type())
			require.Equal(t, 150*time.Minute, quiet.NextRetryDelay(), "noon in Dar es Salaam to half past two")
			d.pass(150 * time.Minute)
			require.NoError(t, d.SendNotice(t.Context(), n.NoticeID))
			d.pass(-150 * time.Minute)
		}
		require.Len(t, d.inbox.List(), 2)
	})

	t.Run("forgets_a_reminder_of_what_was_done_meanwhile", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		reminders := must(d.Remind(t.Context(), deadline(a)))(t)
		d.prepared(a)
		for _, n := range reminders.Notices {
			require.NoError(t, d.SendNotice(t.Context(), n.NoticeID))
			require.Equal(t, "obsolete", d.notice(n.NoticeID).Failure)
		}
		require.Empty(t, d.inbox.List())
	})

	t.Run("to_someone_who_is_staff_no_longer_fails", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.prepared(a)
		due := must(d.Remind(t.Context(), deadline(d.account(a.ID))))(t)
		d.dismiss()
		require.NoError(t, d.SendNotice(t.Context(), due.Notices[0].NoticeID))
		require.Equal(t, "no_recipient", d.notice(due.Notices[0].NoticeID).Failure)
	})

	t.Run("that_does_not_exist_is_not_found", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		require.True(t, fault.Is(d.SendNotice(t.Context(), uuid.New()), fault.NotFound))
	})
}
