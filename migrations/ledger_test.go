package migrations_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"kibali/devstack/devtest"
	"kibali/domain/actor"
	"kibali/migrations"
	"kibali/store"
)

func TestMain(m *testing.M) { devtest.Main(m) }

// writtenLedger is a ledger of five accounts whose legs are rows: one was topped
// up, charged and refunded, one is suspended and got more since, one was
// suspended and is not any more, one is closed, and one has nothing.
var writtenLedger = []string{
	`INSERT INTO accounts (id, name, email, phone, locale, company_name, company_industry, status, stage_since, registered_at, search_text)
	SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'Asha Mushi', 'asha' || n || '@example.co.tz', '+25571000000' || n, 'sw', 'Kilimo Bora Ltd',
		'agriculture', status, now(), now(), 'asha mushi'
	FROM unnest(ARRAY['active', 'suspended', 'active', 'closed', 'active']) WITH ORDINALITY AS a (status, n)`,
	`CREATE FUNCTION pg_temp.post(n int, kind text, number int, change int, held int, available_after int, held_after int) RETURNS void LANGUAGE sql AS $$
		WITH who AS (
			SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid AS account, ('00000000-0000-0000-0000-00000000000' ||
				CASE kind WHEN 'top_up' THEN 1 WHEN 'settlement' THEN 3 ELSE 2 END)::uuid AS platform, kind IN ('hold', 'release') AS within
		), transfer AS (
			INSERT INTO transfers (amount, seq, created_at, id, from_account, to_account, scope, kind, request_key, actor_kind)
			SELECT CASE WHEN within THEN abs(held) ELSE abs(change + held) END, number, now(), gen_random_uuid(),
				CASE WHEN change + held > 0 THEN platform ELSE account END, CASE WHEN within OR change + held > 0 THEN account ELSE platform END,
				account, kind, gen_random_uuid()::text, 'system'
			FROM who RETURNING position
		), legs AS (
			INSERT INTO entries (ledger_account, seq, position, amount, held_amount, available_after, held_after)
			SELECT account, number, position, change, held, available_after, held_after FROM who, transfer
			UNION ALL SELECT platform, position, position, -change - held, 0, NULL, NULL FROM who, transfer WHERE NOT within
		)
		UPDATE balances SET available = available_after, held = held_after, seq = number FROM who WHERE account_id = account
	$$`,
	`SELECT pg_temp.post(1, 'top_up', 1, 100, 0, 100, 0)`,
	`SELECT pg_temp.post(1, 'charge', 2, -30, 0, 70, 0)`,
	`SELECT pg_temp.post(1, 'charge_refund', 3, 30, 0, 100, 0)`,
	`SELECT pg_temp.post(1, 'top_up', 4, -20, 0, 80, 0)`,
	`SELECT pg_temp.post(2, 'top_up', 1, 50, 0, 50, 0)`,
	`SELECT pg_temp.post(2, 'hold', 2, -50, 50, 0, 50)`,
	`SELECT pg_temp.post(2, 'top_up', 3, 0, 7, 0, 57)`,
	`SELECT pg_temp.post(3, 'top_up', 1, 5, 0, 5, 0)`,
	`SELECT pg_temp.post(3, 'hold', 2, -5, 5, 0, 5)`,
	`SELECT pg_temp.post(3, 'release', 3, 5, -5, 5, 0)`,
	`SELECT pg_temp.post(4, 'top_up', 1, 9, 0, 9, 0)`,
	`SELECT pg_temp.post(4, 'settlement', 2, -9, 0, 0, 0)`,
}

// legs is every leg, however it is kept.
const legs = `SELECT array_agg(format('%s %s %s %s %s %s %s', ledger_account, seq, position, amount, held_amount, available_after, held_after)
	ORDER BY position, ledger_account) FROM entries`

