package web

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/store"
)

func TestKeyring(t *testing.T) {
	t.Parallel()
	hashOf := func(n int) (hash [32]byte) {
		binary.BigEndian.PutUint64(hash[:], uint64(n))
		return hash
	}

	t.Run("is bounded", func(t *testing.T) {
		t.Parallel()
		k := newKeyring()
		for n := range keyringMost + 1000 {
			k.add(&Caller{keyHash: hashOf(n)})
		}
		require.Len(t, k.known, keyringMost)
		_, known := k.find(hashOf(keyringMost + 999))
		require.True(t, known, "the newest one")
		k.add(&Caller{keyHash: hashOf(keyringMost + 999), KeyEpoch: 7})
		require.Len(t, k.known, keyringMost)
		last, known := k.find(hashOf(keyringMost + 999))
		require.True(t, known)
		require.Equal(t, int32(7), last.epoch)
		k.forget(hashOf(keyringMost + 999))
		_, known = k.find(hashOf(keyringMost + 999))
		require.False(t, known)
	})
	t.Run("notes the use of a key once in a while", func(t *testing.T) {
		t.Parallel()
		now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
		uses := store.NewUses(nil) // it is not flushed
		config := Config{Now: func() time.Time { return now }, Uses: uses, keys: newKeyring()}
		caller := &Caller{KeyID: uuid.New(), keyHash: hashOf(1), keyUsedAt: now.Add(1 - keyUsesApart)}
		config.noteProven(caller)
		require.Zero(t, uses.Waiting(), "it is written down since less than that")
		now = now.Add(1)
		for range 2 {
			config.noteProven(caller)
			require.Equal(t, 1, uses.Waiting())
		}
		known, ok := config.keys.find(hashOf(1))
		require.True(t, ok)
		require.Equal(t, now.Unix(), known.usedAt)
	})
}
