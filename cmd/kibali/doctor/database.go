package doctor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kibali/domain/policy"
	"kibali/migrations"
)

// oldestPostgres is the oldest version that Kibali is made for, as
// server_version_num writes it.
const oldestPostgres = 140000

// clockTolerance is how far the clocks of this machine and of PostgreSQL may be
// apart before deadlines are noticeably wrong.
const clockTolerance = 5 * time.Second

func examineDatabase(ctx context.Context, i Installation) Findings {
	f := &findings{area: "database"}
	if i.Database == nil {
		f.skip("", "KIBALI_DATABASE_URL is missing or cannot be read")
		return f.list
	}
	conn, err := pgx.ConnectConfig(ctx, i.Database.ConnConfig)
	if err != nil {
		f.add(Failed, "", "Check KIBALI_DATABASE_URL, that PostgreSQL runs, and that the role may log in.", "%s", cause(err))
		return f.list
	}
	defer conn.Close(ctx)
	examineServer(ctx, f, conn)
	if err := migrations.Check(ctx, conn); err != nil {
		f.add(Failed, " schema", "Run `kibali migrate` of the build that serve and worker have.", "%s", cause(err))
		return f.list
	}
	newest, err := migrations.Newest()
	if err != nil {
		f.add(Failed, " schema", "", "%v", err)
		return f.list
	}
	f.ok(" schema", "version %d, which this build knows", newest)
	examineGrants(ctx, f, conn)
	examinePolicy(ctx, f, conn)
	return f.list
}

