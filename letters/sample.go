package letters

import (
	"time"

	"kibali/domain/account"
	"kibali/notify"
)

// Kinds returns the kinds of notices, those to staff last.
func Kinds() []string {
	var kinds []string
	for _, kind := range notify.Kinds() {
		kinds = append(kinds, string(kind))
	}
	return kinds
}

// Sample writes a notice about an example.
func (s Sender) Sample(kind, locale string, now time.Time, zone *time.Location) (Letter, error) {
	later := now.AddDate(0, 0, 7)
	data := s.Data(notify.Kind(kind), account.Account{
		Name: "Asha Juma", Company: account.Company{Name: "Kilimo Bora Ltd"}, RemindAt: later, DeadlineAt: later,
	}, zone)
	data.Deadline, data.Until, data.Credits = &later, &later, 1500
	data.Reason = "Lorem ipsum dolor sit amet."
	switch notify.Kind(kind) {
	case notify.CreditsAdded, notify.CreditsRemoved:
		data.Reason, data.ReasonCode = "", "complimentary"
	case notify.Rejected, notify.ChangesRequested, notify.ChangesMissing:
		data.ReasonCode = string(account.ReasonDetailsMismatch)
	case notify.PhoneProof:
		data.Code, data.Link = "123456", ""
	case notify.Suspended:
		data.ReasonCode = string(account.ReasonTerms)
	}
	return Write(notify.Kind(kind), locale, data)
}
