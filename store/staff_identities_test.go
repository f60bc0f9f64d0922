package store_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

func TestStaffIdentities(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, other := b.staff(t, actor.Reviewer), b.staff(t, actor.Finance)
	who := store.StaffIdentity{Issuer: "https://accounts.example", Subject: "1"}
	link := func(to store.Staff, i store.StaffIdentity) error {
		return b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.LinkStaff(ctx, to.ID, i, noon) })
	}
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateStaffPassword(ctx, one.ID, "hash") }))
	require.NoError(t, link(one, who))
	found, err := b.store.Reader().StaffByIdentity(t.Context(), who)
	require.NoError(t, err)
	require.Equal(t, one.ID, found)
	member, err := b.store.Reader().StaffMember(t.Context(), one.ID)
	require.NoError(t, err)
	require.True(t, member.SSO)
	require.False(t, member.HasPassword, "the link takes the password")

	require.True(t, fault.Is(link(other, who), fault.Taken), "one person is one member of staff")
	require.True(t, fault.Is(link(one, store.StaffIdentity{Issuer: who.Issuer, Subject: "2"}), fault.Taken), "and the other way round")
	require.NoError(t, link(other, store.StaffIdentity{Issuer: "https://another.example", Subject: "1"}), "a subject is an issuer's")
	require.True(t, fault.Is(b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateStaffEmail(ctx, one.ID, other.Email) }), fault.Taken))

	for _, was := range []bool{true, false} {
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			unlinked, err := tx.UnlinkStaff(ctx, one.ID)
			require.Equal(t, was, unlinked)
			return err
		}))
	}
	_, err = b.store.Reader().StaffByIdentity(t.Context(), who)
	require.True(t, fault.Is(err, fault.NotFound))
}

func TestUseSignOn_is_for_one(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var state [32]byte
	rand.Read(state[:])
	const many = 16
	first := make(chan bool, many)
	ended := make(chan error, many)
	for range many {
		go func() {
			ended <- b.store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				used, err := tx.UseSignOn(ctx, state, noon, time.Hour)
				if err == nil {
					first <- used
				}
				return err
			})
		}()
	}
	won := 0
	for range many {
		require.NoError(t, <-ended)
		if <-first {
			won++
		}
	}
	require.Equal(t, 1, won)
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		used, err := tx.UseSignOn(ctx, state, noon.Add(2*time.Hour), time.Hour)
		require.True(t, used, "what is too old anyway is forgotten")
		return err
	}))
}
