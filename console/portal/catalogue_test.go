package portal_test

import (
	"os"
	"testing"

	"kibali/console/page"
	"kibali/console/page/pagetest"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/store"
)

func TestTexts_are_there_in_every_language(t *testing.T) {
	t.Parallel()
	pagetest.Catalogue{
		Messages: os.DirFS("locales"), Templates: os.DirFS("templates"), Shared: "../page", Code: ".",
		Codes: map[string][]string{
			"status": strs(account.Statuses()), "industry": account.Industries(), "document": strs(account.DocumentKinds()),
			"reason":        append(append(strs(account.ReasonCodes(account.Reject)), strs(account.ReasonCodes(account.Suspend))...), store.ReasonExpired),
			"problem.title": strs(fault.Codes()), "problem.cause": strs(fault.Codes()), "problem.remedy": strs(fault.Codes()),
			"stage": {"awaiting_documents", "in_review", "changes_requested"}, "locale": page.Locales(),
			"transfer": strs(ledger.Kinds()), "credit": strs(ledger.Reasons()),
			"standing":   {"awaiting_documents", "in_review", "changes_requested", "correction_waits", "rejected", "expired", "active", "suspended", "closed"},
			"field.file": append(refusals(), "missing"), "refusal": refusals(),
			"label": {
				"name", "email", "phone", "password", "current_password", "company.name", "company.industry", "company.registration_number", "company.tin",
				"company.website", "company.address", "locale", "kind", "file", "text", "code",
			},
		},
	}.Check(t)
}

func strs[T ~string](of []T) []string {
	all := make([]string, len(of))
	for i, s := range of {
		all[i] = string(s)
	}
	return all
}

// refusals are the reasons for which storage refuses a file.
func refusals() []string {
	return []string{
		"empty", "unsupported_type", "too_large", "damaged", "dimensions", "animated", "encrypted", "active_content", "embedded_files", "too_complex",
	}
}
