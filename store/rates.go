package store

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// rateSlices is into how many slices a span is cut: a use counts until the
// slice that it falls into has left the span.
const rateSlices = 15

// Rate is how often what has the key may be done: Most times in any span of Per.
type Rate struct {
	Key  []byte
	Most int
	Per  time.Duration
}

// slice returns the number of the slice of time that now falls into.
func (r Rate) slice(now time.Time) int64 { return now.UnixNano() / int64(r.width()) }

func (r Rate) width() time.Duration { return max(r.Per/rateSlices, time.Millisecond) }

// takeRate counts a use unless there are as many as there may be, in one
// statement: of any number at once no more are counted. It returns a row when it
// has. A process whose clock is behind counts into the newest slice.
const takeRate = `
	INSERT INTO rates AS r (key, slice, counts, expires_at) VALUES ($1, $2, '{1}', $4)
	ON CONFLICT (key) DO UPDATE SET
		slice = greatest(r.slice, $2), expires_at = greatest(r.expires_at, $4),
		counts = CASE WHEN r.slice >= $2 THEN ARRAY[r.counts[1] + 1] || r.counts[2:$5]
			ELSE ARRAY[1] || array_fill(0, ARRAY[least($2 - r.slice, $5)::int - 1]) || r.counts[1:$5 - ($2 - r.slice)] END
	WHERE (SELECT coalesce(sum(n), 0) FROM unnest(r.counts[1:$5 - greatest($2 - r.slice, 0)]) n) < $3
	RETURNING r.slice`

// TakeRates counts one use of each key, in one round trip. It returns, for each,
// when there may be another one: the zero time when this one was counted.
func (s *Store) TakeRates(ctx context.Context, now time.Time, rates ...Rate) ([]time.Time, error) {
	var batch pgx.Batch
	free := make([]time.Time, len(rates))
	order := make([]int, len(rates))
	for i := range order {
		order[i] = i
	}
	// In one order, so that two who count the same keys do not wait for each other.
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(rates[a].Key, rates[b].Key) })
	var full []int
	for _, i := range order {
		r := rates[i]
		expires := now.Add(r.Per + 2*r.width())
		batch.Queue(takeRate, r.Key, r.slice(now), r.Most, expires, rateSlices+1).QueryRow(func(row pgx.Row) error {
			var slice int64
			err := row.Scan(&slice)
			if errors.Is(err, pgx.ErrNoRows) {
				full = append(full, i)
				return nil
			}
			return err
		})
	}
	if err := s.pool.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, failed("count a use", err)
	}
	for _, i := range full {
		var err error
		if free[i], err = s.freeAt(ctx, rates[i], now); err != nil {
			return nil, err
		}
	}
	return free, nil
}

// freeAt returns when enough uses of a key will be over for another one.
func (s *Store) freeAt(ctx context.Context, r Rate, now time.Time) (time.Time, error) {
	var slice int64
	var counts []int
	err := s.pool.QueryRow(ctx, `SELECT slice, counts FROM rates WHERE key = $1`, r.Key).Scan(&slice, &counts)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, failed("read a rate", err)
	}
	// The oldest slice that may not count any more, so that fewer than Most do.
	sum, last := 0, len(counts)
	for i, n := range counts {
		if sum += n; sum >= r.Most {
			last = i
			break
		}
	}
	free := time.Unix(0, (slice-int64(last)+rateSlices+1)*int64(r.width())).UTC()
	return latest(free, now.Add(time.Second)), nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// GiveBackRates forgets what was counted of one key, and uncounts the latest use
// of each of the others.
func (s *Store) GiveBackRates(ctx context.Context, forget []byte, back ...[]byte) error {
	_, err := s.pool.Exec(ctx, `
		WITH mine AS (SELECT key FROM rates WHERE key = $1 OR key = ANY($2) ORDER BY key FOR UPDATE),
			gone AS (DELETE FROM rates WHERE key = $1)
		UPDATE rates r SET counts[1] = greatest(r.counts[1] - 1, 0) FROM mine WHERE r.key = mine.key AND r.key IS DISTINCT FROM $1`, forget, back)
	return failed("uncount a use", err)
}

// DropRates drops what counts no more at now.
func (s *Store) DropRates(ctx context.Context, now time.Time) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM rates WHERE expires_at < $1`, now)
	return failed("drop rates", err)
}
