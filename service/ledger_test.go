package service_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/actor"
	"kibali/domain/ledger"
	"kibali/store"
)

func TestRunLedger(t *testing.T) {
	t.Parallel()
	b := setup(t, withoutTemporal(t))
	a := b.register(t)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() { b.service.RunLedger(ctx) })
	}
	defer running.Wait()
	defer stop()
	id := uuid.New()
	require.NoError(t, b.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.TopUp(ctx, store.Posting{
			ID: id, Request: store.Request{Scope: id, Key: "test"}, AccountID: a.ID, Amount: 12, Reason: ledger.Complimentary,
			Actor: actor.Actor{Kind: actor.System}, At: time.Now(),
		})
		return err
	}))
	require.Eventually(t, func() bool {
		page, err := b.reader.Accounts(t.Context(), store.AccountsQuery{Sort: store.SortCredits, Limit: 1})
		require.NoError(t, err)
		return page.Items[0].Balance == ledger.Balance{Available: 12}
	}, 20*time.Second, 100*time.Millisecond)
}
