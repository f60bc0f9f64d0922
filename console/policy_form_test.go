package console

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/policy"
)

// What the form shows of a length, sent back as it is, changes nothing; what is no length is refused and changes nothing.
func TestLengths(t *testing.T) {
	t.Parallel()
	var p policy.Policy
	of := func(p *policy.Policy) *policy.Duration { return &p.Retention.ClosedAccounts }
	for _, s := range []setting{hours("any", of), days("any", of)} {
		for _, length := range []time.Duration{0, time.Second, 10 * time.Minute, 36 * time.Hour, 30 * 24 * time.Hour, 7*24*time.Hour + time.Second} {
			p.Retention.ClosedAccounts = policy.Duration(length)
			require.NoError(t, s.set(&p, s.get(p)))
			require.Equal(t, length, time.Duration(p.Retention.ClosedAccounts), s.get(p))
		}
		p.Retention.ClosedAccounts = policy.Duration(time.Hour)
		for _, text := range []string{"", "-1", "NaN", "Inf", "1e9", "two"} {
			require.Error(t, s.set(&p, text), text)
		}
		require.Equal(t, time.Hour, time.Duration(p.Retention.ClosedAccounts))
	}
}
