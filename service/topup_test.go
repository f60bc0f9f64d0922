package service_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
)

func credits(a account.Account, amount int64) service.TopUp {
	return service.TopUp{
		AccountID: a.ID, Amount: amount, Reason: "complimentary", Key: &store.IdempotencyKey{Scope: "test", Route: "top-up", Key: uuid.NewString()},
	}
}

func TestTopUpWithoutTemporal(t *testing.T) {
	t.Parallel()
	b := setup(t, withoutTemporal(t))
	finance := b.staff(t, actor.Finance)
	a := b.put(t, b.register(t), account.Active, account.NoStage)
	decided, err := b.service.TopUp(t.Context(), finance, credits(a, 10))
	require.NoError(t, err)
	require.False(t, decided.Done)
	require.Equal(t, cases.TopUpID(decided.Decision.ID), decided.Decision.CaseID)

	waiting, err := b.reader.WaitingDecisions(t.Context(), time.Now().Add(time.Hour), 10)
	require.NoError(t, err)
	require.Equal(t, decided.Decision.ID, waiting[0].ID, "the row is the outbox")
}

func TestSweepOfTopUps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	finance, second := b.staff(t, actor.Finance), b.staff(t, actor.Finance)
	a := b.put(t, b.register(t), account.Active, account.NoStage)
	topUp := func(amount int64) store.Decision {
		t.Helper()
		decided, err := b.service.TopUp(t.Context(), finance, credits(a, amount))
		require.NoError(t, err)
		return decided.Decision
	}
	waitingAt := func(after time.Duration) []uuid.UUID {
		t.Helper()
		decisions, err := b.reader.WaitingDecisions(t.Context(), time.Now().Add(after), 10)
		require.NoError(t, err)
		var ids []uuid.UUID
		for _, d := range decisions {
			ids = append(ids, d.ID)
		}
		return ids
	}
	waits := func(d store.Decision) {
		t.Helper()
		_, err := b.owner.Exec(t.Context(), `UPDATE decisions SET awaiting_since = now() WHERE id = $1`, d.ID)
		require.NoError(t, err)
	}

	unheard, known, signed := topUp(200_000), topUp(200_000), topUp(200_000)
	waits(known)
	waits(signed)
	_, err := b.service.Countersign(t.Context(), finance, service.Sign{DecisionID: signed.ID})
	requireFault(t, err, fault.Forbidden)
	_, err = b.service.Countersign(t.Context(), second, service.Sign{DecisionID: signed.ID})
	require.NoError(t, err)
	require.ElementsMatch(t, []uuid.UUID{unheard.ID, signed.ID}, waitingAt(time.Minute), "what waits for a person is not told again")
	require.ElementsMatch(t, []uuid.UUID{unheard.ID, known.ID, signed.ID}, waitingAt(80*time.Hour), "until its time has passed")

	// Whoever signed has left before it was carried out.
	_, err = b.owner.Exec(t.Context(), `UPDATE staff SET disabled_at = now() WHERE id = $1`, second.ID)
	require.NoError(t, err)
	b.ahead.Store(int64(time.Minute))
	swept, err := b.service.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, swept.Lapsed)
	require.Equal(t, 1, swept.Decisions)
	lapsed, err := b.reader.Decision(t.Context(), signed.ID)
	require.NoError(t, err)
	require.Equal(t, cases.Lapsed, lapsed.Outcome)
	require.Equal(t, 1, b.count(t, `SELECT count(*) FROM audit_events WHERE decision_id = $1 AND action = 'top_up.lapsed'`, signed.ID))
}
