package store_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/store"
)

// customer adds an active account with so many credits.
func (b testBundle) customer(t *testing.T, credits int64) uuid.UUID {
	t.Helper()
	id := b.register(t).Account.ID
	b.becomes(t, id, account.Active)
	if credits > 0 {
		_, err := b.topUp(t, topUp(id, credits))
		require.NoError(t, err)
	}
	return id
}

// becomes changes an account's status as a transition does, with its credits.
func (b testBundle) becomes(t *testing.T, id uuid.UUID, status account.Status) {
	t.Helper()
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		a, err := tx.LockAccount(ctx, id)
		if err != nil {
			return err
		}
		move := store.Move{ID: newID(), AccountID: id, Actor: actor.Actor{Kind: actor.System}, At: noon}
		switch {
		case status == account.Suspended:
			_, _, err = tx.Hold(ctx, move)
		case status == account.Closed:
			_, _, err = tx.Settle(ctx, move)
		case a.Status == account.Suspended:
			_, _, err = tx.Release(ctx, move)
		}
		if err != nil {
			return err
		}
		a.Status, a.Stage, a.StageSince, a.RemindAt, a.DeadlineAt = status, "", noon, time.Time{}, time.Time{}
		return tx.WriteTransition(ctx, store.Transition{Account: a, Event: store.Event{
			At: noon, Actor: actor.Actor{Kind: actor.System}, Action: "test", Subject: "account", SubjectID: id.String(), AccountID: &id,
		}})
	}))
}

func charge(account uuid.UUID, amount int64) store.Posting {
	return store.Posting{
		ID: newID(), Request: store.Request{Scope: account, Key: newID().String()}, AccountID: account, Amount: amount,
		Reference: "SMS 1", Actor: actor.Actor{Kind: actor.Account, ID: account}, At: noon,
	}
}

func topUp(account uuid.UUID, amount int64) store.Posting {
	reason := ledger.Complimentary
	if amount < 0 {
		reason = ledger.Adjustment
	}
	id := newID()
	return store.Posting{
		ID: id, Request: store.Request{Scope: id, Key: "top-up"}, Kind: ledger.TopUp, AccountID: account, Amount: amount, Reason: reason,
		Actor: actor.Actor{Kind: actor.System}, At: noon,
	}
}

func (b testBundle) topUp(t *testing.T, p store.Posting) (posted store.Posted, err error) {
	t.Helper()
	err = b.inTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
		posted, err = tx.TopUp(ctx, p)
		return err
	})
	return posted, err
}

func (b testBundle) postAll(t *testing.T, postings ...store.Posting) (outcomes []store.Outcome) {
	t.Helper()
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
		outcomes, err = tx.PostAll(ctx, postings)
		return err
	}))
	return outcomes
}

func (b testBundle) requireBalance(t *testing.T, id uuid.UUID, available, held int64) {
	t.Helper()
	balance, err := b.reader.Balance(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, ledger.Balance{Available: available, Held: held}, balance)
}

// requireSound checks what is always true of the ledger.
func (b testBundle) requireSound(t *testing.T) {
	t.Helper()
	var sum, wrong, gaps int64
	require.NoError(t, b.owner.QueryRow(t.Context(), `SELECT coalesce(sum(amount + held_amount), 0) FROM entries`).Scan(&sum))
	require.Zero(t, sum, "all entries sum to zero")
	require.NoError(t, b.owner.QueryRow(t.Context(), `
		SELECT count(*) FROM balances b LEFT JOIN (
			SELECT ledger_account, sum(amount) AS available, sum(held_amount) AS held, count(*) AS n, max(seq) AS last FROM entries GROUP BY 1
		) e ON e.ledger_account = b.account_id
		WHERE b.available <> coalesce(e.available, 0) OR b.held <> coalesce(e.held, 0) OR b.seq <> coalesce(e.n, 0) OR b.seq <> coalesce(e.last, 0)`).Scan(&wrong))
	require.Zero(t, wrong, "every balance equals its entries")
	require.NoError(t, b.owner.QueryRow(t.Context(), `
		SELECT count(*) FROM (
			SELECT t.id FROM transfers t LEFT JOIN entries e ON e.position = t.position
			GROUP BY t.id HAVING count(e.seq) <> CASE WHEN t.from_account = t.to_account THEN 1 ELSE 2 END OR sum(e.amount + e.held_amount) <> 0
		) x`).Scan(&gaps))
	require.Zero(t, gaps, "every transfer has its legs")
}

