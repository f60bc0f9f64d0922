package documents_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/documents"
)

func TestHeads(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "heads")
	store, err := documents.Open(t.Context(), "file://"+folder)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	none, err := store.Heads(t.Context(), "audit")
	require.NoError(t, err)
	require.Empty(t, none)

	at := time.Date(2026, 11, 26, 23, 30, 0, 0, time.FixedZone("EAT", 3*60*60))
	head := func(chain string, number int64, hash string) documents.Head {
		return documents.Head{Chain: chain, Number: number, To: 7, Hash: []byte(hash), SealedAt: at}
	}
	for _, h := range []documents.Head{
		head("audit", 1, "a"), head("audit", 2, "b"), head("audit", 2, "c"), head("ledger", 1, "d"), head("audit", 1_000_000_000_000, "e"),
	} {
		require.NoError(t, store.PublishHead(t.Context(), h))
	}
	heads, err := store.Heads(t.Context(), "audit")
	require.NoError(t, err)
	const day = "heads/audit/2026/11/26/"
	require.Equal(t, map[string]documents.Head{
		day + "000000000001-61.json":  {Chain: "audit", Number: 1, Hash: []byte("a")},
		day + "000000000002-62.json":  {Chain: "audit", Number: 2, Hash: []byte("b")},
		day + "000000000002-63.json":  {Chain: "audit", Number: 2, Hash: []byte("c")},
		day + "1000000000000-65.json": {Chain: "audit", Number: 1_000_000_000_000, Hash: []byte("e")},
	}, heads, "both heads of one number are kept")

	path := filepath.Join(folder, filepath.FromSlash(day+"000000000001-61.json"))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.JSONEq(t, `{"chain": "audit", "number": 1, "to": 7, "hash": "61", "sealed_at": "2026-11-26T20:30:00Z"}`, string(content))
	require.NoError(t, os.WriteFile(path, []byte("kept"), 0o600))
	require.NoError(t, store.PublishHead(t.Context(), head("audit", 1, "a")))
	content, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "kept", string(content), "what is there is not written over")

	require.NoError(t, os.WriteFile(strings.Replace(path, "000000000001", "one", 1), nil, 0o600))
	_, err = store.Heads(t.Context(), "audit")
	require.ErrorContains(t, err, "one-61.json")
}
