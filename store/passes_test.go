package store_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/store"
)

func TestPasses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const keys = 50
	ids, hashes := make([]store.APIKey, keys), make([][32]byte, keys)
	for i := range keys {
		a := b.register(t).Account.ID
		ids[i], hashes[i] = store.APIKey{ID: newID(), AccountID: a, Name: "k", Prefix: "kbk_", CreatedAt: noon}, [32]byte(randomBytes())
		if i%2 == 0 {
			b.status(t, a, account.Active)
		}
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertAPIKey(ctx, ids[i], hashes[i], 10) }))
	}

	t.Run("are each one's own when many are asked for at once", func(t *testing.T) {
		failures := make(chan error, 8*keys)
		var group sync.WaitGroup
		for range 8 {
			for i := range keys {
				group.Go(func() {
					p, err := b.reader.PassByAPIKey(t.Context(), hashes[i])
					want := store.Pass{CredentialID: ids[i].ID, AccountID: ids[i].AccountID, Status: account.Pending}
					if i%2 == 0 {
						want.Status = account.Active
					}
					if err == nil && p != want {
						err = fault.New(fault.Internal, "%v instead of %v", p, want)
					}
					failures <- err
				})
				group.Go(func() {
					if _, err := b.reader.PassByAPIKey(t.Context(), [32]byte{1, byte(i)}); !fault.Is(err, fault.NotFound) {
						t.Errorf("an unknown key: %v", err)
					}
				})
			}
		}
		group.Wait()
		close(failures)
		for err := range failures {
			require.NoError(t, err)
		}
	})
	t.Run("see what was committed before they were asked for", func(t *testing.T) {
		for i := range keys {
			b.status(t, ids[i].AccountID, account.Suspended)
			p, err := b.reader.PassByAPIKey(t.Context(), hashes[i])
			require.NoError(t, err)
			require.Equal(t, account.Suspended, p.Status)
		}
	})
	t.Run("end for who has left, and fail with the database", func(t *testing.T) {
		left, leave := context.WithCancel(t.Context())
		leave()
		_, err := b.reader.PassByAPIKey(left, hashes[0])
		require.ErrorIs(t, err, context.Canceled)
		away, err := store.Open(t.Context(), "postgres://nobody@127.0.0.1:1/nothing?connect_timeout=2")
		require.NoError(t, err)
		defer away.Close()
		_, err = away.Reader().PassByAPIKey(t.Context(), hashes[0])
		require.Error(t, err)
		require.False(t, fault.Is(err, fault.NotFound), "nobody is told that there is no such key")
	})
}