func TestCharge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.customer(t, 5)

	t.Run("takes credits and tells what is left", func(t *testing.T) {
		id := b.customer(t, 100)
		p := charge(id, 30)
		posted, err := b.store.Charge(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, ledger.Balance{Available: 70}, posted.Balance())
		require.Equal(t, ledger.Entry{Account: id, Seq: 2, TransferID: p.ID, Amount: -30, AvailableAfter: 70}, posted.Entry)
		require.Equal(t, id, posted.From)
		require.Equal(t, ledger.Sales, posted.To)
		read, err := b.reader.Transfer(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, posted, read)
		b.requireBalance(t, id, 70, 0)
	})
	t.Run("answers the same request alike and another one with its key not at all", func(t *testing.T) {
		id := b.customer(t, 100)
		p := charge(id, 30)
		first, err := b.store.Charge(t.Context(), p)
		require.NoError(t, err)
		again := p
		again.ID, again.At, again.Actor = newID(), noon.Add(time.Hour), actor.Actor{Kind: actor.Service, ID: newID()}
		replayed, err := b.store.Charge(t.Context(), again)
		require.NoError(t, err)
		require.True(t, replayed.Replayed)
		replayed.Replayed = false
		require.Equal(t, first, replayed)
		for _, change := range []func(*store.Posting){
			func(p *store.Posting) { p.Amount++ },
			func(p *store.Posting) { p.Reference = "SMS 2" },
			func(p *store.Posting) { p.AccountID = b.customer(t, 100) },
		} {
			other := again
			change(&other)
			_, err = b.store.Charge(t.Context(), other)
			requireFault(t, err, fault.KeyReused)
		}
		b.requireBalance(t, id, 70, 0)
		other := charge(id, 1)
		other.Request = store.Request{Scope: newID(), Key: p.Request.Key}
		_, err = b.store.Charge(t.Context(), other)
		require.NoError(t, err, "a key belongs to its sender")

		b.becomes(t, id, account.Suspended)
		replayed, err = b.store.Charge(t.Context(), again)
		require.NoError(t, err, "what was posted stays answered")
		require.True(t, replayed.Replayed)
	})
	t.Run("is refused for what it is and leaves everything as it was", func(t *testing.T) {
		id := b.customer(t, 100)
		for amount, code := range map[int64]fault.Code{
			0: fault.Invalid, -1: fault.Invalid, math.MinInt64: fault.Invalid, ledger.Most + 1: fault.Invalid, math.MaxInt64: fault.Invalid,
		} {
			_, err := b.store.Charge(t.Context(), charge(id, amount))
			requireFault(t, err, code, "amount")
		}
		_, err := b.store.Charge(t.Context(), charge(id, 101))
		requireFault(t, err, fault.InsufficientCredits)
		require.Equal(t, map[string]any{"available": int64(100), "held": int64(0)}, fault.As(err).Details)
		_, err = b.store.Charge(t.Context(), charge(id, ledger.Most))
		requireFault(t, err, fault.InsufficientCredits)
		_, err = b.store.Charge(t.Context(), charge(newID(), 1))
		requireFault(t, err, fault.NotFound)
		b.requireBalance(t, id, 100, 0)

		waiting := b.register(t).Account.ID
		_, err = b.store.Charge(t.Context(), charge(waiting, 1))
		requireFault(t, err, fault.Forbidden)
		for _, platform := range ledger.PlatformAccounts() {
			_, err = b.store.Charge(t.Context(), charge(platform, 1))
			requireFault(t, err, fault.NotFound)
		}
	})
	t.Run("is refused while the account is suspended or blocked", func(t *testing.T) {
		id := b.customer(t, 100)
		staff := b.staff(t, actor.Admin)
		d := b.decision(t, store.Registration{Account: account.Account{ID: id}}, staff, func(d *store.Decision) {
			d.Kind, d.CaseID = account.Suspend, "suspension/"+id.String()
		})
		block := func(by *uuid.UUID) {
			require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.BlockAccount(ctx, id, by) }))
		}
		block(&d.ID)
		_, err := b.store.Charge(t.Context(), charge(id, 1))
		requireFault(t, err, fault.AccountSuspended)
		_, err = b.topUp(t, topUp(id, 5))
		require.NoError(t, err)
		b.requireBalance(t, id, 105, 0)
		block(nil)
		_, err = b.store.Charge(t.Context(), charge(id, 1))
		require.NoError(t, err)

		b.becomes(t, id, account.Suspended)
		b.requireBalance(t, id, 0, 104)
		_, err = b.store.Charge(t.Context(), charge(id, 1))
		requireFault(t, err, fault.AccountSuspended)
		b.becomes(t, id, account.Active)
		b.requireBalance(t, id, 104, 0)
	})
	t.Run("in a transaction is undone with it", func(t *testing.T) {
		id := b.customer(t, 100)
		undone := b.store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Charge(ctx, charge(id, 101))
			requireFault(t, err, fault.InsufficientCredits)
			_, err = tx.Charge(ctx, charge(id, 60))
			require.NoError(t, err)
			return context.Canceled
		})
		require.ErrorIs(t, undone, context.Canceled)
		b.requireBalance(t, id, 100, 0)
	})
	b.requireSound(t)
}

