package account

import (
	"slices"

	"kibali/domain/fault"
)

const (
	maxReason = 1000
	maxNote   = 2000
)

// ReasonCode says in a word why staff decided against an account.
type ReasonCode string

// The reason codes of the contract. ReasonOther is in every list.
const (
	ReasonDocumentsMissing    ReasonCode = "documents_missing"
	ReasonDocumentsUnreadable ReasonCode = "documents_unreadable"
	ReasonDetailsMismatch     ReasonCode = "details_mismatch"
	ReasonNotEligible         ReasonCode = "not_eligible"
	ReasonTerms               ReasonCode = "terms"
	ReasonRegulation          ReasonCode = "regulation" // of the communications regulator, TCRA
	ReasonFraud               ReasonCode = "fraud"
	ReasonNonPayment          ReasonCode = "non_payment"
	ReasonPersonAsked         ReasonCode = "person_asked"     // to be forgotten
	ReasonNoLongerNeeded      ReasonCode = "no_longer_needed" // and no law asks for it
	ReasonOther               ReasonCode = "other"
)

// Reason is why staff decided what they did.
type Reason struct {
	Code ReasonCode
	Text string // shown to the user
	Note string // kept among staff
}

// ReasonCodes returns the closed list of the action, in the order in which
// forms show it. It is empty for an action that has no reason code.
func ReasonCodes(action Action) []ReasonCode {
	switch action {
	case Reject, RequestChanges:
		return []ReasonCode{
			ReasonDocumentsMissing, ReasonDocumentsUnreadable, ReasonDetailsMismatch, ReasonNotEligible, ReasonOther,
		}
	case Suspend:
		return []ReasonCode{ReasonTerms, ReasonRegulation, ReasonFraud, ReasonNonPayment, ReasonOther}
	case Erase:
		return []ReasonCode{ReasonPersonAsked, ReasonNoLongerNeeded, ReasonRegulation, ReasonOther}
	}
	return nil
}

// ParseReasonCode returns the code when it is in the action's list, or a field
// "reason_code".
func ParseReasonCode(action Action, code string) (ReasonCode, *fault.Field) {
	codes := ReasonCodes(action)
	if len(codes) == 0 && code != "" {
		return "", refuse("reason_code", CodeInvalid, "This action takes no reason code.")
	}
	if len(codes) == 0 {
		return "", nil
	}
	return parseListed("reason_code", code, codes)
}

// Normalise returns the reason as it is stored, or a fault.Invalid with every
// bad field of "reason_code", "reason" and "note". The text has 1 to 1000
// characters where the action needs one (reject, request_changes, suspend,
// dismiss_appeal and close) and must be empty elsewhere; the note has 0 to 2000. Both keep their
// paragraphs.
func (r Reason) Normalise(action Action) (Reason, error) {
	var bad invalid
	code, field := ParseReasonCode(action, string(r.Code))
	r.Code = ReasonCode(take(&bad)(string(code), field))
	r.Text = take(&bad)(parseReasonText(action, r.Text))
	r.Note = take(&bad)(ParseNote(r.Note))
	if err := bad.err(); err != nil {
		return Reason{}, err
	}
	return r, nil
}

// ParseNote returns the note of staff as it is stored, or a field "note".
func ParseNote(s string) (string, *fault.Field) {
	return text{field: "note", max: maxNote, lines: 2, prose: true}.parse(s)
}

// maxAppeal is how many characters an appeal may have.
const maxAppeal = 4000

// ParseAppeal returns what a user writes in an appeal as it is stored, or a
// field "text". It has 1 to 4000 characters and keeps its paragraphs.
func ParseAppeal(s string) (string, *fault.Field) {
	return text{
		field: "text", max: maxAppeal, required: true, lines: 2, prose: true,
		needs: isLetterOrDigit, needsDetail: "Must have a letter or a digit.",
	}.parse(s)
}

func parseReasonText(action Action, s string) (string, *fault.Field) {
	told := slices.Contains([]Action{Reject, RequestChanges, Suspend, DismissAppeal, Close}, action)
	if !told && s != "" {
		return "", refuse("reason", CodeInvalid, "This action takes no reason.")
	}
	return text{
		field: "reason", max: maxReason, required: told, lines: 2, prose: true,
		needs: isLetterOrDigit, needsDetail: "Must have a letter or a digit.",
	}.parse(s)
}
