package console_test

import (
	"os"
	"slices"
	"testing"

	"kibali/console"
	"kibali/console/page/pagetest"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/sso"
	"kibali/store"
)

func TestTexts_are_there_in_every_language(t *testing.T) {
	t.Parallel()
	pagetest.Catalogue{
		Messages: os.DirFS("locales"), Templates: os.DirFS("templates"), Shared: "page", Code: ".",
		Codes: map[string][]string{
			"status": strs(account.Statuses()), "stage": {"awaiting_documents", "in_review", "changes_requested"},
			"industry": account.Industries(), "document": strs(account.DocumentKinds()), "locale": {"en", "sw"},
			"reason":    append(slices.Concat(strs(account.ReasonCodes(account.Reject)), strs(account.ReasonCodes(account.Suspend)), strs(account.ReasonCodes(account.Erase))), "expired"),
			"discarded": {store.ForRetention, store.ForErasure},
			"field":     {"required", "too_long", "name.too_many"}, "refusal": {"empty", "damaged", "too_complex", "unsupported_type", "too_large", "dimensions", "animated", "encrypted", "active_content", "embedded_files"},
			"verb": append(strs(all), "grant_appeal"), "consequence": append(strs(all), "grant_appeal"), "role_hint": strs(actor.Roles()), "scope": strs(actor.Scopes()), "section": console.SectionNames(), "setting": console.SettingNames(),
			"subject": {"account", "decision", "document", "session", "staff", "staff_session", "staff_token", "policy", "service", "api_key", "password_reset", "appeal", "message", "users", "transfer", "contact_proof"}, "unproved": strs(account.Contacts()),
			"chart": {"register", "approve", "reject", "suspend"}, "appeal": {"open", "granted", "dismissed", "moot"}, "done": append(strs(all), "expire", "lapse"),
			"state": {"open", "awaiting_signature", "applied", "refused", "lapsed"}, "credit_hint": strs(ledger.Reasons()),
			"shared":   {store.SamePhone, store.SameEmail, store.SameNumber, store.SameTIN, store.SameDocument},
			"delivery": {"pending", "sent", "failed"}, "actor": {"staff", "account", "service", "system"},
			"kind": kinds, "failure": {"obsolete", "gave_up", "no_recipient", "erased"}, "event": events(),
			"transfer": strs(ledger.Kinds()), "outcome": {"open", "applied", "refused", "lapsed"},
			"credit": strs(ledger.Reasons()),
			"sso":    strs(sso.Reasons()),
			"role":   strs(actor.Roles()), "problem.title": strs(fault.Codes()), "problem.cause": strs(fault.Codes()), "problem.remedy": strs(fault.Codes()),
		},
	}.Check(t)
}

// all is every decision that staff take.
var all = []account.Action{
	account.Approve, account.Reject, account.RequestChanges, account.Suspend, account.ChangeUntil, account.Reactivate, account.Close, account.Erase,
	account.ForceReset, account.DismissAppeal, account.Countersign, account.Decline, account.TopUp,
}

// kinds are those of notices to users.
var kinds = []string{
	"application_received", "documents_missing", "changes_requested", "changes_missing", "approved", "rejected", "application_expired",
	"suspended", "suspension_changed", "reactivated", "closed", "credits_added", "credits_removed",
	"password_reset", "password_reset_forced", "password_reset_expired", "password_changed", "email_proof", "phone_proof", "email_changed", "phone_changed",
	"appeal_received", "appeal_granted", "appeal_dismissed", "review_due", "review_escalated", "appeal_due", "appeal_overdue", "top_up_unsigned",
}

// events are the actions that a timeline shows.
func events() []string {
	names := append(strs(account.Actions()), "resubmit.requested", "register", "reminded", "review.reminded", "review.escalated",
		"document.received", "document.prepared", "document.viewed", "document.downloaded", "document.discarded", "account.exported", "account.viewed", "session.begun", "session.ended",
		"api_key.created", "api_key.revoked", "top_up", "top_up.countersigned", "top_up.declined", "appeal.made", "appeal.permitted", "password.changed", "password_reset.asked", "password_reset.issued",
		"password_reset.used", "password_reset.expired", "password_reset.withheld", "password_reset.replaced", "users.exported", "credits.settled",
		"email_proof.requested", "email_proof.issued", "email_proof.void", "email.verified", "email.changed",
		"phone_proof.requested", "phone_proof.issued", "phone_proof.refused", "phone_proof.void", "phone.verified", "phone.changed",
		"policy.changed", "service.created", "service.revoked",
		"staff.changed", "staff.code_refused", "staff.created", "staff.disabled", "staff.enabled", "staff.invitation_accepted", "staff.invited",
		"staff.password_changed", "staff.recovery_codes_replaced", "staff.second_factor_begun", "staff.second_factor_confirmed",
		"staff.second_factor_reset", "staff.sign_on_linked", "staff.sign_on_refused", "staff.signed_in", "staff.signed_out", "staff.stepped_up", "staff.token_created", "staff.token_revoked")
	for _, v := range slices.DeleteFunc(slices.Clone(all), func(a account.Action) bool { return a == account.Countersign || a == account.Decline }) {
		names = append(names, string(v)+".requested", string(v)+".refused")
	}
	return names
}

func strs[T ~string](of []T) []string {
	all := make([]string, len(of))
	for i, s := range of {
		all[i] = string(s)
	}
	return all
}
