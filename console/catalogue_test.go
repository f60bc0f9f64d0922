package console_test

import (
	"os"
	"testing"

	"kibali/console/page/pagetest"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
)

func TestTexts_are_there_in_every_language(t *testing.T) {
	t.Parallel()
	pagetest.Catalogue{
		Messages: os.DirFS("locales"), Templates: os.DirFS("templates"), Shared: "page", Code: ".",
		Codes: map[string][]string{
			"status": strs(account.Statuses()), "stage": {"awaiting_documents", "in_review", "changes_requested"},
			"industry": account.Industries(), "document": strs(account.DocumentKinds()), "locale": {"en", "sw"},
			"reason": append(append(strs(account.ReasonCodes(account.Reject)), strs(account.ReasonCodes(account.Suspend))...), "expired"),
			"role":   strs(actor.Roles()), "problem.title": strs(fault.Codes()), "problem.cause": strs(fault.Codes()), "problem.remedy": strs(fault.Codes()),
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
