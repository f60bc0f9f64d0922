package activities_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"kibali/activities"
	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/notify"
	"kibali/store"
)

// forgets records a request for another password, as the service does.
func (d *desk) forgets(email string) uuid.UUID {
	d.t.Helper()
	r := store.PasswordReset{ID: uuid.Must(uuid.NewV7()), Email: email, RequestedAt: d.clock()}
	d.in(func(ctx context.Context, tx *store.Tx) error { return tx.InsertReset(ctx, r) })
	return r.ID
}

// forces records the admin's decision to force one.
func (d *desk) forces(a account.Account) (resetID uuid.UUID, message cases.Decision) {
	d.t.Helper()
	resetID = uuid.Must(uuid.NewV7())
	message = d.decides(a, account.ForceReset, func(s *store.Decision) { s.CaseID = cases.PasswordResetID(resetID) })
	d.in(func(ctx context.Context, tx *store.Tx) error {
		err := tx.InsertReset(ctx, store.PasswordReset{ID: resetID, AccountID: &a.ID, DecisionID: &message.DecisionID, RequestedAt: d.clock()})
		if err != nil {
			return err
		}
		return tx.RequireReset(ctx, a.ID, message.DecisionID, d.clock())
	})
	return resetID, message
}

func (d *desk) issue(id uuid.UUID) cases.ResetState {
	d.t.Helper()
	state, err := d.IssueReset(d.t.Context(), id)
	require.NoError(d.t, err)
	return state
}

func (d *desk) closeReset(id uuid.UUID) cases.ResetState {
	d.t.Helper()
	state, err := d.CloseReset(d.t.Context(), id)
	require.NoError(d.t, err)
	return state
}

// links returns the links in what was mailed to an address, newest first.
func (d *desk) links(email string) []string {
	var links []string
	for _, item := range d.inbox.List() {
		if link := regexp.MustCompile(`(?m)https://\S+/reset-password/\S+$`).FindString(item.Text); link != "" && item.To == email {
			links = append(links, link)
		}
	}
	return links
}

// opens reports whether the link is good.
func (d *desk) opens(link string) bool {
	d.t.Helper()
	token := link[strings.LastIndex(link, "/")+1:]
	_, err := d.reader.ResetByToken(d.t.Context(), identity.HashToken(token), d.clock())
	require.True(d.t, err == nil || fault.Is(err, fault.NotFound))
	return err == nil
}

