package activities_test

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
	"kibali/domain/ledger"
	"kibali/store"
)

// asks records a top-up and returns what its case is told to do.
func (d *desk) asks(a account.Account, amount int64, changes ...func(*store.Decision)) cases.TopUpStep {
	d.t.Helper()
	id := uuid.New()
	d.decides(a, account.TopUp, append([]func(*store.Decision){func(decision *store.Decision) {
		decision.ID, decision.CaseID, decision.Amount, decision.ReasonCode, decision.Reason = id, cases.TopUpID(id), amount, "complimentary", ""
		if amount < 0 {
			decision.ReasonCode = "adjustment"
		}
	}}, changes...)...)
	return cases.TopUpStep{DecisionID: id}
}

func (d *desk) settle(step cases.TopUpStep) cases.TopUpOutcome {
	d.t.Helper()
	o, err := d.SettleTopUp(d.t.Context(), step)
	require.NoError(d.t, err)
	return o
}

func (d *desk) balance(id uuid.UUID) ledger.Balance {
	d.t.Helper()
	b, err := d.reader.Balance(d.t.Context(), id)
	require.NoError(d.t, err)
	return b
}

func (d *desk) sign(id uuid.UUID, by store.Staff, kind account.Action) {
	d.t.Helper()
	d.in(func(ctx context.Context, tx *store.Tx) error {
		return tx.SignDecision(ctx, store.Signature{DecisionID: id, Kind: kind, StaffID: by.ID, At: d.clock()})
	})
}

// unsigned makes a top-up need a second signature.
func unsigned(d *store.Decision) {
	lapses := d.RequestedAt.Add(72 * time.Hour)
	d.LapsesAt = &lapses
}

func (d *desk) customer() account.Account {
	a := d.register()
	d.decide(a, account.Approve)
	return d.account(a.ID)
}

