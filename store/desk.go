package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Desk is what every page of a staff member shows.
type Desk struct {
	Staff
	Pending int64 // accounts that wait for something
	Appeals int64 // that are open
}

// Desk returns the desk of an enabled staff member, or fault.NotFound.
func (r *Reader) Desk(ctx context.Context, staffID uuid.UUID) (Desk, error) {
	rows, err := r.db.Query(ctx, `
		SELECT `+staffColumns+`, (SELECT sum(pending)::bigint FROM account_counts) AS pending,
			(SELECT count(*) FROM appeals WHERE outcome IS NULL) AS appeals
		FROM staff s WHERE s.id = $1 AND s.disabled_at IS NULL`, staffID)
	if err != nil {
		return Desk{}, failed("read staff member", err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Desk])
	return d, failed("read staff member", err)
}

// Counts returns how many accounts there are by status, exactly.
func (r *Reader) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := r.db.QueryRow(ctx, `
		SELECT sum(pending)::bigint, sum(active)::bigint, sum(suspended)::bigint, sum(rejected)::bigint, sum(closed)::bigint,
			sum(pending + active + suspended + rejected + closed)::bigint
		FROM account_counts`).Scan(&c.Pending, &c.Active, &c.Suspended, &c.Rejected, &c.Closed, &c.All)
	return c, failed("count accounts", err)
}
