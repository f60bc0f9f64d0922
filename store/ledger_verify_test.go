package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/ledger"
	"kibali/store"
)

// sealed seals all that has been posted.
func (b testBundle) sealed(t *testing.T) store.Seal {
	t.Helper()
	// What is still running in other databases of the cluster counts as well.
	require.Eventually(t, func() bool {
		_, err := b.store.SealLedger(t.Context(), noon)
		require.NoError(t, err)
		var behind int
		require.NoError(t, b.owner.QueryRow(t.Context(), `
			SELECT count(*) FROM transfers WHERE position > coalesce((SELECT max(to_position) FROM ledger_seals), 0)`).Scan(&behind))
		return behind == 0
	}, 30*time.Second, 20*time.Millisecond)
	last, err := b.reader.LastSeal(t.Context())
	require.NoError(t, err)
	return last
}

func (b testBundle) verify(t *testing.T, noted *store.Seal) *store.Verification {
	t.Helper()
	v, err := b.store.VerifyLedger(t.Context(), noted)
	require.NoError(t, err)
	return v
}

func TestVerifyLedger(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.True(t, b.verify(t, nil).Sound(), "of nothing")

	id, other, suspended := b.customer(t, 1000), b.customer(t, 20), b.customer(t, 30)
	b.customer(t, 0)
	charged, err := b.store.Charge(t.Context(), charge(id, 40))
	require.NoError(t, err)
	_, err = b.store.RefundCharge(t.Context(), store.Posting{
		ID: newID(), Request: store.Request{Scope: id, Key: "back"}, Amount: 5, Reverses: &charged.ID, Actor: actor.Actor{Kind: actor.System}, At: noon,
	})
	require.NoError(t, err)
	first := b.sealed(t)
	b.becomes(t, suspended, account.Suspended)
	_, err = b.topUp(t, topUp(suspended, 7))
	require.NoError(t, err)
	b.becomes(t, other, account.Suspended)
	b.becomes(t, other, account.Active)
	second := b.sealed(t)
	require.Equal(t, first.Number+1, second.Number)
	require.Equal(t, first.To, second.From)
	b.becomes(t, other, account.Closed)
	spent, err := b.store.Charge(t.Context(), charge(id, 2))
	require.NoError(t, err)
	last, err := b.topUp(t, topUp(id, 1))
	require.NoError(t, err)

	v := b.verify(t, &first)
	require.Empty(t, v.Breaches)
	require.True(t, v.Sound())
	require.Equal(t, int64(12), v.Transfers)
	require.Equal(t, int64(21), v.Entries)
	require.Equal(t, int64(2), v.Seals)
	require.Equal(t, int64(3), v.Unsealed)
	require.Equal(t, second.Hash, v.Last.Hash)

	plants := []struct {
		name, sql  string
		check, row string // of a breach that must be told
	}{
		{"an amount of a sealed transfer", `UPDATE transfers SET amount = 41 WHERE id = '` + charged.ID.String() + `'`, "seals", fmt.Sprintf("seal %d", first.Number)},
		{"a reason of a sealed transfer", `UPDATE transfers SET reason = 'refund' WHERE position = 1`, "seals", fmt.Sprintf("seal %d", first.Number)},
		{"an actor of a sealed transfer", `UPDATE transfers SET actor_id = gen_random_uuid() WHERE position = 1`, "seals", fmt.Sprintf("seal %d", first.Number)},
		{"a transfer that is gone", `DELETE FROM transfers WHERE id = '` + last.ID.String() + `'`, "balances", fmt.Sprintf("entry 4 of %s", id)},
		{"an amount of a new transfer", `UPDATE transfers SET amount = 2 WHERE id = '` + last.ID.String() + `'`, "balances", fmt.Sprintf("entry 5 of %s", id)},
		{"a transfer in the middle that is gone", `DELETE FROM transfers WHERE seq = 2 AND account_id = '` + id.String() + `'`, "balances", fmt.Sprintf("entry 3 of %s", id)},
		{"a leg that goes to another account", `UPDATE transfers SET account_id = '` + other.String() + `', seq = 1000 WHERE id = '` + last.ID.String() + `'`, "legs", fmt.Sprintf("entry 1000 of %s", other)},
		{"a leg of the platform's alone", `UPDATE transfers SET from_account = to_account WHERE id = '` + last.ID.String() + `'`, "legs", fmt.Sprintf("entry 5 of %s", id)},
		{"a number that another one has", `UPDATE transfers SET seq = 1000 WHERE id = '` + last.ID.String() + `'`, "balances", fmt.Sprintf("entry 1000 of %s", id)},
		{"another rest", `UPDATE transfers SET available_after = available_after + 1 WHERE id = '` + last.ID.String() + `'`, "balances", fmt.Sprintf("entry 5 of %s", id)},
		{"held and available exchanged", `UPDATE transfers SET held_amount = amount, available_after = available_after - amount, held_after = amount WHERE id = '` + last.ID.String() + `'`, "balances", fmt.Sprintf("entry 5 of %s", id)},
		{"another side of a charge", `UPDATE transfers SET to_account = '` + ledger.Funding.String() + `' WHERE id = '` + spent.ID.String() + `'`, "kinds", "transfer " + spent.ID.String()},
		{"another side of a top-up", `UPDATE transfers SET from_account = '` + ledger.Settled.String() + `' WHERE id = '` + last.ID.String() + `'`, "kinds", "transfer " + last.ID.String()},
		{"another kind of a charge", `UPDATE transfers SET kind = 'settlement' WHERE id = '` + spent.ID.String() + `'`, "kinds", "transfer " + spent.ID.String()},
		{"another kind of a hold", `UPDATE transfers SET kind = 'release' WHERE kind = 'hold' AND account_id = '` + suspended.String() + `'`, "kinds", "transfer "},
		{"a time before the transfer before", `UPDATE transfers SET created_at = '2000-01-01' WHERE id = '` + last.ID.String() + `'`, "balances", fmt.Sprintf("entry 5 of %s", id)},
		{"positions that are exchanged", `ALTER TABLE transfers ALTER position DROP IDENTITY; UPDATE transfers SET position = 1000 WHERE id = '` + spent.ID.String() + `'`, "balances", fmt.Sprintf("entry 5 of %s", id)},
		{"a decision that there is not", `UPDATE transfers SET decision_id = gen_random_uuid() WHERE id = '` + last.ID.String() + `'`, "decisions", "transfer " + last.ID.String()},
		{"a balance", `UPDATE balances SET available = available + 1 WHERE account_id = '` + id.String() + `'`, "balances", fmt.Sprintf("entry 5 of %s", id)},
		{"credits from nowhere", `UPDATE balances SET available = available + 1 WHERE account_id = '` + id.String() + `'`, "sum", "all accounts"},
		{"a balance from nowhere", `UPDATE balances SET available = 5, seq = 1 WHERE seq = 0`, "balances", "balance of "},
		{"a suspension that holds nothing", `UPDATE balances SET available = held, held = 0 WHERE account_id = '` + suspended.String() + `'`, "held", "balance of " + suspended.String()},
		{"held credits of an active account", `UPDATE balances SET held = available, available = 0 WHERE account_id = '` + id.String() + `'`, "held", "balance of " + id.String()},
		{"a status that was not copied", `UPDATE balances SET status = 'active' WHERE account_id = '` + suspended.String() + `'`, "copies", "account " + suspended.String()},
		{"a block that was not copied", `UPDATE balances SET blocked_by = gen_random_uuid() WHERE account_id = '` + id.String() + `'`, "copies", "account " + id.String()},
		{"a balance that is gone", `DELETE FROM balances WHERE account_id = '` + id.String() + `'`, "copies", "account " + id.String()},
		{"a kind that there is not", `UPDATE transfers SET kind = 'gift' WHERE kind = 'charge_refund'`, "kinds", "transfer "},
		{"a refund of more than the charge", `UPDATE transfers SET amount = 50 WHERE kind = 'charge_refund'`, "reversals", "transfer "},
		{"a checkpoint", `UPDATE ledger_checkpoints SET balance = balance + 1 WHERE ledger_account = '` + ledger.Sales.String() + `'`, "checkpoints", "checkpoint "},
		{"a seal that is gone", `DELETE FROM ledger_seals WHERE number = 1`, "seals", "seal 2"},
		{"seals that are gone", `DELETE FROM ledger_seals`, "seals", "seal 1"},
		{"another hash", `UPDATE ledger_seals SET hash = sha256('x') WHERE number = 1`, "seals", "seal 1"},
	}
	b.saveTables(t, ledgerTables...)
	for _, p := range plants {
		t.Run("catches "+p.name, func(t *testing.T) {
			_, err := b.owner.Exec(t.Context(), p.sql)
			require.NoError(t, err)
			defer b.restoreTables(t, ledgerTables...)
			v := b.verify(t, &first)
			require.False(t, v.Sound())
			var told []string
			for _, breach := range v.Breaches {
				require.NotEmpty(t, breach.What)
				if breach.Check == p.check && strings.HasPrefix(breach.Row, p.row) {
					return
				}
				told = append(told, breach.Check+": "+breach.Row+": "+breach.What)
			}
			require.Fail(t, "nothing was told of it", "%s: %s is not in\n%s", p.check, p.row, strings.Join(told, "\n"))
		})
	}
	require.True(t, b.verify(t, &first).Sound())
}