func TestSettleTopUp(t *testing.T) {
	t.Parallel()
	d := setup(t)
	finance := d.hire(actor.Finance)

	t.Run("posts once however often it runs", func(t *testing.T) {
		a := d.customer()
		step := d.asks(a, 500)
		first := d.settle(step)
		require.Equal(t, cases.Applied, first.Result)
		require.Equal(t, d.admin.ID, first.ActorID)
		require.ElementsMatch(t, []string{"email credits_added", "sms credits_added"}, channels(cases.Outcome{Notices: first.Notices}))
		for range 3 {
			require.Equal(t, first, d.settle(step))
			require.Equal(t, first, d.settle(cases.TopUpStep{DecisionID: step.DecisionID, Over: true}))
		}
		require.Equal(t, ledger.Balance{Available: 500}, d.balance(a.ID))
		require.Equal(t, []string{"register", "approve", "top_up"}, d.events(a.ID))
		require.Equal(t, []string{"0 500 complimentary admin"}, d.read(`
			SELECT (before->'credits'->>'available') || ' ' || (after->'credits'->>'available') || ' ' || reason_code || ' ' || actor_role
			FROM audit_events WHERE account_id = $1 AND action = 'top_up'`, a.ID))
		posted, err := d.reader.TopUpTransfer(t.Context(), step.DecisionID, a.ID)
		require.NoError(t, err)
		require.Equal(t, step.DecisionID, *posted.DecisionID)
		require.Equal(t, ledger.Complimentary, posted.Reason)
		for _, n := range first.Notices {
			require.NoError(t, d.SendNotice(t.Context(), n.NoticeID))
		}
		require.Contains(t, d.inbox.List()[0].Text+d.inbox.List()[1].Text, "500 credits have been added to")
	})

	t.Run("takes away what an adjustment says, and never more than there is", func(t *testing.T) {
		a := d.customer()
		d.settle(d.asks(a, 100))
		less := d.settle(d.asks(a, -60))
		require.Equal(t, cases.Applied, less.Result)
		require.Contains(t, channels(cases.Outcome{Notices: less.Notices}), "sms credits_removed")
		step := d.asks(a, -41)
		for range 2 {
			o := d.settle(step)
			require.Equal(t, cases.Refused, o.Result)
			require.Equal(t, string(fault.InsufficientCredits), o.Code)
		}
		require.Equal(t, ledger.Balance{Available: 40}, d.balance(a.ID))
		o := d.settle(d.asks(a, ledger.Most))
		require.Equal(t, ledger.CodeTooLarge, o.Code)
		require.Equal(t, []string{"register", "approve", "top_up", "top_up", "top_up.refused", "top_up.refused"}, d.events(a.ID))
	})

	t.Run("holds what reaches a suspended account, and says so", func(t *testing.T) {
		a := d.customer()
		d.settle(d.asks(a, 70))
		d.decide(a, account.Suspend)
		o := d.settle(d.asks(a, 30))
		require.Equal(t, ledger.Balance{Held: 100}, d.balance(a.ID))
		for _, n := range o.Notices {
			require.NoError(t, d.SendNotice(t.Context(), n.NoticeID))
		}
		require.Contains(t, d.inbox.List()[0].Text+d.inbox.List()[1].Text, "held until it is reactivated")
		d.decide(d.account(a.ID), account.Reactivate)
		require.Equal(t, ledger.Balance{Available: 100}, d.balance(a.ID))
	})

	t.Run("refuses an account that was closed meanwhile", func(t *testing.T) {
		a := d.customer()
		step := d.asks(a, 5)
		d.decide(a, account.Close)
		o := d.settle(step)
		require.Equal(t, cases.Refused, o.Result)
		require.Equal(t, string(fault.Conflict), o.Code)
	})

	t.Run("waits for a signature, and tells those who may give it once", func(t *testing.T) {
		a := d.customer()
		step := d.asks(a, 500_000, unsigned)
		first := d.settle(step)
		require.Equal(t, cases.Waiting, first.Result)
		require.True(t, first.LapsesAt.Equal(d.clock().Add(72*time.Hour)))
		require.Equal(t, []string{"email top_up_unsigned"}, channels(cases.Outcome{Notices: first.Notices}), "not who asked for it")
		require.Equal(t, first, d.settle(step))
		require.NoError(t, d.SendNotice(t.Context(), first.Notices[0].NoticeID))
		require.Equal(t, finance.Email, d.inbox.List()[0].To)
		require.Contains(t, d.inbox.List()[0].Text, "A top-up of 500,000 credits for the account of "+a.Company.Name+" needs")
		require.Zero(t, d.balance(a.ID).Total())

		d.sign(step.DecisionID, finance, account.Countersign)
		o := d.settle(cases.TopUpStep{DecisionID: step.DecisionID, Over: true})
		require.Equal(t, cases.Applied, o.Result, "it was signed before the case noticed that its time is over")
		require.Equal(t, finance.ID, o.ActorID)
		require.Equal(t, int64(500_000), d.balance(a.ID).Available)
	})

	t.Run("says so to those who may sign it when credits are taken away", func(t *testing.T) {
		a := d.customer()
		first := d.settle(d.asks(a, -156_698, unsigned))
		require.Equal(t, []string{"email top_up_unsigned"}, channels(cases.Outcome{Notices: first.Notices}))
		require.NoError(t, d.SendNotice(t.Context(), first.Notices[0].NoticeID))
		e := d.inbox.List()[0]
		require.Equal(t, finance.Email, e.To)
		require.Contains(t, e.Subject, ": an adjustment that takes credits away is waiting for a second signature")
		require.Contains(t, e.Text, "An adjustment that takes 156,698 credits away from the account of "+a.Company.Name+" needs")
		require.NotContains(t, e.Text, "top-up")
	})

	t.Run("ends what is declined or not signed in time", func(t *testing.T) {
		a := d.customer()
		declined := d.asks(a, 500_000, unsigned)
		first := d.settle(declined)
		d.sign(declined.DecisionID, finance, account.Decline)
		o := d.settle(declined)
		require.Equal(t, cases.Refused, o.Result)
		require.Equal(t, store.CodeDeclined, o.Code)
		require.NoError(t, d.SendNotice(t.Context(), first.Notices[0].NoticeID))
		require.Equal(t, store.NoticeFailed, d.notice(first.Notices[0].NoticeID).Status, "nobody is asked to sign what is settled")

		late := d.asks(a, 500_000, unsigned)
		o = d.settle(cases.TopUpStep{DecisionID: late.DecisionID, Over: true})
		require.Equal(t, cases.Lapsed, o.Result)
		require.Equal(t, store.CodeUnsigned, o.Code)
		require.Equal(t, uuid.Nil, o.ActorID)
		require.Zero(t, d.balance(a.ID).Total())
		require.Equal(t, []string{"register", "approve", "top_up.refused", "top_up.lapsed"}, d.events(a.ID))
	})

	t.Run("that does not exist is not found", func(t *testing.T) {
		_, err := d.SettleTopUp(t.Context(), cases.TopUpStep{DecisionID: uuid.New()})
		require.True(t, fault.Is(err, fault.NotFound))
	})
}
