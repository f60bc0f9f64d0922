package store

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kibali/domain/account"
	"kibali/domain/fault"
)

// The bounds of a search, in words and in characters.
const (
	MaxSearchWords = 10
	MaxSearchText  = 200
)

// searchWord is something that must occur in an account's search text.
type searchWord struct {
	text string // anywhere in it
	// digits, where set, may occur among the notations of the phone instead.
	digits string
}

// parseSearch returns the words of q, each once and without those that are a
// part of another one.
func parseSearch(q string) ([]searchWord, []fault.Field) {
	refused := func(code, detail string) ([]searchWord, []fault.Field) {
		return nil, []fault.Field{{Field: "q", Code: code, Detail: detail}}
	}
	switch {
	case !utf8.ValidString(q) || strings.Contains(q, "\x00"):
		return refused("invalid", "Must be Unicode text without NUL.")
	case utf8.RuneCountInString(q) > MaxSearchText:
		return refused("too_long", "Must have at most 200 characters.")
	}
	words := searchWords(q)
	if len(words) > MaxSearchWords {
		return refused("too_long", "Must have at most 10 words.")
	}
	return distinct(words), nil
}

// searchWords returns all words of q.
func searchWords(q string) []searchWord {
	fields := strings.Fields(searchable(q))
	words := make([]searchWord, len(fields))
	for i, field := range fields {
		words[i].text = field
		if digits, ok := account.PhoneSearchDigits(field); ok && digits != field {
			words[i].digits = digits
		}
	}
	return words
}

// searchable brings text into the form that is searched and searched for.
func searchable(s string) string { return strings.ToLower(norm.NFC.String(s)) }

// SearchText is what the list's search looks into: name, e-mail and company in
// lower case, and on a line of its own every notation of the phone.
func SearchText(a account.Account) string {
	return searchable(a.Name+" "+a.Email+" "+a.Company.Name) + phoneMark + account.PhoneSearchText(a.Phone)
}

// phoneMark begins the notations of the phone in a search text.
const phoneMark = "\n"

// in reports whether the word occurs in a search text.
func (w searchWord) in(text string) bool {
	if strings.Contains(text, w.text) {
		return true
	}
	return w.digits != "" && strings.Contains(text[strings.LastIndex(text, phoneMark)+1:], w.digits)
}

// distinct drops the words that hold whenever another one does.
func distinct(words []searchWord) []searchWord {
	var kept []searchWord
	for i, w := range words {
		implied := false
		for j, other := range words {
			switch {
			case i == j || w.digits != "" && w != other:
			case w == other:
				implied = implied || j < i
			case other.digits == "":
				implied = implied || strings.Contains(other.text, w.text)
			}
		}
		if !implied {
			kept = append(kept, w)
		}
	}
	return kept
}