func TestIssueReset(t *testing.T) {
	t.Parallel()

	t.Run("mails_one_link_however_often_it_runs", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		id := d.forgets(a.Email)
		first := d.issue(id)
		require.Empty(t, first.Outcome)
		require.Equal(t, noon.Add(time.Hour), first.ExpiresAt)
		d.pass(time.Minute)
		require.Equal(t, first, d.issue(id))
		links := d.links(a.Email)
		require.Len(t, links, 1)
		require.True(t, strings.HasPrefix(links[0], "https://ujumbe.example.co.tz/reset-password/kbr_"))
		require.True(t, d.opens(links[0]))
		require.Contains(t, d.inbox.List()[0].Text, "13:00 EAT", "until when it is good")
		require.Equal(t, []string{"register", "password_reset.issued"}, d.events(a.ID))
		require.Empty(t, d.read(`SELECT e::text FROM audit_events e WHERE e::text LIKE '%kbr\_%' UNION ALL SELECT n::text FROM notices n WHERE n::text LIKE '%kbr\_%'
			UNION ALL SELECT r::text FROM password_resets r WHERE r::text LIKE '%kbr\_%'`), "the token is kept nowhere")
	})

	t.Run("answers_the_same_for_an_address_that_nobody_has", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		known, unknown := d.forgets(a.Email), d.forgets("nobody@example.co.tz")
		require.Equal(t, d.issue(known), d.issue(unknown))
		require.Len(t, d.inbox.List(), 1)
		d.pass(time.Hour)
		for _, id := range []uuid.UUID{known, unknown} {
			state := d.closeReset(id)
			require.Equal(t, store.ResetExpired, state.Outcome)
			require.Equal(t, noon.Add(time.Hour), state.ExpiresAt)
		}
		require.Empty(t, d.read(`SELECT email FROM password_resets WHERE email IS NOT NULL`))
	})

	t.Run("mails_nothing_to_who_has_no_login_any_more", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		closed, released := d.register(), d.register()
		d.decide(closed, account.Reject)
		d.decide(d.account(closed.ID), account.Close)
		d.in(func(ctx context.Context, tx *store.Tx) error { return tx.ReleaseContact(ctx, released.ID, d.clock()) })
		for _, a := range []account.Account{closed, released} {
			state := d.issue(d.forgets(a.Email))
			require.Empty(t, state.Outcome)
		}
		require.Empty(t, d.inbox.List())
	})

	t.Run("is_for_whoever_is_pending_suspended_or_rejected_too", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		pending, rejected, suspended := d.register(), d.register(), d.register()
		d.decide(rejected, account.Reject)
		d.decide(suspended, account.Approve)
		d.decide(d.account(suspended.ID), account.Suspend)
		for _, a := range []account.Account{pending, rejected, suspended} {
			before := d.account(a.ID)
			d.issue(d.forgets(a.Email))
			require.Len(t, d.links(a.Email), 1)
			require.Equal(t, before, d.account(a.ID), "and lifts nothing")
		}
	})

	t.Run("replaces_what_was_asked_for_before_in_whatever_order_they_come", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		first := d.forgets(a.Email)
		d.issue(first)
		d.pass(time.Minute)
		slow := d.forgets(a.Email)
		d.pass(time.Minute)
		third := d.forgets(a.Email)
		d.issue(third)
		require.Equal(t, store.ResetReplaced, d.issue(slow).Outcome)
		links := d.links(a.Email)
		require.Len(t, links, 2, "the one that came too late is not mailed")
		require.True(t, d.opens(links[0]))
		require.False(t, d.opens(links[1]))
		require.Equal(t, store.ResetReplaced, d.closeReset(first).Outcome)
		require.Empty(t, d.closeReset(first).Notices, "nobody is told of the end of a link that was replaced")
	})

	t.Run("leaves_the_last_link_good_when_too_many_are_asked_for", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		for range 8 {
			d.pass(time.Minute)
			require.Empty(t, d.issue(d.forgets(a.Email)).Outcome)
		}
		links := d.links(a.Email)
		require.Len(t, links, 5)
		require.True(t, d.opens(links[0]))
		_, forced := d.forces(a)
		require.Equal(t, cases.Applied, d.carriesOut(forced))
		require.Len(t, d.links(a.Email), 6, "staff are not strangers")
		d.pass(time.Hour)
		d.issue(d.forgets(a.Email))
		require.Len(t, d.links(a.Email), 7)
	})

	t.Run("mails_the_same_link_again_when_the_provider_was_away", func(t *testing.T) {
		t.Parallel()
		answers := make(chan int, 1)
		var mailed []string
		provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mailed = append(mailed, regexp.MustCompile(`/reset-password/(kbr_[\w-]+)`).FindString(string(body)))
			w.WriteHeader(<-answers)
		}))
		t.Cleanup(provider.Close)
		sender, err := notify.EmailConfig{Provider: "sendgrid", URL: provider.URL, APIKey: "key", From: "kibali@example.co.tz"}.Sender(nil)
		require.NoError(t, err)
		d := setup(t, func(c *activities.Config) { c.Email = sender })
		a := d.register()
		id := d.forgets(a.Email)
		answers <- http.StatusServiceUnavailable
		_, err = d.IssueReset(t.Context(), id)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "kbr_")
		_, ok := errors.AsType[*temporal.ApplicationError](err)
		require.True(t, ok, "nothing that could quote the link leaves the activity")
		answers <- http.StatusAccepted
		d.issue(id)
		require.Len(t, mailed, 2)
		require.Equal(t, mailed[0], mailed[1])
		require.True(t, d.opens(mailed[0]))
	})

	t.Run("forced_by_staff_carries_their_decision_out", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		id, message := d.forces(a)
		d.issue(id)
		d.issue(id)
		require.Equal(t, cases.Applied, d.decision(message.DecisionID).Outcome)
		require.Equal(t, []string{"register", "password_reset", "password_reset.issued"}, d.events(a.ID))
		require.Len(t, d.links(a.Email), 1)
		require.Contains(t, d.inbox.List()[0].Subject, "you need a new password")
	})

	t.Run("forced_for_an_account_that_was_closed_meanwhile_is_refused", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.decide(a, account.Reject)
		id, message := d.forces(a)
		d.decide(d.account(a.ID), account.Close)
		require.Equal(t, store.ResetLapsed, d.issue(id).Outcome)
		require.Equal(t, cases.Refused, d.decision(message.DecisionID).Outcome)
		require.Empty(t, d.inbox.List())
	})

	t.Run("of_nothing_is_not_found", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		_, err := d.IssueReset(t.Context(), uuid.New())
		require.True(t, fault.Is(err, fault.NotFound))
		_, err = d.CloseReset(t.Context(), uuid.New())
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

func TestCloseReset(t *testing.T) {
	t.Parallel()

	t.Run("waits_for_the_link's_end_and_tells_once", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		id := d.forgets(a.Email)
		require.Equal(t, d.issue(id), d.closeReset(id), "it is still good")
		d.pass(time.Hour)
		for range 2 {
			state := d.closeReset(id)
			require.Equal(t, store.ResetExpired, state.Outcome)
			require.Len(t, state.Notices, 1)
			require.Equal(t, "password_reset_expired", state.Notices[0].Kind)
		}
		require.NoError(t, d.SendNotice(t.Context(), d.closeReset(id).Notices[0].NoticeID))
		require.Contains(t, d.inbox.List()[0].Text, "https://ujumbe.example.co.tz/forgot-password\n")
		require.Empty(t, d.closeReset(id).Notices)
		require.Equal(t, []string{"register", "password_reset.issued", "password_reset.expired"}, d.events(a.ID))
	})

	t.Run("of_one_that_was_used_tells_that_the_password_was_changed", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		id := d.forgets(a.Email)
		d.issue(id)
		d.in(func(ctx context.Context, tx *store.Tx) error {
			if err := tx.RedeemReset(ctx, id, d.clock()); err != nil {
				return err
			}
			return tx.InsertNotices(ctx, store.Notice{
				ID: uuid.New(), Key: "changed", AccountID: a.ID, CaseID: cases.PasswordResetID(id), Kind: "password_changed",
				Channel: store.Email, CreatedAt: d.clock(),
			})
		})
		state := d.closeReset(id)
		require.Equal(t, store.ResetUsed, state.Outcome)
		require.Len(t, state.Notices, 1)
		require.NoError(t, d.SendNotice(t.Context(), state.Notices[0].NoticeID))
		require.Contains(t, d.inbox.List()[0].Subject, "your password was changed")
	})

	t.Run("of_one_that_was_never_taken_up_waits_for_a_day", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		id := d.forgets("nobody@example.co.tz")
		require.Empty(t, d.closeReset(id).Outcome)
		d.pass(25 * time.Hour)
		require.Equal(t, store.ResetExpired, d.closeReset(id).Outcome)
	})
}

// carriesOut takes up the reset that a decision forces and returns how the
// decision ended.
func (d *desk) carriesOut(m cases.Decision) cases.Result {
	d.t.Helper()
	d.issue(cases.ResetOf(d.decision(m.DecisionID).CaseID))
	return d.decision(m.DecisionID).Outcome
}
