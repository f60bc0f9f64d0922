package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/fault"
	"kibali/domain/policy"
)

func TestRetentionIsBounded(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, c := range []struct {
		documents, accounts time.Duration
		bad                 []string
	}{
		{0, 0, nil},
		{7 * day, 30 * day, nil},
		{10 * 366 * day, 10 * 366 * day, nil},
		{6 * day, 29 * day, []string{"retention.rejected_documents", "retention.closed_accounts"}},
		{-day, 0, []string{"retention.rejected_documents"}},
		{0, 11 * 366 * day, []string{"retention.closed_accounts"}},
	} {
		p := policy.Default()
		p.Retention = policy.Retention{RejectedDocuments: policy.Duration(c.documents), ClosedAccounts: policy.Duration(c.accounts)}
		err := p.Validate()
		if c.bad == nil {
			require.NoError(t, err)
			continue
		}
		var fields []string
		for _, f := range fault.As(err).Fields {
			fields = append(fields, f.Field)
		}
		require.Equal(t, c.bad, fields)
	}
}

func TestAnAccountIsKeptUntilThePolicySaysOtherwise(t *testing.T) {
	t.Parallel()
	closed := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	_, due := policy.Default().Retention.ErasureDue(closed)
	require.False(t, due)
	at, due := policy.Retention{ClosedAccounts: policy.Duration(48 * time.Hour)}.ErasureDue(closed)
	require.True(t, due)
	require.Equal(t, closed.Add(48*time.Hour), at)
}
