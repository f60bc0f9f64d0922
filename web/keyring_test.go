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
			k.add(hashOf(n), knownKey{id: uuid.New()})
		}
		require.Len(t, k.known, keyringMost)
		_, known := k.find(hashOf(keyringMost + 999))
		require.True(t, known, "the newest one")
		k.add(hashOf(keyringMost+999), knownKey{usedAt: 7})
		require.Len(t, k.known, keyringMost)
		last, _ := k.find(hashOf(keyringMost + 999))
		require.Equal(t, int64(7), last.usedAt)
	})
	t.Run("notes the use of a key once in a while", func(t *testing.T) {
		t.Parallel()
		now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
		uses := store.NewUses(nil) // it is not flushed
		config := Config{Now: func() time.Time { return now }, Uses: uses, keys: newKeyring()}
		id := uuid.New()
		config.keys.add(hashOf(1), knownKey{id: id, usedAt: now.Unix()})
		used := func() int {
			key, ok := config.keys.find(hashOf(1))
			require.True(t, ok)
			config.noteProven(&unproven{hash: hashOf(1), key: key})
			return uses.Waiting()
		}
		require.Zero(t, used(), "it was noted when it was let in")
		now = now.Add(keyUsesApart)
		require.Equal(t, 1, used())
		key, _ := config.keys.find(hashOf(1))
		require.Equal(t, knownKey{id: id, usedAt: now.Unix()}, key)
	})
}