func TestChargeRefund(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refund := func(of store.Posted, amount int64) store.Posting {
		return store.Posting{
			ID: newID(), Request: store.Request{Scope: of.From, Key: newID().String()}, Amount: amount, Reverses: &of.ID,
			Actor: actor.Actor{Kind: actor.System}, At: noon,
		}
	}
	charged := func(t *testing.T, amount int64) store.Posted {
		t.Helper()
		posted, err := b.store.Charge(t.Context(), charge(b.customer(t, 100), amount))
		require.NoError(t, err)
		return posted
	}

	t.Run("gives back at most the charge and once", func(t *testing.T) {
		c := charged(t, 40)
		for _, amount := range []int64{41, -1, math.MinInt64} {
			_, err := b.store.RefundCharge(t.Context(), refund(c, amount))
			requireFault(t, err, fault.Invalid, "amount")
		}
		first := refund(c, 15)
		posted, err := b.store.RefundCharge(t.Context(), first)
		require.NoError(t, err)
		require.Equal(t, int64(75), posted.Entry.AvailableAfter)
		require.Equal(t, ledger.Sales, posted.From)
		replayed, err := b.store.RefundCharge(t.Context(), first)
		require.NoError(t, err)
		require.True(t, replayed.Replayed)
		_, err = b.store.RefundCharge(t.Context(), refund(c, 15))
		requireFault(t, err, fault.Conflict)
		require.Equal(t, posted.ID, fault.As(err).Details["refund"])
		b.requireBalance(t, c.From, 75, 0)
	})
	t.Run("of all of it needs no amount", func(t *testing.T) {
		c := charged(t, 40)
		posted, err := b.store.RefundCharge(t.Context(), refund(c, 0))
		require.NoError(t, err)
		require.Equal(t, int64(40), posted.Amount)
		b.requireBalance(t, c.From, 100, 0)
	})
	t.Run("happens once when many ask at the same moment", func(t *testing.T) {
		c := charged(t, 40)
		var racing sync.WaitGroup
		results := make([]error, 16)
		for i := range results {
			racing.Go(func() { _, results[i] = b.store.RefundCharge(t.Context(), refund(c, 0)) })
		}
		racing.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
				continue
			}
			requireFault(t, err, fault.Conflict)
		}
		require.Equal(t, 1, won)
		b.requireBalance(t, c.From, 100, 0)
	})
	t.Run("is held while the account is suspended and settled when it is closed", func(t *testing.T) {
		c, late := charged(t, 40), charged(t, 10)
		b.becomes(t, c.From, account.Suspended)
		_, err := b.store.RefundCharge(t.Context(), refund(c, 0))
		require.NoError(t, err)
		b.requireBalance(t, c.From, 0, 100)
		b.becomes(t, late.From, account.Closed)
		given := refund(late, 0)
		_, err = b.store.RefundCharge(t.Context(), given)
		require.NoError(t, err)
		b.requireBalance(t, late.From, 0, 0)
		history, _, err := b.reader.Transactions(t.Context(), late.From, 2, 0)
		require.NoError(t, err)
		require.Equal(t, []ledger.Kind{ledger.Settlement, ledger.ChargeRefund}, []ledger.Kind{history[0].Kind, history[1].Kind})
		again, err := b.store.RefundCharge(t.Context(), given)
		require.NoError(t, err)
		require.True(t, again.Replayed)
		b.requireBalance(t, late.From, 0, 0)
	})
	t.Run("is of charges only", func(t *testing.T) {
		id := b.customer(t, 0)
		up, err := b.topUp(t, topUp(id, 10))
		require.NoError(t, err)
		_, err = b.store.RefundCharge(t.Context(), refund(up, 0))
		requireFault(t, err, fault.NotFound)
		nothing := newID()
		_, err = b.store.RefundCharge(t.Context(), store.Posting{ID: newID(), Reverses: &nothing, At: noon})
		requireFault(t, err, fault.NotFound)
	})
	b.requireSound(t)
}

