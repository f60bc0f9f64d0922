package account

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

const (
	maxDomain      = 253 // RFC 1035 3.1 in text form, without the final dot
	maxDomainLabel = 63
)

// parseDomain returns the domain name s in lower-case ASCII (IDNA, lookup
// profile). It refuses IP addresses, a single label, a final dot, labels that
// are not letters, digits and hyphens, and international labels with
// characters that look like others: invisible ones, compatibility forms such as
// full-width letters, and letters of several scripts in one label.
func parseDomain(s string) (string, bool) {
	// The check of the characters comes first because IDNA's mapping removes
	// invisible ones and replaces compatibility forms, instead of refusing.
	if !hasPlainCharacters(s) {
		return "", false
	}
	domain, err := idna.Lookup.ToASCII(s)
	if err != nil || len(domain) > maxDomain {
		return "", false
	}
	labels := strings.Split(domain, ".")
	if len(labels) < 2 || isNumber(labels[len(labels)-1]) {
		return "", false
	}
	for _, label := range labels {
		if !isHostLabel(label) || strings.HasPrefix(label, "xn--") && !isHonestLabel(label) {
			return "", false
		}
	}
	return domain, true
}

// hasPlainCharacters reports whether each character of s is a letter, mark,
// digit, hyphen or dot, visible, and not a compatibility form or another code
// point of the same letter, such as the Kelvin sign for K.
func hasPlainCharacters(s string) bool {
	for _, r := range s {
		switch {
		case r == '.' || r == '-':
		case !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r), !isVisible(r):
			return false
		case r >= utf8.RuneSelf && !norm.NFKC.IsNormalString(string(r)):
			return false
		}
	}
	return true
}

// isHonestLabel reports whether the international label (as "xn--...") reads
// as what it is: only plain characters and letters of scripts that are written
// together.
func isHonestLabel(label string) bool {
	s, err := idna.Lookup.ToUnicode(label)
	return err == nil && hasPlainCharacters(s) && isOneScript(s)
}

// scriptsTogether are the sets of scripts that one word may mix: Japanese,
// Chinese and Korean, each with Latin letters (UTS 39, "highly restrictive").
var scriptsTogether = [][]*unicode.RangeTable{
	{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Latin, unicode.Han, unicode.Bopomofo},
	{unicode.Latin, unicode.Han, unicode.Hangul},
}

func isOneScript(s string) bool {
	for _, together := range scriptsTogether {
		if all(s, slices.Concat(together, []*unicode.RangeTable{unicode.Common, unicode.Inherited})) {
			return true
		}
	}
	for _, r := range s {
		if unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		// The first letter's script decides.
		for _, script := range unicode.Scripts {
			if unicode.Is(script, r) {
				return all(s, []*unicode.RangeTable{script, unicode.Common, unicode.Inherited})
			}
		}
		return false
	}
	return true
}

func all(s string, tables []*unicode.RangeTable) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.In(r, tables...) }) < 0
}

func isHostLabel(label string) bool {
	if label == "" || len(label) > maxDomainLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		if !isASCIIAlphanumeric(label[i]) && label[i] != '-' {
			return false
		}
	}
	return true
}

func isNumber(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
