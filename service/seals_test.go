package service_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/documents"
	"kibali/service"
	"kibali/store"
)

func TestSealAudit(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	folder := t.TempDir()
	files, err := documents.Open(t.Context(), "file://"+folder+"/heads")
	require.NoError(t, err)
	defer func() { require.NoError(t, files.Close()) }()
	var mu sync.Mutex
	told := map[string]int64{}
	b := setup(t, withoutTemporal(t), func(c *service.Config) {
		c.Log, c.Heads = slog.New(slog.NewJSONHandler(&log, nil)), files
		c.Sealed = func(chain string, number int64, _, _ time.Time) {
			mu.Lock()
			defer mu.Unlock()
			told[chain] = number
		}
	})
	b.register(t)
	seal := func() store.Seal {
		t.Helper()
		before, err := b.reader.LastAuditSeal(t.Context())
		require.NoError(t, err)
		var last store.Seal
		require.Eventually(t, func() bool {
			require.NoError(t, b.service.SealAudit(t.Context()))
			last, err = b.reader.LastAuditSeal(t.Context())
			require.NoError(t, err)
			return last.Number > before.Number
		}, 30*time.Second, 20*time.Millisecond)
		return last
	}
	published := func() map[int64]string {
		t.Helper()
		heads, err := files.Heads(t.Context(), service.AuditChain)
		require.NoError(t, err)
		hashes := map[int64]string{}
		for _, head := range heads {
			hashes[head.Number] = hex.EncodeToString(head.Hash)
		}
		return hashes
	}
	first := seal()
	require.Equal(t, map[int64]string{first.Number: hex.EncodeToString(first.Hash)}, published())
	b.register(t)
	second := seal()
	require.Len(t, published(), 1, "a minute has not passed")
	b.ahead.Add(int64(time.Minute))
	require.NoError(t, b.service.SealAudit(t.Context()))
	require.Equal(t, map[int64]string{first.Number: hex.EncodeToString(first.Hash), second.Number: hex.EncodeToString(second.Hash)}, published())
	require.Equal(t, second.Number, told[service.AuditChain])

	logged := map[float64]string{}
	for line := range strings.Lines(log.String()) {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		if entry["msg"] == "sealed" {
			require.Equal(t, "audit", entry["chain"])
			logged[entry["seal"].(float64)] = entry["hash"].(string)
		}
	}
	require.Equal(t, hex.EncodeToString(first.Hash), logged[float64(first.Number)])
	require.Equal(t, hex.EncodeToString(second.Hash), logged[float64(second.Number)])
	require.NotContains(t, log.String(), "Asha")
}

// What cannot be published is tried again, and sealing goes on.
func TestSealAuditWithoutStorage(t *testing.T) {
	t.Parallel()
	away, err := documents.Open(t.Context(), "s3://nowhere?region=x&endpoint=http://127.0.0.1:1&use_path_style=true")
	require.NoError(t, err)
	defer func() { _ = away.Close() }()
	b := setup(t, withoutTemporal(t), func(c *service.Config) { c.Heads = away })
	b.register(t)
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := b.service.SealAudit(ctx)
		return err != nil && !errors.Is(err, context.Canceled)
	}, 30*time.Second, 20*time.Millisecond)
	last, err := b.reader.LastAuditSeal(t.Context())
	require.NoError(t, err)
	require.NotZero(t, last.Number)
	v, err := b.store.VerifyAudit(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, v.Sound())
}