var ledgerTables = []string{"transfers", "balances", "ledger_checkpoints", "ledger_seals"}

// saveTables keeps copies of tables, which restoreTables puts back.
func (b testBundle) saveTables(t *testing.T, tables ...string) {
	t.Helper()
	for _, table := range tables {
		_, err := b.owner.Exec(t.Context(), fmt.Sprintf(`CREATE TABLE saved_%[1]s AS TABLE %[1]s`, table))
		require.NoError(t, err)
	}
}

func (b testBundle) restoreTables(t *testing.T, tables ...string) {
	t.Helper()
	for _, table := range tables {
		_, err := b.owner.Exec(t.Context(), fmt.Sprintf(`DELETE FROM %s`, table))
		require.NoError(t, err)
		_, err = b.owner.Exec(t.Context(), fmt.Sprintf(`INSERT INTO %[1]s OVERRIDING SYSTEM VALUE TABLE saved_%[1]s`, table))
		require.NoError(t, err)
	}
}

// Verification of a ledger that is being posted to sees one moment of it.
func TestVerifyLedgerWhileItGrows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := []uuid.UUID{b.customer(t, 100_000), b.customer(t, 100_000), b.customer(t, 100_000)}
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for i := range 4 {
		busy.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := b.store.Charge(context.WithoutCancel(t.Context()), charge(ids[(i+n)%3], 1)); err != nil {
					t.Errorf("charge: %v", err)
				}
			}
		})
	}
	for range 8 {
		_, err := b.store.SealLedger(t.Context(), noon)
		require.NoError(t, err)
		require.Empty(t, b.verify(t, nil).Breaches)
	}
	close(stop)
	busy.Wait()
	b.sealed(t)
	require.Empty(t, b.verify(t, nil).Breaches)
}

