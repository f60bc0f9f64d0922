package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/domain/message"
	"kibali/store"
)

// rich registers an account that is active and has credits.
func (b testBundle) rich(t *testing.T, credits int64) uuid.UUID {
	t.Helper()
	id := b.register(t).Account.ID
	b.status(t, id, account.Active)
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.TopUp(ctx, store.Posting{
			ID: newID(), Request: store.Request{Scope: newID(), Key: "rich"}, AccountID: id, Amount: credits,
			Reason: ledger.Complimentary, Actor: actor.Actor{Kind: actor.System}, At: noon,
		})
		return err
	}))
	return id
}

func (b testBundle) status(t *testing.T, id uuid.UUID, status account.Status) {
	t.Helper()
	_, err := b.owner.Exec(t.Context(), `UPDATE accounts SET status = $2, stage = '' WHERE id = $1`, id, status)
	require.NoError(t, err)
}

func (b testBundle) has(t *testing.T, id uuid.UUID) ledger.Balance {
	t.Helper()
	balance, err := b.reader.Balance(t.Context(), id)
	require.NoError(t, err)
	return balance
}

func order(accountID uuid.UUID, key string, phones ...string) store.Order {
	return store.Order{
		Message: store.Message{
			ID: newID(), AccountID: accountID, ChargeID: newID(), Text: "Habari", Segments: 2, Recipients: len(phones),
			CreatedAt: noon, GiveUpAt: noon.Add(time.Hour), SettleWithin: time.Hour,
		},
		Phones: phones, Fingerprint: [32]byte{1}, Key: key, Actor: actor.Actor{Kind: actor.Account, ID: accountID},
	}
}

// accept accepts a message of two segments to three phones.
func (b testBundle) accept(t *testing.T, accountID uuid.UUID) store.Message {
	t.Helper()
	m, replayed, err := b.store.AcceptMessage(t.Context(), order(accountID, newID().String(), "+255712000001", "+255712000002", "+255712000003"))
	require.NoError(t, err)
	require.False(t, replayed)
	return m
}

func (b testBundle) fates(t *testing.T, id uuid.UUID) (statuses []message.Status, refunded []bool) {
	t.Helper()
	recipients, err := b.reader.MessageRecipients(t.Context(), id)
	require.NoError(t, err)
	for _, r := range recipients {
		statuses, refunded = append(statuses, r.Status), append(refunded, r.RefundedAt != nil)
	}
	return statuses, refunded
}

func TestAcceptMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("charges and records in one", func(t *testing.T) {
		t.Parallel()
		id := b.rich(t, 10)
		m := b.accept(t, id)
		require.Equal(t, ledger.Balance{Available: 4}, b.has(t, id))
		read, err := b.reader.Message(t.Context(), m.ID)
		require.NoError(t, err)
		require.Equal(t, m, read)
		recipients, err := b.reader.MessageRecipients(t.Context(), m.ID)
		require.NoError(t, err)
		require.Len(t, recipients, 3)
		require.Equal(t, store.Recipient{Position: 1, Phone: "+255712000002", Status: message.Queued}, recipients[1])
		ours, err := b.reader.ChargesMessage(t.Context(), m.ChargeID)
		require.NoError(t, err)
		require.True(t, ours)

		_, _, err = b.store.AcceptMessage(t.Context(), order(id, "more", "+255712000001", "+255712000002", "+255712000003"))
		requireFault(t, err, fault.InsufficientCredits)
		var n int
		require.NoError(t, b.owner.QueryRow(t.Context(), `SELECT count(*) FROM messages WHERE account_id = $1`, id).Scan(&n))
		require.Equal(t, 1, n, "nothing is left of what was refused")
	})
	t.Run("is one for each key, also when many come at once", func(t *testing.T) {
		t.Parallel()
		id := b.rich(t, 100)
		var group sync.WaitGroup
		made := make(chan store.Message, 16)
		for range cap(made) {
			group.Go(func() {
				m, _, err := b.store.AcceptMessage(t.Context(), order(id, "same", "+255712000001"))
				if err == nil {
					made <- m
				}
			})
		}
		group.Wait()
		close(made)
		ids := map[uuid.UUID]int{}
		for m := range made {
			ids[m.ID]++
		}
		require.Len(t, ids, 1)
		for _, n := range ids {
			require.Equal(t, 16, n)
		}
		require.Equal(t, int64(98), b.has(t, id).Available)

		other := order(id, "same", "+255712000001")
		other.Fingerprint = [32]byte{2}
		_, _, err := b.store.AcceptMessage(t.Context(), other)
		requireFault(t, err, fault.KeyReused)
	})
	t.Run("does not happen once a suspension is recorded", func(t *testing.T) {
		t.Parallel()
		id := b.rich(t, 100)
		b.status(t, id, account.Suspended)
		_, _, err := b.store.AcceptMessage(t.Context(), order(id, "late", "+255712000001"))
		requireFault(t, err, fault.AccountSuspended)
	})
	t.Run("and a suspension at the same time do not lock each other out", func(t *testing.T) {
		t.Parallel()
		id := b.rich(t, 1000)
		var group sync.WaitGroup
		failures := make(chan error, 40)
		for range 20 {
			group.Go(func() {
				_, _, err := b.store.AcceptMessage(t.Context(), order(id, newID().String(), "+255712000001", "+255712000002"))
				if fault.As(err) == nil {
					failures <- err
				}
			})
			group.Go(func() { // the account's row first, and its balance by the trigger
				_, err := b.owner.Exec(t.Context(), `UPDATE accounts SET status = CASE status WHEN 'active' THEN 'suspended' ELSE 'active' END WHERE id = $1`, id)
				failures <- err
			})
		}
		group.Wait()
		close(failures)
		for err := range failures {
			require.NoError(t, err)
		}
	})
}

