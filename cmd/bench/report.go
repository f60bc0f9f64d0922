package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// report gathers what was measured.
type report struct {
	verified int
	times    []kindTimes
	rates    []questionRates
	memory   int // MB
}

// kindTimes is how long one client waited for the answers to a kind of
// question.
type kindTimes struct {
	kind  string
	slow  bool
	times []time.Duration
	worst question
	most  time.Duration
}

// questionRates is how many answers a second each contender gave, round by
// round.
type questionRates struct {
	question question
	rates    map[string][]float64
}

func (r *report) answered(q question, took time.Duration) {
	i := slices.IndexFunc(r.times, func(k kindTimes) bool { return k.kind == q.search.kind })
	if i < 0 {
		i = len(r.times)
		r.times = append(r.times, kindTimes{kind: q.search.kind, slow: q.search.slow})
	}
	k := &r.times[i]
	k.times = append(k.times, took)
	if took > k.most {
		k.worst, k.most = q, took
	}
}

func (r *report) rated(q question, contender string, rate float64) {
	i := slices.IndexFunc(r.rates, func(o questionRates) bool {
		return o.question.String() == q.String() && o.question.query.Q == q.query.Q
	})
	if i < 0 {
		i = len(r.rates)
		r.rates = append(r.rates, questionRates{question: q, rates: map[string][]float64{}})
	}
	r.rates[i].rates[contender] = append(r.rates[i].rates[contender], rate)
}

// quantile of a sorted slice that is not empty.
func quantile[T any](sorted []T, q float64) T {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func (k kindTimes) quantile(q float64) time.Duration {
	return quantile(slices.Sorted(slices.Values(k.times)), q)
}

func (q questionRates) median(contender string) float64 {
	return quantile(slices.Sorted(slices.Values(q.rates[contender])), 0.5)
}

// over is the API's rate over a floor's: the median over the rounds, as rates
// of one round were measured side by side.
func (q questionRates) over(floor string) float64 {
	ratios := make([]float64, len(q.rates[floor]))
	for i, rate := range q.rates[floor] {
		ratios[i] = q.rates["api"][i] / rate
	}
	slices.Sort(ratios)
	return quantile(ratios, 0.5)
}

// ceiling is what over("pg") is at most for a server that looks at the token with
// a statement of its own: the bare HTTP server's answer takes longer than pg's by
// what HTTP costs, and sql's by what that look costs.
func (q questionRates) ceiling() float64 {
	ceilings := make([]float64, len(q.rates["pg"]))
	for i, pg := range q.rates["pg"] {
		ceilings[i] = 1 / (pg/q.rates["http"][i] + pg/q.rates["sql"][i] - 1)
	}
	slices.Sort(ceilings)
	return quantile(ceilings, 0.5)
}

// printTimes prints how long one client waited.
func (r *report) printTimes(w io.Writer) {
	fmt.Fprintf(w, "%d answers compared with the right ones\n\nOne client: every tab, sort and direction, first and deep page, ms\n\n", r.verified)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "p50\tp99\tmost\tn\t  kind\t")
	for _, k := range r.times {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t  %s\t\n", ms(k.quantile(.5)), ms(k.quantile(.99)), ms(k.most), len(k.times), k.kind)
	}
	_ = t.Flush() // of w, which is the terminal
}

// printRates prints what all clients got.
func (r *report) printRates(w io.Writer) {
	fmt.Fprintf(w, "\n%d clients: answers a second, the API's share of the floors, and what of pg it can have at most\n\n", clients)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "api\thttp\tpg\tsql\tof http\tof pg\tat most\tof sql\t  question\t")
	for _, q := range r.rates {
		fmt.Fprintf(t, "%.0f\t%.0f\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t  %s\t\n",
			q.median("api"), q.median("http"), q.median("pg"), q.median("sql"), q.over("http"), q.over("pg"), q.ceiling(), q.over("sql"), q.question)
	}
	_ = t.Flush() // of w, which is the terminal
}

func (r *report) printVerdicts(w io.Writer) {
	fmt.Fprintln(w)
	for _, v := range r.verdicts() {
		fmt.Fprintln(w, v)
	}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }

// The bounds.
const (
	boundTime   = 25 * time.Millisecond
	boundSlow   = 150 * time.Millisecond
	boundList   = 0.6
	boundSearch = 0.7
	boundDeep   = 0.8
	boundMemory = 150 // MB
)

func (r *report) verdicts() []string {
	var verdicts []string
	for _, slow := range []bool{false, true} {
		bound, title := boundTime, "p99 of every kind"
		if slow {
			bound, title = boundSlow, "p99 of several common words"
		}
		kinds := slices.DeleteFunc(slices.Clone(r.times), func(k kindTimes) bool { return k.slow != slow })
		if len(kinds) == 0 {
			continue
		}
		worst := slices.MaxFunc(kinds, func(a, b kindTimes) int { return cmp.Compare(a.quantile(.99), b.quantile(.99)) })
		p99 := worst.quantile(.99)
		verdicts = append(verdicts, verdict(p99 <= bound, "%s <= %s ms: at most %s ms (%s; the slowest answer: %v)", title, ms(bound), ms(p99), worst.kind, worst.worst))
	}
	lists := slices.DeleteFunc(slices.Clone(r.rates), func(q questionRates) bool { return q.question.search.kind != listKind })
	searches := slices.DeleteFunc(slices.Clone(r.rates), func(q questionRates) bool { return q.question.search.kind == listKind })
	verdicts = append(verdicts, least("lists", lists, "http", boundList)...)
	verdicts = append(verdicts, least("searches", searches, "pg", boundSearch)...)
	verdicts = append(verdicts, least("searches", searches, "sql", boundSearch)...)
	for _, sort := range sorts {
		var first, deep questionRates
		for _, q := range lists {
			switch {
			case q.question.query.Sort != sort:
			case q.question.deep:
				deep = q
			default:
				first = q
			}
		}
		if deep.rates != nil {
			ratio := deep.median("api") / first.median("api")
			verdicts = append(verdicts, verdict(ratio >= boundDeep, "deep >= %.1f x first, by %s: %.2f", boundDeep, sort, ratio))
		}
	}
	if r.memory > 0 {
		verdicts = append(verdicts, verdict(r.memory <= boundMemory, "serve <= %d MB resident: %d MB at most", boundMemory, r.memory))
	}
	return verdicts
}

// least judges the worst of the questions, if there are any, and tells of the
// one in the middle.
func least(title string, rates []questionRates, floor string, bound float64) []string {
	if len(rates) == 0 {
		return nil
	}
	ordered := slices.SortedFunc(slices.Values(rates), func(a, b questionRates) int { return cmp.Compare(a.over(floor), b.over(floor)) })
	below := 0
	for _, q := range rates {
		if q.over(floor) < bound {
			below++
		}
	}
	worst := ordered[0]
	return []string{verdict(below == 0, "%s >= %.1f x %s: at least %.2f (%v); %d of %d below the bound, median %.2f",
		title, bound, floor, worst.over(floor), worst.question, below, len(rates), quantile(ordered, 0.5).over(floor))}
}

func verdict(met bool, format string, args ...any) string {
	word := "met      "
	if !met {
		word = "NOT MET  "
	}
	return word + fmt.Sprintf(format, args...)
}
