package doctor

import (
	"fmt"
	"io"
	"slices"
)

// State says how serious a finding is.
type State string

// The states. A warning is worth knowing; a failure keeps Kibali from working
// or from keeping its promises.
const (
	OK      State = "ok"
	Warning State = "warning"
	Failed  State = "failed"
	Skipped State = "skipped" // could not be checked, because something else is missing
)

// Finding is what came out of one check.
type Finding struct {
	Check  string `json:"check"`
	State  State  `json:"state"`
	Detail string `json:"detail"`
	Do     string `json:"do,omitempty"` // what to do about it
}

// Findings are the outcome of an examination.
type Findings []Finding

// Well reports whether nothing has failed.
func (f Findings) Well() bool {
	return !slices.ContainsFunc(f, func(f Finding) bool { return f.State == Failed })
}

// Print writes a line for each finding, and what to do below it.
func (f Findings) Print(out io.Writer) {
	for _, finding := range f {
		state := string(finding.State)
		if finding.State == Failed {
			state = "FAILED"
		}
		fmt.Fprintf(out, "%-8s %s: %s\n", state, finding.Check, finding.Detail)
		if finding.Do != "" {
			fmt.Fprintf(out, "%-8s   %s\n", "", finding.Do)
		}
	}
}

// findings gathers what the checks of one area find.
type findings struct {
	area string
	list Findings
}

func (f *findings) add(state State, check, do, detail string, args ...any) {
	f.list = append(f.list, Finding{Check: f.area + check, State: state, Detail: fmt.Sprintf(detail, args...), Do: do})
}

func (f *findings) ok(check, detail string, args ...any) { f.add(OK, check, "", detail, args...) }

func (f *findings) skip(check, detail string, args ...any) {
	f.add(Skipped, check, "", detail, args...)
}
