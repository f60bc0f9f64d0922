package message

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"kibali/domain/account"
	"kibali/domain/fault"
)

// The bounds of a message.
const (
	MaxRecipients = 1000
	MaxSegments   = 10
)

// Draft is a message as a customer writes it.
type Draft struct {
	To       []string // phones, in any notation
	Text     string
	SenderID string // who it is said to be from; "" is the platform's own
}

// Credits is what the message costs: a credit for each segment and recipient.
func (d Draft) Credits() int64 { return int64(Segments(d.Text)) * int64(len(d.To)) }

// Normalise returns the draft with phones in E.164, or fault.Invalid with every
// bad field. senders, unless empty, are the sender ids that may be used.
func (d Draft) Normalise(senders []string) (Draft, error) {
	var bad []fault.Field
	refuse := func(field, code, detail string) {
		bad = append(bad, fault.Field{Field: field, Code: code, Detail: detail})
	}
	phones, badPhones := normalisePhones(d.To)
	bad = append(bad, badPhones...)
	switch n := Segments(d.Text); {
	case strings.TrimFunc(d.Text, isUnseen) == "":
		refuse("text", account.CodeRequired, "Must not be empty.")
	case !sendable(d.Text):
		refuse("text", account.CodeInvalid, "Must be Unicode text without control characters other than line breaks.")
	case n > MaxSegments:
		refuse("text", account.CodeTooLong, fmt.Sprintf("Takes %d segments, and may take %d.", n, MaxSegments))
	}
	if d.SenderID != "" && !validSender(d.SenderID, senders) {
		refuse("sender_id", account.CodeInvalid, "Must be 3 to 11 letters, digits, spaces, hyphens or dots with a letter among them, or a number, and one that the platform permits.")
	}
	return Draft{To: phones, Text: d.Text, SenderID: d.SenderID}, fault.InvalidFields(bad...)
}

func normalisePhones(to []string) ([]string, []fault.Field) {
	switch {
	case len(to) == 0:
		return nil, []fault.Field{{Field: "to", Code: account.CodeRequired, Detail: "Must name at least one phone."}}
	case len(to) > MaxRecipients:
		return nil, []fault.Field{{Field: "to", Code: account.CodeTooLong, Detail: fmt.Sprintf("May name at most %d phones.", MaxRecipients)}}
	}
	var bad []fault.Field
	phones, first := make([]string, len(to)), make(map[string]int, len(to))
	for i, written := range to {
		field := fmt.Sprintf("to[%d]", i)
		phone, refused := account.ParsePhone(written, "")
		if refused != nil {
			bad = append(bad, fault.Field{Field: field, Code: refused.Code, Detail: refused.Detail})
			continue
		}
		if at, twice := first[phone]; twice {
			bad = append(bad, fault.Field{Field: field, Code: "duplicate", Detail: fmt.Sprintf("Is the phone of to[%d] as well.", at)})
			continue
		}
		phones[i], first[phone] = phone, i
	}
	return phones, bad
}

// isUnseen reports whether a character shows nothing by itself: white space, and
// what only tells how other characters are shown.
func isUnseen(r rune) bool {
	const blankBraille = '\u2800'
	return unicode.IsSpace(r) || r == blankBraille ||
		unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
			!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// sendable reports whether a text is one that a phone can show.
func sendable(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\r'
	})
}

// What networks take for a sender: a name of up to 11 characters of the GSM
// alphabet, or a number.
var (
	senderName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 .-]{1,9}[A-Za-z0-9]$`)
	senderNumber = regexp.MustCompile(`^\+?[0-9]{3,15}$`)
	letter       = regexp.MustCompile(`[A-Za-z]`)
)

func validSender(id string, permitted []string) bool {
	name := senderName.MatchString(id) && letter.MatchString(id)
	return (name || senderNumber.MatchString(id)) && (len(permitted) == 0 || slices.Contains(permitted, id))
}
