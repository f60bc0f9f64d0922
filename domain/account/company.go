package account

import (
	"strings"
	"unicode"

	"kibali/domain/fault"
)

const (
	maxCompanyName        = 160
	maxRegistrationNumber = 40
	maxWebsite            = 200
	maxAddress            = 300
	tinDigits             = 9
)

// Company is what an application says about the company.
type Company struct {
	Name               string
	Industry           string // one of Industries
	RegistrationNumber string // of the registrar of companies; optional
	TIN                string // taxpayer identification number, nine digits; optional
	Website            string // an absolute http or https URL; optional
	Address            string // lines separated by "\n"; optional
}

// The industries of the contract.
const (
	IndustryAgriculture    = "agriculture"
	IndustryBankingFinance = "banking_finance"
	IndustryEducation      = "education"
	IndustryEnergy         = "energy"
	IndustryGovernment     = "government"
	IndustryHealth         = "health"
	IndustryHospitality    = "hospitality"
	IndustryITTelecom      = "it_telecom"
	IndustryManufacturing  = "manufacturing"
	IndustryMedia          = "media"
	IndustryNGO            = "ngo"
	IndustryRetail         = "retail"
	IndustryTransport      = "transport"
	IndustryOther          = "other"
)

// Industries returns every industry, in the order in which forms show them.
func Industries() []string {
	return []string{
		IndustryAgriculture, IndustryBankingFinance, IndustryEducation, IndustryEnergy, IndustryGovernment,
		IndustryHealth, IndustryHospitality, IndustryITTelecom, IndustryManufacturing, IndustryMedia,
		IndustryNGO, IndustryRetail, IndustryTransport, IndustryOther,
	}
}

// normalise returns the company as it is stored and adds what is wrong to bad.
func (c Company) normalise(bad *invalid) Company {
	return Company{
		Name: take(bad)(text{
			field: "company.name", max: maxCompanyName, required: true,
			needs: isLetterOrDigit, needsDetail: "Must have a letter or a digit.",
		}.parse(c.Name)),
		Industry: take(bad)(parseListed("company.industry", c.Industry, Industries())),
		RegistrationNumber: take(bad)(text{
			field: "company.registration_number", max: maxRegistrationNumber,
			needs: isLetterOrDigit, needsDetail: "Must have a letter or a digit.",
		}.parse(c.RegistrationNumber)),
		TIN:     take(bad)(parseTIN(c.TIN)),
		Website: take(bad)(parseWebsite(c.Website)),
		Address: take(bad)(text{
			field: "company.address", max: maxAddress, lines: 1,
			needs: isLetterOrDigit, needsDetail: "Must have a letter or a digit.",
		}.parse(c.Address)),
	}
}

// parseTIN returns the nine digits of a Tanzanian taxpayer identification
// number, which is written with hyphens or spaces between groups of three.
func parseTIN(s string) (string, *fault.Field) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	var b strings.Builder
	for _, r := range s {
		if d, ok := decimalDigit(r); ok {
			b.WriteByte(d)
		} else if !unicode.In(r, unicode.Pd, unicode.Zs) {
			return "", refuse("company.tin", CodeInvalid, "Must be nine digits, such as 123-456-789.")
		}
	}
	if b.Len() != tinDigits {
		return "", refuse("company.tin", CodeInvalid, "Must be nine digits, such as 123-456-789.")
	}
	return b.String(), nil
}
