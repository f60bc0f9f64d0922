package service

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// told remembers when each row was last told, so that a case that takes its
// time is not told every few seconds: after 30 s, a minute, two, ...
type told struct {
	mu   sync.Mutex
	rows map[uuid.UUID]telling
}

type telling struct {
	next time.Time
	wait time.Duration
}

func newTold() *told { return &told{rows: map[uuid.UUID]telling{}} }

// due reports whether the row is to be told at now.
func (t *told) due(id uuid.UUID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !now.Before(t.rows[id].next)
}

// note remembers that the row was told at now.
func (t *told) note(id uuid.UUID, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := min(max(2*t.rows[id].wait, sweepAge), retellMost)
	t.rows[id] = telling{next: now.Add(wait), wait: wait}
}

// forget drops rows that have not been due for long: they are settled.
func (t *told) forget(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, last := range t.rows {
		if now.Sub(last.next) > retellMost {
			delete(t.rows, id)
		}
	}
}
