package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/ledger"
)

// LedgerTotal is how many transfers of a kind there are, and how many credits
// accounts gained and lost by them.
type LedgerTotal struct {
	Kind   ledger.Kind
	Count  int64
	Gained int64
	Lost   int64
}

// MaxTotalled is how many transfers are added up: the newest ones.
const MaxTotalled = 5_000

// LedgerTotals adds up the newest transfers that the query asks for, whatever
// page it is of, by kind.
func (r *Reader) LedgerTotals(ctx context.Context, q LedgerQuery) ([]LedgerTotal, error) {
	q.After, q.Limit = nil, MaxTotalled
	from, args := q.from()
	rows, err := r.db.Query(ctx, `
		SELECT kind, count(*) AS count, coalesce(sum(change) FILTER (WHERE change > 0), 0)::bigint AS gained,
			coalesce(-sum(change) FILTER (WHERE change < 0), 0)::bigint AS lost
		FROM (SELECT t.kind, `+totalChange+` AS change`+from+`) t GROUP BY kind ORDER BY kind`, args...)
	if err != nil {
		return nil, failed("add up the ledger", err)
	}
	totals, err := pgx.CollectRows(rows, pgx.RowToStructByName[LedgerTotal])
	return totals, failed("add up the ledger", err)
}

// CompanyNames returns the names of the companies of accounts, by their ids.
func (r *Reader) CompanyNames(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	names := map[uuid.UUID]string{}
	if len(ids) == 0 {
		return names, nil
	}
	rows, err := r.db.Query(ctx, `SELECT id, company_name FROM accounts WHERE id = ANY($1)`, ids)
	if err != nil {
		return nil, failed("read companies", err)
	}
	var id uuid.UUID
	var name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		names[id] = name
		return nil
	})
	return names, failed("read companies", err)
}

// Signatories returns the staff who may move credits, by name.
func (r *Reader) Signatories(ctx context.Context) ([]Staff, error) {
	rows, err := r.db.Query(ctx, `SELECT `+staffColumns+` FROM staff s WHERE s.role IN ('admin', 'finance') ORDER BY s.name, s.id`)
	if err != nil {
		return nil, failed("read staff", err)
	}
	staff, err := pgx.CollectRows(rows, pgx.RowToStructByName[Staff])
	return staff, failed("read staff", err)
}
