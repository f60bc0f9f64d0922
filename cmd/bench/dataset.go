package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"kibali/devstack"
	"kibali/domain/account"
	"kibali/domain/ledger"
	"kibali/migrations"
	"kibali/store"
)

// datasetVersion changes with what a dataset holds.
const datasetVersion = 2

// datasetEnd is when the last account registered.
var datasetEnd = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// openDataset starts a PostgreSQL that has so many accounts and commits to the
// disk. The first time for a size and a schema it makes them, which takes
// minutes; later it finds them in the user's cache folder.
func openDataset(ctx context.Context, accounts int) (*devstack.Postgres, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find the user's cache folder: %w", err)
	}
	schema, err := migrations.Newest()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "kibali", fmt.Sprintf("bench-%d-schema-%d-data-%d", accounts, schema, datasetVersion))
	whole := filepath.Join(dir, "whole")
	if _, err := os.Stat(whole); errors.Is(err, fs.ErrNotExist) {
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
		if err := makeDataset(ctx, dir, accounts); err != nil {
			return nil, fmt.Errorf("make %d accounts: %w", accounts, err)
		}
		if err := os.WriteFile(whole, nil, 0o600); err != nil {
			return nil, err
		}
	}
	postgres, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{
		Dir: dir, Durable: true, Progress: progress, Settings: map[string]string{"shared_buffers": quarterOfMemory()},
	})
	if err != nil {
		return nil, err
	}
	return postgres, warm(ctx, postgres)
}

// quarterOfMemory is what PostgreSQL's manual has its cache begin with.
func quarterOfMemory() string {
	megabytes := 1024
	if content, err := os.ReadFile("/proc/meminfo"); err == nil {
		if fields := strings.Fields(string(content)); len(fields) > 1 {
			if kilobytes, err := strconv.Atoi(fields[1]); err == nil {
				megabytes = max(256, kilobytes/1024/4)
			}
		}
	}
	return strconv.Itoa(megabytes) + "MB"
}

func makeDataset(ctx context.Context, dir string, accounts int) (err error) {
	progress("making %d accounts in %s, once", accounts, dir)
	postgres, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{
		Dir: dir, Progress: progress, Settings: map[string]string{
			"shared_buffers": quarterOfMemory(), "maintenance_work_mem": "512MB", "max_wal_size": "16GB", "wal_level": "minimal", "max_wal_senders": "0",
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postgres.Stop()) }()
	if err := migrations.Migrate(ctx, postgres.OwnerURL(devstack.DatabaseName)); err != nil {
		return err
	}
	connection, err := pgx.Connect(ctx, postgres.SuperuserURL(devstack.DatabaseName))
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	return fill(ctx, connection, accounts)
}

// fill writes the rows without their triggers and indexes, and then what those
// would have made of them.
func fill(ctx context.Context, db *pgx.Conn, accounts int) error {
	if _, err := db.Exec(ctx, `SET session_replication_role = replica; SET jit = off`); err != nil {
		return err
	}
	restore, err := dropIndexes(ctx, db)
	if err != nil {
		return err
	}
	if err := copyStaff(ctx, db); err != nil {
		return err
	}
	start := time.Now()
	people, sorts := newPopulation(accounts, datasetEnd), make([]sortKeys, 0, accounts)
	if _, err := db.CopyFrom(ctx, pgx.Identifier{"accounts"}, accountColumns, pgx.CopyFromFunc(func() ([]any, error) {
		if people.already == accounts {
			return nil, nil
		}
		a := people.next()
		sorts = append(sorts, sortKeys{a.ID, a.Status, a.LastActiveAt, a.Credits})
		return accountRow(a), ctx.Err()
	})); err != nil {
		return err
	}
	if err := copySorts(ctx, db, sorts); err != nil {
		return err
	}
	progress("  %v: rows copied", time.Since(start).Round(time.Second))
	statements := append([]string{
		`INSERT INTO decisions (id, account_id, case_id, kind, reason_code, reason, staff_id, request_id, requested_at, outcome, closed_at)
		 SELECT decided_by, id, 'registration/' || id, CASE status WHEN 'rejected' THEN 'reject' WHEN 'suspended' THEN 'suspend' ELSE 'approve' END,
			CASE status WHEN 'rejected' THEN 'documents_missing' WHEN 'suspended' THEN 'terms' ELSE '' END,
			CASE WHEN status IN ('rejected', 'suspended') THEN 'We could not confirm what the application says of the company.' ELSE '' END,
			(SELECT id FROM staff WHERE role = 'reviewer'), 'bench', stage_since, 'applied', stage_since
		 FROM accounts WHERE decided_by IS NOT NULL`,
		`INSERT INTO account_search (account_id, status, registered_at, search_text) SELECT id, status, registered_at, search_text FROM accounts`,
		`INSERT INTO transfers (amount, seq, created_at, held_amount, available_after, held_after, id, account_id, from_account, to_account, scope, kind,
			reason, request_key, actor_kind)
		 SELECT k.credits, 1, a.registered_at, h.held, k.credits - h.held, h.held, gen_random_uuid(), a.id, '` + ledger.Funding.String() + `', a.id, a.id, 'top_up',
			'complimentary', 'bench', 'system'
		 FROM account_credits k JOIN accounts a ON a.id = k.account_id
		 CROSS JOIN LATERAL (SELECT CASE WHEN a.status IN ('suspended', 'closed') THEN k.credits ELSE 0 END AS held) h WHERE k.credits > 0`,
		`INSERT INTO balances (account_id, available, held, seq, changed_at, status)
		 SELECT a.id, coalesce(t.available_after, 0), coalesce(t.held_after, 0), coalesce(t.seq, 0), a.registered_at, a.status
		 FROM accounts a LEFT JOIN transfers t ON t.account_id = a.id`,
		`UPDATE account_counts c SET pending = n.pending, active = n.active, suspended = n.suspended, rejected = n.rejected, closed = n.closed,
			awaiting_documents = n.awaiting_documents, in_review = n.in_review, changes_requested = n.changes_requested
		 FROM (SELECT get_byte(uuid_send(id), 15) & 63 AS shard, count(*) FILTER (WHERE status = 'pending') AS pending,
			count(*) FILTER (WHERE status = 'active') AS active, count(*) FILTER (WHERE status = 'suspended') AS suspended,
			count(*) FILTER (WHERE status = 'rejected') AS rejected, count(*) FILTER (WHERE status = 'closed') AS closed,
			count(*) FILTER (WHERE stage = 'awaiting_documents') AS awaiting_documents, count(*) FILTER (WHERE stage = 'in_review') AS in_review,
			count(*) FILTER (WHERE stage = 'changes_requested') AS changes_requested
			FROM accounts GROUP BY 1) n WHERE c.shard = n.shard`,
	}, restore...)
	statements = append(statements,
		`ALTER INDEX account_search_runs ALTER COLUMN 1 SET STATISTICS 0`, `VACUUM (ANALYZE, FREEZE)`, `CHECKPOINT`)
	for _, statement := range statements {
		if _, err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
		title, _, _ := strings.Cut(statement, "(")
		progress("  %v: %s", time.Since(start).Round(time.Second), title)
	}
	return nil
}