func examineServer(ctx context.Context, f *findings, conn *pgx.Conn) {
	var version int
	var name, encoding string
	var now time.Time
	before := time.Now()
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'),
		current_setting('server_encoding'), clock_timestamp()`).Scan(&version, &name, &encoding, &now)
	if err != nil {
		f.add(Failed, "", "", "%s", cause(err))
		return
	}
	if version < oldestPostgres {
		f.add(Failed, "", "Use PostgreSQL 14 or newer.", "PostgreSQL %s", name)
	} else {
		f.ok("", "PostgreSQL %s", name)
	}
	if encoding != "UTF8" {
		f.add(Failed, " encoding", "Make the database anew with ENCODING 'UTF8'.", "%s cannot hold every name", encoding)
	}
	middle := before.Add(time.Since(before) / 2)
	if apart := now.Sub(middle).Abs(); apart > clockTolerance {
		f.add(Warning, " clock", "Have both machines keep time with NTP.", "%.0f s apart from this machine's", math.Round(apart.Seconds()))
	}
}

// grant is something that the application's role must be able to do, or must
// not.
type grant struct {
	table, privilege string
	wanted           bool
	because          string
}

// grants are those that promises rest on. A table that only grows proves what
// happened because the application cannot rewrite it.
func grants() []grant {
	var list []grant
	for _, table := range []string{
		"accounts", "logins", "sessions", "applications", "documents", "decisions", "notices", "staff", "staff_tokens", "services",
	} {
		for _, privilege := range []string{"SELECT", "INSERT", "UPDATE"} {
			list = append(list, grant{table, privilege, true, "the application needs it"})
		}
		list = append(list, grant{table, "TRUNCATE", false, "nothing of Kibali empties a table"})
	}
	for _, table := range []string{"audit_events", "audit_seals", "ledger_seals", "policies"} {
		list = append(list,
			grant{table, "SELECT", true, "the application needs it"}, grant{table, "INSERT", true, "the application needs it"})
		for _, privilege := range []string{"UPDATE", "DELETE", "TRUNCATE"} {
			list = append(list, grant{table, privilege, false, "what happened could be rewritten"})
		}
	}
	return append(list, grant{"account_counts", "UPDATE", false, "counts could be made up"})
}

func examineGrants(ctx context.Context, f *findings, conn *pgx.Conn) {
	const do = "Connect as a role of its own, such as kibali_app, that owns nothing and has what the migrations grant it: see deploy/postgres/roles.sh."
	var wrong []string
	for _, g := range grants() {
		var has bool
		if err := conn.QueryRow(ctx, `
			SELECT has_table_privilege(to_regclass($1)::oid, $2)
				OR $2 IN ('INSERT', 'UPDATE') AND has_any_column_privilege(to_regclass($1)::oid, $2)`, g.table, g.privilege).Scan(&has); err != nil {
			f.add(Failed, " role", "", "%s", cause(err))
			return
		}
		if has != g.wanted {
			may := "may not"
			if has {
				may = "may"
			}
			wrong = append(wrong, fmt.Sprintf("%s %s %s (%s)", may, g.privilege, g.table, g.because))
		}
	}
	var super, bypass, createRole, createSchema, create, owns bool
	err := conn.QueryRow(ctx, `
		SELECT r.rolsuper, r.rolbypassrls, r.rolcreaterole, has_database_privilege(current_database(), 'CREATE'),
			has_schema_privilege('public', 'CREATE'),
			EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass('audit_events') AND pg_has_role(c.relowner, 'USAGE'))
		FROM pg_roles r WHERE r.rolname = current_user`).Scan(&super, &bypass, &createRole, &createSchema, &create, &owns)
	if err != nil {
		f.add(Failed, " role", "", "%s", cause(err))
		return
	}
	for _, can := range []struct {
		is   bool
		what string
	}{
		{super, "is a superuser"}, {bypass, "bypasses row security"}, {createRole, "may create roles"},
		{createSchema, "may create schemas in the database"}, {create, "may create tables in the schema public"},
		{owns, "owns the tables"},
	} {
		if can.is {
			wrong = append(wrong, can.what)
		}
	}
	if len(wrong) > 0 {
		f.add(Failed, " role", do, "the application's role %s", strings.Join(wrong, "; "))
		return
	}
	f.ok(" role", "may do what the application does, and no more: it cannot rewrite the audit trail or change the schema")
}

func examinePolicy(ctx context.Context, f *findings, conn *pgx.Conn) {
	var version int
	var content []byte
	err := conn.QueryRow(ctx, `SELECT version, content FROM policies ORDER BY version DESC LIMIT 1`).Scan(&version, &content)
	if err == nil {
		var inForce policy.Policy
		if inForce, err = policy.Parse(content); err == nil {
			err = inForce.Validate()
		}
	}
	if err != nil {
		f.add(Failed, " policy", "Put a policy in force that this build can read.", "%s", cause(err))
		return
	}
	f.ok(" policy", "version %d is in force", version)
}

func examineOwner(ctx context.Context, i Installation) Findings {
	f := &findings{area: "owner role"}
	if i.Owner == nil {
		f.skip("", "KIBALI_OWNER_DATABASE_URL is not set here; only migrate needs it")
		return f.list
	}
	conn, err := pgx.ConnectConfig(ctx, i.Owner.ConnConfig)
	if err != nil {
		f.add(Failed, "", "Check KIBALI_OWNER_DATABASE_URL.", "%s", cause(err))
		return f.list
	}
	defer conn.Close(ctx)
	var owns, creates bool
	var role string
	err = conn.QueryRow(ctx, `
		SELECT current_user, has_schema_privilege('public', 'CREATE'), coalesce((
			SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = to_regclass('accounts')), true)`).Scan(&role, &creates, &owns)
	switch {
	case err != nil:
		f.add(Failed, "", "", "%s", cause(err))
	case !creates || !owns:
		f.add(Failed, "", "Give KIBALI_OWNER_DATABASE_URL the role that owns the database and ran the first migration.",
			"%s cannot change the schema", role)
	case i.Database != nil && i.Database.ConnConfig.User == i.Owner.ConnConfig.User:
		f.add(Failed, "", "Use two roles: see deploy/postgres/roles.sh.", "the application connects as the owner %s", role)
	default:
		f.ok("", "%s can change the schema", role)
	}
	return f.list
}

// cause is an error on one line: those of PostgreSQL, of Temporal and of the
// network repeat no secret.
func cause(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}
