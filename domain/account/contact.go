package account

import (
	"strings"
	"time"
	"unicode"

	"kibali/domain/fault"
)

// Contact is a way in which a user is reached, and that they prove to have.
type Contact string

// The contacts of an account.
const (
	ContactEmail Contact = "email" // proved by a link that is mailed
	ContactPhone Contact = "phone" // proved by a code that is sent by SMS
)

// How a phone is proved: by a code of so many digits, which is good for CodeLife
// and for CodeTries tries.
const (
	CodeDigits = 6
	CodeTries  = 5
	CodeLife   = 10 * time.Minute
)

// Contacts returns every contact.
func Contacts() []Contact { return []Contact{ContactEmail, ContactPhone} }

// Parse returns an address or a number as it is stored and compared; see
// ParseEmail and ParsePhone.
func (c Contact) Parse(value string) (string, *fault.Field) {
	if c == ContactPhone {
		return ParsePhone(value, "")
	}
	return ParseEmail(value)
}

// Contact returns the account's own address or number.
func (a Account) Contact(c Contact) string {
	if c == ContactPhone {
		return a.Phone
	}
	return a.Email
}

// Verified reports whether the user has proved to have it.
func (a Account) Verified(c Contact) bool {
	if c == ContactPhone {
		return a.PhoneVerified
	}
	return a.EmailVerified
}

// ParseCode returns the digits of a code as people copy it, with spaces or a
// hyphen between them. It returns a field "code" with CodeRequired or
// CodeInvalid for anything else.
func ParseCode(s string) (string, *fault.Field) {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, s)
	if digits == "" {
		return "", refuse("code", CodeRequired, "Must not be empty.")
	}
	if len(digits) != CodeDigits || strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", refuse("code", CodeInvalid, "Must be the six digits of the SMS.")
	}
	return digits, nil
}