// dropIndexes drops the indexes of the large tables and returns the statements
// that make them again.
func dropIndexes(ctx context.Context, db *pgx.Conn) ([]string, error) {
	rows, err := db.Query(ctx, `
		SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
		WHERE indrelid IN ('accounts'::regclass, 'account_search'::regclass, 'account_activity'::regclass, 'account_credits'::regclass,
				'decisions'::regclass)
			AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)`)
	if err != nil {
		return nil, err
	}
	type index struct{ Name, Definition string }
	indexes, err := pgx.CollectRows(rows, pgx.RowToStructByName[index])
	if err != nil {
		return nil, err
	}
	restore := make([]string, len(indexes))
	for i, index := range indexes {
		if _, err := db.Exec(ctx, `DROP INDEX `+index.Name); err != nil {
			return nil, err
		}
		restore[i] = index.Definition
	}
	return restore, nil
}

func copyStaff(ctx context.Context, db *pgx.Conn) error {
	for _, role := range []string{"admin", "reviewer", "finance", "support", "auditor"} {
		if _, err := db.Exec(ctx, `INSERT INTO staff (id, email, name, role, created_at) VALUES ($1, $2, $3, $4, now())`,
			uuid.New(), role+"@example.co.tz", "Bench "+role, role); err != nil {
			return err
		}
	}
	return nil
}

// sortKeys are what lists of an account are sorted by.
type sortKeys struct {
	id      uuid.UUID
	status  account.Status
	active  time.Time
	credits int64
}

func copySorts(ctx context.Context, db *pgx.Conn, sorts []sortKeys) error {
	if _, err := db.CopyFrom(ctx, pgx.Identifier{"account_activity"}, []string{"account_id", "status", "last_active_at"},
		pgx.CopyFromSlice(len(sorts), func(i int) ([]any, error) {
			active := pgtype.Timestamptz{Time: sorts[i].active, Valid: true}
			if sorts[i].active.IsZero() {
				active = pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
			}
			return []any{sorts[i].id, sorts[i].status, active}, nil
		})); err != nil {
		return err
	}
	_, err := db.CopyFrom(ctx, pgx.Identifier{"account_credits"}, []string{"account_id", "status", "credits"},
		pgx.CopyFromSlice(len(sorts), func(i int) ([]any, error) {
			return []any{sorts[i].id, sorts[i].status, sorts[i].credits}, nil
		}))
	return err
}

var accountColumns = strings.Fields(`id name email phone locale company_name company_industry company_tin status stage stage_since
	decided_by registered_at search_text`)

func accountRow(a account.Account) []any {
	var decidedBy *uuid.UUID
	if a.Status != account.Pending {
		id := uuid.New()
		decidedBy = &id
	}
	return []any{
		a.ID, a.Name, a.Email, a.Phone, a.Locale, a.Company.Name, a.Company.Industry, a.Company.TIN, a.Status, a.Stage, a.StageSince,
		decidedBy, a.RegisteredAt, store.SearchText(a),
	}
}

// warm brings the tables into PostgreSQL's cache, where its contributed module for that
// is installed; else the first rounds do.
func warm(ctx context.Context, postgres *devstack.Postgres) error {
	connection, err := pgx.Connect(ctx, postgres.SuperuserURL(devstack.DatabaseName))
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	if _, err := connection.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS pg_prewarm`); err != nil {
		progress("no pg_prewarm here: the first rounds warm up")
		return nil
	}
	_, err = connection.Exec(ctx, `SELECT pg_prewarm(oid) FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace`)
	return err
}
