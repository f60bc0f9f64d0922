package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"kibali/identity"
)

func TestFactors(t *testing.T) {
	t.Parallel()
	factors, err := identity.NewFactors([]byte(strings.Repeat("k", 32)), "Ujumbe")
	require.NoError(t, err)
	now := time.Date(2026, 11, 23, 9, 0, 10, 0, time.UTC)
	made := factors.New("neema", "neema@kibali.example")
	code := func(at time.Time) string {
		code, err := totp.GenerateCode(made.Secret, at)
		require.NoError(t, err)
		return code
	}
	t.Run("count codes of the present step and the one on either side", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			ahead time.Duration
			ok    bool
		}{{-60 * time.Second, false}, {-30 * time.Second, true}, {0, true}, {30 * time.Second, true}, {60 * time.Second, false}} {
			step, ok, err := factors.Check("neema", made.Sealed, code(now.Add(c.ahead)), now)
			require.NoError(t, err)
			require.Equal(t, c.ok, ok, c.ahead)
			if ok {
				require.Equal(t, now.Add(c.ahead).Unix()/30, step)
			}
		}
		for _, bad := range []string{"", "12345", "1234567", "abcdef", "١٢٣٤٥٦", code(now) + " x"} {
			_, ok, err := factors.Check("neema", made.Sealed, bad, now)
			require.NoError(t, err)
			require.False(t, ok, bad)
		}
	})
	t.Run("are sealed for their owner under one key", func(t *testing.T) {
		t.Parallel()
		require.NotContains(t, string(made.Sealed), made.Secret)
		_, _, err := factors.Check("juma", made.Sealed, code(now), now)
		require.Error(t, err)
		other, err := identity.NewFactors([]byte(strings.Repeat("o", 32)), "Ujumbe")
		require.NoError(t, err)
		_, _, err = other.Check("neema", made.Sealed, code(now), now)
		require.Error(t, err)
		for i := range made.Sealed {
			tampered := []byte(string(made.Sealed))
			tampered[i] ^= 1
			_, _, err = factors.Check("neema", tampered, code(now), now)
			require.Error(t, err)
		}
		_, _, err = factors.Check("neema", nil, code(now), now)
		require.Error(t, err)
		require.NotEqual(t, made.Sealed, factors.New("neema", "x").Sealed)
	})
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	codes, hashes := identity.NewRecoveryCodes()
	require.Len(t, codes, 10)
	seen := map[string]bool{}
	for i, code := range codes {
		require.Regexp(t, `^[a-z2-7]{4}(-[a-z2-7]{4}){3}$`, code)
		require.Equal(t, hashes[i], identity.HashRecoveryCode(" "+strings.ToUpper(strings.ReplaceAll(code, "-", ""))))
		seen[code] = true
	}
	require.Len(t, seen, 10)
}