func TestTopUp(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("may be an adjustment down to zero and no further", func(t *testing.T) {
		id := b.customer(t, 100)
		_, err := b.topUp(t, topUp(id, -101))
		requireFault(t, err, fault.InsufficientCredits)
		posted, err := b.topUp(t, topUp(id, -100))
		require.NoError(t, err)
		require.Equal(t, int64(100), posted.Amount)
		require.Equal(t, ledger.Funding, posted.To)
		b.requireBalance(t, id, 0, 0)
		down := topUp(id, 0)
		down.Amount, down.Reason = -1, ledger.Refund
		_, err = b.topUp(t, down)
		requireFault(t, err, fault.Invalid, "amount")
	})
	t.Run("never takes an account past what can be told", func(t *testing.T) {
		id := b.customer(t, ledger.Most-5)
		for _, amount := range []int64{6, ledger.Most, ledger.Most + 1, math.MaxInt64} {
			_, err := b.topUp(t, topUp(id, amount))
			requireFault(t, err, fault.Invalid, "amount")
		}
		b.becomes(t, id, account.Suspended)
		_, err := b.topUp(t, topUp(id, 6))
		requireFault(t, err, fault.Invalid, "amount")
		b.requireBalance(t, id, 0, ledger.Most-5)
		_, err = b.topUp(t, topUp(id, 5))
		require.NoError(t, err)
		b.requireBalance(t, id, 0, ledger.Most)
	})
	t.Run("changes the held credits of a suspended account", func(t *testing.T) {
		id := b.customer(t, 100)
		b.becomes(t, id, account.Suspended)
		_, err := b.topUp(t, topUp(id, 20))
		require.NoError(t, err)
		_, err = b.topUp(t, topUp(id, -50))
		require.NoError(t, err)
		b.requireBalance(t, id, 0, 70)
	})
	t.Run("is not for accounts that were rejected or closed", func(t *testing.T) {
		id := b.customer(t, 100)
		b.becomes(t, id, account.Closed)
		_, err := b.topUp(t, topUp(id, 1))
		requireFault(t, err, fault.Conflict)
		b.requireBalance(t, id, 0, 0)
		_, err = b.topUp(t, topUp(newID(), 1))
		requireFault(t, err, fault.NotFound)
	})
	t.Run("is reversed once and not beyond what is left", func(t *testing.T) {
		id := b.customer(t, 0)
		up, err := b.topUp(t, topUp(id, 50))
		require.NoError(t, err)
		reverse := func() (posted store.Posted, err error) {
			request := newID()
			err = b.inTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
				posted, err = tx.Reverse(ctx, store.Posting{
					ID: request, Request: store.Request{Scope: request, Key: "reversal"}, Reverses: &up.ID, Actor: actor.Actor{Kind: actor.System}, At: noon,
				})
				return err
			})
			return posted, err
		}
		spent, err := b.store.Charge(t.Context(), charge(id, 1))
		require.NoError(t, err)
		_, err = reverse()
		requireFault(t, err, fault.InsufficientCredits)
		_, err = b.store.RefundCharge(t.Context(), store.Posting{ID: newID(), Request: store.Request{Scope: id, Key: "back"}, Reverses: &spent.ID, Actor: actor.Actor{Kind: actor.System}, At: noon})
		require.NoError(t, err)
		reversal, err := reverse()
		require.NoError(t, err)
		require.Equal(t, ledger.Funding, reversal.To)
		_, err = reverse()
		requireFault(t, err, fault.Conflict)
		b.requireBalance(t, id, 0, 0)
	})
	b.requireSound(t)
}

