package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

// issued records a request of an account that was taken up at the given time,
// and returns it with the hash of its token.
func (b testBundle) issued(t *testing.T, accountID uuid.UUID, at time.Time, changes ...func(*store.PasswordReset)) (store.PasswordReset, [32]byte) {
	t.Helper()
	expires, hash := at.Add(time.Hour), [32]byte(randomBytes())
	r := store.PasswordReset{ID: newID(), Email: "asha@example.co.tz", RequestedAt: at, IssuedAt: &at, ExpiresAt: &expires, AccountID: &accountID}
	for _, change := range changes {
		change(&r)
	}
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertReset(ctx, store.PasswordReset{ID: r.ID, Email: r.Email, DecisionID: r.DecisionID, RequestedAt: r.RequestedAt}); err != nil {
			return err
		}
		return tx.IssueReset(ctx, r, hash[:])
	}))
	return r, hash
}

func TestPasswordResets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.register(t).Account
	reset := func(t *testing.T, id uuid.UUID) store.PasswordReset {
		t.Helper()
		r, err := b.reader.Reset(t.Context(), id)
		require.NoError(t, err)
		return r
	}

	t.Run("are found by the token of a link that is good", func(t *testing.T) {
		r, hash := b.issued(t, a.ID, noon)
		found, err := b.reader.ResetByToken(t.Context(), hash, noon.Add(time.Hour-time.Microsecond))
		require.NoError(t, err)
		require.Equal(t, r, found)
		require.Equal(t, r, reset(t, r.ID))
		_, err = b.reader.ResetByToken(t.Context(), hash, noon.Add(time.Hour))
		requireFault(t, err, fault.NotFound)
		_, err = b.reader.ResetByToken(t.Context(), [32]byte(randomBytes()), noon)
		requireFault(t, err, fault.NotFound)
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.CloseReset(ctx, r.ID, store.ResetExpired, noon)
		}))
		_, err = b.reader.ResetByToken(t.Context(), hash, noon)
		requireFault(t, err, fault.NotFound)
		require.Equal(t, store.ResetExpired, reset(t, r.ID).Outcome)
		require.Empty(t, reset(t, r.ID).Email, "it is not kept longer than it is needed")
	})
	t.Run("are used once, of however many at once", func(t *testing.T) {
		r, _ := b.issued(t, a.ID, noon)
		var used atomic.Int64
		var racing sync.WaitGroup
		for range 50 {
			racing.Go(func() {
				err := b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.RedeemReset(ctx, r.ID, noon) })
				if err == nil {
					used.Add(1)
				} else if !fault.Is(err, fault.NotFound) {
					t.Errorf("unexpected error: %v", err)
				}
			})
		}
		racing.Wait()
		require.EqualValues(t, 1, used.Load())
		require.Equal(t, store.ResetUsed, reset(t, r.ID).Outcome)
	})
	t.Run("cannot be used when their time is over", func(t *testing.T) {
		r, _ := b.issued(t, a.ID, noon)
		err := b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.RedeemReset(ctx, r.ID, noon.Add(time.Hour)) })
		requireFault(t, err, fault.NotFound)
	})
	t.Run("replace earlier ones of the account and no others", func(t *testing.T) {
		mine, yours := b.register(t).Account.ID, b.register(t).Account.ID
		first, _ := b.issued(t, mine, noon)
		other, _ := b.issued(t, yours, noon)
		second, _ := b.issued(t, mine, noon.Add(time.Minute))
		third, _ := b.issued(t, mine, noon.Add(2*time.Minute))
		links, later, err := b.reader.LinksSince(t.Context(), second, noon.Add(-time.Second))
		require.NoError(t, err)
		require.Equal(t, 2, links)
		require.True(t, later)
		links, later, err = b.reader.LinksSince(t.Context(), third, noon)
		require.NoError(t, err)
		require.Equal(t, 1, links)
		require.False(t, later)
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			replaced, err := tx.ReplaceResets(ctx, second, noon)
			require.Len(t, replaced, 1)
			require.Equal(t, first.ID, replaced[0].ID)
			return err
		}))
		require.Equal(t, store.ResetReplaced, reset(t, first.ID).Outcome)
		for _, id := range []uuid.UUID{second.ID, third.ID, other.ID} {
			require.True(t, reset(t, id).Open())
		}
	})
	t.Run("wait for their case until it has taken them up, and until it has ended them", func(t *testing.T) {
		fresh := store.PasswordReset{ID: newID(), Email: "juma@example.co.tz", RequestedAt: noon.Add(48 * time.Hour)}
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertReset(ctx, fresh) }))
		late, _ := b.issued(t, b.register(t).Account.ID, noon.Add(47*time.Hour))
		waiting, err := b.reader.WaitingResets(t.Context(), noon.Add(49*time.Hour), noon.Add(49*time.Hour), 100)
		require.NoError(t, err)
		require.Contains(t, waiting, fresh)
		require.Contains(t, waiting, late)
		waiting, err = b.reader.WaitingResets(t.Context(), noon.Add(48*time.Hour), noon.Add(48*time.Hour), 100)
		require.NoError(t, err)
		require.NotContains(t, waiting, fresh)
		require.NotContains(t, waiting, late)
	})
	t.Run("that staff force make the password useless, until it is another one or the decision lapses", func(t *testing.T) {
		r := b.register(t)
		admin := b.staff(t, actor.Admin)
		d := store.Decision{ID: newID(), AccountID: r.Account.ID, CaseID: "password-reset/1", Kind: account.ForceReset, StaffID: admin.ID, RequestedAt: noon}
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.InsertDecision(ctx, d); err != nil {
				return err
			}
			return tx.RequireReset(ctx, r.Account.ID, d.ID, noon)
		}))
		forced, hash := b.issued(t, r.Account.ID, noon, func(p *store.PasswordReset) { p.Email, p.DecisionID = "", &d.ID })
		login, err := b.reader.LoginOf(t.Context(), r.Account.ID)
		require.NoError(t, err)
		require.True(t, login.ResetRequired)
		_, err = b.reader.SessionByToken(t.Context(), r.Upload.Hash, noon)
		requireFault(t, err, fault.NotFound)
		begin := func() error {
			return b.begin(t, store.Session{ID: newID(), Purpose: store.PurposeSession, Hash: [32]byte(randomBytes()), CreatedAt: noon, ExpiresAt: noon}, login)
		}
		requireFault(t, begin(), fault.NotFound)

		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.LapseReset(ctx, d.ID, noon) }))
		require.Equal(t, store.ResetLapsed, reset(t, forced.ID).Outcome)
		_, err = b.reader.ResetByToken(t.Context(), hash, noon)
		requireFault(t, err, fault.NotFound)
		require.NoError(t, begin())

		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.RequireReset(ctx, r.Account.ID, d.ID, noon) }))
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			locked, err := tx.LockLogin(ctx, r.Account.ID)
			require.NoError(t, err)
			require.True(t, locked.ResetRequired)
			return tx.SetPassword(ctx, locked, "another", noon)
		}))
		login, err = b.reader.LoginOf(t.Context(), r.Account.ID)
		require.NoError(t, err)
		require.Equal(t, "another", login.PasswordHash)
		require.False(t, login.ResetRequired)
		require.NoError(t, b.store.ForgetResets(t.Context(), noon.Add(time.Hour)))
		require.Equal(t, forced.ID, reset(t, forced.ID).ID, "what staff did is kept")
	})
}
