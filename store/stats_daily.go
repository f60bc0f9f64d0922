package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
)

// DayFigure is how much of something happened on a day.
type DayFigure struct {
	Day    time.Time // its date, at midnight UTC
	Kind   account.Action
	Reason string // of decisions that have one
	Count  int64
	Amount int64 // credits, of top-ups
}

// Register is the kind of the figures of registrations.
const Register account.Action = "register"

// Daily returns what happened on each day of a zone from from to to: accounts
// that registered, and decisions that were carried out, by kind and reason.
func (r *Reader) Daily(ctx context.Context, from, to time.Time, zone *time.Location) ([]DayFigure, error) {
	var figures []DayFigure
	var batch pgx.Batch
	keep := func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowToStructByName[DayFigure])
		figures = append(figures, found...)
		return err
	}
	batch.Queue(`
		SELECT (date_trunc('day', registered_at AT TIME ZONE $3) AT TIME ZONE 'UTC') AS day, 'register' AS kind, '' AS reason,
			count(*) AS count, 0::bigint AS amount
		FROM accounts WHERE registered_at >= $1 AND registered_at < $2 GROUP BY 1`, from, to, zone.String()).Query(keep)
	batch.Queue(`
		SELECT (date_trunc('day', closed_at AT TIME ZONE $3) AT TIME ZONE 'UTC') AS day, kind, reason_code AS reason,
			count(*) AS count, coalesce(sum(amount), 0)::bigint AS amount
		FROM decisions WHERE outcome = 'applied' AND closed_at >= $1 AND closed_at < $2 GROUP BY 1, 2, 3`, from, to, zone.String()).Query(keep)
	return figures, failed("read statistics", r.db.SendBatch(ctx, &batch).Close())
}
