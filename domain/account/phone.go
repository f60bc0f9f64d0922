package account

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"kibali/domain/fault"
)

// DefaultRegion is the country whose national notation ParsePhone reads when
// the caller names none: Tanzania (ISO 3166-1 alpha-2).
const DefaultRegion = "TZ"

const maxPhoneInput = 128 // bytes; more than any notation of one number needs

// ParsePhone returns the E.164 form ("+255712345678") of a mobile number in
// any notation: national of the region (ISO 3166-1 alpha-2, "" for
// DefaultRegion), international with +, 00 or the country code alone, an RFC
// 3966 URI, with spaces, hyphens, dots, slashes and brackets, in the decimal
// digits of any script. Marks of direction around the number, which address
// books copy with it, are ignored.
//
// It returns a field "phone" with CodeRequired; CodeInvalid for what is no
// number, has letters, an extension or invisible characters; CodeNotMobile for
// a number that cannot be a mobile's.
func ParsePhone(s, region string) (string, *fault.Field) {
	if region == "" {
		region = DefaultRegion
	}
	if len(s) > maxPhoneInput {
		return "", refuse("phone", CodeInvalid, "Must be one phone number.")
	}
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r) })
	if s == "" {
		return "", refuse("phone", CodeRequired, "Must not be empty.")
	}
	international, digits, ok := readPhoneNotation(s)
	if !ok {
		return "", refuse("phone", CodeInvalid, "Must be one phone number, without letters or an extension.")
	}
	// 00 is what + stands for in most of the world, and Tanzanians write it,
	// though their own exchanges dial 000. No country code begins with 0.
	if !international && strings.HasPrefix(digits, "00") && !strings.HasPrefix(digits, "000") {
		international, digits = true, digits[2:]
	}
	if international {
		digits = "+" + digits
	}
	number, err := phonenumbers.Parse(digits, region)
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return "", refuse("phone", CodeInvalid, "Must be a phone number that exists, such as 0712 345 678 or +255 712 345 678.")
	}
	switch phonenumbers.GetNumberType(number) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
		return phonenumbers.Format(number, phonenumbers.E164), nil
	}
	return "", refuse("phone", CodeNotMobile, "Must be a mobile number, which can receive an SMS.")
}

// readPhoneNotation reads s as phone notation: digits of any script, hyphens
// and dashes, dots, slashes, brackets, spaces, at most one + and that before the
// first digit, after an optional "tel:". It returns the digits in ASCII and
// whether there was a +. It refuses anything else, and what has no digits.
func readPhoneNotation(s string) (international bool, digits string, ok bool) {
	if len(s) >= len("tel:") && strings.EqualFold(s[:len("tel:")], "tel:") {
		s = s[len("tel:"):]
	}
	var b strings.Builder
	for _, r := range s {
		if d, isDigit := decimalDigit(r); isDigit {
			b.WriteByte(d)
			continue
		}
		switch {
		case r == '+' && !international && b.Len() == 0:
			international = true
		case strings.ContainsRune("-./()\u2212", r) || unicode.In(r, unicode.Pd, unicode.Zs):
		default:
			return false, "", false
		}
	}
	return international, b.String(), b.Len() > 0
}

// PhoneSearchText returns the text in which a list's search looks for the
// digits of PhoneSearchDigits: the notations of the number e164 as bare
// digits, separated by a space. They are the one from abroad
// ("00255712345678", which contains E.164's digits and, behind every prefix of
// it, the rest) and the national one ("0712345678") where it has digits of its
// own, such as a trunk prefix. A text that is no E.164 number gives "".
func PhoneSearchText(e164 string) string {
	number, err := phonenumbers.Parse(e164, phonenumbers.UNKNOWN_REGION)
	if err != nil {
		return ""
	}
	_, abroad, _ := readPhoneNotation(phonenumbers.Format(number, phonenumbers.E164))
	abroad = "00" + abroad
	_, national, ok := readPhoneNotation(phonenumbers.Format(number, phonenumbers.NATIONAL))
	if !ok || strings.Contains(abroad, national) {
		return abroad
	}
	return abroad + " " + national
}

// PhoneSearchDigits returns what to look for, as a substring of
// PhoneSearchText, when word (without white space) is a piece of a phone number
// in any notation. ok is false when word is no phone notation, or has no
// digits; it can still be a piece of a name.
//
// The rule is: the digits of the word, in ASCII, in their order; a + before
// them counts as 00; "(0)" behind a digit, as in "+255(0)712", is left out.
// Nothing else is dropped or added, so a word matches exactly the numbers that
// have its digits side by side in one of their notations. "0712" finds
// +255 712 ... by its national notation and +255 754 071 2.. by its inner
// digits; "+255" finds country code 255 and not 0712 55....
//
// "2024" is phone notation too: a caller looks for the word itself in names and
// for these digits in phones, and takes either.
func PhoneSearchDigits(word string) (digits string, ok bool) {
	if at := strings.Index(word, "(0)"); at > 0 && strings.ContainsFunc(word[:at], unicode.IsDigit) {
		word = word[:at] + word[at+len("(0)"):]
	}
	international, digits, ok := readPhoneNotation(word)
	if !ok {
		return "", false
	}
	if international {
		return "00" + digits, true
	}
	return digits, true
}
