package store

import "context"

// progress is how far something that follows the ledger, or the audit trail, has
// come.
type progress struct {
	name string
	// done is the position up to which everything has been dealt with.
	done int64
	// closed is the position up to which no row can appear any more; done
	// or higher.
	closed int64
	// head is the highest position that was to be seen.
	head int64
	// marked says that it is known when another position will be closed.
	marked bool
}

// progressOf returns how far what has the name has come. head is the highest
// position that is to be seen, in SQL.
//
// A transfer's position is drawn when its transaction has changed a balance,
// and so has an id; the id of an event when its transaction has asked for its
// own. Of all positions up to the highest one that is to be seen,
// the transactions have ids below one that is given out afterwards. Once all of
// those have ended, which the oldest running one tells, every statement that
// begins later sees all of their rows, and no other can appear among them.
func (s *Store) progressOf(ctx context.Context, name, head string) (progress, error) {
	p := progress{name: name}
	var next, nextID *int64
	var oldest, newest int64
	err := s.pool.QueryRow(ctx, `
		SELECT position, next_position, next_xid, pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
			pg_snapshot_xmax(pg_current_snapshot())::text::bigint, coalesce((`+head+`), 0)
		FROM ledger_progress WHERE name = $1`, name).Scan(&p.done, &next, &nextID, &oldest, &newest, &p.head)
	p.closed = p.done
	switch {
	case next == nil:
	case *nextID >= newest: // it was restored into another cluster, which counts anew
	case *nextID <= oldest:
		p.closed = *next
	default:
		p.marked = true
	}
	return p, failed("read progress", err)
}

// idle reports whether there is nothing to follow.
func (p progress) idle() bool { return p.head == p.done }

// save records that everything up to p.closed has been dealt with. It does
// nothing when another process has done so before.
func (p progress) save(ctx context.Context, s *Store) error {
	if p.marked {
		return nil
	}
	_, err := s.pool.Exec(ctx, `
		UPDATE ledger_progress SET position = $3, next_position = $4, next_xid = pg_current_xact_id()::text::bigint
		WHERE name = $1 AND position = $2`, p.name, p.done, p.closed, max(p.head, p.closed))
	return failed("save progress", err)
}
