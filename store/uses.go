package store

import (
	"context"
	"errors"
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

// Each row is written once, in the order of the ids. One that someone else has
// locked is left for the next time: a use waits for nobody and nobody waits for
// it long.
var flushUses = [usedTables]string{
	usedAccounts: `
		WITH used AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at)),
		free AS (SELECT y.account_id AS id FROM account_activity y JOIN used ON y.account_id = used.id ORDER BY used.id FOR NO KEY UPDATE OF y SKIP LOCKED),
		written AS (UPDATE account_activity y SET last_active_at = used.at FROM used WHERE y.account_id = used.id AND y.last_active_at < used.at
			AND y.account_id IN (SELECT id FROM free))
		SELECT id FROM free`,
	usedKeys: `
		WITH used AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at)),
		free AS (SELECT k.id FROM api_keys k JOIN used USING (id) ORDER BY k.id FOR NO KEY UPDATE OF k SKIP LOCKED),
		written AS (UPDATE api_keys k SET last_used_at = used.at FROM used WHERE k.id = used.id
			AND (k.last_used_at IS NULL OR k.last_used_at < used.at) AND k.id IN (SELECT id FROM free))
		SELECT id FROM free`,
	usedServices: `
		WITH used AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at)),
		free AS (SELECT s.id FROM services s JOIN used USING (id) ORDER BY s.id FOR NO KEY UPDATE OF s SKIP LOCKED),
		written AS (UPDATE services s SET last_used_at = used.at FROM used WHERE s.id = used.id
			AND (s.last_used_at IS NULL OR s.last_used_at < used.at) AND s.id IN (SELECT id FROM free))
		SELECT id FROM free`,
	usedStaffTokens: `
		WITH used AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at)),
		free AS (SELECT t.id FROM staff_tokens t JOIN used USING (id) ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED),
		written AS (UPDATE staff_tokens t SET last_used_at = used.at FROM used WHERE t.id = used.id
			AND (t.last_used_at IS NULL OR t.last_used_at < used.at) AND t.id IN (SELECT id FROM free))
		SELECT id FROM free`,
	usedStaffSessions: `
		WITH used AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at)),
		free AS (SELECT x.id FROM staff_sessions x JOIN used USING (id) ORDER BY x.id FOR NO KEY UPDATE OF x SKIP LOCKED),
		written AS (UPDATE staff_sessions x SET last_used_at = used.at FROM used WHERE x.id = used.id
			AND x.last_used_at < used.at AND x.id IN (SELECT id FROM free))
		SELECT id FROM free`,
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
	if len(ids) == 0 {
		return nil
	}
	rows, err := u.store.pool.Query(ctx, flushUses[table], ids, times)
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
	return nil
}
