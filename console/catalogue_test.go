package console_test

import (
	"os"
	"testing"

	"kibali/console/page/pagetest"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

func TestTexts_are_there_in_every_language(t *testing.T) {
	t.Parallel()
	pagetest.Catalogue{
		Messages: os.DirFS("locales"), Templates: os.DirFS("templates"), Shared: "page", Code: ".",
		Codes: map[string][]string{
			"status": strs(account.Statuses()), "stage": {"awaiting_documents", "in_review", "changes_requested"},
			"industry": account.Industries(), "document": strs(account.DocumentKinds()), "locale": {"en", "sw"},
			"reason": append(append(strs(account.ReasonCodes(account.Reject)), strs(account.ReasonCodes(account.Suspend))...), "expired"),
			"field":  {"required", "too_long"}, "refusal": {"empty", "damaged", "too_complex", "unsupported_type", "too_large", "dimensions", "animated", "encrypted", "active_content", "embedded_files"},
			"verb": verbNames, "done": append([]string{"expire"}, verbNames...), "consequence": verbNames,
			"shared":   {store.SamePhone, store.SameEmail, store.SameNumber, store.SameTIN, store.SameDocument},
			"delivery": {"pending", "sent", "failed"}, "actor": {"staff", "account", "service", "system"},
			"kind": kinds, "failure": {"obsolete", "gave_up", "no_recipient"}, "event": events(),
			"transfer": {"top_up", "charge", "charge_refund", "hold", "release", "reversal", "settlement"},
			"credit":   {"complimentary", "adjustment", "refund"},
			"role":     strs(actor.Roles()), "problem.title": strs(fault.Codes()), "problem.cause": strs(fault.Codes()), "problem.remedy": strs(fault.Codes()),
		},
	}.Check(t)
}

var verbNames = []string{"approve", "reject", "request_changes", "suspend", "change_until", "reactivate", "close"}

// kinds are those of notices to users.
var kinds = []string{
	"application_received", "documents_missing", "changes_requested", "changes_missing", "approved", "rejected", "application_expired",
	"suspended", "suspension_changed", "reactivated", "closed",
}

// events are the actions that a timeline shows.
func events() []string {
	all := append(strs(account.Actions()), "resubmit.requested", "register", "reminded", "review.reminded", "review.escalated",
		"document.received", "document.prepared", "document.viewed", "document.downloaded", "session.begun", "session.ended",
		"api_key.created", "api_key.revoked")
	for _, v := range verbNames {
		all = append(all, v+".requested", v+".refused")
	}
	return all
}

func strs[T ~string](of []T) []string {
	all := make([]string, len(of))
	for i, s := range of {
		all[i] = string(s)
	}
	return all
}
