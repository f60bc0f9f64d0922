package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/store"
)

func TestInsertRegistration(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("writes what it was given", func(t *testing.T) {
		t.Parallel()
		r := b.register(t)
		view, err := b.reader.Account(t.Context(), r.Account.ID)
		require.NoError(t, err)
		require.Equal(t, r.Account, view.Account)
		require.Nil(t, view.Reason)

		login, err := b.reader.LoginByEmail(t.Context(), r.Account.Email)
		require.NoError(t, err)
		require.Equal(t, store.Login{ID: r.LoginID, AccountID: r.Account.ID, PasswordHash: r.PasswordHash}, login)

		application, err := b.reader.CurrentApplication(t.Context(), r.Account.ID)
		require.NoError(t, err)
		require.Equal(t, r.Application, application)

		owed, err := b.reader.PendingNotices(t.Context(), r.Account.ID)
		require.NoError(t, err)
		require.Len(t, owed, 1)
		require.Equal(t, r.Notices[0].ID, owed[0].ID)

		session, err := b.reader.SessionByToken(t.Context(), r.Upload.Hash, noon)
		require.NoError(t, err)
		require.Equal(t, r.Account.ID, session.AccountID)
		require.Equal(t, store.PurposeUpload, session.Purpose)
		require.Equal(t, account.Pending, session.Status)

		items, next, err := b.reader.Timeline(t.Context(), r.Account.ID, 10, nil)
		require.NoError(t, err)
		require.Nil(t, next)
		require.Len(t, items, 2)
	})
	t.Run("names the e-mail that is taken and writes nothing", func(t *testing.T) {
		t.Parallel()
		first := b.register(t)
		second := registration(func(r *store.Registration) { r.Account.Email = first.Account.Email })
		err := b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertRegistration(ctx, second) })
		requireFault(t, err, fault.Taken, "email")
		_, err = b.reader.Account(t.Context(), second.Account.ID)
		requireFault(t, err, fault.NotFound)
	})
	t.Run("names the phone that is taken", func(t *testing.T) {
		t.Parallel()
		first := b.register(t)
		second := registration(func(r *store.Registration) { r.Account.Phone = first.Account.Phone })
		err := b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertRegistration(ctx, second) })
		requireFault(t, err, fault.Taken, "phone")
	})
	t.Run("takes an e-mail and a phone that were given back", func(t *testing.T) {
		t.Parallel()
		first := b.register(t)
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.ReleaseContact(ctx, first.Account.ID, noon)
		}))
		_, err := b.reader.LoginByEmail(t.Context(), first.Account.Email)
		requireFault(t, err, fault.NotFound)
		_, err = b.reader.SessionByToken(t.Context(), first.Upload.Hash, noon)
		requireFault(t, err, fault.NotFound)
		second := b.register(t, func(r *store.Registration) {
			r.Account.Email, r.Account.Phone = first.Account.Email, first.Account.Phone
		})
		login, err := b.reader.LoginByEmail(t.Context(), first.Account.Email)
		require.NoError(t, err)
		require.Equal(t, second.Account.ID, login.AccountID)
		released, err := b.reader.Account(t.Context(), first.Account.ID)
		require.NoError(t, err)
		require.True(t, released.ContactReleased)
	})
}

func TestApplications(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.register(t)
	insert := func(a store.Application) error {
		return b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertApplication(ctx, a) })
	}
	second := r.Application
	second.ID, second.SubmittedAt = newID(), noon.Add(time.Hour)

	require.ErrorIs(t, insert(second), store.ErrSubmissionWaits, "the first one waits for its case")

	waiting, err := b.reader.WaitingApplications(t.Context(), noon.Add(time.Minute), 10)
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	require.Equal(t, r.Application.ID, waiting[0].ID)
	require.False(t, waiting[0].Resubmission)

	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		return tx.AcceptApplication(ctx, r.Application, noon)
	}))
	require.NoError(t, insert(second))
	waits, err := b.reader.Waits(t.Context(), r.Account.ID)
	require.NoError(t, err)
	require.True(t, waits)
	current, err := b.reader.CurrentApplication(t.Context(), r.Account.ID)
	require.NoError(t, err)
	require.Equal(t, r.Application.ID, current.ID, "one that waits is not under review yet")
	waiting, err = b.reader.WaitingApplications(t.Context(), noon.Add(2*time.Hour), 10)
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	require.True(t, waiting[0].Resubmission)

	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		return tx.AcceptApplication(ctx, second, noon.Add(2*time.Hour))
	}))
	current, err = b.reader.CurrentApplication(t.Context(), r.Account.ID)
	require.NoError(t, err)
	require.Equal(t, second.ID, current.ID)
	superseded, err := b.reader.Application(t.Context(), r.Application.ID)
	require.NoError(t, err)
	require.Equal(t, store.ApplicationSuperseded, superseded.Outcome)

	_, err = b.reader.Application(t.Context(), newID())
	requireFault(t, err, fault.NotFound)
}

func TestInTxUndoesEverythingWhenItFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := registration()
	refused := errors.New("no")
	err := b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		require.NoError(t, tx.InsertRegistration(ctx, r))
		return refused
	})
	require.ErrorIs(t, err, refused)
	_, err = b.reader.Account(t.Context(), r.Account.ID)
	requireFault(t, err, fault.NotFound)
	stats, err := b.reader.Stats(t.Context(), noon, noon)
	require.NoError(t, err)
	require.Zero(t, stats.Counts.All)
}
