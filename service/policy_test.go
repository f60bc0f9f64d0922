package service_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/actor"
	"kibali/domain/fault"
)

func TestChangePolicy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, version, err := b.reader.Policy(t.Context())
	require.NoError(t, err)
	same, err := b.service.ChangePolicy(t.Context(), b.admin, p, "nothing new", version)
	require.NoError(t, err)
	require.Equal(t, version, same)

	other := p
	other.MaxDocuments++
	next, err := b.service.ChangePolicy(t.Context(), b.admin, other, "one more", version)
	require.NoError(t, err)
	require.Equal(t, version+1, next)
	read, _, err := b.reader.Policy(t.Context())
	require.NoError(t, err)
	require.Equal(t, other.MaxDocuments, read.MaxDocuments)
	require.Equal(t, 1, b.count(t, `SELECT count(*) FROM audit_events WHERE action = 'policy.changed' AND actor_id = $1`, b.admin.ID))

	_, err = b.service.ChangePolicy(t.Context(), b.admin, p, "from an old page", version)
	requireFault(t, err, fault.Conflict)
	bad := other
	bad.MaxDocuments = -1
	_, err = b.service.ChangePolicy(t.Context(), b.admin, bad, "", next)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	for _, role := range []actor.Role{actor.Reviewer, actor.Finance, actor.Support, actor.Auditor} {
		_, err = b.service.ChangePolicy(t.Context(), b.staff(t, role), p, "", next)
		requireFault(t, err, fault.Forbidden)
	}
}
