package witness

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"kibali/devstack/devtest"
)

func TestMain(m *testing.M) { devtest.Main(m) }

func TestEveryTableIsAccountedFor(t *testing.T) {
	t.Parallel()
	database := devtest.NewDatabase(t, Migrate)
	conn, err := pgx.Connect(t.Context(), database.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, table := range tables {
		_, seen := watched[table]
		why, passed := unwatched[table]
		require.NotEqual(t, seen, passed, "say in tables.go whether a change of %s needs an audit event, and if not, why", table)
		require.True(t, seen || why != "", table)
	}
	require.Len(t, tables, len(watched)+len(unwatched), "a table is listed that is not there")
}

func TestWitness(t *testing.T) {
	t.Parallel()
	database := devtest.NewDatabase(t, Migrate)
	as := func(url string) *pgx.Conn {
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(t.Context()) })
		return conn
	}
	owner, app := as(database.OwnerURL), as(database.AppURL)
	run := func(conn *pgx.Conn, sql string) {
		t.Helper()
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	findings := func() []string {
		t.Helper()
		told, err := Examine(t.Context(), database.OwnerURL)
		require.NoError(t, err)
		run(owner, `TRUNCATE witness.changes, witness.events`)
		return told.Findings
	}
	const (
		staff = `INSERT INTO staff (id, email, name, role, created_at) VALUES (gen_random_uuid(), gen_random_uuid() || '@example.co.tz', 'Asha Mushi', 'admin', now())`
		event = `INSERT INTO audit_events (at, actor_kind, action, subject, subject_id) SELECT now(), 'system', 'staff.created', 'staff', id FROM staff LIMIT 1`
	)
	run(owner, staff)
	require.Empty(t, findings(), "who prepares a test needs no event")
	run(app, `BEGIN; `+staff+`; `+event+`; COMMIT`)
	require.Empty(t, findings())
	run(app, staff)
	run(app, event)
	require.Len(t, findings(), 1, "an event in another transaction is none")
	run(app, `BEGIN; `+staff+`; `+event+`; `+event+`; COMMIT`)
	require.Len(t, findings(), 1, "one event too many")
	run(app, `UPDATE staff SET name = 'Neema Mushi'`)
	require.NotEmpty(t, findings())
	run(app, `UPDATE staff SET name = name; UPDATE account_activity SET last_active_at = now()`)
	require.Empty(t, findings(), "nothing has changed but what is noted of use")
	run(app, `INSERT INTO audit_events (at, actor_kind, action, subject, subject_id, after) VALUES (now(), 'system', 'x', 'staff', 'x', '{"who": "Neema Mushi"}')`)
	told := findings()
	require.Len(t, told, 1)
	require.Contains(t, told[0], "personal data in event")
	run(app, `INSERT INTO audit_events (at, actor_kind, action, subject, subject_id) VALUES (now(), 'staff', 'x', 'staff', 'x')`)
	require.Len(t, findings(), 2, "staff without a name or role")
}
