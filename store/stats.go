package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Queue is how many pending accounts there are by stage, and how many reviews
// are past their deadline.
type Queue struct {
	AwaitingDocuments int64
	InReview          int64
	ChangesRequested  int64
	Overdue           int64
}

// Activity is what happened in a span of time.
type Activity struct {
	Registrations int64
	Approvals     int64
	Rejections    int64
	Suspensions   int64
	// MedianDecision is how long half of the approvals and rejections took at
	// most, from the submission they decide on; nil without any.
	MedianDecision *time.Duration
}

// Stats is how the platform's registrations are doing.
type Stats struct {
	Counts   Counts
	Queue    Queue
	Activity Activity
}

// Stats returns the present counts, and what happened between from and to.
func (r *Reader) Stats(ctx context.Context, from, to time.Time) (Stats, error) {
	var stats Stats
	var median *float64
	var batch pgx.Batch
	batch.Queue(`
		SELECT sum(pending)::bigint, sum(active)::bigint, sum(suspended)::bigint, sum(rejected)::bigint, sum(closed)::bigint,
			sum(pending + active + suspended + rejected + closed)::bigint,
			sum(awaiting_documents)::bigint, sum(in_review)::bigint, sum(changes_requested)::bigint
		FROM account_counts`).QueryRow(func(row pgx.Row) error {
		c, q := &stats.Counts, &stats.Queue
		return row.Scan(&c.Pending, &c.Active, &c.Suspended, &c.Rejected, &c.Closed, &c.All,
			&q.AwaitingDocuments, &q.InReview, &q.ChangesRequested)
	})
	batch.Queue(`SELECT count(*) FROM accounts WHERE status = 'pending' AND stage = 'in_review' AND remind_at < $1`, to).
		QueryRow(func(row pgx.Row) error { return row.Scan(&stats.Queue.Overdue) })
	batch.Queue(`SELECT count(*) FROM accounts WHERE registered_at >= $1 AND registered_at < $2`, from, to).QueryRow(func(row pgx.Row) error {
		return row.Scan(&stats.Activity.Registrations)
	})
	batch.Queue(`
		SELECT count(*) FILTER (WHERE d.kind = 'approve'), count(*) FILTER (WHERE d.kind = 'reject'),
			count(*) FILTER (WHERE d.kind = 'suspend'),
			percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.closed_at - submitted.at))
				FILTER (WHERE d.kind IN ('approve', 'reject'))
		FROM decisions d
		LEFT JOIN LATERAL (
			SELECT max(submitted_at) AS at FROM applications WHERE account_id = d.account_id AND submitted_at < d.requested_at
		) submitted ON d.kind IN ('approve', 'reject')
		WHERE d.outcome = 'applied' AND d.closed_at >= $1 AND d.closed_at < $2`, from, to).QueryRow(func(row pgx.Row) error {
		a := &stats.Activity
		return row.Scan(&a.Approvals, &a.Rejections, &a.Suspensions, &median)
	})
	if err := r.db.SendBatch(ctx, &batch).Close(); err != nil {
		return Stats{}, failed("read statistics", err)
	}
	if median != nil {
		d := time.Duration(*median * float64(time.Second))
		stats.Activity.MedianDecision = &d
	}
	return stats, nil
}

// UsualDecision returns how long half of the newest most approvals and
// rejections took at most, from the submission that they decide on, and how many
// of them there are.
func (r *Reader) UsualDecision(ctx context.Context, most int) (time.Duration, int, error) {
	var median float64
	var n int
	err := r.db.QueryRow(ctx, `
		SELECT coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.closed_at - submitted.at)), 0), count(*)
		FROM (
			SELECT account_id, requested_at, closed_at FROM decisions
			WHERE outcome = 'applied' AND kind IN ('approve', 'reject') ORDER BY closed_at DESC LIMIT $1
		) d
		CROSS JOIN LATERAL (SELECT max(submitted_at) AS at FROM applications WHERE account_id = d.account_id AND submitted_at < d.requested_at) submitted
		WHERE submitted.at IS NOT NULL`, most).Scan(&median, &n)
	return time.Duration(median * float64(time.Second)), n, failed("read statistics", err)
}
