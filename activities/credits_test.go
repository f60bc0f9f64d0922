package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/activities"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/ledger"
	"kibali/store"
)

func (d *desk) grant(a account.Account, credits int64) {
	d.t.Helper()
	id := uuid.New()
	d.in(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.TopUp(ctx, store.Posting{
			ID: id, Request: store.Request{Scope: id, Key: "test"}, AccountID: a.ID, Amount: credits, Reason: ledger.Complimentary,
			Actor: actor.Actor{Kind: actor.System}, At: d.clock(),
		})
		return err
	})
}

func (d *desk) requireCredits(a account.Account, available, held int64) {
	d.t.Helper()
	view, err := d.reader.Account(d.t.Context(), a.ID)
	require.NoError(d.t, err)
	require.Equal(d.t, ledger.Balance{Available: available, Held: held}, view.Balance)
}

func TestCredits(t *testing.T) {
	t.Parallel()
	const figures = `
		SELECT action || ' ' || coalesce(before->>'credits', '-') || ' ' || coalesce(after->>'credits', '-') FROM audit_events
		WHERE account_id = $1 AND action IN ('approve', 'suspend', 'reactivate', 'close') ORDER BY id`

	t.Run("are_held_by_a_suspension_and_come_back_with_what_was_added", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.decide(a, account.Approve)
		d.grant(a, 100)
		message := d.decides(d.account(a.ID), account.Suspend)
		for range 2 {
			require.Equal(t, cases.Applied, must(d.ApplyDecision(t.Context(), message))(t).Result)
		}
		d.requireCredits(a, 0, 100)
		d.grant(a, 20)
		d.requireCredits(a, 0, 120)
		d.decide(d.account(a.ID), account.Reactivate)
		d.requireCredits(a, 120, 0)
		require.Equal(t, []string{
			`approve - -`,
			`suspend {"held": 0, "available": 100} {"held": 100, "available": 0}`,
			`reactivate {"held": 120, "available": 0} {"held": 0, "available": 120}`,
		}, d.read(figures, a.ID))
		require.Equal(t, []string{"top_up", "hold suspend", "top_up", "release reactivate"}, d.read(`
			SELECT trim(t.kind || ' ' || coalesce(d.kind, '')) FROM transfers t LEFT JOIN decisions d ON d.id = t.decision_id ORDER BY t.position`))
	})

	t.Run("come_back_when_time_ends_the_suspension", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.decide(a, account.Approve)
		d.grant(a, 7)
		until := noon.Add(time.Hour)
		suspended := d.decide(d.account(a.ID), account.Suspend, func(s *store.Decision) { s.Until = &until })
		for range 2 {
			must(d.EndSuspension(t.Context(), activities.Deadline{AccountID: a.ID, Entry: suspended.Entry}))(t)
		}
		d.requireCredits(a, 7, 0)
	})

	t.Run("are_settled_when_the_account_is_closed", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		active, suspended, empty := d.register(), d.register(), d.register()
		for _, a := range []account.Account{active, suspended, empty} {
			d.decide(a, account.Approve)
		}
		d.grant(active, 5)
		d.grant(suspended, 6)
		d.decide(d.account(suspended.ID), account.Suspend)
		for _, a := range []account.Account{active, suspended, empty} {
			d.decide(d.account(a.ID), account.Close)
			d.requireCredits(a, 0, 0)
		}
		settled, err := d.reader.PlatformBalance(t.Context(), ledger.Settled)
		require.NoError(t, err)
		require.Equal(t, "11", settled)
		require.Contains(t, d.read(figures, suspended.ID), `close {"held": 6, "available": 0} {"held": 0, "available": 0}`)
		require.Empty(t, d.read(`SELECT kind FROM transfers WHERE $1 IN (from_account, to_account)`, empty.ID))
	})
}
