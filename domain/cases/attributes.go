package cases

import (
	"time"

	"kibali/domain/account"
)

// The search attributes of a case. They are few because a namespace allows
// few, and hold codes and ids only.
const (
	AttributeAccountID  = "AccountId"
	AttributeCaseStatus = "CaseStatus"
	AttributeReviewer   = "Reviewer"
	AttributeIndustry   = "Industry"
	AttributeDeadline   = "Deadline"
)

// The values of AttributeCaseStatus. A case that has changed nothing yet, or
// that was refused, has its account's status.
const (
	StatusPending     = "pending"
	StatusApproved    = "approved"
	StatusRejected    = "rejected"
	StatusExpired     = "expired"
	StatusSuspended   = "suspended"
	StatusReactivated = "reactivated"
	StatusClosed      = "closed"
	StatusErased      = "erased"
	StatusRequested   = "requested"          // a top-up that one signature is enough for
	StatusUnsigned    = "awaiting_signature" // a top-up that waits for its second one
	StatusPosted      = "posted"
	StatusRefused     = "refused" // by the second signatory, or by what is true
	StatusLapsed      = "lapsed"
	// Of a password reset, beside pending, expired and lapsed.
	StatusUsed     = "used"
	StatusReplaced = "replaced"
)

// StatusOf returns the value of AttributeCaseStatus for a case of the given
// type of workflow, whose account has the given status. led is the action of
// the case that led there, or none.
func StatusOf(workflow string, status account.Status, led account.Action) string {
	switch {
	case status == account.Rejected && led == account.Expire:
		return StatusExpired
	case workflow == Registration && (status == account.Active || status == account.Suspended):
		return StatusApproved
	case workflow == Suspension && led == account.Reactivate:
		return StatusReactivated
	case led == account.Erase:
		return StatusErased
	default:
		return string(status)
	}
}

// StatusOfTopUp returns the value of AttributeCaseStatus for a top-up.
func StatusOfTopUp(result Result, lapsesAt time.Time) string {
	switch {
	case result == Applied:
		return StatusPosted
	case result == Refused:
		return StatusRefused
	case result == Lapsed:
		return StatusLapsed
	case !lapsesAt.IsZero():
		return StatusUnsigned
	default:
		return StatusRequested
	}
}

// Attributes are the values of the search attributes that change with the
// state of an account. AttributeAccountID and AttributeIndustry are set when a
// case is opened, AttributeReviewer when staff decide.
type Attributes struct {
	CaseStatus string    // of AttributeCaseStatus
	Deadline   time.Time // of AttributeDeadline; zero when nothing is due
}

// AttributesOf returns the attributes of a case of the given type of workflow,
// whose account is in the state entry. led is the action of the case that led
// there; none when the case is being opened.
func AttributesOf(workflow string, entry Entry, led account.Action) Attributes {
	a := Attributes{CaseStatus: StatusOf(workflow, entry.Status, led)}
	if !Over(workflow, entry) {
		a.Deadline = entry.Due()
	}
	return a
}

// SearchAttributes maps the name of each search attribute to its type, as the
// Temporal server spells it.
func SearchAttributes() map[string]string {
	return map[string]string{
		AttributeAccountID:  "Keyword",
		AttributeCaseStatus: "Keyword",
		AttributeReviewer:   "Keyword",
		AttributeIndustry:   "Keyword",
		AttributeDeadline:   "Datetime",
	}
}
