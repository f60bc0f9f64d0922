package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/store"
)

// TestSuspensionsReturnWhatTheyHeld makes random histories of several accounts
// and compares each step with a model that is a few additions: what a suspension
// releases is what was available before and everything that was posted to held in
// between.
func TestSuspensionsReturnWhatTheyHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 8 {
		seed := uint64(time.Now().UnixNano())
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			accounts := []*modelled{b.modelled(t), b.modelled(t), b.modelled(t)}
			for range 200 {
				accounts[random.IntN(len(accounts))].step(t, random)
			}
			for _, m := range accounts {
				if m.suspended {
					m.reactivate(t)
				}
				m.agrees(t)
			}
		})
	}
	t.Cleanup(func() {
		v, err := b.store.VerifyLedger(context.WithoutCancel(t.Context()), nil)
		require.NoError(t, err)
		require.Empty(t, v.Breaches)
		require.Positive(t, v.Transfers)
	})
}

// modelled is an account and what it should have.
type modelled struct {
	testBundle
	id        uuid.UUID
	balance   ledger.Balance
	suspended bool
	// before is what was available when the suspension began, arrived what was
	// posted to held since.
	before, arrived int64
	open            []store.Posted // could be taken back
	done            []func(t *testing.T) (store.Posted, error)
	outcomes        []store.Posted // of done
}

func (b testBundle) modelled(t *testing.T) *modelled {
	t.Helper()
	return &modelled{testBundle: b, id: b.customer(t, 0)}
}

func (m *modelled) step(t *testing.T, random *rand.Rand) {
	t.Helper()
	switch n := random.IntN(100); {
	case n < 30:
		p := charge(m.id, 1+random.Int64N(40))
		m.posts(t, -p.Amount, true, func(t *testing.T) (store.Posted, error) { return m.store.Charge(t.Context(), p) })
	case n < 50:
		p := topUp(m.id, random.Int64N(100)-30)
		if p.Amount == 0 {
			p.Amount = 1
		}
		m.posts(t, p.Amount, false, func(t *testing.T) (store.Posted, error) { return m.topUp(t, p) })
	case n < 72 && len(m.open) > 0:
		m.takeBack(t, random)
	case n < 80 && len(m.done) > 0:
		i := random.IntN(len(m.done))
		again, err := m.done[i](t)
		require.NoError(t, err)
		require.True(t, again.Replayed)
		require.Equal(t, m.outcomes[i].Transfer, again.Transfer)
		require.Equal(t, m.outcomes[i].Entry, again.Entry, "as it was, whatever has become of the account")
	case n < 90 && m.suspended:
		m.reactivate(t)
	case n >= 90 && !m.suspended:
		m.becomes(t, m.id, account.Suspended)
		m.before, m.arrived, m.suspended = m.balance.Available, 0, true
		m.balance = ledger.Balance{Held: m.balance.Total()}
	}
	m.agrees(t)
}

// posts makes a posting that changes the account's credits, and expects of it
// what the model says.
func (m *modelled) posts(t *testing.T, change int64, spends bool, post func(t *testing.T) (store.Posted, error)) {
	t.Helper()
	side := &m.balance.Available
	if m.suspended {
		side = &m.balance.Held
	}
	posted, err := post(t)
	switch {
	case spends && m.suspended:
		requireFault(t, err, fault.AccountSuspended)
		return
	case *side+change < 0:
		requireFault(t, err, fault.InsufficientCredits)
		return
	}
	require.NoError(t, err)
	require.False(t, posted.Replayed)
	*side += change
	if m.suspended {
		m.arrived += change
	}
	require.Equal(t, m.balance, posted.Balance())
	m.done, m.outcomes = append(m.done, post), append(m.outcomes, posted)
	m.open = append(m.open, posted)
}

// takeBack refunds a charge, in whole or in part, or reverses a transfer, and
// sees that neither can be done again.
func (m *modelled) takeBack(t *testing.T, random *rand.Rand) {
	t.Helper()
	i := random.IntN(len(m.open))
	original := m.open[i]
	p := store.Posting{
		ID: newID(), Request: store.Request{Scope: m.id, Key: newID().String()}, Reverses: &original.ID,
		Actor: actor.Actor{Kind: actor.System}, At: noon,
	}
	change, refund := original.Amount, original.Kind == ledger.Charge && random.IntN(2) == 0
	if original.To == m.id {
		change = -change
	}
	if refund {
		p.Amount = 1 + random.Int64N(original.Amount)
		change = p.Amount
	}
	back := func(p store.Posting) func(t *testing.T) (store.Posted, error) {
		return func(t *testing.T) (posted store.Posted, err error) {
			if refund {
				return m.store.RefundCharge(t.Context(), p)
			}
			err = m.inTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
				posted, err = tx.Reverse(ctx, p)
				return err
			})
			return posted, err
		}
	}
	before := len(m.done)
	m.posts(t, change, false, back(p))
	if len(m.done) == before {
		return // there was too little to take
	}
	m.open = append(m.open[:i], m.open[i+1:]...)
	if last := len(m.open) - 1; m.open[last].Kind == ledger.Reversal {
		m.open = m.open[:last] // a reversal is not taken back
	}
	p.ID, p.Request.Key = newID(), newID().String()
	_, err := back(p)(t)
	requireFault(t, err, fault.Conflict)
}

func (m *modelled) reactivate(t *testing.T) {
	t.Helper()
	m.becomes(t, m.id, account.Active)
	m.balance = ledger.Balance{Available: m.before + m.arrived}
	m.suspended = false
	m.agrees(t)
}

func (m *modelled) agrees(t *testing.T) {
	t.Helper()
	m.requireBalance(t, m.id, m.balance.Available, m.balance.Held)
}