func TestLastCredit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		id := b.customer(t, 1)
		var racing sync.WaitGroup
		results := make([]error, 64)
		for i := range results {
			racing.Go(func() { _, results[i] = b.store.Charge(t.Context(), charge(id, 1)) })
		}
		racing.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
				continue
			}
			requireFault(t, err, fault.InsufficientCredits)
		}
		require.Equal(t, 1, won)
		b.requireBalance(t, id, 0, 0)
	}
	b.requireSound(t)
}

func TestSameRequestAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		id := b.customer(t, 100)
		p := charge(id, 10)
		var racing sync.WaitGroup
		results := make([]store.Posted, 16)
		for i := range results {
			mine := p
			mine.ID = newID()
			racing.Go(func() {
				posted, err := b.store.Charge(t.Context(), mine)
				if err != nil {
					t.Errorf("the same request: %v", err)
				}
				results[i] = posted
			})
		}
		racing.Wait()
		replayed := 0
		for _, r := range results {
			require.Equal(t, results[0].ID, r.ID)
			if r.Replayed {
				replayed++
			}
		}
		require.Equal(t, len(results)-1, replayed)
		b.requireBalance(t, id, 90, 0)
	}
	b.requireSound(t)
}

// What is available after a suspension is what was before, and everything that
// was posted in between.
func TestSuspensionPreservesCredits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 12 {
		id := b.customer(t, rng.Int64N(3)*rng.Int64N(1000)+10)
		var refundable []store.Posted
		for range 3 {
			if posted, err := b.store.Charge(t.Context(), charge(id, 1+rng.Int64N(3))); err == nil {
				refundable = append(refundable, posted)
			}
		}
		before, err := b.reader.Balance(t.Context(), id)
		require.NoError(t, err)
		var racing sync.WaitGroup
		var charged, added int64 // while the suspension is on its way, and while it lasts
		racing.Go(func() {
			for range 20 {
				posted, err := b.store.Charge(context.WithoutCancel(t.Context()), charge(id, 1))
				if err != nil {
					return
				}
				charged += posted.Amount
			}
		})
		b.becomes(t, id, account.Suspended)
		racing.Wait()
		for range rng.IntN(6) {
			amount := rng.Int64N(100) - 20
			if amount == 0 {
				continue
			}
			if _, err := b.topUp(t, topUp(id, amount)); err == nil {
				added += amount
			}
		}
		for _, c := range refundable {
			_, err := b.store.RefundCharge(t.Context(), store.Posting{
				ID: newID(), Request: store.Request{Scope: id, Key: c.ID.String()}, Reverses: &c.ID, Actor: actor.Actor{Kind: actor.System}, At: noon,
			})
			require.NoError(t, err)
			added += c.Amount
		}
		held, err := b.reader.Balance(t.Context(), id)
		require.NoError(t, err)
		require.Zero(t, held.Available)
		b.becomes(t, id, account.Active)
		b.requireBalance(t, id, before.Available-charged+added, 0)
		require.Equal(t, before.Available-charged+added, held.Held, "round %d", round)
	}
	b.requireSound(t)
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.customer(t, 1000)
	for i := range 6 {
		p := charge(id, int64(i+1))
		p.At = noon.Add(-time.Duration(i) * time.Minute) // by clocks that disagree
		_, err := b.store.Charge(t.Context(), p)
		require.NoError(t, err)
	}
	b.becomes(t, id, account.Suspended)
	b.becomes(t, id, account.Active)
	b.customer(t, 5)

	var all []store.Posted
	for before := int64(0); ; {
		page, next, err := b.reader.Transactions(t.Context(), id, 4, before)
		require.NoError(t, err)
		all = append(all, page...)
		if before = next; next == 0 {
			break
		}
		require.Len(t, page, 4)
	}
	require.Len(t, all, 9)
	var available, held int64
	for i := len(all) - 1; i >= 0; i-- {
		e := all[i].Entry
		available, held = available+e.Amount, held+e.HeldAmount
		require.Equal(t, int64(len(all)-i), e.Seq)
		require.Equal(t, available, e.AvailableAfter)
		require.Equal(t, held, e.HeldAfter)
		require.False(t, all[i].CreatedAt.Before(noon))
	}
	require.Equal(t, []ledger.Kind{ledger.Release, ledger.Hold, ledger.Charge}, []ledger.Kind{all[0].Kind, all[1].Kind, all[2].Kind})

	byStaff := topUp(id, 7)
	finance := b.staff(t, actor.Finance)
	byStaff.Actor = actor.Actor{Kind: actor.Staff, ID: finance.ID}
	_, err := b.topUp(t, byStaff)
	require.NoError(t, err)
	count := func(q store.LedgerQuery) int {
		n := 0
		q.Limit = 3
		for {
			items, next, err := b.reader.Ledger(t.Context(), q)
			require.NoError(t, err)
			for _, item := range items {
				require.Equal(t, item.ActorKind == actor.Staff, item.ActorName == finance.Name)
			}
			n += len(items)
			if q.After = next; next == nil {
				return n
			}
		}
	}
	require.Equal(t, 11, count(store.LedgerQuery{}))
	require.Equal(t, 10, count(store.LedgerQuery{AccountID: id}))
	require.Equal(t, 3, count(store.LedgerQuery{Kinds: []ledger.Kind{ledger.TopUp}}))
	require.Equal(t, 5, count(store.LedgerQuery{Kinds: []ledger.Kind{ledger.TopUp, ledger.Hold, ledger.Release}}))
	require.Equal(t, 3, count(store.LedgerQuery{Reason: ledger.Complimentary}))
	require.Equal(t, 1, count(store.LedgerQuery{ActorID: finance.ID, AccountID: id}))
	require.Equal(t, 11, count(store.LedgerQuery{From: noon, To: noon.Add(time.Second)}))
	require.Equal(t, 0, count(store.LedgerQuery{To: noon}))

	funding, err := b.reader.PlatformBalance(t.Context(), ledger.Funding)
	require.NoError(t, err)
	require.Equal(t, "-1012", funding)
	_, err = b.reader.Balance(t.Context(), newID())
	requireFault(t, err, fault.NotFound)
}

