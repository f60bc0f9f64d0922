package account

import (
	"unicode"

	"kibali/domain/fault"
)

// The languages in which the platform writes to its users.
const (
	LocaleEnglish = "en" // the default
	LocaleSwahili = "sw"
)

// Locales returns every locale, the default first.
func Locales() []string { return []string{LocaleEnglish, LocaleSwahili} }

const maxName = 120

// Application is what a company states about itself and its contact when it
// registers. The password is not part of it.
type Application struct {
	Name    string // of the person to talk to
	Email   string
	Phone   string
	Locale  string // one of Locales; "" stands for the default
	Company Company
}

// Normalise returns the application as it is stored and compared: see
// ParseEmail and ParsePhone; names trimmed, in NFC and with single spaces; the
// default locale where none was given. It returns a fault.Invalid that holds every
// bad field at once, named as in the JSON contract ("email", "company.tin").
func (a Application) Normalise() (Application, error) {
	var bad invalid
	a.Name = take(&bad)(parseName(a.Name))
	a.Email = take(&bad)(ParseEmail(a.Email))
	a.Phone = take(&bad)(ParsePhone(a.Phone, DefaultRegion))
	if a.Locale == "" {
		a.Locale = LocaleEnglish
	}
	a.Locale = take(&bad)(parseLocale(a.Locale))
	a.Company = a.Company.normalise(&bad)
	if err := bad.err(); err != nil {
		return Application{}, err
	}
	return a, nil
}

// Resubmission is a corrected application. E-mail and phone stay those of the
// account, since a change of them is not the review's to make.
type Resubmission struct {
	Name    string
	Locale  string // one of Locales; "" keeps the account's
	Company Company
}

// Normalise is Application.Normalise for a resubmission; an empty locale stays
// empty.
func (r Resubmission) Normalise() (Resubmission, error) {
	var bad invalid
	r.Name = take(&bad)(parseName(r.Name))
	if r.Locale != "" {
		r.Locale = take(&bad)(parseLocale(r.Locale))
	}
	r.Company = r.Company.normalise(&bad)
	if err := bad.err(); err != nil {
		return Resubmission{}, err
	}
	return r, nil
}

// ParseName returns a person's name as it is stored. Its field is "name".
func ParseName(s string) (string, *fault.Field) { return parseName(s) }

func parseName(s string) (string, *fault.Field) {
	return text{field: "name", max: maxName, required: true, needs: unicode.IsLetter, needsDetail: "Must have a letter."}.parse(s)
}

func parseLocale(s string) (string, *fault.Field) { return parseListed("locale", s, Locales()) }