func TestFates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	claim := func(t *testing.T, m store.Message, most int) store.Claimed {
		t.Helper()
		c, err := b.store.ClaimRecipients(t.Context(), m, most, noon)
		require.NoError(t, err)
		return c
	}
	learn := func(t *testing.T, m store.Message, position int, status message.Status) store.Learnt {
		t.Helper()
		l, err := b.store.RecordFate(t.Context(), store.Fate{MessageID: m.ID, Position: position, Status: status, Failure: "code", Provider: "beem", ProviderMessageID: "84"}, noon)
		require.NoError(t, err)
		return l
	}

	t.Run("are claimed once, a few at a time", func(t *testing.T) {
		t.Parallel()
		m := b.accept(t, b.rich(t, 10))
		require.Len(t, claim(t, m, 2).Recipients, 2)
		require.Len(t, claim(t, m, 2).Recipients, 1)
		require.Empty(t, claim(t, m, 2).Recipients)
	})
	t.Run("are not claimed of an account that is suspended or blocked", func(t *testing.T) {
		t.Parallel()
		id := b.rich(t, 10)
		m := b.accept(t, id)
		b.status(t, id, account.Suspended)
		c := claim(t, m, 2)
		require.Empty(t, c.Recipients)
		require.Equal(t, account.Suspended, c.Status)
	})
	t.Run("of what failed are refunded, once", func(t *testing.T) {
		t.Parallel()
		id := b.rich(t, 10)
		m := b.accept(t, id)
		claim(t, m, 3)
		require.Equal(t, store.Learnt{Changed: true}, learn(t, m, 0, message.Sent))
		require.Equal(t, store.Learnt{Changed: true, Refunded: true}, learn(t, m, 1, message.Failed))
		require.Equal(t, store.Learnt{}, learn(t, m, 1, message.Failed))
		require.Equal(t, store.Learnt{}, learn(t, m, 1, message.Delivered), "what is refunded stays so")
		require.Equal(t, int64(6), b.has(t, id).Available)
		require.Equal(t, store.Learnt{Changed: true, Refunded: true}, learn(t, m, 0, message.Failed), "the network gave up")
		require.Equal(t, int64(8), b.has(t, id).Available)
	})
	t.Run("of what nobody sends any more are unknown, until they are known or refunded", func(t *testing.T) {
		t.Parallel()
		id := b.rich(t, 10)
		m := b.accept(t, id)
		claim(t, m, 3)
		require.Equal(t, store.Learnt{Changed: true}, learn(t, m, 0, message.Unknown))
		n, err := b.store.LoseAttempts(t.Context(), m.ID, noon)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Empty(t, claim(t, m, 3).Recipients, "they are never sent again")
		require.NoError(t, b.store.Requeue(t.Context(), m.ID, 1, "timeout", noon))
		require.Empty(t, claim(t, m, 3).Recipients)
		require.Equal(t, store.Learnt{Changed: true}, learn(t, m, 2, message.Sent), "an answer that came late")

		n, err = b.store.RefundUnknown(t.Context(), m.ID, noon.Add(-time.Second), noon)
		require.NoError(t, err)
		require.Zero(t, n, "not yet")
		n, err = b.store.RefundUnknown(t.Context(), m.ID, noon, noon.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, 2, n)
		n, err = b.store.RefundUnknown(t.Context(), m.ID, noon, noon.Add(time.Hour))
		require.NoError(t, err)
		require.Zero(t, n)
		require.Equal(t, int64(8), b.has(t, id).Available)
		require.Equal(t, store.Learnt{Changed: true, Late: true}, learn(t, m, 0, message.Delivered))
		require.Equal(t, store.Learnt{Changed: true}, learn(t, m, 1, message.Failed), "it is refunded already")
		require.Equal(t, int64(8), b.has(t, id).Available)
		statuses, refunded := b.fates(t, m.ID)
		require.Equal(t, []message.Status{message.Delivered, message.Failed, message.Sent}, statuses)
		require.Equal(t, []bool{true, true, false}, refunded)
	})
	t.Run("of what is given up land in held while the account is suspended", func(t *testing.T) {
		t.Parallel()
		id := b.rich(t, 10)
		m := b.accept(t, id)
		claim(t, m, 1)
		learn(t, m, 0, message.Sent)
		b.status(t, id, account.Suspended)
		n, err := b.store.FailQueued(t.Context(), m.ID, message.FailureSuspended, noon)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		n, err = b.store.FailQueued(t.Context(), m.ID, message.FailureSuspended, noon)
		require.NoError(t, err)
		require.Zero(t, n)
		require.Equal(t, ledger.Balance{Available: 4, Held: 4}, b.has(t, id))
		statuses, _ := b.fates(t, m.ID)
		require.Equal(t, []message.Status{message.Sent, message.Failed, message.Failed}, statuses)
	})
	t.Run("of what is given up are settled when the account is closed", func(t *testing.T) {
		t.Parallel()
		id := b.rich(t, 10)
		m := b.accept(t, id)
		b.status(t, id, account.Closed)
		n, err := b.store.FailQueued(t.Context(), m.ID, message.FailureClosed, noon)
		require.NoError(t, err)
		require.Equal(t, 3, n)
		history, _, err := b.reader.Transactions(t.Context(), id, 2, 0)
		require.NoError(t, err)
		require.Equal(t, []ledger.Kind{ledger.Settlement, ledger.ChargeRefund}, []ledger.Kind{history[0].Kind, history[1].Kind})
		require.Zero(t, b.has(t, id).Held)
	})
	t.Run("are reported once each, in any order", func(t *testing.T) {
		t.Parallel()
		id := b.rich(t, 10)
		m := b.accept(t, id)
		claim(t, m, 3)
		report := func(status message.Status, sid string) store.Learnt {
			l, err := b.store.ReportedFate(t.Context(), store.Fate{MessageID: m.ID, Position: 0, Status: status, Provider: "twilio", ProviderMessageID: sid}, noon)
			require.NoError(t, err)
			return l
		}
		sid := newID().String()
		require.Equal(t, store.Learnt{Changed: true}, report(message.Delivered, sid), "before the answer to the request itself")
		require.Equal(t, store.Learnt{}, report(message.Sent, sid), "late")
		require.Equal(t, store.Learnt{}, report(message.Delivered, sid), "again")
		require.Equal(t, store.Learnt{}, learn(t, m, 0, message.Sent))
		recipients, err := b.reader.MessageRecipients(t.Context(), m.ID)
		require.NoError(t, err)
		require.Equal(t, message.Delivered, recipients[0].Status)
		require.Equal(t, sid, recipients[0].ProviderMessageID)
		_, err = b.store.ReportedFate(t.Context(), store.Fate{MessageID: newID(), Status: message.Sent, Provider: "twilio", ProviderMessageID: sid + "2"}, noon)
		requireFault(t, err, fault.NotFound)

		others, err := b.reader.OtherMessageIDs(t.Context(), "+255712000001", noon.Add(-time.Hour), noon.Add(time.Hour))
		require.NoError(t, err)
		require.Contains(t, others, sid)
	})
	t.Run("are waited for by a case that is late", func(t *testing.T) {
		t.Parallel()
		m := b.accept(t, b.rich(t, 10))
		waits := func() bool {
			waiting, err := b.reader.WaitingMessages(t.Context(), noon.Add(time.Minute), 1000)
			require.NoError(t, err)
			for _, w := range waiting {
				if w.ID == m.ID {
					return true
				}
			}
			return false
		}
		require.True(t, waits())
		require.NoError(t, b.store.PlanMessage(t.Context(), m.ID, noon.Add(time.Hour), false, noon))
		require.False(t, waits())
		require.NoError(t, b.store.PlanMessage(t.Context(), m.ID, noon, true, noon))
		require.False(t, waits())
	})
}