func TestPostAll(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("decides each posting by itself and in order", func(t *testing.T) {
		one, two, suspended := b.customer(t, 10), b.customer(t, 0), b.customer(t, 10)
		b.becomes(t, suspended, account.Suspended)
		before := topUp(two, 5)
		_, err := b.topUp(t, before)
		require.NoError(t, err)
		twice := topUp(two, 6)
		other := twice
		other.Amount = 7
		reused := before
		reused.Amount = 1
		postings := []store.Posting{
			topUp(one, -8), topUp(one, -3), topUp(one, -2), topUp(one, 4), topUp(one, -3), // 10 -> 2 -> 2 -> 0 -> 4 -> 1
			topUp(newID(), 1), topUp(two, 0), before, reused, twice, twice, other,
			topUp(suspended, -11), topUp(suspended, 1), topUp(two, ledger.Most), topUp(two, -1),
		}
		outcomes := b.postAll(t, postings...)
		codes := make([]fault.Code, len(outcomes))
		for i, o := range outcomes {
			codes[i] = fault.CodeOf(o.Err)
		}
		require.Equal(t, []fault.Code{
			"", fault.InsufficientCredits, "", "", "",
			fault.NotFound, fault.Invalid, "", fault.KeyReused, "", "", fault.KeyReused,
			fault.InsufficientCredits, "", fault.Invalid, "",
		}, codes)
		require.True(t, outcomes[7].Posted.Replayed)
		require.True(t, outcomes[10].Posted.Replayed)
		require.Equal(t, outcomes[9].Posted.ID, outcomes[10].Posted.ID)
		require.Equal(t, int64(1), outcomes[4].Posted.Entry.AvailableAfter)
		b.requireBalance(t, one, 1, 0)
		b.requireBalance(t, two, 10, 0)
		b.requireBalance(t, suspended, 0, 11)
		replays := b.postAll(t, postings...)
		for i, o := range outcomes {
			if o.Err == nil {
				require.NoError(t, replays[i].Err)
				require.True(t, replays[i].Posted.Replayed)
			}
		}
		b.requireBalance(t, one, 1, 0)
	})
	t.Run("posts together what can be, and tells what it was", func(t *testing.T) {
		suspended := b.customer(t, 10)
		b.becomes(t, suspended, account.Suspended)
		ids := []uuid.UUID{b.customer(t, 5), suspended, b.customer(t, 0)}
		var postings []store.Posting
		for i := range 600 {
			postings = append(postings, topUp(ids[i%3], int64(1+i%2)))
		}
		postings[7].Amount, postings[7].Reason = -2, ledger.Adjustment
		for _, o := range b.postAll(t, postings...) {
			require.NoError(t, o.Err)
			read, err := b.reader.Transfer(t.Context(), o.Posted.ID)
			require.NoError(t, err)
			require.Equal(t, o.Posted, read)
		}
		b.requireBalance(t, ids[0], 305, 0)
		b.requireBalance(t, suspended, 0, 306)
		b.requireBalance(t, ids[2], 300, 0)
	})
	t.Run("waits for others without a deadlock", func(t *testing.T) {
		ids := []uuid.UUID{b.customer(t, 10_000), b.customer(t, 10_000), b.customer(t, 10_000)}
		var racing sync.WaitGroup
		for w := range 4 {
			racing.Go(func() {
				for range 5 {
					var postings []store.Posting
					for i := range 100 * len(ids) { // more than a statement takes
						postings = append(postings, topUp(ids[(i+w)%len(ids)], -1))
					}
					err := b.store.InTx(context.WithoutCancel(t.Context()), func(ctx context.Context, tx *store.Tx) error {
						outcomes, err := tx.PostAll(ctx, postings)
						for _, o := range outcomes {
							if o.Err != nil {
								return fmt.Errorf("refused: %w", o.Err)
							}
						}
						return err
					})
					if err != nil {
						t.Errorf("post: %v", err)
					}
				}
			})
		}
		for range 20 {
			if _, err := b.store.Charge(t.Context(), charge(ids[1], 1)); err != nil {
				t.Errorf("charge: %v", err)
			}
		}
		racing.Wait()
		b.requireBalance(t, ids[0], 8000, 0)
		b.requireBalance(t, ids[1], 7980, 0)
	})
	b.requireSound(t)
}

