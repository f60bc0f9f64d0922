package store

import (
	"context"
	"errors"
	"fmt"
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
	seen map[use]time.Time
}

// use is a row with a time of its last use.
type use struct {
	table usedTable
	id    uuid.UUID
}

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
func NewUses(s *Store) *Uses { return &Uses{store: s, seen: map[use]time.Time{}} }

// Account notes that an account was used at a time.
func (u *Uses) Account(id uuid.UUID, at time.Time) { u.note(use{usedAccounts, id}, at) }

// APIKey notes that a key was used at a time.
func (u *Uses) APIKey(id uuid.UUID, at time.Time) { u.note(use{usedKeys, id}, at) }

// Service notes that a service was used at a time.
func (u *Uses) Service(id uuid.UUID, at time.Time) { u.note(use{usedServices, id}, at) }

// StaffToken notes that a staff member's token was used at a time.
func (u *Uses) StaffToken(id uuid.UUID, at time.Time) { u.note(use{usedStaffTokens, id}, at) }

// StaffSession notes that a staff member's session was used at a time.
func (u *Uses) StaffSession(id uuid.UUID, at time.Time) { u.note(use{usedStaffSessions, id}, at) }

func (u *Uses) note(what use, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen[what].Before(at) {
		u.seen[what] = at
	}
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

// flushUse writes uses of a table, in the order of the ids. A row that someone else
// has locked is left for the next time: a use waits for nobody. The rows that are
// locked are joined by their ids and nothing else, so that any plan for it is as good
// for many as for few.
const flushUse = `
	WITH free AS (
		SELECT t.%[2]s AS id, used.at FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at) JOIN %[1]s t ON t.%[2]s = used.id
		ORDER BY t.%[2]s FOR NO KEY UPDATE OF t SKIP LOCKED
	), written AS (
		UPDATE %[1]s t SET %[3]s = free.at FROM free WHERE t.%[2]s = free.id AND (t.%[3]s IS NULL OR t.%[3]s < free.at)
	)
	SELECT id FROM free`

var flushUses = [usedTables]string{
	usedAccounts:      fmt.Sprintf(flushUse, "account_activity", "account_id", "last_active_at"),
	usedKeys:          fmt.Sprintf(flushUse, "api_keys", "id", "last_used_at"),
	usedServices:      fmt.Sprintf(flushUse, "services", "id", "last_used_at"),
	usedStaffTokens:   fmt.Sprintf(flushUse, "staff_tokens", "id", "last_used_at"),
	usedStaffSessions: fmt.Sprintf(flushUse, "staff_sessions", "id", "last_used_at"),
}

// Flush writes down what was noted until now.
func (u *Uses) Flush(ctx context.Context) error {
	u.mu.Lock()
	seen := u.seen
	u.seen = make(map[use]time.Time, len(seen))
	u.mu.Unlock()
	var failures []error
	for table := range usedTables {
		failures = append(failures, u.flush(ctx, table, seen))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for what, at := range seen { // what is left was not written
		if u.seen[what].Before(at) {
			u.seen[what] = at
		}
	}
	return errors.Join(failures...)
}

// flush writes the uses of one table, and takes out of seen what is written.
func (u *Uses) flush(ctx context.Context, table usedTable, seen map[use]time.Time) error {
	var ids []uuid.UUID
	var times []time.Time
	for what, at := range seen {
		if what.table == table {
			ids, times = append(ids, what.id), append(times, at)
		}
	}
	for len(ids) > 0 {
		n := min(len(ids), usesAtOnce)
		rows, err := u.store.pool.Query(ctx, flushUses[table], ids[:n], times[:n])
		if err != nil {
			return failed("write uses", err)
		}
		written, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return failed("write uses", err)
		}
		for _, id := range written {
			delete(seen, use{table, id})
		}
		ids, times = ids[n:], times[n:]
	}
	return nil
}
