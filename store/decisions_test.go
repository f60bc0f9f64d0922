package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/store"
)

func TestDecisions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reviewer := b.staff(t, actor.Reviewer)

	t.Run("are one at a time for each case", func(t *testing.T) {
		t.Parallel()
		r := b.register(t)
		first := b.decision(t, r, reviewer)
		second := first
		second.ID = newID()
		insert := func() error {
			return b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertDecision(ctx, second) })
		}
		require.ErrorIs(t, insert(), store.ErrDecisionOpen)

		open, err := b.reader.OpenDecision(t.Context(), first.CaseID)
		require.NoError(t, err)
		require.True(t, open.Open())
		require.Equal(t, first, open)

		waiting, err := b.reader.WaitingDecisions(t.Context(), noon.Add(2*time.Hour), 100)
		require.NoError(t, err)
		require.Contains(t, ids(waiting), first.ID)

		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.CloseDecision(ctx, first.ID, cases.Refused, "conflict", noon)
		}))
		_, err = b.reader.OpenDecision(t.Context(), first.CaseID)
		requireFault(t, err, fault.NotFound)
		require.NoError(t, insert())
	})
	t.Run("let one of many racers through", func(t *testing.T) {
		t.Parallel()
		r := b.register(t)
		var wg sync.WaitGroup
		won := make(chan error, 32)
		for range cap(won) {
			wg.Go(func() {
				won <- b.store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
					return tx.InsertDecision(ctx, store.Decision{
						ID: newID(), AccountID: r.Account.ID, CaseID: cases.RegistrationID(r.Account.ID), Kind: account.Approve,
						StaffID: reviewer.ID, RequestID: "race", RequestedAt: noon,
					})
				})
			})
		}
		wg.Wait()
		close(won)
		winners := 0
		for err := range won {
			if err == nil {
				winners++
				continue
			}
			require.ErrorIs(t, err, store.ErrDecisionOpen)
		}
		require.Equal(t, 1, winners)
	})
	t.Run("keep their first outcome", func(t *testing.T) {
		t.Parallel()
		d := b.decision(t, b.register(t), reviewer)
		for _, result := range []cases.Result{cases.Applied, cases.Refused} {
			require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
				return tx.CloseDecision(ctx, d.ID, result, "", noon)
			}))
		}
		closed, err := b.reader.Decision(t.Context(), d.ID)
		require.NoError(t, err)
		require.Equal(t, cases.Applied, closed.Outcome)
	})
	t.Run("give a rejected account its reason", func(t *testing.T) {
		t.Parallel()
		r := b.register(t)
		d := b.decision(t, r, reviewer)
		r.Account.Status, r.Account.Stage, r.Account.DecidedBy = account.Rejected, account.NoStage, &d.ID
		r.Account.StageSince, r.Account.RemindAt, r.Account.DeadlineAt = noon.Add(time.Hour), time.Time{}, time.Time{}
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.WriteTransition(ctx, store.Transition{
				Account: r.Account, Decision: &d.ID, Application: &r.Application.ID, Outcome: store.ApplicationRejected,
				Notices: []store.Notice{{ID: newID(), Key: "k/" + d.ID.String(), AccountID: r.Account.ID, DecisionID: &d.ID, Kind: "rejected", Channel: store.Email, CreatedAt: noon}},
				Event:   store.Event{At: noon.Add(time.Hour), Actor: actor.Actor{Kind: actor.System}, Action: "reject", Subject: "account", SubjectID: r.Account.ID.String(), AccountID: &r.Account.ID, DecisionID: &d.ID},
			})
		}))
		view, err := b.reader.Account(t.Context(), r.Account.ID)
		require.NoError(t, err)
		require.Equal(t, r.Account, view.Account)
		require.Equal(t, &store.StatusReason{Code: d.ReasonCode, Text: d.Reason, At: noon.Add(time.Hour), By: reviewer.Name}, view.Reason)
		owed, err := b.reader.PendingNotices(t.Context(), r.Account.ID)
		require.NoError(t, err)
		require.Len(t, owed, 2, "of the registration and of the decision")
		application, err := b.reader.Application(t.Context(), r.Application.ID)
		require.NoError(t, err)
		require.Equal(t, store.ApplicationRejected, application.Outcome)
	})
	t.Run("are found by nobody when they do not exist", func(t *testing.T) {
		t.Parallel()
		_, err := b.reader.Decision(t.Context(), newID())
		requireFault(t, err, fault.NotFound)
	})
}

func ids(decisions []store.Decision) []any {
	var all []any
	for _, d := range decisions {
		all = append(all, d.ID)
	}
	return all
}

func TestAccountRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reviewer := b.staff(t, actor.Admin)

	t.Run("change their details and what the search sees", func(t *testing.T) {
		t.Parallel()
		a := b.register(t).Account
		a.Name, a.Locale, a.Company.Name, a.Company.Website = "Juma Ally", "en", "Pwani Traders", "https://pwani.co.tz"
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateAccountDetails(ctx, a) }))
		view, err := b.reader.Account(t.Context(), a.ID)
		require.NoError(t, err)
		require.Equal(t, a, view.Account)
		var text string
		require.NoError(t, b.owner.QueryRow(t.Context(), `SELECT search_text FROM accounts WHERE id = $1`, a.ID).Scan(&text))
		require.Equal(t, store.SearchText(a), text)
		require.Contains(t, text, "pwani traders")
	})
	t.Run("carry a block that can be lifted", func(t *testing.T) {
		t.Parallel()
		r := b.register(t)
		d := b.decision(t, r, reviewer, func(d *store.Decision) { d.Kind, d.CaseID = account.Suspend, cases.SuspensionID(r.Account.ID) })
		block := func(by *store.Decision) account.Account {
			var locked account.Account
			require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
				if by == nil {
					require.NoError(t, tx.BlockAccount(ctx, r.Account.ID, nil))
				} else {
					require.NoError(t, tx.BlockAccount(ctx, r.Account.ID, &by.ID))
				}
				var err error
				locked, err = tx.LockAccountOfDecision(ctx, d.ID)
				return err
			}))
			return locked
		}
		require.Equal(t, &d.ID, block(&d).BlockedBy)
		require.Nil(t, block(nil).BlockedBy)
	})
	t.Run("remember the last use and never an earlier one", func(t *testing.T) {
		t.Parallel()
		a := b.register(t).Account
		for _, at := range []time.Time{noon.Add(time.Hour), noon} {
			login, err := b.reader.LoginOf(t.Context(), a.ID)
			require.NoError(t, err)
			require.NoError(t, b.begin(t, store.Session{ID: newID(), Purpose: store.PurposeSession, Hash: [32]byte(randomBytes()), CreatedAt: at, ExpiresAt: at}, login))
		}
		view, err := b.reader.Account(t.Context(), a.ID)
		require.NoError(t, err)
		require.Equal(t, noon.Add(time.Hour), view.LastActiveAt)
	})
	t.Run("are locked until the transaction ends", func(t *testing.T) {
		t.Parallel()
		a := b.register(t).Account
		locked, release := make(chan struct{}), make(chan struct{})
		let := sync.OnceFunc(func() { close(release) })
		t.Cleanup(let)
		var wg sync.WaitGroup
		wg.Go(func() {
			_ = b.store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				if _, err := tx.LockAccount(ctx, a.ID); err != nil {
					return err
				}
				close(locked)
				<-release
				changed := a
				changed.Name = "Asha Kileo"
				return tx.UpdateAccountDetails(ctx, changed)
			})
		})
		<-locked
		seen := make(chan string, 1)
		wg.Go(func() {
			_ = b.store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				a, err := tx.LockAccount(ctx, a.ID)
				seen <- a.Name
				return err
			})
		})
		require.Eventually(t, func() bool {
			var waiting bool
			require.NoError(t, b.owner.QueryRow(t.Context(),
				`SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'accounts'::regclass OR NOT granted AND locktype = 'transactionid')`).Scan(&waiting))
			return waiting
		}, 10*time.Second, 5*time.Millisecond)
		let()
		wg.Wait()
		require.Equal(t, "Asha Kileo", <-seen)
	})
	t.Run("whose case lets a deadline pass or owes a notice are found with it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		admin := b.staff(t, actor.Admin)
		none := func(r *store.Registration) { r.Notices = nil }
		late := func(status account.Status, stage account.Stage) store.Registration {
			return b.register(t, none, func(r *store.Registration) {
				r.Account.Status, r.Account.Stage = status, stage
				r.Account.RemindAt, r.Account.DeadlineAt = noon.Add(-time.Hour), noon.Add(time.Hour)
				if stage != account.InReview {
					r.Account.DeadlineAt = noon.Add(-time.Minute)
				}
			})
		}
		expired, review := late(account.Pending, account.AwaitingDocuments), late(account.Pending, account.InReview)
		owed := b.register(t, func(r *store.Registration) { r.Notices[0].CreatedAt = noon.Add(-time.Hour) })
		closing := b.register(t, none)
		d := b.decision(t, closing, admin, func(d *store.Decision) { d.Kind, d.CaseID = account.Close, cases.ClosureID(closing.Account.ID) })
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.InsertNotices(ctx, store.Notice{ID: newID(), Key: "x", AccountID: closing.Account.ID, DecisionID: &d.ID, Kind: "closed", Channel: store.Email, CreatedAt: noon.Add(-time.Hour)})
		}))
		b.register(t, none) // its time has not come
		idle, err := b.reader.IdleCases(t.Context(), noon.Add(-2*time.Hour), noon, 10)
		require.NoError(t, err)
		require.ElementsMatch(t, []store.IdleCase{
			{CaseID: cases.RegistrationID(expired.Account.ID), AccountID: expired.Account.ID},
			{CaseID: cases.RegistrationID(review.Account.ID), AccountID: review.Account.ID},
			{CaseID: cases.RegistrationID(owed.Account.ID), AccountID: owed.Account.ID},
			{CaseID: cases.ClosureID(closing.Account.ID), AccountID: closing.Account.ID},
		}, idle)
		idle, err = b.reader.IdleCases(t.Context(), noon.Add(-time.Second), noon, 10)
		require.NoError(t, err)
		require.Equal(t, []store.IdleCase{{CaseID: cases.RegistrationID(expired.Account.ID), AccountID: expired.Account.ID}}, idle)
	})
}
