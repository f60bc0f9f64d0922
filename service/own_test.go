package service_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
)

func TestNobodyDecidesInTheirOwnFavour(t *testing.T) {
	t.Parallel()
	b := setup(t, withoutTemporal(t))
	one := func(t *testing.T, status account.Status, stage account.Stage) (a account.Account, self, other actor.Actor) {
		t.Helper()
		a, self, other = b.put(t, b.register(t), status, stage), b.staff(t, actor.Admin), b.staff(t, actor.Admin)
		_, err := b.owner.Exec(t.Context(), `UPDATE staff SET email = $2 WHERE id = $1`, self.ID, a.Email)
		require.NoError(t, err)
		return a, self, other
	}
	file := func(a account.Account, amount int) service.BulkTopUp {
		return service.BulkTopUp{
			CSV: fmt.Sprintf("%s,%d\n", a.Email, amount), Reason: "complimentary",
			Key: &store.IdempotencyKey{Scope: "test", Route: "bulk", Key: uuid.NewString()},
		}
	}

	t.Run("an approval", func(t *testing.T) {
		t.Parallel()
		a, self, other := one(t, account.Pending, account.InReview)
		_, err := b.service.Approve(t.Context(), self, ask(a))
		requireFault(t, err, fault.Forbidden)
		_, err = b.service.Approve(t.Context(), other, ask(a))
		require.NoError(t, err)
	})
	t.Run("a reactivation", func(t *testing.T) {
		t.Parallel()
		a, self, other := one(t, account.Suspended, account.NoStage)
		_, err := b.service.Reactivate(t.Context(), self, ask(a))
		requireFault(t, err, fault.Forbidden)
		_, err = b.service.Reactivate(t.Context(), other, ask(a))
		require.NoError(t, err)
	})
	t.Run("a top-up", func(t *testing.T) {
		t.Parallel()
		a, self, other := one(t, account.Active, account.NoStage)
		_, err := b.service.TopUp(t.Context(), self, credits(a, 10))
		requireFault(t, err, fault.Forbidden)
		_, err = b.service.TopUp(t.Context(), other, credits(a, 10))
		require.NoError(t, err)
	})
	t.Run("a line of a file", func(t *testing.T) {
		t.Parallel()
		a, self, other := one(t, account.Active, account.NoStage)
		preview, err := b.service.PreviewTopUps(t.Context(), self, file(a, 10))
		require.NoError(t, err)
		require.Equal(t, "own", preview.Lines[0].Bad[0].Code)
		require.Equal(t, 1, preview.Bad)
		_, err = b.service.TopUpMany(t.Context(), self, file(a, 10))
		requireFault(t, err, fault.Invalid, "csv[1].account")
		_, err = b.service.TopUpMany(t.Context(), other, file(a, 10))
		require.NoError(t, err)
	})
	t.Run("a signature, but may decline", func(t *testing.T) {
		t.Parallel()
		a, self, other := one(t, account.Active, account.NoStage)
		single, err := b.service.TopUp(t.Context(), other, credits(a, 200_000))
		require.NoError(t, err)
		many, err := b.service.TopUpMany(t.Context(), other, file(a, 200_000))
		require.NoError(t, err)
		for _, d := range []store.Decision{single.Decision, many.Decision} {
			require.True(t, d.Unsigned())
			_, err = b.service.Countersign(t.Context(), self, service.Sign{DecisionID: d.ID})
			requireFault(t, err, fault.Forbidden)
		}
		_, err = b.service.Decline(t.Context(), self, service.Sign{DecisionID: single.Decision.ID})
		require.NoError(t, err)
		_, err = b.service.Countersign(t.Context(), b.staff(t, actor.Finance), service.Sign{DecisionID: many.Decision.ID})
		require.NoError(t, err)
	})
}
