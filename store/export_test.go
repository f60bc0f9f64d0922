package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
)

// SearchWays are plans for a search, by what they do.
var SearchWays = map[string]plan{
	"in order":                   {page: byOrder, pageRows: 1 << 20, count: byOrder, countRows: 1 << 20},
	"in order, counted by index": {page: byOrder, pageRows: 1 << 20, count: byIndex},
	"by index":                   {page: byIndex},
	"in order, giving up":        {page: byOrder, pageRows: 7, count: byOrder, countRows: 7},
	"by index, giving up":        {page: byIndex, pageRows: 3},
}

// AccountsInWay is Accounts with a plan of the test's.
func (r *Reader) AccountsInWay(ctx context.Context, q AccountsQuery, way string) (AccountsPage, error) {
	words, fields := parseSearch(q.Q)
	if len(words) == 0 || fields != nil {
		return AccountsPage{}, errors.New("not a search")
	}
	p := SearchWays[way]
	p.runs = allRuns(words)
	found, err := r.carriedOut(ctx, q, words, p)
	return found.AccountsPage, err
}

// Sample has the sample for the plans of searches taken, and returns of how
// many accounts it is.
func (s *Store) Sample() int {
	s.search.renew()
	if s.search.sample == nil {
		return -1
	}
	return len(s.search.sample.rows)
}

// PlanOf says how a search would be carried out.
func (s *Store) PlanOf(q AccountsQuery) (pageByIndex, countByIndex bool) {
	words, _ := parseSearch(q.Q)
	p := s.search.plan(q, words)
	return p.page == byIndex, p.page == byIndex || p.count == byIndex
}

// TakeBeside has a gatherer take its next statement while charges of one account
// wait for somebody else's lock, and returns which of those that came since it
// takes and which join them.
func TakeBeside(locked Posting, came ...Posting) (taken, joined []Posting) {
	g := &gatherer{locked: map[uuid.UUID][]*gathered{}, busy: map[uuid.UUID]bool{}}
	g.locked[locked.AccountID] = []*gathered{{Posting: locked}}
	for _, p := range came {
		g.waiting = append(g.waiting, &gathered{Posting: p})
	}
	for _, w := range g.take() {
		taken = append(taken, w.Posting)
	}
	for _, w := range g.locked[locked.AccountID][1:] {
		joined = append(joined, w.Posting)
	}
	return taken, joined
}
