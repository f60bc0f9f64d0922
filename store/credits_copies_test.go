package store_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/store"
)

func TestCopyCredits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	copied := func(t *testing.T, id uuid.UUID) int64 {
		t.Helper()
		view, err := b.reader.Account(t.Context(), id)
		require.NoError(t, err)
		return view.Credits
	}
	keep := func(t *testing.T) int {
		t.Helper()
		n, err := b.store.CopyCredits(t.Context())
		require.NoError(t, err)
		return n
	}

	t.Run("brings what has changed into the list and nothing else", func(t *testing.T) {
		id, other := b.customer(t, 100), b.customer(t, 7)
		require.Equal(t, 2, keep(t))
		require.Equal(t, int64(100), copied(t, id))
		p := charge(id, 40)
		p.At = noon.Add(time.Minute)
		_, err := b.store.Charge(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, 1, keep(t))
		require.Equal(t, int64(60), copied(t, id))
		require.Equal(t, int64(7), copied(t, other))
		view, err := b.reader.Account(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, noon.Add(time.Minute), view.LastActiveAt, "who was charged was active")
		b.becomes(t, id, account.Suspended)
		require.Zero(t, keep(t), "what is held is counted as well")

		page, err := b.reader.Accounts(t.Context(), store.AccountsQuery{Sort: store.SortCredits, Limit: 1})
		require.NoError(t, err)
		require.Equal(t, id, page.Items[0].ID)
		require.Equal(t, int64(60), page.Items[0].Balance.Held)
		require.Zero(t, page.Items[0].Balance.Available)
	})
	t.Run("leaves out nobody who is late to commit", func(t *testing.T) {
		early, late := b.customer(t, 0), b.customer(t, 0)
		hold, done := make(chan struct{}), make(chan struct{})
		posted := make(chan struct{})
		go func() {
			defer close(done)
			err := b.store.InTx(context.WithoutCancel(t.Context()), func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.TopUp(ctx, topUp(late, 5))
				close(posted)
				<-hold
				return err
			})
			if err != nil {
				t.Errorf("post: %v", err)
			}
		}()
		<-posted
		_, err := b.topUp(t, topUp(early, 3))
		require.NoError(t, err)
		for range 4 { // its position is behind the late one's
			keep(t)
		}
		require.Equal(t, int64(3), copied(t, early))
		close(hold)
		<-done
		keep(t)
		require.Equal(t, int64(5), copied(t, late))
	})
	t.Run("goes on where the database was restored into another cluster", func(t *testing.T) {
		id := b.customer(t, 4)
		keep(t)
		_, err := b.owner.Exec(t.Context(), `UPDATE ledger_progress SET next_position = position, next_xid = 1::bigint << 60`)
		require.NoError(t, err)
		_, err = b.topUp(t, topUp(id, 1))
		require.NoError(t, err)
		keep(t)
		require.Equal(t, int64(5), copied(t, id))
		// Transactions of other databases of the cluster count as well.
		require.Eventually(t, func() bool {
			keep(t)
			var behind int
			require.NoError(t, b.owner.QueryRow(t.Context(), `
				SELECT count(*) FROM transfers WHERE position > (SELECT position FROM ledger_progress WHERE name = 'copies')`).Scan(&behind))
			return behind == 0
		}, 30*time.Second, 20*time.Millisecond)
	})
	t.Run("is right in the end however much happens meanwhile", func(t *testing.T) {
		ids := []uuid.UUID{b.customer(t, 1000), b.customer(t, 1000), b.customer(t, 1000)}
		stop := make(chan struct{})
		var keeping, posting sync.WaitGroup
		keeping.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := b.store.CopyCredits(context.WithoutCancel(t.Context())); err != nil {
					t.Errorf("keep: %v", err)
				}
			}
		})
		for range 8 {
			posting.Go(func() {
				for range 40 {
					if _, err := b.store.Charge(context.WithoutCancel(t.Context()), charge(ids[rand.IntN(3)], 1)); err != nil {
						t.Errorf("charge: %v", err)
					}
				}
			})
		}
		posting.Wait()
		close(stop)
		keeping.Wait()
		keep(t)
		var wrong int
		require.NoError(t, b.owner.QueryRow(t.Context(), `
			SELECT count(*) FROM account_credits k JOIN balances b USING (account_id) WHERE k.credits <> b.available + b.held`).Scan(&wrong))
		require.Zero(t, wrong)
	})
}
