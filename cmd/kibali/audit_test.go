package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"kibali/devstack/devtest"
	"kibali/documents"
	"kibali/domain/actor"
	"kibali/migrations"
	"kibali/store"
)

func TestAuditVerify(t *testing.T) {
	t.Parallel()
	database := devtest.NewDatabase(t, migrations.Migrate)
	owner, err := pgx.Connect(t.Context(), database.OwnerURL)
	require.NoError(t, err)
	defer owner.Close(context.WithoutCancel(t.Context()))
	db, err := store.Open(t.Context(), database.AppURL)
	require.NoError(t, err)
	defer db.Close()
	heads := "file://" + filepath.Join(t.TempDir(), "heads")
	storage, err := documents.Open(t.Context(), heads)
	require.NoError(t, err)
	defer func() { require.NoError(t, storage.Close()) }()
	now := time.Now().UTC()
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for n := range 3 {
			if err := tx.AppendEvent(ctx, store.Event{
				At: now, Actor: actor.Actor{Kind: actor.System}, Action: "tick", Subject: "clock", SubjectID: fmt.Sprint(n),
			}); err != nil {
				return err
			}
		}
		return nil
	}))
	seal := func() store.Seal {
		var seals []store.Seal
		require.Eventually(t, func() bool {
			seals, err = db.SealAudit(t.Context(), now)
			require.NoError(t, err)
			return len(seals) > 0
		}, 30*time.Second, 20*time.Millisecond)
		return seals[len(seals)-1]
	}
	last := seal()
	kibali := func(exit int, args ...string) (out, errs string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"audit", "verify", "--database-url", database.AppURL}, args...), &stdout, &stderr)
		require.Equal(t, exit, code, "%s%s", &stdout, &stderr)
		return stdout.String(), stderr.String()
	}
	out, _ := kibali(0)
	require.Contains(t, out, "were not looked at")
	require.NotNil(t, regexp.MustCompile(`(?m)^seal `+last.Name()+`, 0 events behind it$`).FindString(out), out)
	require.NoError(t, storage.PublishHead(t.Context(), documents.Head{Chain: "audit", Number: last.Number, Hash: last.Hash, SealedAt: now}))
	logs := filepath.Join(t.TempDir(), "worker.log")
	require.NoError(t, os.WriteFile(logs, fmt.Appendf(nil, "not JSON\n{\"msg\":\"working\"}\n"+
		`{"time":"2026-11-26T20:00:00Z","level":"INFO","msg":"sealed","chain":"ledger","seal":1,"hash":"00"}`+"\n"+
		`{"time":"2026-11-26T20:00:00Z","level":"INFO","msg":"sealed","chain":"audit","seal":%d,"hash":"%s"}`, last.Number, hex.EncodeToString(last.Hash)), 0o600))
	out, _ = kibali(0, "--heads-url", heads, "--head", last.Name(), "--logs", logs)
	require.Regexp(t, `^\d+ events, 1 seals, 3 heads in .*\n`, out)
	require.Contains(t, out, "\nsound\n")
	_, errs := kibali(1, "--head", "x")
	require.Contains(t, errs, "--head is NUMBER:HASH")
	_, errs = kibali(1, "--head", ","+last.Name()) // the first of two is empty
	require.Contains(t, errs, "--head is NUMBER:HASH")
	silent := filepath.Join(t.TempDir(), "silent.log")
	require.NoError(t, os.WriteFile(silent, []byte("worker-1 | {\"msg\":\"sealed\"}\n"), 0o600))
	_, errs = kibali(1, "--logs", silent)
	require.Contains(t, errs, "tells of no seal")
	kibali(1, "--logs", filepath.Join(t.TempDir(), "none"))

	// Somebody with all rights changes an event, and makes the chain anew.
	var id int64
	require.NoError(t, owner.QueryRow(t.Context(), `UPDATE audit_events SET actor_kind = 'staff' WHERE subject_id = '1' AND action = 'tick' RETURNING id`).Scan(&id))
	out, _ = kibali(1, "--heads-url", heads)
	require.Contains(t, out, fmt.Sprintf("events       event %d: it is not what it was when seal 1 was made\n", id))
	require.Contains(t, out, "NOT SOUND: 1 breaches")
	_, err = owner.Exec(t.Context(), `DELETE FROM audit_seals; UPDATE ledger_progress SET position = 0, next_position = NULL, next_xid = NULL WHERE name = 'audit_seals'`)
	require.NoError(t, err)
	anew := seal()
	kibali(0, "--head", anew.Name())
	for _, noted := range [][]string{{"--documents-url", heads}, {"--logs", logs}, {"--head", last.Name()}} {
		out, _ = kibali(1, noted...)
		require.Contains(t, out, "heads        seal 1: its hash is "+hex.EncodeToString(anew.Hash)+", where "+hex.EncodeToString(last.Hash)+" was noted down", noted)
	}
}