// writeLedger fills a database of before, and seals most of its ledger as the
// release of then did: the rows that are sealed are asked for in the same words.
func writeLedger(t *testing.T) (devtest.Database, *store.Store, *pgxpool.Pool, store.Seal) {
	t.Helper()
	database := devtest.NewDatabase(t, migrations.BeforeOneRow)
	config, err := pgxpool.ParseConfig(database.OwnerURL)
	require.NoError(t, err)
	config.MaxConns = 1 // the function is temporary
	owner, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(owner.Close)
	for _, sql := range writtenLedger {
		_, err := owner.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	s, err := store.Open(t.Context(), database.AppURL)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	var seal store.Seal
	require.Eventually(t, func() bool {
		seals, err := s.SealLedger(t.Context(), time.Now())
		if err == nil && len(seals) > 0 {
			seal = seals[0]
		}
		return err == nil && len(seals) > 0
	}, time.Minute, 10*time.Millisecond)
	_, err = owner.Exec(t.Context(), `SELECT pg_temp.post(1, 'charge', 5, -1, 0, 79, 0)`)
	require.NoError(t, err)
	return database, s, owner, seal
}

func TestTransfersBecomeOneRow(t *testing.T) {
	t.Parallel()

	t.Run("with the same legs, seals and positions", func(t *testing.T) {
		t.Parallel()
		database, s, owner, seal := writeLedger(t)
		var before, after []string
		require.NoError(t, owner.QueryRow(t.Context(), legs).Scan(&before))
		require.Len(t, before, 23)

		require.NoError(t, migrations.Migrate(t.Context(), database.OwnerURL))
		require.NoError(t, owner.QueryRow(t.Context(), legs).Scan(&after))
		require.Equal(t, before, after)
		v, err := s.VerifyLedger(t.Context(), &seal)
		require.NoError(t, err)
		require.Empty(t, v.Breaches)
		require.Equal(t, []int64{13, 23, 1, 1}, []int64{v.Transfers, v.Entries, v.Seals, v.Unsealed})

		var known int64
		require.NoError(t, owner.QueryRow(t.Context(), `SELECT reltuples::bigint FROM pg_class WHERE oid = 'transfers'::regclass`).Scan(&known))
		require.Equal(t, int64(-1), known, "statistics of a few rows would have charges read the table")

		id := uuid.MustParse("00000000-0000-7000-8000-000000000001")
		posted, err := s.Charge(t.Context(), store.Posting{
			ID: uuid.New(), Request: store.Request{Scope: id, Key: "next"}, AccountID: id, Amount: 4, Actor: actor.Actor{Kind: actor.Account, ID: id}, At: time.Now(),
		})
		require.NoError(t, err)
		require.Equal(t, int64(14), posted.Position)
		require.Equal(t, int64(6), posted.Entry.Seq)
		require.Equal(t, int64(75), posted.Entry.AvailableAfter)
		var reads bool
		require.NoError(t, s.Reader().EachTransfer(t.Context(), store.LedgerQuery{}, func(store.LedgerItem) error { reads = true; return nil }))
		require.True(t, reads)
	})

	for name, harm := range map[string]string{
		"an account's leg is gone":  `DELETE FROM entries WHERE seq = 2 AND ledger_account = '00000000-0000-7000-8000-000000000001'`,
		"a platform's leg is gone":  `DELETE FROM entries WHERE position = 1 AND seq = position AND available_after IS NULL`,
		"a leg is another one":      `UPDATE entries SET amount = amount + 1 WHERE position = 2 AND available_after IS NULL`,
		"a leg has no transfer":     `INSERT INTO entries (ledger_account, seq, position, amount, held_amount) VALUES (gen_random_uuid(), 1, 99, 1, 0)`,
		"a transfer goes elsewhere": `UPDATE transfers SET to_account = '00000000-0000-0000-0000-000000000001' WHERE position = 2`,
	} {
		t.Run("or not at all when "+name, func(t *testing.T) {
			t.Parallel()
			database, _, owner, _ := writeLedger(t)
			_, err := owner.Exec(t.Context(), harm)
			require.NoError(t, err)
			var before, after []string
			require.NoError(t, owner.QueryRow(t.Context(), legs).Scan(&before))
			require.Error(t, migrations.Migrate(t.Context(), database.OwnerURL))
			require.NoError(t, owner.QueryRow(t.Context(), legs).Scan(&after))
			require.Equal(t, before, after)
			_, err = owner.Exec(t.Context(), `DELETE FROM entries WHERE false`) // it is a table still
			require.NoError(t, err)
		})
	}
}
