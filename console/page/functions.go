package page

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// functions are what templates of one language call.
type functions struct {
	messages messages
	assets   *Assets
	zone     func() *time.Location
	now      func() time.Time
}

func (f functions) table() template.FuncMap {
	return template.FuncMap{
		"t":         f.messages.say,
		"code":      f.messages.sayCode,
		"fieldText": f.messages.sayField,
		"asset":     f.assets.Address,
		"icon":      f.icon,
		"number":    number,
		"signed":    signed,
		"size":      size,
		"ago":       f.ago,
		"at":        f.at,
		"span":      f.span,
		"due":       f.due,
		"dict":      dict,
		"parts":     parts,
	}
}

// icon draws a symbol of icons.svg. It says nothing to those who do not see
// it: a text beside it, or the label of what it stands in, does.
func (f functions) icon(name string) (template.HTML, error) {
	sprite, err := f.assets.Address("icons.svg")
	if err != nil {
		return "", err
	}
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + sprite + `#` + template.HTMLEscapeString(name) + `"/></svg>`), nil //nolint:gosec // both are ours
}

// number is Number for any integer type of a template.
func number(n any) (string, error) {
	switch n := n.(type) {
	case int:
		return Number(int64(n)), nil
	case int64:
		return Number(n), nil
	case *int64:
		if n != nil {
			return Number(*n), nil
		}
	}
	return "", fmt.Errorf("%T is no whole number", n)
}

// signed is Number with a sign before what is added.
func signed(n int64) string {
	if n > 0 {
		return "+" + Number(n)
	}
	return Number(n)
}

// Number writes a whole number with a comma between groups of three digits, as
// English and Swahili both have it.
func Number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "−", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// size writes a number of bytes.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<20:
		return strconv.FormatFloat(float64(bytes)/(1<<20), 'f', 1, 64) + " MB"
	case bytes >= 1<<10:
		return strconv.FormatInt((bytes+1<<9)>>10, 10) + " kB"
	}
	return strconv.FormatInt(bytes, 10) + " B"
}

// dict makes a map, to hand more than one thing to a part of a page.
func dict(arguments ...any) (map[string]any, error) { return pairs(arguments) }

// parts returns the paragraphs of a text.
func parts(text string) []string { return strings.Split(text, "\n") }

// moment is a time that may be absent.
func moment(t any) (time.Time, error) {
	switch t := t.(type) {
	case time.Time:
		return t, nil
	case *time.Time:
		if t == nil {
			return time.Time{}, nil
		}
		return *t, nil
	}
	return time.Time{}, fmt.Errorf("%T is not a time", t)
}

// ago tells how long ago something was, or in how long it will be; the time
// itself is its title. Of a time that never was it says so.
func (f functions) ago(when any) (template.HTML, error) {
	t, err := moment(when)
	if err != nil {
		return "", err
	}
	if t.IsZero() {
		never, err := f.messages.say("time.never")
		return template.HTML(`<span class="faint">` + template.HTMLEscapeString(never) + `</span>`), err //nolint:gosec // escaped
	}
	said, err := f.distance(t, "time.in", "time.ago")
	if err != nil {
		return "", err
	}
	return f.element(t, said, "ago")
}

// due tells how long there is until a deadline, or by how much it has passed.
func (f functions) due(when any) (template.HTML, error) {
	t, err := moment(when)
	if err != nil || t.IsZero() {
		return "", err
	}
	said, err := f.distance(t, "time.due", "time.over")
	if err != nil {
		return "", err
	}
	class := "due"
	switch left := t.Sub(f.now()); {
	case left < 0:
		class = "due over"
	case left < 4*time.Hour:
		class = "due soon"
	}
	return f.element(t, said, class)
}

// at tells a time in full.
func (f functions) at(when any) (template.HTML, error) {
	t, err := moment(when)
	if err != nil || t.IsZero() {
		return "", err
	}
	said, err := f.absolute(t)
	if err != nil {
		return "", err
	}
	return f.element(t, said, "at")
}

// element is a time with its absolute form as the title, in the platform's
// zone; a script tells it in the reader's.
func (f functions) element(t time.Time, said, class string) (template.HTML, error) {
	absolute, err := f.absolute(t)
	if err != nil {
		return "", err
	}
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" title="` + template.HTMLEscapeString(absolute) + //nolint:gosec // escaped
		`" class="` + class + `">` + template.HTMLEscapeString(said) + `</time>`), nil
}

// absolute writes a time like "23 Nov 2026, 14:02 EAT".
func (f functions) absolute(t time.Time) (string, error) {
	names, err := f.messages.say("time.months")
	if err != nil {
		return "", err
	}
	months := strings.Fields(names)
	if len(months) != 12 {
		return "", fmt.Errorf("time.months names %d months", len(months))
	}
	local := t.In(f.zone())
	return fmt.Sprintf("%d %s %s", local.Day(), months[local.Month()-1], local.Format("2006, 15:04 MST")), nil
}

// distance tells how far a time is from now, in the text for what comes or the
// one for what was.
func (f functions) distance(t time.Time, ahead, behind string) (string, error) {
	left, text := t.Sub(f.now()), ahead
	if left < 0 {
		left, text = -left, behind
	}
	if left < time.Minute && ahead == "time.in" {
		return f.messages.say("time.now")
	}
	span, err := f.span(left)
	if err != nil {
		return "", err
	}
	return f.messages.say(text, "Span", span)
}

// span writes a duration in its greatest unit.
func (f functions) span(d time.Duration) (string, error) {
	const day = 24 * time.Hour
	id, unit := "time.minutes", time.Minute
	switch {
	case d >= 365*day:
		id, unit = "time.years", 365*day
	case d >= 60*day:
		id, unit = "time.months_long", 30*day
	case d >= 2*day:
		id, unit = "time.days", day
	case d >= time.Hour:
		id, unit = "time.hours", time.Hour
	}
	return f.messages.say(id, "Count", max(int(d/unit), 1))
}
