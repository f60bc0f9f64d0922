package account

import (
	"strings"
	"unicode/utf8"

	"kibali/domain/fault"
)

const (
	maxEmail      = 254 // RFC 5321 4.5.3.1.3: a path is 256 with its angle brackets
	maxEmailLocal = 64  // RFC 5321 4.5.3.1.1
	maxEmailInput = 1024
)

// ParseEmail returns the address as it is stored and compared: trimmed, in
// lower case, with a dot-atom of ASCII before the @ and the domain in the ASCII
// form of IDNA. Two inputs that name the same mailbox on every mail server
// give the same result; tags ("+news") and dots are kept, because only some
// providers ignore them.
//
// It returns a field "email" with CodeRequired, CodeTooLong or CodeInvalid for
// anything else, among it what RFC 5321 allows and people mistype or abuse:
// quoted local parts, comments, display names, IP literals, domains of one
// label, and characters that are invisible or look like others.
func ParseEmail(s string) (string, *fault.Field) {
	if len(s) > maxEmailInput {
		return "", tooLong("email", maxEmail)
	}
	if !utf8.ValidString(s) {
		return "", refuse("email", CodeInvalid, "Must be valid Unicode text.")
	}
	s = strings.TrimSpace(s)
	if s == "" {
		return "", refuse("email", CodeRequired, "Must not be empty.")
	}
	local, host, found := strings.Cut(s, "@")
	if !found || strings.Contains(host, "@") {
		return "", refuse("email", CodeInvalid, "Must be one e-mail address, such as name@example.co.tz.")
	}
	if !isDotAtom(local) {
		return "", refuse("email", CodeInvalid,
			"The part before the @ must be plain letters, digits and signs without spaces, quotes or accents.")
	}
	if len(local) > maxEmailLocal {
		return "", refuse("email", CodeTooLong, "The part before the @ must have at most 64 characters.")
	}
	domain, ok := parseDomain(host)
	if !ok {
		return "", refuse("email", CodeInvalid, "The part after the @ must be a domain name, such as example.co.tz.")
	}
	email := strings.ToLower(local) + "@" + domain
	if len(email) > maxEmail {
		return "", tooLong("email", maxEmail)
	}
	return email, nil
}

// isDotAtom reports whether s is a dot-atom of RFC 5322 3.2.3.
func isDotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			c := atom[i]
			if !isASCIIAlphanumeric(c) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
				return false
			}
		}
	}
	return true
}

func isASCIIAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
