package store

import (
	"cmp"
	"context"
	"slices"
	"unicode/utf8"

	"kibali/domain/account"
)

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
	// grams that a match has in the index, one set for each way in which it can
	// match. The index holds them.
	grams [][]string
}

// What a row costs, in microseconds on a machine of 2023 with the data in
// memory. Only their proportions matter.
const (
	costOrdered  = 1.0  // an account in order: looked at for the words
	costEntry    = 0.12 // an entry of the rarest gram: looked for among the other grams
	costMatch    = 1.5  // a match in the index: fetched and looked at
	costMatchKey = 1.8  // and the key to sort it by, fetched from the account
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
		return plan{page: byOrder, pageRows: 4 * boundOrdered, count: byIndex, grams: p.grams}
	case found.pageShort:
		return plan{page: byIndex, grams: p.grams}
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
		return plan{pageRows: boundUnknown, countRows: boundUnknown, grams: gramsFor(words, func(string) int { return 0 })}
	}
	return sample.choose(q, words)
}

// choose compares what the plans would cost.
func (s *searchSample) choose(q AccountsQuery, words []searchWord) plan {
	p := plan{grams: gramsFor(words, s.frequency), pageRows: boundOrdered, countRows: boundOrdered}
	inTab := s.counts.Of(q.Status)
	if inTab < s.counts.All/2 {
		for i := range p.grams {
			p.grams[i] = append(p.grams[i], statusGram(q.Status))
		}
	}
	e := s.estimate(q.Status, words, p.grams)
	ordered := func(wanted int) float64 { return costOrdered * min(float64(wanted)/e.shareOfTab, float64(inTab)) }
	match := costMatch
	if q.Sort != SortRegistered {
		match += costMatchKey
	}
	countIndex := costEntry*e.entries + costMatch*min(e.matches, maxMatches+1)
	if countIndex < ordered(maxMatches+1) {
		p.count = byIndex
	}
	if costEntry*e.entries+match*e.matches < ordered(q.Limit+1)+min(ordered(maxMatches+1), countIndex) {
		p.page, p.pageRows = byIndex, boundMatches
	}
	return p
}

// maxGrams is how many grams a search looks for: more of them leave out few
// rows that the rarest ones do not.
const maxGrams = 6

// gramsFor returns the sets of grams of which a match has one whole.
func gramsFor(words []searchWord, frequency func(gram string) int) [][]string {
	var texts []string
	var longest searchWord
	for _, w := range words {
		switch {
		case w.digits == "":
			texts = append(texts, w.text)
		case len(w.text) > len(longest.text):
			longest = w
		}
	}
	if len(texts) > 0 {
		return [][]string{rarestGrams(texts, frequency)}
	}
	return [][]string{rarestGrams([]string{longest.text}, frequency), rarestGrams([]string{longest.digits}, frequency)}
}

// rarestGrams returns the rarest grams of the texts, one of each text at least.
func rarestGrams(texts []string, frequency func(gram string) int) []string {
	byRarity := func(a, b string) int { return cmp.Compare(frequency(a), frequency(b)) }
	var first, others []string
	for _, text := range texts {
		grams := longestGrams(text)
		slices.SortStableFunc(grams, byRarity)
		first, others = append(first, grams[0]), append(others, grams[1:]...)
	}
	slices.SortStableFunc(others, byRarity)
	for _, gram := range others {
		if len(first) >= maxGrams {
			break
		}
		if !slices.Contains(first, gram) {
			first = append(first, gram)
		}
	}
	return first
}

// gramLength is the length of the longest grams that search_grams makes.
const gramLength = 3

// longestGrams returns the runs of three characters of a word, or the word when
// it is shorter.
func longestGrams(word string) []string {
	starts := make([]int, 0, len(word)+1) // of characters
	for i := range word {
		starts = append(starts, i)
	}
	starts = append(starts, len(word))
	if utf8.RuneCountInString(word) <= gramLength {
		return []string{word}
	}
	var grams []string
	for i := range len(starts) - gramLength {
		grams = append(grams, word[starts[i]:starts[i+gramLength]])
	}
	return grams
}

// statusGram is what search_grams makes of a status.
func statusGram(status account.Status) string { return " " + string(status) }
