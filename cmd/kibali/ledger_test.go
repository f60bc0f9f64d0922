package main

import (
	"bytes"
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"kibali/devstack/devtest"
	"kibali/domain/actor"
	"kibali/domain/ledger"
	"kibali/migrations"
	"kibali/store"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	database := devtest.NewDatabase(t, migrations.Migrate)
	owner, err := pgx.Connect(t.Context(), database.OwnerURL)
	require.NoError(t, err)
	defer owner.Close(context.WithoutCancel(t.Context()))
	account := uuid.Must(uuid.NewV7())
	_, err = owner.Exec(t.Context(), `
		INSERT INTO accounts (id, name, email, phone, locale, company_name, company_industry, status, stage_since, registered_at, search_text)
		VALUES ($1, 'Asha', 'asha@example.co.tz', '+255712000001', 'sw', 'Kilimo', 'other', 'active', now(), now(), '')`, account)
	require.NoError(t, err)
	db, err := store.Open(t.Context(), database.AppURL)
	require.NoError(t, err)
	defer db.Close()
	noon := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i, amount := range []int64{100, -30} {
			id := uuid.New()
			_, err := tx.TopUp(ctx, store.Posting{
				ID: id, Request: store.Request{Scope: id, Key: "test"}, AccountID: account, Amount: amount, Reason: ledger.Adjustment,
				Actor: actor.Actor{Kind: actor.System}, At: noon.Add(time.Duration(i) * time.Hour),
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	require.Eventually(t, func() bool {
		seals, err := db.SealLedger(t.Context(), noon)
		require.NoError(t, err)
		return len(seals) > 0
	}, 30*time.Second, 20*time.Millisecond)

	kibali := func(exit int, args ...string) (out, errs string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"ledger"}, append(args, "--database-url", database.AppURL)...), &stdout, &stderr)
		require.Equal(t, exit, code, "%s%s", &stdout, &stderr)
		return stdout.String(), stderr.String()
	}
	out, _ := kibali(0, "verify")
	require.Contains(t, out, "2 transfers, 4 entries, 1 accounts")
	require.Contains(t, out, "\nsound\n")
	seal := regexp.MustCompile(`seal (1:[0-9a-f]{64}), 0 transfers behind it`).FindStringSubmatch(out)
	require.NotNil(t, seal, out)
	kibali(0, "verify", "--seal", seal[1])
	_, errs := kibali(1, "verify", "--seal", "1:abc")
	require.Contains(t, errs, "NUMBER:HASH")

	out, _ = kibali(0, "balance", account.String())
	require.Equal(t, "available 70, held 0\n", out)
	out, _ = kibali(0, "balance", account.String(), "--at", "2026-11-23T13:00:00+03:00")
	require.Equal(t, "available 100, held 0\n", out)
	out, _ = kibali(0, "balance", "funding")
	require.Equal(t, "-70\n", out)
	_, errs = kibali(1, "balance", uuid.NewString())
	require.Contains(t, errs, "no such account")
	out, errs = kibali(0, "statement", account.String(), "--from", "2026-11-23T10:00:00Z", "--to", "2026-11-24T00:00:00Z")
	require.Regexp(t, `^created_at,.*\n2026-11-23T10:00:00Z,[0-9a-f-]{36},top_up,adjustment,-30,0,70,0\n$`, out)
	require.Contains(t, errs, "before: available 100, held 0; 1 transfers added 0 and took 30; after: available 70, held 0")
	kibali(1, "statement", account.String(), "--from", "2026-11-24T10:00:00Z", "--to", "2026-11-23T00:00:00Z")

	_, err = owner.Exec(t.Context(), `UPDATE transfers SET reason = 'refund' WHERE amount = 30`)
	require.NoError(t, err)
	_, err = owner.Exec(t.Context(), `UPDATE balances SET available = 71`)
	require.NoError(t, err)
	out, _ = kibali(1, "verify", "--seal", "2"+seal[1][1:])
	require.Contains(t, out, "balances     entry 2 of "+account.String()+": the balance is 71 available")
	require.Contains(t, out, "seals        seal 1: transfers or entries at the positions 1 to 2 are not those that were sealed")
	require.Contains(t, out, "seal 2: it was noted down and is not there")
	require.Contains(t, out, "sum          all accounts: they and the platform's own sum to 1, not to zero")
	require.Contains(t, out, "NOT SOUND: 4 breaches")
}