func TestStatement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.customer(t, 100)
	at := func(hour int) time.Time { return noon.Add(time.Duration(hour) * time.Hour) }
	for hour := 1; hour <= 9; hour++ {
		p := charge(id, int64(hour))
		p.At = at(hour)
		_, err := b.store.Charge(t.Context(), p)
		require.NoError(t, err)
		if hour == 5 {
			b.sealed(t)
		}
	}
	back := topUp(id, 50)
	back.At = at(10)
	_, err := b.topUp(t, back)
	require.NoError(t, err)

	for hour, want := range []int64{0, 100, 99, 97, 94, 90, 85, 79, 72, 64, 55, 105, 105} {
		balance, err := b.reader.BalanceBefore(t.Context(), id, at(hour))
		require.NoError(t, err)
		require.Equal(t, ledger.Balance{Available: want}, balance, "before hour %d", hour)
	}
	for hour, want := range map[int]string{0: "0", 1: "0", 2: "1", 6: "15", 7: "21", 12: "45"} {
		sales, err := b.reader.PlatformBalanceBefore(t.Context(), ledger.Sales, at(hour))
		require.NoError(t, err)
		require.Equal(t, want, sales, "before hour %d", hour)
	}
	sales, err := b.reader.PlatformBalance(t.Context(), ledger.Sales)
	require.NoError(t, err)
	require.Equal(t, "45", sales)

	var seqs []int64
	s, err := b.reader.Statement(t.Context(), id, at(8), at(11), func(p store.Posted) error {
		seqs = append(seqs, p.Entry.Seq)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, store.Statement{
		AccountID: id, From: at(8), To: at(11), Opening: ledger.Balance{Available: 72}, Closing: ledger.Balance{Available: 105}, Added: 50, Taken: 17, Transfers: 3,
	}, s)
	require.Equal(t, []int64{9, 10, 11}, seqs)
	_, err = b.reader.Statement(t.Context(), newID(), at(8), at(11), nil)
	requireFault(t, err, "not_found")
	nothing, err := b.reader.Statement(t.Context(), b.customer(t, 0), at(8), at(11), nil)
	require.NoError(t, err)
	require.Zero(t, nothing.Transfers)
}
