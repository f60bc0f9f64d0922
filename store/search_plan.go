package store

import "context"

// way is how the matches of a search are come by.
type way int

const (
	// byOrder goes through the accounts in the order of the list and keeps what
	// matches: quick when much does.
	byOrder way = iota
	// byIndex reads all matches from the index and sorts them: quick when few do.
	byIndex
)

// plan says how a search is carried out. Every plan gives the same answer, or
// says that it gave up.
type plan struct {
	// page by index counts the matches on the way; in order, they are counted
	// as count says.
	page, count way
	// After how many rows to give up: accounts gone through in order, for the
	// page and for the count, or matches in the index. 0 is never.
	pageRows, countRows int
	// runs that a match has in the index, one set for each way in which it can
	// match. The index holds them.
	runs [][]string
}

// What rows cost, in microseconds as measured with the data in memory. Only
// their proportions matter.
const (
	costNewest  = 0.8  // an account among the newest: looked at for the words
	costOrdered = 1.7  // an account in any other order, which is somewhere else in memory
	costEntry   = 0.08 // an entry of the rarest run, for each run that is looked for
	costPrefix  = 0.2  // an entry of the runs that a shorter one begins, gathered before that
	costMatch   = 1.8  // an account that the index names: fetched and looked at
	costKey     = 1.5  // and the key to sort it by, fetched from another table
)

// Where plans give up, in rows.
const (
	boundOrdered = 40_000
	boundMatches = 40_000
	boundUnknown = 10_000
)

// carriedOut answers a search. A plan that gives up, because matches are spread
// otherwise than was expected, is followed by another one.
func (r *Reader) carriedOut(ctx context.Context, q AccountsQuery, words []searchWord, p plan) (listing, error) {
	for {
		found, err := r.listed(ctx, q, words, p)
		if err != nil || !found.pageShort && !found.countShort {
			return found, err
		}
		p = p.next(found)
	}
}

// next returns the plan after one that gave up. The last one has no bounds.
func (p plan) next(found listing) plan {
	switch {
	case found.pageShort && p.page == byIndex:
		// There are so many matches that one comes soon in any order.
		return plan{page: byOrder, pageRows: 4 * boundOrdered, count: byIndex, runs: p.runs}
	case found.pageShort:
		return plan{page: byIndex, runs: p.runs}
	default:
		p.count = byIndex
		return p
	}
}

// plan chooses how to carry out a search. Where nothing is known it tries the
// order first, and not for long.
func (g *searchGuide) plan(q AccountsQuery, words []searchWord) plan {
	sample := g.current()
	if sample == nil || len(sample.rows) == 0 {
		return plan{pageRows: boundUnknown, countRows: boundUnknown, runs: allRuns(words)}
	}
	return sample.choose(q, words)
}

// choose compares what the plans would cost.
func (s *searchSample) choose(q AccountsQuery, words []searchWord) plan {
	inTab := float64(s.counts.Of(q.Status))
	e := s.estimate(q.Status, words)
	p := plan{runs: e.runs, pageRows: boundOrdered, countRows: boundOrdered}
	ordered := func(cost float64, wanted int) float64 { return cost * min(float64(wanted)/e.shareOfTab, inTab) }
	costPage, costCount, costFound := costOrdered, costOrdered, costMatch+costKey
	if q.Sort == SortRegistered {
		costFound = costMatch
	}
	if q.Status == "" {
		costCount = costNewest
		if q.Sort == SortRegistered {
			costPage = costNewest
		}
	}
	countOrdered := ordered(costCount, maxMatches+1)
	countIndex := e.lookup + costMatch*min(e.candidates, (maxMatches+1)*e.candidates/e.matches)
	if countIndex < countOrdered {
		p.count = byIndex
	}
	if e.lookup+costFound*e.candidates < ordered(costPage, q.Limit+1)+min(countOrdered, countIndex) {
		p.page, p.pageRows = byIndex, boundMatches
	}
	return p
}
