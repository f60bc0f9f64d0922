package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Uses remembers when accounts and credentials were last used, and
// writes all of it down every two seconds, so that a use costs no write of its
// own. A process that is killed takes along what it had not written.
type Uses struct {
	store *Store

	mu   sync.Mutex
	seen [usedTables]lastUses
}

// lastUses are the times of the last uses of a table's rows. Tens of thousands of them are no work for the garbage collector:
// there is no pointer in them.
type lastUses map[uuid.UUID]unixMicro

func (l lastUses) note(id uuid.UUID, at unixMicro) {
	if l[id] < at {
		l[id] = at
	}
}

// usedTable is a table whose rows have a time of their last use.
type usedTable int

const (
	usedAccounts usedTable = iota
	usedKeys
	usedServices
	usedStaffTokens
	usedStaffSessions
	usedTables
)

// NewUses returns a memory of uses that is written to s.
func NewUses(s *Store) *Uses {
	u := &Uses{store: s}
	for table := range u.seen {
		u.seen[table] = lastUses{}
	}
	return u
}

// Account notes that an account was used at a time.
func (u *Uses) Account(id uuid.UUID, at time.Time) { u.note(usedAccounts, id, at) }

// APIKey notes that a key was used at a time.
func (u *Uses) APIKey(id uuid.UUID, at time.Time) { u.note(usedKeys, id, at) }

// Service notes that a service was used at a time.
func (u *Uses) Service(id uuid.UUID, at time.Time) { u.note(usedServices, id, at) }

// StaffToken notes that a staff member's token was used at a time.
func (u *Uses) StaffToken(id uuid.UUID, at time.Time) { u.note(usedStaffTokens, id, at) }

// StaffSession notes that a staff member's session was used at a time.
func (u *Uses) StaffSession(id uuid.UUID, at time.Time) { u.note(usedStaffSessions, id, at) }

func (u *Uses) note(table usedTable, id uuid.UUID, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen[table].note(id, unixMicro(at.UnixMicro()))
}

// usesEvery is how often uses are written down.
const usesEvery = 2 * time.Second

// Run writes uses down until ctx ends, and what is left then. failed is told
// when that cannot be done; what could not be written is tried again.
func (u *Uses) Run(ctx context.Context, failed func(error)) {
	ticker := time.NewTicker(usesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			u.flushLast(ctx, failed)
			return
		case <-ticker.C:
		}
		if err := u.Flush(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}

func (u *Uses) flushLast(ctx context.Context, failed func(error)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), usesEvery)
	defer cancel()
	if err := u.Flush(ctx); err != nil {
		failed(err)
	}
}

// usesAtOnce is how many uses are written in one statement: whoever wants one of
// the rows meanwhile waits for its end.
const usesAtOnce = 1000

// flushUse writes uses of a table, in the order of the ids, and returns the ids of
// the rows that someone else has locked: these are left for the next time, as a use
// waits for nobody. A row that is gone is forgotten. The rows that are locked are joined by
// their ids and nothing else, so that any plan for it is as good for many as for few.
const flushUse = `
	WITH free AS (
		SELECT t.%[2]s AS id, used.at FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at) JOIN %[1]s t ON t.%[2]s = used.id
		ORDER BY t.%[2]s FOR NO KEY UPDATE OF t SKIP LOCKED
	), written AS (
		UPDATE %[1]s t SET %[3]s = free.at FROM free WHERE t.%[2]s = free.id AND (t.%[3]s IS NULL OR t.%[3]s < free.at)
	)
	SELECT id FROM unnest($1::uuid[]) AS used (id)
	WHERE CASE WHEN id IN (SELECT id FROM free) THEN false ELSE EXISTS (SELECT FROM %[1]s t WHERE t.%[2]s = used.id) END`

var flushUses = [usedTables]string{
	usedAccounts:      fmt.Sprintf(flushUse, "account_activity", "account_id", "last_active_at"),
	usedKeys:          fmt.Sprintf(flushUse, "api_keys", "id", "last_used_at"),
	usedServices:      fmt.Sprintf(flushUse, "services", "id", "last_used_at"),
	usedStaffTokens:   fmt.Sprintf(flushUse, "staff_tokens", "id", "last_used_at"),
	usedStaffSessions: fmt.Sprintf(flushUse, "staff_sessions", "id", "last_used_at"),
}

// Flush writes down what was noted until now.
func (u *Uses) Flush(ctx context.Context) error {
	var failures []error
	for table := range usedTables {
		failures = append(failures, u.flush(ctx, table))
	}
	return errors.Join(failures...)
}

// Waiting returns how many uses are not written down yet.
func (u *Uses) Waiting() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for _, seen := range u.seen {
		n += len(seen)
	}
	return n
}

// flush writes down the uses of one table. What could not be written stays
// noted.
func (u *Uses) flush(ctx context.Context, table usedTable) error {
	u.mu.Lock()
	seen := u.seen[table]
	if len(seen) == 0 {
		u.mu.Unlock()
		return nil
	}
	u.seen[table] = make(lastUses, len(seen))
	u.mu.Unlock()

	left := lastUses{}
	ids := slices.SortedFunc(maps.Keys(seen), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	moments := make(times, min(len(ids), usesAtOnce))
	var failure error
	for part := range slices.Chunk(ids, usesAtOnce) {
		for i, id := range part {
			moments[i] = seen[id]
		}
		unwritten := part
		if failure == nil {
			if locked, err := u.store.flushUses(ctx, table, part, moments[:len(part)]); err != nil {
				failure = failed("write uses", err)
			} else {
				unwritten = locked
			}
		}
		for _, id := range unwritten {
			left[id] = seen[id]
		}
	}

	u.mu.Lock()
	defer u.mu.Unlock()
	for id, at := range left {
		u.seen[table].note(id, at)
	}
	return failure
}

// flushUses writes uses of a table down, at most usesAtOnce, and returns whose
// row someone else has locked.
func (s *Store) flushUses(ctx context.Context, table usedTable, ids uuids, moments times) ([]uuid.UUID, error) {
	rows, err := s.pool.Query(ctx, flushUses[table], ids, moments)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
