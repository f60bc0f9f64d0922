package store

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"
	"unicode/utf8"

	"kibali/domain/account"
)

// searchEstimate is what a search is expected to meet in the database.
type searchEstimate struct {
	runs       [][]string // the sets of runs to look for in the index
	lookup     float64    // what that costs
	candidates float64    // the accounts that the runs lead to
	matches    float64    // those of them that match, above 0
	shareOfTab float64    // of the accounts of the tab that match, above 0
}

const (
	// unseen is how many rows of the sample stand for what none of them has.
	unseen = 0.3
	// smoothing is how many rows of the whole sample are added to those of a
	// tab, of which it may have few.
	smoothing = 50
	// lookedAt is how many rows of the sample are looked at for an estimate.
	lookedAt = 400
	// consideredRuns is how many of the rarest runs may be looked for.
	consideredRuns = 12
)

// estimate expects of the whole what it finds in the sample.
func (s *searchSample) estimate(status account.Status, words []searchWord) searchEstimate {
	var e searchEstimate
	var all, tab, candidates float64
	small := s.counts.Of(status) < s.counts.All/2
	whole := float64(s.counts.All) / float64(len(s.rows))
	for _, texts := range textSets(words) {
		runs := s.rarest(texts)
		hits, hitsInTab := s.hits(runs[0].rows, status, words)
		all, tab = all+hits, tab+hitsInTab
		if small {
			runs = slices.Insert(runs, 0, s.sampled(statusRun(status)))
			slices.SortStableFunc(runs, byRarity)
		}
		set, found, cost := cheapest(runs, whole)
		e.runs = append(e.runs, set)
		e.lookup += cost
		candidates += found
	}
	all = max(unseen, all)
	tab = min(tab, s.inTab(status))
	e.candidates = max(unseen, candidates) * whole
	e.matches = max(unseen, tab) * whole
	e.shareOfTab = (tab + smoothing*all/float64(len(s.rows))) / (s.inTab(status) + smoothing)
	return e
}

// sampledRun is a run and the rows of the sample that have it.
type sampledRun struct {
	text string
	rows []uint16
}

func (s *searchSample) sampled(run string) sampledRun { return sampledRun{run, s.with(run)} }

func byRarity(a, b sampledRun) int { return cmp.Compare(len(a.rows), len(b.rows)) }

// rarest returns the runs of the texts, the rarest first.
func (s *searchSample) rarest(texts []string) []sampledRun {
	var runs []string
	for _, text := range texts {
		runs = append(runs, runsOf(text)...)
	}
	slices.Sort(runs)
	runs = slices.Compact(runs)
	sampled := make([]sampledRun, len(runs), len(runs)+1)
	for i, run := range runs {
		sampled[i] = s.sampled(run)
	}
	slices.SortStableFunc(sampled, byRarity)
	return sampled
}

// cheapest returns how many of the runs, the rarest of which comes first, it
// pays to look for, how many rows of the sample those lead to, and what the
// look-up costs. Each further run costs time for every entry of the first one,
// and leaves fewer accounts to be fetched. Two are looked for at least, should
// the first one be commoner than it seems. A run that is the beginning of others
// costs time for all entries of those.
func cheapest(runs []sampledRun, whole float64) (set []string, rows, cost float64) {
	sets := rowSets.Get().(*[consideredRuns]rowSet)
	defer rowSets.Put(sets)
	left, leftRows := &sets[0], len(runs[0].rows)
	left.fill(runs[0].rows)
	each := costEntry * max(unseen, float64(leftRows)) * whole
	costOf := func(run sampledRun) float64 {
		if utf8.RuneCountInString(run.text) < runLength {
			return each + costPrefix*max(unseen, float64(len(run.rows)))*whole
		}
		return each
	}
	considered := consideredRuns
	if leftRows == 0 {
		considered = 2 // no further one leaves fewer
	}
	type further struct {
		sampledRun
		in *rowSet
	}
	rest := make([]further, 0, consideredRuns)
	for i, run := range runs[1:min(len(runs), considered)] {
		sets[i+1].fill(run.rows)
		rest = append(rest, further{run, &sets[i+1]})
	}
	set, cost = append(make([]string, 0, maxRuns), runs[0].text), costOf(runs[0])
	for len(set) < maxRuns && len(rest) > 0 {
		next, fewest := 0, leftRows+1
		for i := range rest {
			if both := left.common(rest[i].in); both < fewest {
				next, fewest = i, both
			}
		}
		saved := costMatch * whole * (max(unseen, float64(leftRows)) - max(unseen, float64(fewest)))
		if len(set) > 1 && saved < costOf(rest[next].sampledRun) {
			break
		}
		left.keep(rest[next].in)
		set, leftRows, cost = append(set, rest[next].text), fewest, cost+costOf(rest[next].sampledRun)
		rest = slices.Delete(rest, next, next+1)
	}
	return set, float64(leftRows), cost
}

// rowSet is a set of rows of the sample.
type rowSet [2 * sampleRows / 64]uint64

// rowSets are for cheapest to use again: it takes several of them for each search.
var rowSets = sync.Pool{New: func() any { return new([consideredRuns]rowSet) }}

// fill makes it the set of the rows.
func (a *rowSet) fill(rows []uint16) {
	*a = rowSet{}
	for _, row := range rows {
		a[row/64] |= 1 << (row % 64)
	}
}

// common returns how many rows are in both sets.
func (a *rowSet) common(b *rowSet) (rows int) {
	for i := range a {
		rows += bits.OnesCount64(a[i] & b[i])
	}
	return rows
}

// keep leaves in a what is in b as well.
func (a *rowSet) keep(b *rowSet) {
	for i := range a {
		a[i] &= b[i]
	}
}

// hits returns in how many of the listed rows of the sample all words occur,
// and in how many of those of the tab. Of a long list it looks at rows here and
// there.
func (s *searchSample) hits(list []uint16, status account.Status, words []searchWord) (all, tab float64) {
	step := 1 + len(list)/lookedAt
	for at := 0; at < len(list); at += step {
		row := s.rows[list[at]]
		if slices.ContainsFunc(words, func(w searchWord) bool { return !w.in(row.SearchText) }) {
			continue
		}
		all += float64(step)
		if status == "" || row.Status == status {
			tab += float64(step)
		}
	}
	return all, tab
}
