package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kibali/domain/fault"
)

// text says what one field of written text may hold.
type text struct {
	field    string
	max      int // characters, after normalisation
	required bool
	// lines is how many line breaks in a row are kept: 0 for text on one line,
	// 1 for an address, 2 for paragraphs.
	lines int
	// prose also admits joiners and variation selectors, which emoji and some
	// scripts need and which have no place in a name that others compare.
	prose bool
	// needs, where set, must hold for at least one character; needsDetail
	// tells people so.
	needs       func(rune) bool
	needsDetail string
}

// parse returns s in NFC, trimmed, with inner white space as single spaces and
// line breaks, where there may be any, as "\n". It refuses invalid UTF-8, the replacement character that stands for it,
// control characters, everything invisible or that turns the direction of
// writing, private use and unassigned characters.
func (t text) parse(s string) (string, *fault.Field) {
	if !utf8.ValidString(s) {
		return "", refuse(t.field, CodeInvalid, "Must be valid Unicode text.")
	}
	s = collapse(norm.NFC.String(s), t.lines)
	if s == "" {
		if t.required {
			return "", refuse(t.field, CodeRequired, "Must not be empty.")
		}
		return "", nil
	}
	if utf8.RuneCountInString(s) > t.max {
		return "", tooLong(t.field, t.max)
	}
	for _, r := range s {
		switch {
		case r == '\n' && t.lines > 0:
		case r == '\n':
			return "", refuse(t.field, CodeInvalid, "Must be on one line.")
		case t.prose && isJoiner(r):
		case !isVisible(r):
			return "", refuse(t.field, CodeInvalid, "Must not contain control, invisible or unknown characters.")
		}
	}
	if t.needs != nil && strings.IndexFunc(s, t.needs) < 0 {
		return "", refuse(t.field, CodeInvalid, t.needsDetail)
	}
	return s, nil
}

// collapse trims s and makes each run of white space one space, or as many
// line breaks as it holds up to lines, at least one: where text must be on one
// line, a line break is left for parse to refuse.
func collapse(s string, lines int) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var b strings.Builder
	b.Grow(len(s))
	space, breaks := false, 0 // since the last character
	for _, r := range s {
		switch {
		case isLineBreak(r):
			breaks++
			continue
		case r == '\t' || unicode.Is(unicode.Zs, r):
			space = true
			continue
		case b.Len() == 0: // what came before is trimmed
		case breaks > 0:
			b.WriteString(strings.Repeat("\n", min(breaks, max(lines, 1))))
		case space:
			b.WriteByte(' ')
		}
		space, breaks = false, 0
		b.WriteRune(r)
	}
	return b.String()
}

func isLineBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// isVisible reports whether r is an assigned character that a reader sees, or
// an ordinary space.
func isVisible(r rune) bool {
	return unicode.IsGraphic(r) && r != utf8.RuneError &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// isJoiner reports whether r is a zero-width joiner or non-joiner, or a
// variation selector.
func isJoiner(r rune) bool {
	return r == '\u200c' || r == '\u200d' || unicode.Is(unicode.Variation_Selector, r)
}

func isLetterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// decimalDigit returns the ASCII digit of a decimal digit of any script.
func decimalDigit(r rune) (byte, bool) {
	if !unicode.IsDigit(r) {
		return 0, false
	}
	// Unicode keeps the ten digits of a script together and in order, and
	// where sets of digits adjoin, each set is whole.
	zero := r
	for unicode.IsDigit(zero - 1) {
		zero--
	}
	return '0' + byte((r-zero)%10), true
}
