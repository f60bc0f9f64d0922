package account

import (
	"fmt"
	"slices"
	"strings"

	"kibali/domain/fault"
)

// The codes that the validators of this package give to a field. Every
// validator of one value returns the normalised value and a nil *fault.Field,
// or "" and the field with one of these codes and a detail for people that
// never repeats the value.
const (
	CodeRequired  = "required"   // nothing was given
	CodeInvalid   = "invalid"    // not of the form that the field has, or not in its closed list
	CodeTooLong   = "too_long"   // more characters than the field holds
	CodeNotMobile = "not_mobile" // a phone number, but not one that receives an SMS
)

func refuse(field, code, detail string) *fault.Field {
	return &fault.Field{Field: field, Code: code, Detail: detail}
}

// tooLong refuses a text of more than most characters.
func tooLong(field string, most int) *fault.Field {
	f := refuse(field, CodeTooLong, fmt.Sprintf("Must have at most %d characters.", most))
	f.Limit = most
	return f
}

// invalid gathers the bad fields of one input, so that a person is told of all
// of them at once.
type invalid []fault.Field

// err returns a fault.Invalid with the fields, or nil when there are none.
func (v invalid) err() error { return fault.InvalidFields(v...) }

// take returns a function that passes a validator's value on and adds its
// field, where there is one, to bad.
func take(bad *invalid) func(string, *fault.Field) string {
	return func(value string, field *fault.Field) string {
		if field != nil {
			*bad = append(*bad, *field)
		}
		return value
	}
}

// parseListed returns s when it is in the closed list. Codes are written by
// programs, so case and white space are not forgiven.
func parseListed[T ~string](field, s string, list []T) (T, *fault.Field) {
	switch {
	case s == "":
		return "", refuse(field, CodeRequired, "Must not be empty.")
	case !slices.Contains(list, T(s)):
		names := make([]string, len(list))
		for i, name := range list {
			names[i] = string(name)
		}
		return "", refuse(field, CodeInvalid, "Must be one of: "+strings.Join(names, ", ")+".")
	}
	return T(s), nil
}
