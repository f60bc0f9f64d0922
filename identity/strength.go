package identity

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn"
	"github.com/trustelem/zxcvbn/match"

	"kibali/domain/fault"
)

const (
	// leastScore is the zxcvbn score from which on a password is taken: more
	// than 10^8 guesses, which nobody makes against a login.
	leastScore = 3
	// estimated is how many characters of a password are looked at: the time
	// that an estimate takes grows faster than they do, and a password that is
	// strong so far does not become weaker after them.
	estimated = 64
)

// familiar are words that everybody here would try.
var familiar = []string{
	"kibali", "tanzania", "tanganyika", "zanzibar", "kilimanjaro", "serengeti", "daressalaam", "dodoma", "arusha", "mwanza",
	"karibu", "nakupenda", "hakunamatata", "mungunimwema", "jambo", "simba", "yanga", "mpesa", "nywila", "password",
}

// checkStrength refuses a password that takes few guesses, and says what makes
// it weak. words are the person's own.
func checkStrength(password string, words []string) *fault.Field {
	if utf8.RuneCountInString(password) > estimated {
		password = string([]rune(password)[:estimated])
	}
	estimate := zxcvbn.PasswordStrength(password, slices.Concat(words, familiar))
	if latin := inLatin(password); latin != password {
		if other := zxcvbn.PasswordStrength(latin, familiar); other.Guesses < estimate.Guesses {
			estimate = other
		}
	}
	if estimate.Score >= leastScore {
		return nil
	}
	code, weakness, longest := "guessable", "It is too short for what it is made of.", 0
	for _, part := range estimate.Sequence {
		if part.DictionaryName == "user_inputs" && slices.Contains(words, part.MatchedWord) {
			code, weakness = "personal", "Your own details are the first thing to try."
			break
		}
		if said := weaknessOf(part); said != "" && len(part.Token) > longest {
			longest, weakness = len(part.Token), said
		}
	}
	return refusePassword(code, "The password can be guessed. "+weakness+" "+advice)
}

// inLatin returns a password with other letters and signs than those of ASCII
// replaced, equal ones by equal ones and neighbours by neighbours: an estimate
// sees repetitions and sequences in ASCII alone.
func inLatin(password string) string {
	least := unicode.MaxRune
	for _, r := range strings.ToLower(password) {
		if r > unicode.MaxASCII {
			least = min(least, r)
		}
	}
	return strings.Map(func(r rune) rune {
		if r <= unicode.MaxASCII {
			return r
		}
		return 'a' + (unicode.ToLower(r)-least)%26
	}, password)
}

const advice = "Four or five words that do not belong together are strong and easy to keep in mind."

// weaknessOf says why a part of a password is easy to guess, "" for one that
// is not.
func weaknessOf(part *match.Match) string {
	switch part.Pattern {
	case "dictionary":
		switch part.DictionaryName {
		case "passwords":
			return "It is much like a password that many people use."
		case "female_names", "male_names", "surnames":
			return "Names are easy to guess."
		default:
			return "One or two words are easy to guess, also with other letters in place of some."
		}
	case "spatial":
		return "Keys that lie beside each other are easy to guess."
	case "repeat":
		return "Repetition makes a password longer and hardly stronger."
	case "sequence":
		return "Letters and digits in their order are easy to guess."
	case "regex", "date":
		return "Years and dates are easy to guess."
	}
	return ""
}
