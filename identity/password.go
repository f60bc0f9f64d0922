package identity

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kibali/domain/fault"
)

// The bounds of a password, in characters. How many it needs at least is the
// policy's to say; these are its defaults. The upper bound only keeps a request
// from hashing a novel; nothing is ever truncated.
const (
	MinUserPassword  = 12
	MinStaffPassword = 15
	MaxPassword      = 256
)

// CheckPassword returns what is wrong with a password that someone chooses, or
// nil. Whoever sets a password asks it: a registration, a reset, a change, the
// staff's own. least is how many characters it needs. own are the person's own
// data, of which a password must not be made. There are no rules of
// composition; what counts is how many guesses it takes.
func CheckPassword(password string, least int, own ...string) *fault.Field {
	if password == "" {
		return refusePassword("required", "Choose a password.")
	}
	if !utf8.ValidString(password) || strings.ContainsRune(password, 0) {
		return refusePassword("invalid", "The password has characters that cannot be typed.")
	}
	password = norm.NFKC.String(password)
	characters := utf8.RuneCountInString(password)
	if characters < least {
		return limitPassword("too_short", "The password needs at least %d characters.", least)
	}
	if characters > MaxPassword {
		return limitPassword("too_long", "The password may have at most %d characters.", MaxPassword)
	}
	words := wordsOf(own)
	if madeOf(strings.ToLower(password), words) {
		return refusePassword("personal", "The password is little more than your own details. Add words that have nothing to do with you.")
	}
	if isCommonPassword(password) {
		return refusePassword("common", "This password is on a list of those that many people use, which is what attackers try first.")
	}
	return checkStrength(password, words)
}

func refusePassword(code, detail string) *fault.Field {
	return &fault.Field{Field: "password", Code: code, Detail: detail}
}

func limitPassword(code, detail string, limit int) *fault.Field {
	field := refusePassword(code, fmt.Sprintf(detail, limit))
	field.Limit = limit
	return field
}

const (
	// A part of somebody's data that is shorter stands in other words too.
	leastOwnWord = 4
	// With fewer letters and digits beside it, a password is made of such parts.
	leastBeside = 8
	// The digits at the end of a phone that people dial within a country.
	nationalDigits = 9
)

// wordsOf returns the parts of a person's data that a password could be made
// of, in lower case: the words, what they are when written together, and the
// digits of what is a number.
func wordsOf(own []string) []string {
	var words []string
	add := func(word string) {
		if utf8.RuneCountInString(word) >= leastOwnWord {
			words = append(words, word)
		}
	}
	for _, text := range own {
		text = strings.ToLower(norm.NFKC.String(text))
		parts := strings.FieldsFunc(text, func(r rune) bool { return !isLetterOrDigit(r) })
		for _, part := range parts {
			add(part)
		}
		if together := strings.Join(parts, ""); len(parts) > 1 {
			add(together)
		}
		digits := strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }), "")
		if len(digits) > nationalDigits {
			add(digits[len(digits)-nationalDigits:])
		}
	}
	return words
}

// madeOf reports whether little is left of a password without the words.
func madeOf(password string, words []string) bool {
	rest := password
	for _, word := range words {
		rest = strings.ReplaceAll(rest, word, " ")
	}
	if rest == password {
		return false
	}
	beside := 0
	for _, r := range rest {
		if isLetterOrDigit(r) {
			beside++
		}
	}
	return beside < leastBeside
}

func isLetterOrDigit(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}
