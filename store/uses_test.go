package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"kibali/domain/actor"
	"kibali/store"
)

func TestUses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lastActive := func(t *testing.T, r store.Registration) time.Time {
		t.Helper()
		view, err := b.reader.Account(t.Context(), r.Account.ID)
		require.NoError(t, err)
		return view.LastActiveAt
	}

	t.Run("are written down together, the latest of each", func(t *testing.T) {
		t.Parallel()
		uses := store.NewUses(b.store)
		first, second := b.register(t), b.register(t)
		gateway := store.Service{ID: newID(), Name: "gateway", Scopes: actor.Scopes(), CreatedAt: noon}
		hash := [32]byte(randomBytes())
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertService(ctx, gateway, hash) }))
		uses.Account(first.Account.ID, noon.Add(time.Minute))
		uses.Account(first.Account.ID, noon)
		uses.Account(second.Account.ID, noon.Add(time.Hour))
		uses.Service(gateway.ID, noon)
		require.NoError(t, uses.Flush(t.Context()))
		require.Equal(t, noon.Add(time.Minute), lastActive(t, first))
		require.Equal(t, noon.Add(time.Hour), lastActive(t, second))
		found, err := b.reader.ServiceByToken(t.Context(), hash)
		require.NoError(t, err)
		require.Equal(t, noon, *found.LastUsedAt)

		uses.Account(first.Account.ID, noon) // from a process that lags
		require.NoError(t, uses.Flush(t.Context()))
		require.Equal(t, noon.Add(time.Minute), lastActive(t, first))
	})
	t.Run("keep the sessions of staff alive and date their tokens", func(t *testing.T) {
		t.Parallel()
		uses := store.NewUses(b.store)
		s := b.staff(t, actor.Support)
		session := store.StaffSession{
			ID: newID(), StaffID: s.ID, Hash: [32]byte(randomBytes()), Method: store.MethodPassword, CreatedAt: noon, AuthenticatedAt: noon,
			RecentUntil: noon, LastUsedAt: noon, Idle: time.Hour, ExpiresAt: noon.Add(2 * time.Hour),
		}
		token := store.StaffToken{ID: newID(), StaffID: s.ID, Name: "cli", Hash: [32]byte(randomBytes()), CreatedAt: noon}
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.InsertStaffToken(ctx, token); err != nil {
				return err
			}
			return tx.InsertStaffSession(ctx, session)
		}))
		lives := func(at time.Time) bool {
			_, err := b.reader.StaffSessionByToken(t.Context(), session.Hash, at)
			return err == nil
		}
		require.True(t, lives(noon.Add(59*time.Minute)))
		require.False(t, lives(noon.Add(time.Hour)), "not used for too long")
		uses.StaffSession(session.ID, noon.Add(30*time.Minute))
		uses.StaffToken(token.ID, noon.Add(30*time.Minute))
		require.NoError(t, uses.Flush(t.Context()))
		require.True(t, lives(noon.Add(89*time.Minute)))
		uses.StaffSession(session.ID, noon.Add(80*time.Minute))
		require.NoError(t, uses.Flush(t.Context()))
		require.False(t, lives(noon.Add(2*time.Hour)), "however much it is used")
		tokens, err := b.reader.StaffTokens(t.Context(), s.ID, noon)
		require.NoError(t, err)
		require.Equal(t, noon.Add(30*time.Minute), *tokens[0].LastUsedAt)
	})
	t.Run("wait for nobody, and are written when the row is free", func(t *testing.T) {
		t.Parallel()
		uses := store.NewUses(b.store)
		held, free := b.register(t), b.register(t)
		uses.Account(held.Account.ID, noon)
		uses.Account(free.Account.ID, noon)
		require.NoError(t, pgx.BeginFunc(t.Context(), b.owner, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `SELECT FROM account_activity WHERE account_id = $1 FOR UPDATE`, held.Account.ID); err != nil {
				return err
			}
			return uses.Flush(t.Context())
		}))
		require.Equal(t, noon, lastActive(t, free))
		require.True(t, lastActive(t, held).IsZero())
		require.NoError(t, uses.Flush(t.Context()))
		require.Equal(t, noon, lastActive(t, held))
	})
	t.Run("of what is gone are forgotten, and none of the others", func(t *testing.T) {
		t.Parallel()
		uses := store.NewUses(b.store)
		r := b.register(t)
		uses.Account(newID(), noon)
		uses.Account(r.Account.ID, noon)
		require.NoError(t, uses.Flush(t.Context()))
		require.Equal(t, noon, lastActive(t, r))
		require.Zero(t, uses.Waiting())
	})
	t.Run("are written down in thousands", func(t *testing.T) {
		t.Parallel()
		uses := store.NewUses(b.store)
		for range 2500 {
			uses.Account(newID(), noon)
		}
		first, last := b.register(t), b.register(t)
		uses.Account(first.Account.ID, noon)
		uses.Account(last.Account.ID, noon)
		require.Equal(t, 2502, uses.Waiting())
		require.NoError(t, uses.Flush(t.Context()))
		require.Equal(t, noon, lastActive(t, first))
		require.Equal(t, noon, lastActive(t, last))
	})
	t.Run("are kept when the database is away", func(t *testing.T) {
		t.Parallel()
		uses := store.NewUses(b.store)
		r := b.register(t)
		uses.Account(r.Account.ID, noon)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, uses.Flush(ended))
		uses.Run(ended, func(err error) { require.NoError(t, err) }) // writes down what is left
		require.Equal(t, noon, lastActive(t, r))
	})
}
