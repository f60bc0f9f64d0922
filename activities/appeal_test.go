package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/activities"
	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/store"
)

// appeals records an appeal against the account's suspension.
func (d *desk) appeals(a account.Account, suspension uuid.UUID) store.Appeal {
	appeal := store.Appeal{
		ID: uuid.New(), AccountID: a.ID, DecisionID: suspension, Text: "It was not us.", MadeAt: d.clock(),
		RemindAt: d.clock().Add(48 * time.Hour), EscalateAt: d.clock().Add(96 * time.Hour),
	}
	d.in(func(ctx context.Context, tx *store.Tx) error { return tx.InsertAppeal(ctx, appeal) })
	return appeal
}

func (d *desk) appeal(id uuid.UUID) store.Appeal {
	d.t.Helper()
	found, err := d.reader.Appeal(d.t.Context(), id)
	require.NoError(d.t, err)
	return found
}

func TestAppeals(t *testing.T) {
	t.Parallel()
	d := setup(t)
	suspended := func() account.Account {
		a := d.customer()
		d.decide(a, account.Suspend)
		return d.account(a.ID)
	}
	answer := func(a account.Account, kind account.Action, id uuid.UUID) cases.Outcome {
		return d.decide(a, kind, func(s *store.Decision) { s.AppealID, s.ReasonCode, s.Reason = &id, "", "Not new." })
	}

	t.Run("are taken up once, and their admins reminded twice", func(t *testing.T) {
		a := suspended()
		appeal := d.appeals(a, *a.DecidedBy)
		o := must(d.TakeUpAppeal(t.Context(), cases.Appeal{AppealID: appeal.ID}))(t)
		require.Equal(t, cases.Applied, o.Result)
		require.True(t, o.Entry.RemindAt.Equal(appeal.RemindAt))
		require.True(t, o.Entry.Due().Equal(appeal.RemindAt))
		require.Subset(t, channels(o), []string{"email appeal_received", "sms appeal_received"})
		again := must(d.TakeUpAppeal(t.Context(), cases.Appeal{AppealID: appeal.ID}))(t)
		require.Equal(t, cases.Refused, again.Result)
		require.Equal(t, o.Notices, again.Notices, "an answer that was lost owes the same")
		require.NotNil(t, d.appeal(appeal.ID).AcceptedAt)

		stale := o.Entry
		for i, kind := range []string{"email appeal_due", "email appeal_overdue"} {
			entry := o.Entry
			o = must(d.RemindOfAppeal(t.Context(), activities.Deadline{AccountID: a.ID, Entry: entry}))(t)
			require.Equal(t, cases.Applied, o.Result)
			require.Contains(t, channels(o), kind)
			require.Equal(t, i == 1, o.Entry.RemindAt.IsZero())
		}
		require.Equal(t, cases.Refused, must(d.RemindOfAppeal(t.Context(), activities.Deadline{AccountID: a.ID, Entry: stale}))(t).Result)
		for _, n := range o.Notices {
			require.NoError(t, d.SendNotice(t.Context(), n.NoticeID))
		}
		require.Contains(t, d.told(d.admin.Email), "still not been decided")
		require.Equal(t, []string{"register", "approve", "suspend", "appeal.taken_up", "appeal.reminded", "appeal.escalated"}, d.events(a.ID))
	})

	t.Run("that are granted reactivate, and say so", func(t *testing.T) {
		a := suspended()
		appeal := d.appeals(a, *a.DecidedBy)
		d.settle(d.asks(a, 10))
		o := answer(a, account.Reactivate, appeal.ID)
		require.Equal(t, account.Active, o.Entry.Status)
		require.Contains(t, channels(o), "sms appeal_granted")
		require.NotContains(t, channels(o), "sms reactivated")
		require.Equal(t, store.AppealGranted, d.appeal(appeal.ID).Outcome)
		require.Equal(t, int64(10), d.balance(a.ID).Available)
		require.Equal(t, []string{"granted " + appeal.ID.String()}, d.read(
			`SELECT (after->>'appeal') || ' ' || (after->>'appeal_id') FROM audit_events WHERE account_id = $1 AND action = 'reactivate'`, a.ID))
		require.Equal(t, cases.Refused, must(d.TakeUpAppeal(t.Context(), cases.Appeal{AppealID: appeal.ID}))(t).Result)
	})

	t.Run("that are dismissed leave the suspension as it is", func(t *testing.T) {
		a := suspended()
		appeal := d.appeals(a, *a.DecidedBy)
		must(d.TakeUpAppeal(t.Context(), cases.Appeal{AppealID: appeal.ID}))(t)
		o := answer(a, account.DismissAppeal, appeal.ID)
		require.Equal(t, cases.Applied, o.Result)
		require.Contains(t, channels(o), "email appeal_dismissed")
		require.Equal(t, a, d.account(a.ID))
		require.Equal(t, store.AppealDismissed, d.appeal(appeal.ID).Outcome)
		require.Equal(t, "Not new.", d.appeal(appeal.ID).Reason)
		late := answer(a, account.Reactivate, appeal.ID)
		require.Equal(t, cases.Refused, late.Result, "it is settled")
		d.appeals(a, *a.DecidedBy)
	})

	t.Run("end with the suspension, and with one that does not come about", func(t *testing.T) {
		a := suspended()
		appeal := d.appeals(a, *a.DecidedBy)
		d.decide(a, account.ChangeUntil)
		require.True(t, d.appeal(appeal.ID).Open())
		d.decide(a, account.Close)
		require.Equal(t, store.AppealMoot, d.appeal(appeal.ID).Outcome)

		b := d.customer()
		late := d.decides(b, account.Suspend)
		d.in(func(ctx context.Context, tx *store.Tx) error { return tx.BlockAccount(ctx, b.ID, &late.DecisionID) })
		early := d.appeals(b, late.DecisionID)
		require.Equal(t, cases.Refused, must(d.TakeUpAppeal(t.Context(), cases.Appeal{AppealID: early.ID}))(t).Result, "not yet")
		require.Nil(t, d.appeal(early.ID).AcceptedAt)
		d.decide(b, account.Close)
		require.Equal(t, cases.Refused, must(d.ApplyDecision(t.Context(), late))(t).Result)
		require.Equal(t, store.AppealMoot, d.appeal(early.ID).Outcome)
	})

	t.Run("that do not exist are not found", func(t *testing.T) {
		_, err := d.TakeUpAppeal(t.Context(), cases.Appeal{AppealID: uuid.New()})
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

// told returns what the inbox has for an address, the newest first.
func (d *desk) told(address string) string {
	all := ""
	for _, item := range d.inbox.List() {
		if item.To == address {
			all += item.Text
		}
	}
	return all
}
