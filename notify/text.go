package notify

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// oneLine makes text safe for a header or a single line: control characters
// and line breaks become spaces, invisible formatting characters disappear,
// runs of space become one.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.Map(visible, strings.ToValidUTF8(text, " "))), " ")
}

// visible maps what has no glyph of its own to a space (controls, line and
// paragraph separators) or to nothing (formatting characters, among them the
// ones that turn the reading direction around).
func visible(r rune) rune {
	switch {
	case unicode.In(r, unicode.Cf, unicode.Co):
		return -1
	case unicode.IsControl(r), unicode.In(r, unicode.Zl, unicode.Zp):
		return ' '
	}
	return r
}

// lines is oneLine for each line of a longer text, without blank lines at the
// ends and never two in a row.
func lines(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		line = oneLine(line)
		if line == "" && (len(kept) == 0 || kept[len(kept)-1] == "") {
			continue
		}
		kept = append(kept, line)
	}
	return strings.TrimRight(strings.Join(kept, "\n"), "\n")
}

var (
	linkMarks = regexp.MustCompile(`[/\\@<>]+`)
	innerDot  = regexp.MustCompile(`[.。．｡]+([\pL\pN])`)
)

// name makes a person's or a company's name fit for a message. Anybody can
// register somebody else's address under a name of their choice, so what a mail
// program or a phone would turn into a link is taken apart: "www.example.com"
// becomes "www. example. com", and "Safari Co.Ltd" "Safari Co. Ltd".
func name(text string, limit int) string {
	text = innerDot.ReplaceAllString(linkMarks.ReplaceAllString(oneLine(text), " "), ". $1")
	return truncate(oneLine(text), limit)
}

// truncate cuts text to at most limit characters, three of them dots when
// something was cut.
func truncate(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	runes := []rune(text)
	return strings.TrimRight(string(runes[:max(limit-3, 0)]), " ,;:.") + "..."
}

// plainPunctuation replaces the typographic marks that office programs put
// into texts and that would make an SMS cost twice as much.
var plainPunctuation = strings.NewReplacer(
	"‘", "'", "’", "'", "‚", "'", "“", `"`, "”", `"`, "„", `"`,
	"–", "-", "—", "-", "‑", "-", "…", "...", "\u00a0", " ", "•", "-", "`", "'",
)
