package ledger_test

import (
	"math"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/domain/ledger"
)

func TestBalanced(t *testing.T) {
	t.Parallel()
	id, other := uuid.New(), uuid.New()
	legs := func(amounts ...int64) []ledger.Entry {
		var entries []ledger.Entry
		for _, a := range amounts {
			entries = append(entries, ledger.Entry{TransferID: id, Amount: a})
		}
		return entries
	}
	require.True(t, ledger.Balanced(legs(-5, 5)))
	require.True(t, ledger.Balanced([]ledger.Entry{{TransferID: id, Amount: -7, HeldAmount: 7}}), "a hold is balanced in itself")
	require.True(t, ledger.Balanced([]ledger.Entry{{TransferID: id, Amount: -3, HeldAmount: -4}, {TransferID: id, Amount: 7}}))
	require.False(t, ledger.Balanced(nil))
	require.False(t, ledger.Balanced(legs(-5)))
	require.False(t, ledger.Balanced(legs(-5, 6)))
	require.False(t, ledger.Balanced([]ledger.Entry{{TransferID: id, Amount: 5}, {TransferID: other, Amount: -5}}), "of two transfers")
	require.False(t, ledger.Balanced(legs(math.MinInt64, math.MinInt64)), "a sum that wraps around to zero is none")
}

func TestAmounts(t *testing.T) {
	t.Parallel()
	code := func(fields []fault.Field) string {
		if len(fields) == 0 {
			return ""
		}
		require.Equal(t, "amount", fields[0].Field)
		return fields[0].Code
	}
	for amount, want := range map[int64]string{
		1: "", ledger.Most: "", 0: "not_positive", -1: "not_positive", math.MinInt64: "not_positive",
		ledger.Most + 1: "too_large", math.MaxInt64: "too_large",
	} {
		require.Equal(t, want, code(ledger.CheckAmount("amount", amount)), "%d", amount)
		require.Equal(t, want, code(ledger.CheckTopUp("amount", amount, ledger.Complimentary)), "%d", amount)
	}
	for amount, want := range map[int64]string{
		1: "", -1: "", -ledger.Most: "", 0: "zero", -ledger.Most - 1: "too_small", math.MinInt64: "too_small", ledger.Most + 1: "too_large",
	} {
		require.Equal(t, want, code(ledger.CheckTopUp("amount", amount, ledger.Adjustment)), "%d", amount)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for _, kind := range ledger.Kinds() {
		for _, status := range account.Statuses() {
			want := true
			switch kind {
			case ledger.Charge:
				want = status == account.Active
			case ledger.TopUp:
				want = status != account.Rejected && status != account.Closed
			}
			require.Equal(t, want, kind.Permits(status), "%s of an account that is %s", kind, status)
		}
		require.Equal(t, kind == ledger.Charge, kind.Spends())
	}
	for _, status := range account.Statuses() {
		require.Equal(t, status == account.Suspended || status == account.Closed, ledger.Keeps(status), "%s", status)
	}
}

func TestTransfers(t *testing.T) {
	t.Parallel()
	id := uuid.Must(uuid.NewV7())
	require.Equal(t, id, ledger.Transfer{From: ledger.Funding, To: id}.AccountID())
	require.Equal(t, id, ledger.Transfer{From: id, To: ledger.Sales}.AccountID())
	require.Equal(t, id, ledger.Transfer{From: id, To: id}.AccountID())
	for _, p := range ledger.PlatformAccounts() {
		require.True(t, ledger.IsPlatform(p))
	}
	require.False(t, ledger.IsPlatform(id))
	require.Equal(t, int64(7), ledger.Balance{Available: 3, Held: 4}.Total())
}
