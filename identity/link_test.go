package identity_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/identity"
)

func TestCodesAreMadeOfTheIdAndTheKey(t *testing.T) {
	t.Parallel()
	one, err := identity.NewLinks([]byte("a secret key for tests, of 32 bytes"))
	require.NoError(t, err)
	other, err := identity.NewLinks([]byte("another secret key, of 32 bytes too"))
	require.NoError(t, err)
	id := uuid.MustParse("019ab0a6-8d2b-7b6e-9d52-3c3c6f1a7e90")
	again, err := identity.NewLinks([]byte("a secret key for tests, of 32 bytes"))
	require.NoError(t, err)
	require.Equal(t, one.Code(id), again.Code(id), "whoever retries sends the same code")
	seen := map[string]bool{}
	for range 1000 {
		code := one.Code(uuid.New())
		require.Regexp(t, `^[0-9]{6}$`, code)
		seen[code] = true
	}
	require.Greater(t, len(seen), 950, "they are spread over all there are")

	hash := one.HashCode(id, one.Code(id))
	require.Equal(t, hash, one.HashCode(id, one.Code(id)))
	require.NotEqual(t, hash, one.HashCode(uuid.New(), one.Code(id)), "the same digits for something else")
	require.NotEqual(t, hash, one.HashCode(id, "000000"))
	require.NotEqual(t, hash, other.HashCode(id, one.Code(id)), "nobody tries all codes without the key")
	require.NotEqual(t, one.Token(identity.ResetToken, id)[4:], one.Token(identity.EmailToken, id)[4:])
}
