package store

import (
	"slices"
	"strings"
	"unicode/utf8"

	"kibali/domain/account"
)

// A run is what the index of search texts holds: three characters side by
// side, or the status behind a space. A search looks for sets of runs: what
// matches has all runs of one of the sets, though what has them need not match.

// textSets returns which texts, all of one of the sets, what matches the words
// has. A word that may be one of two things is left out as long as there are
// others, so there are two sets at most.
func textSets(words []searchWord) [][]string {
	var certain []string
	var longest searchWord
	for _, w := range words {
		switch {
		case w.digits == "":
			certain = append(certain, w.text)
		case len(w.digits) > len(longest.digits):
			longest = w
		}
	}
	if len(certain) > 0 {
		return [][]string{certain}
	}
	return [][]string{{longest.text}, {longest.digits}}
}

// maxRuns is how many runs of a set are looked for: more of them leave out few
// rows that these do not.
const maxRuns = 6

// allRuns returns the sets of runs for the words, when nothing is known of the
// runs: those of the longest text.
func allRuns(words []searchWord) [][]string {
	sets := textSets(words)
	for i, texts := range sets {
		runs := runsOf(slices.MaxFunc(texts, func(a, b string) int { return len(a) - len(b) }))
		sets[i] = runs[:min(len(runs), maxRuns)]
	}
	return sets
}

// runLength is the length of the longest runs that search_runs makes.
const runLength = 3

// runsOf returns the runs of three characters of a word, each once, or the word
// when it is shorter.
func runsOf(word string) []string {
	starts := make([]int, 0, len(word)+1) // of characters
	for i := range word {
		starts = append(starts, i)
	}
	starts = append(starts, len(word))
	if len(starts) <= runLength+1 {
		return []string{word}
	}
	runs := make([]string, 0, len(starts)-runLength)
	for i := range len(starts) - runLength {
		runs = append(runs, word[starts[i]:starts[i+runLength]])
	}
	slices.Sort(runs)
	return slices.Compact(runs)
}

// statusRun is what search_runs makes of a status.
func statusRun(status account.Status) string { return statusMark + string(status) }

const statusMark = " "

// quoteRun writes a run as it stands between apostrophes.
var quoteRun = strings.NewReplacer("'", "''", `\`, `\\`)

// tsquery is the condition of the index for sets of runs, one of which must be
// there whole. A run shorter than those of the index is the beginning of one.
func tsquery(sets [][]string) string {
	ways := make([]string, len(sets))
	for i, set := range sets {
		runs := make([]string, len(set))
		for j, run := range set {
			runs[j] = "'" + quoteRun.Replace(run) + "'"
			if utf8.RuneCountInString(run) < runLength {
				runs[j] += ":*"
			}
		}
		ways[i] = "(" + strings.Join(runs, " & ") + ")"
	}
	return strings.Join(ways, " | ")
}
