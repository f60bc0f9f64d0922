package api_test

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/actor"
)

// plantTransfers writes so many top-ups into the ledger, as they are and without
// what they would do.
func (s *stand) plantTransfers(t *testing.T, u user, n int) {
	t.Helper()
	_, err := s.owner.Exec(t.Context(), `
		INSERT INTO transfers (amount, seq, created_at, available_after, held_after, id, account_id, from_account, to_account, scope, kind, reason, request_key,
			actor_kind)
		SELECT n, n, now(), 0, 0, gen_random_uuid(), $1, '00000000-0000-0000-0000-000000000001', $1, gen_random_uuid(), 'top_up', 'refund', 'k', 'system'
		FROM generate_series(1, $2::int) n`, u.id, n)
	require.NoError(t, err)
}

// TestLedgerExport_of_many_rows exports more rows than are read at a time.
func TestLedgerExport_of_many_rows(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.register(t)
	const rows = 4500
	s.plantTransfers(t, u, rows)
	for _, query := range []string{"", "?account_id=" + u.id} {
		a := s.call(t, http.MethodGet, "/v1/ledger/export.csv"+query, s.tokens[actor.Finance], nil)
		lines, err := csv.NewReader(strings.NewReader(a.Body.String())).ReadAll()
		require.NoError(t, err)
		require.Len(t, lines, rows+1)
		seen := map[string]bool{}
		for _, line := range lines[1:] {
			seen[line[0]] = true
		}
		require.Len(t, seen, rows)
	}
}

// TestLedgerExport_takes_no_more_memory_for_more_rows looks at the heap while a
// long ledger is exported. It runs alone: the heap is the whole process's.
func TestLedgerExport_takes_no_more_memory_for_more_rows(t *testing.T) { //nolint:paralleltest // see above
	s := setup(t)
	const rows = 60_000 // 19 MB of them, and 8 MB as a file
	s.plantTransfers(t, s.register(t), rows)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/ledger/export.csv", http.NoBody)
	request.Header.Set("Authorization", "Bearer "+s.tokens[actor.Finance])
	before := liveHeap()
	w := &weighing{header: http.Header{}}
	s.handler.ServeHTTP(w, request)
	require.Equal(t, http.StatusOK, w.status)
	require.Equal(t, rows+1, w.lines)
	require.Greater(t, w.weighed, 5, "from the first line to the last ones")
	require.Less(t, w.most-before, int64(4<<20), "what is kept does not grow with the rows")
}

func liveHeap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// weighing is the client of a download. It keeps nothing of it, and looks at
// the live heap when the first of it arrives and after each megabyte.
type weighing struct {
	header        http.Header
	status        int
	lines, weight int
	weighed       int   // how often
	most          int64 // bytes of the heap
}

func (w *weighing) Header() http.Header    { return w.header }
func (w *weighing) WriteHeader(status int) { w.status = status }
func (w *weighing) Flush()                 {}

func (w *weighing) Write(p []byte) (int, error) {
	w.lines += bytes.Count(p, []byte("\n"))
	w.weight += len(p)
	if w.weight > w.weighed<<20 {
		w.weighed++
		w.most = max(w.most, liveHeap())
	}
	return len(p), nil
}
