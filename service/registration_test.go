package service_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/service"
	"kibali/store"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("records the application and opens its case", func(t *testing.T) {
		t.Parallel()
		r, err := b.service.Register(t.Context(), actor.Actor{RequestID: "test"}, application(), password)
		require.NoError(t, err)
		view, err := b.reader.Account(t.Context(), r.Account.ID)
		require.NoError(t, err)
		require.Equal(t, r.Account, view.Account)
		require.Equal(t, account.Registered, view.State())
		require.WithinDuration(t, time.Now().Add(14*24*time.Hour), view.DeadlineAt, time.Minute)

		session, err := b.reader.SessionByToken(t.Context(), identity.HashToken(r.UploadToken), time.Now())
		require.NoError(t, err)
		require.Equal(t, store.PurposeUpload, session.Purpose)
		application, err := b.reader.CurrentApplication(t.Context(), r.Account.ID)
		require.NoError(t, err)
		require.NotNil(t, application.AcceptedAt)

		described, err := b.temporal.DescribeWorkflowExecution(t.Context(), cases.RegistrationID(r.Account.ID), "")
		require.NoError(t, err)
		require.Equal(t, cases.Registration, described.GetWorkflowExecutionInfo().GetType().GetName())
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM audit_events WHERE account_id = $1 AND action = 'register'`, r.Account.ID))
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM notices WHERE account_id = $1`, r.Account.ID))
	})
	t.Run("names every bad field at once and writes nothing", func(t *testing.T) {
		t.Parallel()
		bad := application()
		bad.Email, bad.Company.Industry = "nobody", "alchemy"
		_, err := b.service.Register(t.Context(), actor.Actor{}, bad, "short")
		requireFault(t, err, fault.Invalid, "email", "company.industry", "password")
		require.Zero(t, b.count(t, `SELECT count(*) FROM accounts WHERE email = 'nobody'`))
	})
	t.Run("takes an e-mail once, however it is written and however many try", func(t *testing.T) {
		t.Parallel()
		app := application()
		results := make(chan error, 16)
		race(cap(results), func(i int) {
			mine := app
			mine.Phone = application().Phone
			if i%2 == 0 {
				mine.Email = " " + upper(mine.Email)
			}
			_, err := b.service.Register(t.Context(), actor.Actor{}, mine, password)
			results <- err
		})
		close(results)
		taken := 0
		for err := range results {
			if err != nil {
				requireFault(t, err, fault.Taken, "email")
				taken++
			}
		}
		require.Equal(t, cap(results)-1, taken)
	})
	t.Run("takes a phone once, in whatever notation", func(t *testing.T) {
		t.Parallel()
		app := application()
		_, err := b.service.Register(t.Context(), actor.Actor{}, app, password)
		require.NoError(t, err)
		second := application()
		phone, field := account.ParsePhone(app.Phone, account.DefaultRegion)
		require.Nil(t, field)
		second.Phone = "00" + phone[1:]
		_, err = b.service.Register(t.Context(), actor.Actor{}, second, password)
		requireFault(t, err, fault.Taken, "phone")
	})
}

func upper(s string) string {
	out := []byte(s)
	for i, c := range out {
		if c >= 'a' && c <= 'z' {
			out[i] = c - 32
		}
	}
	return string(out)
}

func TestWithoutTemporal(t *testing.T) {
	t.Parallel()
	b := setup(t, withoutTemporal(t))
	a := b.register(t)
	d, err := b.service.Upload(t.Context(), self(a), a.ID, pdf("tin_certificate"))
	require.NoError(t, err, "documents are taken")
	require.Equal(t, store.DocumentReceived, d.Status)
	decided, err := b.service.Approve(t.Context(), b.admin, ask(a))
	require.NoError(t, err, "decisions are recorded")
	require.False(t, decided.Done)
	require.True(t, decided.Decision.Open())

	waiting, err := b.reader.WaitingApplications(t.Context(), time.Now().Add(time.Minute), 10)
	require.NoError(t, err)
	require.Len(t, waiting, 1, "the case is still to be opened")
}

func TestResubmit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	corrected := account.Resubmission{Name: "Asha Mushi", Company: account.Company{Name: "Kilimo Bora Limited", Industry: account.IndustryAgriculture}}

	t.Run("waits for the case of an account that was asked for changes", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Pending, account.ChangesRequested)
		_, applied, err := b.service.Resubmit(t.Context(), self(a), corrected)
		require.NoError(t, err)
		require.False(t, applied, "no worker runs")
		_, _, err = b.service.Resubmit(t.Context(), self(a), corrected)
		requireFault(t, err, fault.Conflict)
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM applications WHERE account_id = $1`, a.ID))
	})
	t.Run("does not take the first application for a corrected one that waits", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withoutTemporal(t)) // so that nobody records that the first one was taken up
		a := b.put(t, b.register(t), account.Pending, account.ChangesRequested)
		_, _, err := b.service.Resubmit(t.Context(), self(a), corrected)
		require.NoError(t, err)
		_, _, err = b.service.Resubmit(t.Context(), self(a), corrected)
		requireFault(t, err, fault.Conflict)
	})
	t.Run("is refused while a reviewer is at it, unless changes were asked for", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Pending, account.InReview)
		_, _, err := b.service.Resubmit(t.Context(), self(a), corrected)
		require.Equal(t, account.InReview, currentOf(t, err).Stage)

		decided, err := b.service.RequestChanges(t.Context(), b.admin, service.Ask{AccountID: a.ID, ReasonCode: "details_mismatch", Reason: "The TIN is another company's."})
		require.NoError(t, err)
		a.DecidedBy = &decided.Decision.ID
		b.put(t, a, account.Pending, account.InReview)
		_, _, err = b.service.Resubmit(t.Context(), self(a), corrected)
		require.NoError(t, err)
	})
	t.Run("is refused in a state that does not permit it", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Active, account.NoStage)
		_, _, err := b.service.Resubmit(t.Context(), self(a), corrected)
		require.Equal(t, account.Active, currentOf(t, err).Status)
	})
	t.Run("is the user's own to ask for", func(t *testing.T) {
		t.Parallel()
		_, _, err := b.service.Resubmit(t.Context(), b.admin, corrected)
		requireFault(t, err, fault.Forbidden)
	})
	t.Run("names bad fields", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		_, _, err := b.service.Resubmit(t.Context(), self(a), account.Resubmission{Name: "A", Locale: "fr", Company: corrected.Company})
		requireFault(t, err, fault.Invalid, "locale")
	})
}
