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
	// missed is how many rows in a row were out of reach.
	missed int
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
	t.missed = 0
	wait := min(max(2*t.rows[id].wait, sweepAge), retellMost)
	t.rows[id] = telling{next: now.Add(wait), wait: wait}
}

// unreached counts a row that was out of reach, and returns how many in a row
// were.
func (t *told) unreached() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.missed++
	return t.missed
}

// begin starts counting anew.
func (t *told) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.missed = 0
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
