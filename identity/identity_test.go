package identity_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/require"

	"kibali/identity"
)

var cheap = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func TestHasher(t *testing.T) {
	t.Parallel()
	hasher, err := identity.NewHasher(cheap, 2)
	require.NoError(t, err)
	encoded, err := hasher.Hash(t.Context(), "a long enough password")
	require.NoError(t, err)

	t.Run("knows the right password from a wrong one", func(t *testing.T) {
		t.Parallel()
		ok, outdated, err := hasher.Verify(t.Context(), "a long enough password", encoded)
		require.NoError(t, err)
		require.True(t, ok)
		require.False(t, outdated)
		ok, _, err = hasher.Verify(t.Context(), "A long enough password", encoded)
		require.NoError(t, err)
		require.False(t, ok)
	})
	t.Run("refuses every password of an unknown login", func(t *testing.T) {
		t.Parallel()
		for _, password := range []string{"", "decoy", "anything"} {
			ok, _, err := hasher.Verify(t.Context(), password, "")
			require.NoError(t, err)
			require.False(t, ok)
		}
	})
	t.Run("says when a hash was made at another cost", func(t *testing.T) {
		t.Parallel()
		dearer := cheap
		dearer.Iterations++
		now, err := identity.NewHasher(dearer, 1)
		require.NoError(t, err)
		ok, outdated, err := now.Verify(t.Context(), "a long enough password", encoded)
		require.NoError(t, err)
		require.True(t, ok)
		require.True(t, outdated)
	})
	t.Run("accepts the same text in another Unicode composition", func(t *testing.T) {
		t.Parallel()
		composed, err := hasher.Hash(t.Context(), "caf\u00e9 ya asubuhi")
		require.NoError(t, err)
		ok, _, err := hasher.Verify(t.Context(), "cafe\u0301 ya asubuhi", composed)
		require.NoError(t, err)
		require.True(t, ok)
	})
	t.Run("does not truncate", func(t *testing.T) {
		t.Parallel()
		long := strings.Repeat("x", 200)
		encoded, err := hasher.Hash(t.Context(), long+"1")
		require.NoError(t, err)
		ok, _, err := hasher.Verify(t.Context(), long+"2", encoded)
		require.NoError(t, err)
		require.False(t, ok)
	})
	t.Run("lets many wait and fails none of them", func(t *testing.T) {
		t.Parallel()
		failures := make(chan error, 200)
		var waiting sync.WaitGroup
		for range cap(failures) {
			waiting.Go(func() {
				ok, _, err := hasher.Verify(t.Context(), "a long enough password", encoded)
				if err == nil && !ok {
					err = errors.New("the right password is wrong")
				}
				if err != nil {
					failures <- err
				}
			})
		}
		waiting.Wait()
		require.Empty(t, failures)
	})
	t.Run("gives up waiting for its turn when the request ends", func(t *testing.T) {
		t.Parallel()
		slow := identity.Params
		slow.Memory, slow.Iterations = 128*1024, 2
		busy, err := identity.NewHasher(slow, 1)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := busy.Hash(t.Context(), "first in the queue")
			done <- err
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		<-ctx.Done()
		_, err = busy.Hash(ctx, "second in the queue")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, <-done)
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	a, hashA := identity.NewToken(identity.StaffToken)
	b, hashB := identity.NewToken(identity.StaffToken)
	require.NotEqual(t, a, b)
	require.NotEqual(t, hashA, hashB)
	require.Equal(t, hashA, identity.HashToken(a))
	require.Equal(t, identity.StaffToken, identity.TokenKind(a))
	require.GreaterOrEqual(t, len(strings.TrimPrefix(a, identity.StaffToken)), 43)
	require.Empty(t, identity.TokenKind("Bearer nonsense"))
}

func TestAPIKeysCarryAChecksum(t *testing.T) {
	t.Parallel()
	key, hash := identity.NewAPIKey()
	require.Equal(t, identity.APIKey, identity.TokenKind(key))
	require.Equal(t, hash, identity.HashToken(key))
	require.Equal(t, key[:12], identity.ShownOf(key))
	for i := len(identity.APIKey); i < len(key); i++ {
		for _, other := range []byte{'A', 'z', '_', '~', ' '} {
			if key[i] != other {
				require.Empty(t, identity.TokenKind(key[:i]+string(other)+key[i+1:]), "character %d", i)
			}
		}
	}
	require.Empty(t, identity.TokenKind(key[:len(key)-1]))
	require.Empty(t, identity.TokenKind(key+"A"))
	require.Empty(t, identity.TokenKind(identity.APIKey))
}
