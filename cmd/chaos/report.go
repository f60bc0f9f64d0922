package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
)

// Breach is a promise that was not kept.
type Breach struct {
	Promise string // as docs/reliability.md numbers them: "P1"
	Rule    string // which check found it; stable
	Detail  string
}

// Report is what a run has found. It is safe for concurrent use.
type Report struct {
	mu       sync.Mutex
	breaches []Breach
	facts    []string
	counts   map[string]int
	complete bool // every part of the run was carried through
}

func newReport() *Report { return &Report{counts: map[string]int{}} }

// Well reports whether everything was looked at and no promise was broken.
func (r *Report) Well() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.complete && len(r.breaches) == 0
}

// Breaches returns what was found broken.
func (r *Report) Breaches() []Breach {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.breaches)
}

// Print writes the facts, the counts and every kind of breach with its first
// examples.
func (r *Report) Print(out io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintln(out, "\nreport")
	for _, fact := range r.facts {
		fmt.Fprintln(out, " ", fact)
	}
	for _, name := range slices.Sorted(keys(r.counts)) {
		fmt.Fprintf(out, "  %-44s %d\n", name, r.counts[name])
	}
	const examples = 8
	byRule := map[string][]Breach{}
	for _, b := range r.breaches {
		byRule[b.Rule] = append(byRule[b.Rule], b)
	}
	for _, rule := range slices.Sorted(keys(byRule)) {
		found := byRule[rule]
		fmt.Fprintf(out, "  BROKEN %s %s: %d\n", found[0].Promise, rule, len(found))
		for _, b := range found[:min(len(found), examples)] {
			fmt.Fprintln(out, "    ", b.Detail)
		}
	}
	switch {
	case !r.complete:
		fmt.Fprintln(out, "  the run was not carried through")
	case len(r.breaches) == 0:
		fmt.Fprintln(out, "  every promise held")
	}
}

func (r *Report) breach(promise, rule, format string, args ...any) {
	r.add(Breach{promise, rule, fmt.Sprintf(format, args...)})
}

func (r *Report) carriedThrough() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.complete = true
}

func (r *Report) add(found ...Breach) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.breaches = append(r.breaches, found...)
}

func (r *Report) fact(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.facts = append(r.facts, fmt.Sprintf(format, args...))
}

// counted returns how often something was counted.
func (r *Report) counted(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[name]
}

func (r *Report) count(name string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[name] += n
}