// Charges of many accounts that come at the same time are posted together; each
// has the outcome that it would have had alone.
func TestChargesTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("have their own outcomes", func(t *testing.T) {
		rich, poor, suspended, waiting := b.customer(t, 1000), b.customer(t, 5), b.customer(t, 50), b.register(t).Account.ID
		b.becomes(t, suspended, account.Suspended)
		type asked struct {
			store.Posting
			code fault.Code
		}
		var all []asked
		for range 60 {
			all = append(all, asked{charge(rich, 2), ""}, asked{charge(poor, 6), fault.InsufficientCredits},
				asked{charge(suspended, 1), fault.AccountSuspended}, asked{charge(waiting, 1), fault.Forbidden}, asked{charge(newID(), 1), fault.NotFound})
		}
		var together sync.WaitGroup
		for _, a := range all {
			together.Go(func() {
				posted, err := b.store.Charge(context.WithoutCancel(t.Context()), a.Posting)
				if fault.CodeOf(err) != a.code {
					t.Errorf("%v where %q was expected", err, a.code)
				}
				if err != nil {
					return
				}
				read, err := b.reader.Transfer(context.WithoutCancel(t.Context()), posted.ID)
				if err != nil || read.Entry != posted.Entry || !read.CreatedAt.Equal(posted.CreatedAt) || read.Position != posted.Position {
					t.Errorf("%+v was posted and %+v is there: %v", posted, read, err)
				}
			})
		}
		together.Wait()
		b.requireBalance(t, rich, 880, 0)
		b.requireBalance(t, poor, 5, 0)
	})
	t.Run("do not wait for accounts that somebody else has locked", func(t *testing.T) {
		config, err := pgxpool.ParseConfig(b.url)
		require.NoError(t, err)
		config.MaxConns = 20 // a fifth of them may wait for locked accounts
		serve, err := store.OpenConfig(t.Context(), config)
		require.NoError(t, err)
		t.Cleanup(serve.Close)
		first, second := b.customer(t, 100), b.customer(t, 100)
		free := []uuid.UUID{b.customer(t, 100), b.customer(t, 100), b.customer(t, 100), b.customer(t, 100)}
		lock := func(id uuid.UUID) (release func()) {
			tx, err := b.owner.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), `SELECT FROM balances WHERE account_id = $1 FOR UPDATE`, id)
			require.NoError(t, err)
			return func() { require.NoError(t, tx.Rollback(context.WithoutCancel(t.Context()))) }
		}
		charges := func(waiting *sync.WaitGroup, id uuid.UUID) {
			for range 20 {
				waiting.Go(func() {
					if _, err := serve.Charge(context.WithoutCancel(t.Context()), charge(id, 1)); err != nil {
						t.Errorf("charge: %v", err)
					}
				})
			}
		}
		releaseFirst, releaseSecond := lock(first), lock(second)
		var ofFirst, ofSecond, others sync.WaitGroup
		for range 2 { // also those that come when others wait already
			charges(&ofFirst, first)
			charges(&ofSecond, second)
			for _, id := range free {
				charges(&others, id)
			}
			others.Wait()
		}
		releaseSecond()
		ofSecond.Wait()
		b.requireBalance(t, second, 60, 0)
		b.requireBalance(t, first, 100, 0)
		releaseFirst()
		ofFirst.Wait()
		b.requireBalance(t, first, 60, 0)
		for _, id := range free {
			b.requireBalance(t, id, 60, 0)
		}
	})
	t.Run("with the same key in two processes have one effect", func(t *testing.T) {
		other := b.another(t)
		ids := []uuid.UUID{b.customer(t, 100), b.customer(t, 100), b.customer(t, 100), b.customer(t, 100)}
		for range 10 {
			var racing sync.WaitGroup
			for _, id := range ids {
				p := charge(id, 1)
				for _, s := range []*store.Store{b.store, other, b.store, other} {
					mine := p
					mine.ID = newID()
					racing.Go(func() {
						if _, err := s.Charge(context.WithoutCancel(t.Context()), mine); err != nil {
							t.Errorf("charge: %v", err)
						}
					})
				}
			}
			racing.Wait()
		}
		for _, id := range ids {
			b.requireBalance(t, id, 90, 0)
		}
	})
	t.Run("are left behind by a caller who does not wait", func(t *testing.T) {
		id := b.customer(t, 10)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p := charge(id, 1)
		_, err := b.store.Charge(ctx, p)
		require.ErrorIs(t, err, context.Canceled)
		posted, err := b.store.Charge(t.Context(), p)
		require.NoError(t, err, "the same request tells what became of it")
		require.Equal(t, int64(9), posted.Entry.AvailableAfter)
	})
	b.requireSound(t)
}

func TestAnAccountThatSomebodyElseHasLockedTakesOneLane(t *testing.T) {
	t.Parallel()
	locked, free := newID(), newID()
	more, other := charge(locked, 2), charge(free, 1)
	taken, joined := store.TakeBeside(charge(locked, 1), more, other)
	require.Equal(t, []store.Posting{other}, taken)
	require.Equal(t, []store.Posting{more}, joined)
}

func TestLedgerIsAppendOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.customer(t, 10)
	for _, sql := range []string{
		`UPDATE transfers SET amount = 1`, `DELETE FROM transfers`, `UPDATE transfers SET held_amount = 1`, `TRUNCATE transfers`,
		`UPDATE balances SET status = 'active'`, `UPDATE balances SET blocked_by = NULL`, `DELETE FROM balances`,
		`UPDATE ledger_checkpoints SET balance = 0`, `DELETE FROM ledger_checkpoints`,
	} {
		_, err := b.store.Pool().Exec(t.Context(), sql)
		require.ErrorContains(t, err, "permission denied", sql)
	}
	_, err := b.owner.Exec(t.Context(), `UPDATE balances SET available = -1 WHERE account_id = $1`, id)
	require.ErrorContains(t, err, "balances_not_overdrawn")
}
