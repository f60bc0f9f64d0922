package witness

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"kibali/devstack"
	"kibali/migrations"
)

// Migrate is migrations.Migrate with witnesses, for devtest.NewDatabase.
func Migrate(ctx context.Context, ownerURL string) error {
	if err := migrations.Migrate(ctx, ownerURL); err != nil {
		return err
	}
	return Install(ctx, ownerURL)
}

// Install puts witnesses into a database that has the schema, as its owner.
func Install(ctx context.Context, ownerURL string) error {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return fmt.Errorf("put witnesses in: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	statements := []string{fmt.Sprintf(foundation, devstack.AppRole)}
	for _, table := range slices.Sorted(maps.Keys(watched)) {
		statements = append(statements, watched[table].triggers(table)...)
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("put witnesses in: %w: %s", err, statement)
		}
	}
	return nil
}

// foundation is what the triggers write to, with the role that is watched.
const foundation = `
	CREATE SCHEMA witness;
	CREATE TABLE witness.changes (xid xid8 NOT NULL, relation text NOT NULL, operation text NOT NULL, row_key text);
	CREATE INDEX ON witness.changes (xid);
	CREATE TABLE witness.events (xid xid8 NOT NULL, id bigint NOT NULL);
	CREATE INDEX ON witness.events (xid);
	CREATE FUNCTION witness.see_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
	DECLARE
		aside text[] := TG_ARGV[1];
	BEGIN
		IF session_user <> '%[1]s' OR TG_OP = 'UPDATE' AND to_jsonb(OLD) - aside = to_jsonb(NEW) - aside THEN
			RETURN NULL;
		END IF;
		INSERT INTO witness.changes VALUES (pg_current_xact_id(), TG_TABLE_NAME, TG_OP, to_jsonb(coalesce(NEW, OLD)) ->> TG_ARGV[0]);
		RETURN NULL;
	END
	$$;
	CREATE FUNCTION witness.see_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
	BEGIN
		IF session_user = '%[1]s' THEN
			INSERT INTO witness.events VALUES (pg_current_xact_id(), NEW.id);
		END IF;
		RETURN NULL;
	END
	$$;
	CREATE TRIGGER witness_event AFTER INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION witness.see_event()`

// triggers are those of a table.
func (w watch) triggers(table string) []string {
	var all []string
	for _, operation := range []string{"INSERT", "UPDATE", "DELETE"} {
		if operation == w.forget {
			continue
		}
		when := ""
		if operation == "INSERT" && w.when != "" {
			when = "WHEN (" + w.when + ")"
		}
		all = append(all, fmt.Sprintf(`CREATE TRIGGER witness_%s AFTER %s ON %s FOR EACH ROW %s EXECUTE FUNCTION witness.see_change('%s', '{%s}')`,
			strings.ToLower(operation), operation, table, when, w.key, strings.Join(w.aside, ",")))
	}
	return all
}

// Testimony is what the witnesses of a database have seen.
type Testimony struct {
	Changes int64 // of rows
	Events  int64
	// Findings are what must not be, each in words.
	Findings []string
}

// findings are queries whose rows are what must not be.
var findings = []string{
	`SELECT DISTINCT 'a change without an event in its transaction: ' || operation || ' of ' || relation || ' ' || coalesce(row_key, '')
		FROM witness.changes c WHERE NOT EXISTS (SELECT FROM witness.events e WHERE e.xid = c.xid)`,
	`SELECT 'an event that is there ' || count(*) || ' times in its transaction: ' || e.action || ' of ' || e.subject || ' ' || e.subject_id
		FROM witness.events w JOIN audit_events e ON e.id = w.id GROUP BY w.xid, e.action, e.subject, e.subject_id HAVING count(*) > 1`,
	`SELECT 'an event that does not say what it is about: ' || e.id FROM audit_events e
		WHERE e.action = '' OR e.subject = '' OR e.subject_id = '' OR e.actor_kind = 'staff' AND (e.actor_id IS NULL OR e.actor_role = '')`,
	`WITH personal AS (
		SELECT name AS value FROM accounts UNION SELECT email FROM accounts UNION SELECT phone FROM accounts UNION SELECT company_name FROM accounts
		UNION SELECT email FROM staff UNION SELECT name FROM staff UNION SELECT file_name FROM documents
		UNION SELECT reason FROM decisions UNION SELECT note FROM decisions UNION SELECT text FROM appeals
	)
	SELECT 'personal data in event ' || e.id || ', ' || e.action || ': ' || p.value
	FROM audit_events e, personal p
	WHERE length(p.value) > 4 AND p.value ~ '[^a-z0-9_]' AND strpos(concat_ws(' ', e.subject_id, e.before, e.after, e.reason_code, e.workflow_id, e.request_id), p.value) > 0`,
}

// Examine asks the witnesses of a database, as its owner.
func Examine(ctx context.Context, ownerURL string) (Testimony, error) {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return Testimony{}, fmt.Errorf("ask the witnesses: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var t Testimony
	err = conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM witness.changes), (SELECT count(*) FROM witness.events)`).Scan(&t.Changes, &t.Events)
	for _, finding := range findings {
		if err != nil {
			break
		}
		var rows pgx.Rows
		if rows, err = conn.Query(ctx, finding+` ORDER BY 1 LIMIT 100`); err != nil {
			break
		}
		var found []string
		found, err = pgx.CollectRows(rows, pgx.RowTo[string])
		t.Findings = append(t.Findings, found...)
	}
	if err != nil {
		return t, fmt.Errorf("ask the witnesses: %w", err)
	}
	return t, nil
}
