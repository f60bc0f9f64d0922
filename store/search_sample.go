package store

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/domain/account"
)

// searchGuide knows what the accounts of a database are like, from a sample, so
// that a search can tell beforehand how many will match. One serves all readers
// of a Store; a nil one knows nothing. What it knows may be minutes old and
// decides over nothing but speed.
type searchGuide struct {
	pool *pgxpool.Pool

	mu       sync.Mutex
	sample   *searchSample
	sampling bool
	due      time.Time
}

const (
	sampleLife  = 5 * time.Minute
	sampleRetry = 10 * time.Second // after a failure, and while there is little to sample
	sampleLimit = 10 * time.Second // how long taking one may take
)

// current returns the newest sample, or nil when there is none yet. Where it is
// time for a new one it has that taken, and does not wait for it.
func (g *searchGuide) current() *searchSample {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.sampling && time.Now().After(g.due) {
		g.sampling = true
		go g.renew()
	}
	return g.sample
}

// renew takes a sample. When the database does not give one, searches go on with
// the one before.
func (g *searchGuide) renew() {
	ctx, cancel := context.WithTimeout(context.Background(), sampleLimit)
	defer cancel()
	sample, err := takeSample(ctx, g.pool)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sampling = false
	g.due = time.Now().Add(sampleRetry)
	if err != nil {
		return
	}
	g.sample = sample
	if len(sample.rows) > 0 {
		g.due = time.Now().Add(sampleLife)
	}
}

const (
	sampleRows   = 4096 // an estimate of one in a hundred is then off by a sixth
	sampleBlocks = 500  // of the table, over which they are spread
	sampleFrom   = 5000 // accounts; fewer are gone through in no time
	blockBytes   = 8 << 10
)

// searchSample is a random part of the accounts' search texts. It lives long and
// is large, so it is kept in few pieces and with few pointers for the garbage
// collector to follow.
type searchSample struct {
	counts   Counts // of the whole installation
	rows     []sampleRow
	byStatus map[account.Status][]uint16 // the rows of a status
	// byRun says where in lists the rows stand that have a run, for every run of
	// the rows.
	byRun map[runKey]span
	lists []uint16
}

type sampleRow struct {
	Status     account.Status
	SearchText string
}

// runKey is a run of up to runLength characters as a number.
type runKey uint64

func keyOf(run string) runKey {
	var key runKey
	for _, r := range run {
		key = key<<21 | runKey(r) + 1
	}
	return key
}

type span struct{ from, to uint32 }

// with returns the rows that have the run, in ascending order.
func (s *searchSample) with(run string) []uint16 {
	if status, ok := strings.CutPrefix(run, statusMark); ok {
		return s.byStatus[account.Status(status)]
	}
	at := s.byRun[keyOf(run)]
	return s.lists[at.from:at.to]
}

// inTab is how many rows the tab has.
func (s *searchSample) inTab(status account.Status) float64 {
	if status == "" {
		return float64(len(s.rows))
	}
	return float64(len(s.byStatus[status]))
}

func takeSample(ctx context.Context, db querier) (*searchSample, error) {
	s := &searchSample{}
	var bytes int64
	c := &s.counts
	err := db.QueryRow(ctx, `
		SELECT sum(pending)::bigint, sum(active)::bigint, sum(suspended)::bigint, sum(rejected)::bigint, sum(closed)::bigint,
			sum(pending + active + suspended + rejected + closed)::bigint, pg_relation_size('account_search')
		FROM account_counts`).Scan(&c.Pending, &c.Active, &c.Suspended, &c.Rejected, &c.Closed, &c.All, &bytes)
	if err != nil || c.All < sampleFrom {
		return s, err
	}
	part := min(1, sampleBlocks*blockBytes/float64(bytes))
	kept := min(1, sampleRows/(part*float64(c.All)))
	// Nothing is left to chance, so that replicas come to the same plans.
	rows, err := db.Query(ctx, `
		SELECT status, search_text FROM account_search TABLESAMPLE SYSTEM ($1) REPEATABLE (1)
		WHERE uuid_hash(account_id) & 65535 < $2 LIMIT $3`,
		part*100, int(kept*65536), 2*sampleRows)
	if err != nil {
		return nil, err
	}
	s.rows, err = pgx.CollectRows(rows, pgx.RowToStructByName[sampleRow])
	if err != nil {
		return nil, err
	}
	s.index()
	return s, nil
}

func (s *searchSample) index() {
	s.byStatus = map[account.Status][]uint16{}
	var texts strings.Builder
	for i, row := range s.rows {
		s.byStatus[row.Status] = append(s.byStatus[row.Status], uint16(i))
		texts.WriteString(row.SearchText)
	}
	together, found := texts.String(), map[runKey][]uint16{}
	for i := range s.rows {
		row := &s.rows[i]
		row.SearchText, together = together[:len(row.SearchText)], together[len(row.SearchText):]
		enterRuns(found, row.SearchText, uint16(i))
	}
	s.byRun = make(map[runKey]span, len(found))
	for run, rows := range found {
		from := uint32(len(s.lists))
		s.lists = append(s.lists, rows...)
		s.byRun[run] = span{from, uint32(len(s.lists))}
	}
}

// enterRuns notes which runs a row has. What is searched for has no white space,
// so neither have these. It is called row by row.
func enterRuns(found map[runKey][]uint16, text string, row uint16) {
	for at := range text {
		var run runKey
		length := 0
		for _, r := range text[at:] {
			if length == runLength || unicode.IsSpace(r) {
				break
			}
			run, length = run<<21|runKey(r)+1, length+1
			if list := found[run]; len(list) == 0 || list[len(list)-1] != row {
				found[run] = append(list, row)
			}
		}
	}
}
