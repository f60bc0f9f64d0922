package main

import (
	"fmt"
	"io"
	"slices"
)

// caseReport gathers what was measured of cases.
type caseReport struct {
	commits               int // transactions that a case commits
	plain, uploaded, bare history
	real, floor           []float64 // cases a second, by round
}

// The bounds.
const (
	boundCases    = 0.85
	boundEvents   = 45
	boundUploaded = 60
)

func (r *caseReport) print(w io.Writer) {
	fmt.Fprintf(w, "\nA case from registration to approval: %s; %d transactions that write\n", r.plain.shape(), r.commits)
	for _, h := range []struct {
		title string
		history
	}{{"without documents", r.plain}, {"with one upload", r.uploaded}, {"bare", r.bare}} {
		fmt.Fprintf(w, "  %s: %d events, %d Temporal Cloud actions (%s)\n", h.title, h.size(), h.actions(), h.history)
	}
	fmt.Fprintf(w, "\n%d clients, cases a second with all notices sent, round by round\n", clients)
	ratios := make([]float64, len(r.real))
	for i := range r.real {
		ratios[i] = r.real[i] / r.floor[i]
		fmt.Fprintf(w, "  kibali %6.1f   bare %6.1f   ratio %.2f\n", r.real[i], r.floor[i], ratios[i])
	}
	ratio := median(ratios)
	fmt.Fprintf(w, "  median %6.1f        %6.1f         %.2f\n\n", median(r.real), median(r.floor), ratio)
	fmt.Fprintln(w, verdict(ratio >= boundCases, "cases >= %.2f x bare: %.2f", boundCases, ratio))
	fmt.Fprintln(w, verdict(r.plain.size() <= boundEvents, "events <= %d: %d", boundEvents, r.plain.size()))
	fmt.Fprintln(w, verdict(r.uploaded.size() <= boundUploaded, "events with one upload <= %d: %d", boundUploaded, r.uploaded.size()))
}

func median(of []float64) float64 { return quantile(slices.Sorted(slices.Values(of)), 0.5) }
