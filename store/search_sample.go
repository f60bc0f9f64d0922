package store

import (
	"context"
	"sync"
	"time"
	"unicode/utf8"

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

// searchSample is a random part of the accounts' search texts.
type searchSample struct {
	counts Counts // of the whole installation
	rows   []sampleRow
	inTab  map[account.Status]int // rows by status, and all of them under ""
	// byRun holds the rows that have a run, for every run of the rows.
	byRun map[string][]uint16
}

type sampleRow struct {
	Status     account.Status
	SearchText string
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
	s.inTab = map[account.Status]int{"": len(s.rows)}
	s.byRun = map[string][]uint16{}
	for i, row := range s.rows {
		s.inTab[row.Status]++
		s.enter(statusRun(row.Status), i)
		for at := range row.SearchText {
			end := at
			for range runLength {
				_, size := utf8.DecodeRuneInString(row.SearchText[end:])
				end += size
				s.enter(row.SearchText[at:end], i)
			}
		}
	}
}

// enter notes that a row has a run. It is called row by row.
func (s *searchSample) enter(run string, row int) {
	list := s.byRun[run]
	if len(list) == 0 || list[len(list)-1] != uint16(row) {
		s.byRun[run] = append(list, uint16(row))
	}
}
