package store_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
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
					want := store.Pass{CredentialID: ids[i].ID, AccountID: ids[i].AccountID, Status: account.Pending, KeyEpoch: 1}
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

func TestKeyEpochs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.customer(t, 100)
	hashes := [][32]byte{[32]byte(randomBytes()), [32]byte(randomBytes())}
	keys := make([]uuid.UUID, len(hashes))
	for i, hash := range hashes {
		keys[i] = newID()
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.InsertAPIKey(ctx, store.APIKey{ID: keys[i], AccountID: id, Name: "k", Prefix: "kbk_", CreatedAt: noon}, hash, 20)
		}))
	}
	epoch := func(hash [32]byte) int32 {
		t.Helper()
		p, err := b.reader.PassByAPIKey(t.Context(), hash)
		require.NoError(t, err)
		return p.KeyEpoch
	}
	in := func(epoch int32) store.Posting {
		p := charge(id, 1)
		p.KeyEpoch = epoch
		return p
	}
	first := in(epoch(hashes[0]))
	_, err := b.store.Charge(t.Context(), first)
	require.NoError(t, err)

	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.RevokeAPIKey(ctx, id, keys[0], noon) }))
	require.Equal(t, first.KeyEpoch+1, epoch(hashes[1]), "the other one is in force in the next epoch")
	// Of those that come together, each is refused or posted for itself.
	outcomes := make([]error, 16)
	var group sync.WaitGroup
	for i := range outcomes {
		group.Go(func() { _, outcomes[i] = b.store.Charge(t.Context(), in(first.KeyEpoch+int32(i%2))) })
	}
	group.Wait()
	for i, err := range outcomes {
		if i%2 == 0 {
			require.ErrorIs(t, err, store.ErrKeyEpoch)
		} else {
			require.NoError(t, err)
		}
	}
	again, err := b.store.Charge(t.Context(), first)
	require.NoError(t, err, "a replay looks at no key")
	require.True(t, again.Replayed)
	b.requireBalance(t, id, 91, 0)

	_, err = b.owner.Exec(t.Context(), `DELETE FROM api_keys WHERE account_id = $1`, id)
	require.NoError(t, err)
	_, err = b.store.Charge(t.Context(), in(first.KeyEpoch+1))
	require.ErrorIs(t, err, store.ErrKeyEpoch, "what is deleted is not in force either")
	_, err = b.another(t).Charge(t.Context(), charge(id, 1))
	require.NoError(t, err, "without a key")

	conn, err := pgxpool.New(t.Context(), b.url)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Exec(t.Context(), `UPDATE balances SET key_epoch = 1`)
	require.ErrorContains(t, err, "permission denied")
}
