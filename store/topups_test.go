package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/store"
)

func TestNamedAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.register(t).Account, b.register(t).Account
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.ReleaseContact(ctx, one.ID, noon) }))
	heir := b.register(t, func(r *store.Registration) { r.Account.Email = one.Email }).Account
	named, err := b.reader.NamedAccounts(t.Context(), []uuid.UUID{one.ID, newID()}, []string{one.Email, two.Email, "nobody@example.co.tz"})
	require.NoError(t, err)
	require.ElementsMatch(t, []store.Named{
		{ID: one.ID, Name: one.Company.Name, Status: account.Pending},
		{ID: two.ID, Email: two.Email, Name: two.Company.Name, Status: account.Pending},
		{ID: heir.ID, Email: one.Email, Name: heir.Company.Name, Status: account.Pending},
	}, named)
}

func TestToppedUpAlone_counts_what_one_person_has_topped_up_in_a_day(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.register(t)
	finance, other := b.staff(t, actor.Finance), b.staff(t, actor.Finance)
	asked := func(by store.Staff, amount int64, ago time.Duration, changes ...func(*store.Decision)) store.Decision {
		t.Helper()
		return b.decision(t, a, by, append([]func(*store.Decision){func(d *store.Decision) {
			d.Kind, d.CaseID, d.Amount, d.ReasonCode, d.Reason = account.TopUp, cases.TopUpID(d.ID), amount, "complimentary", ""
			d.RequestedAt = noon.Add(-ago)
		}}, changes...)...)
	}
	ends := func(d store.Decision, result cases.Result, code string) {
		t.Helper()
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.CloseDecision(ctx, d.ID, result, code, noon) }))
	}
	alone := func() int64 {
		t.Helper()
		sum, err := b.reader.ToppedUpAlone(t.Context(), finance.ID, noon)
		require.NoError(t, err)
		return sum
	}
	require.Zero(t, alone())

	asked(finance, 1, 23*time.Hour+59*time.Minute)
	require.Equal(t, int64(1), alone(), "what is being carried out counts")
	ends(asked(finance, -20, time.Hour), cases.Applied, "")
	require.Equal(t, int64(21), alone(), "what was taken away counts as well")

	asked(finance, 300, 24*time.Hour+time.Minute)
	ends(asked(finance, 300, 24*time.Hour+time.Minute), cases.Applied, "")
	ends(asked(finance, 4_000, time.Hour), cases.Refused, string(fault.Conflict))
	ends(asked(finance, 4_000, time.Hour), cases.Lapsed, "")
	asked(finance, 50_000, time.Hour, func(d *store.Decision) {
		lapses := noon.Add(time.Hour)
		d.LapsesAt = &lapses
	})
	asked(other, 600_000, time.Hour)
	require.Equal(t, int64(21), alone())
}
