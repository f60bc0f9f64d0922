package service_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
)

func TestNextReview(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mine, other := b.staff(t, actor.Reviewer), b.staff(t, actor.Reviewer)
	_, err := b.service.NextReview(t.Context(), mine, uuid.Nil)
	requireFault(t, err, fault.NotFound)
	first := b.put(t, b.register(t), account.Pending, account.InReview)
	second := b.put(t, b.register(t), account.Pending, account.InReview)
	offered, err := b.service.NextReview(t.Context(), mine, uuid.Nil)
	require.NoError(t, err)
	rest, err := b.service.NextReview(t.Context(), other, uuid.Nil)
	require.NoError(t, err)
	require.ElementsMatch(t, []uuid.UUID{first.ID, second.ID}, []uuid.UUID{offered, rest}, "two are offered two")
	_, err = b.service.NextReview(t.Context(), b.admin, uuid.Nil)
	requireFault(t, err, fault.NotFound)
	require.NoError(t, b.service.Unclaim(t.Context(), other, rest))
	free, err := b.service.NextReview(t.Context(), b.admin, uuid.Nil)
	require.NoError(t, err)
	require.Equal(t, rest, free)
	claim, err := b.service.Claim(t.Context(), mine, rest)
	require.NoError(t, err)
	require.Equal(t, b.admin.ID, claim.StaffID, "whose it is")
	_, err = b.service.Claim(t.Context(), b.staff(t, actor.Support), rest)
	requireFault(t, err, fault.Forbidden)
}
