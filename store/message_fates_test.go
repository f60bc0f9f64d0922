package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/message"
	"kibali/store"
)

func TestClaimRecipients_waits_for_a_suspension_that_is_being_recorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.rich(t, 10)
	m := b.accept(t, id)
	first, err := b.store.ClaimRecipients(t.Context(), m, 1, noon)
	require.NoError(t, err)
	require.Len(t, first.Recipients, 1)
	admin := b.staff(t, actor.Admin)

	recorded, commit := make(chan struct{}), make(chan struct{})
	let := sync.OnceFunc(func() { close(commit) })
	t.Cleanup(let)
	suspending := make(chan error, 1)
	go func() {
		suspending <- b.store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.LockAccount(ctx, id); err != nil {
				return err
			}
			d := store.Decision{
				ID: newID(), AccountID: id, CaseID: cases.SuspensionID(id), Kind: account.Suspend, ReasonCode: "terms", Reason: "Spam.",
				StaffID: admin.ID, StaffName: admin.Name, RequestID: "r3", RequestedAt: noon,
			}
			if err := tx.InsertDecision(ctx, d); err != nil {
				return err
			}
			if err := tx.BlockAccount(ctx, id, &d.ID); err != nil {
				return err
			}
			close(recorded)
			<-commit
			return nil
		})
	}()
	select {
	case <-recorded:
	case err := <-suspending:
		require.NoError(t, err)
	}

	type answer struct {
		claimed store.Claimed
		err     error
	}
	answers := make(chan answer, 1)
	go func() {
		c, err := b.store.ClaimRecipients(t.Context(), m, 2, noon)
		answers <- answer{c, err}
	}()
	require.Eventually(t, func() bool {
		var waits bool
		err := b.owner.QueryRow(t.Context(), `
			SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0)`).Scan(&waits)
		return err == nil && waits || len(answers) > 0
	}, time.Minute, 5*time.Millisecond)
	require.Empty(t, answers, "it is claimed once the suspension is known, not before")
	let()
	require.NoError(t, <-suspending)
	a := <-answers
	require.NoError(t, a.err)
	require.Equal(t, store.Claimed{Status: account.Active, Blocked: true}, a.claimed)
	statuses, _ := b.fates(t, m.ID)
	require.ElementsMatch(t, []message.Status{message.Sending, message.Queued, message.Queued}, statuses)
}
