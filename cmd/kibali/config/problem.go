package config

import (
	"fmt"
	"strings"
)

// Problem is one setting that is missing or cannot be used.
type Problem struct {
	Variable string // the environment variable that sets it
	Text     string // what is wrong and what to do
}

// Problems gathers what is wrong with a configuration.
//
//nolint:errname // it is a list first, and an error when it is not empty
type Problems []Problem

func (p *Problems) add(variable, format string, args ...any) {
	*p = append(*p, Problem{Variable: variable, Text: fmt.Sprintf(format, args...)})
}

// need adds a problem when value is empty, and reports whether it is there.
func (p *Problems) need(variable, value, do string) bool {
	if value == "" {
		p.add(variable, "is not set: %s", do)
	}
	return value != ""
}

// Err returns the problems as one error, or nil when there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Error names every setting on a line of its own.
func (p Problems) Error() string {
	var text strings.Builder
	text.WriteString("the configuration cannot be used:")
	for _, problem := range p {
		fmt.Fprintf(&text, "\n  %s %s", problem.Variable, problem.Text)
	}
	return text.String()
}
