// Package cases names what the API, the workers and Temporal say to each
// other about a case: workflow ids, message names and types, search
// attributes. Everything in it may be read by anyone who reads the Temporal
// UI, so it carries ids, codes, counts and times only: never a name, an
// address, a free text or a token. It imports the standard library, uuid and
// domain/account.
package cases

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
)

// TaskQueue is where workers look for work.
const TaskQueue = "kibali"

// DocumentsTaskQueue is where workers look for documents to prepare: that takes
// seconds each, and must not keep decisions waiting.
const DocumentsTaskQueue = "kibali-documents"

// Deployment is the name under which workers announce their build.
const Deployment = "kibali"

// MessagesTaskQueue is where workers look for messages of customers to send: a
// provider that is slow must not keep decisions waiting.
const MessagesTaskQueue = "kibali-messages"

// The types of workflow.
const (
	Registration = "Registration"
	Suspension   = "Suspension"
	Closure      = "Closure"
	Erasure      = "Erasure"
	TopUp        = "TopUp"
	// PasswordReset is of a login, and Notification tells an account of what no
	// other case is about.
	PasswordReset = "PasswordReset"
	Notification  = "Notification"
)

// The messages a case understands. Decide and Resubmit are updates that
// answer with an Outcome and, under the same names, signals for when no worker
// can answer. Redeemed says that the link of a password reset was used.
const (
	Decide           = "Decide"
	Resubmit         = "Resubmit"
	DocumentReceived = "DocumentReceived"
	Redeemed         = "Redeemed"
	AppealMade       = "AppealMade"
)

// The prefixes of workflow ids: what kind of case it is.
const (
	RegistrationPrefix  = "registration/"
	SuspensionPrefix    = "suspension/"
	ClosurePrefix       = "closure/"
	ErasurePrefix       = "erasure/"
	TopUpPrefix         = "top-up/"
	PasswordResetPrefix = "password-reset/"
	NotificationPrefix  = "notification/"
)

// RegistrationID is the workflow id of an account's review. A later
// application of the same account has the same id and another run.
func RegistrationID(accountID uuid.UUID) string { return RegistrationPrefix + accountID.String() }

// SuspensionID is the workflow id of an account's suspension; at most one is
// open at a time.
func SuspensionID(accountID uuid.UUID) string { return SuspensionPrefix + accountID.String() }

// ClosureID is the workflow id of the closing of an account that has no open
// case.
func ClosureID(accountID uuid.UUID) string { return ClosurePrefix + accountID.String() }

// ErasureID is the workflow id of the erasure of a closed account.
func ErasureID(accountID uuid.UUID) string { return ErasurePrefix + accountID.String() }

// TopUpID is the workflow id of a top-up. It is the decision's, not the
// account's: many top-ups of one account may be open at a time.
func TopUpID(decisionID uuid.UUID) string { return TopUpPrefix + decisionID.String() }

// IDFor returns the id of the case that an action on an account belongs to,
// given the state that the account is in: the review of a pending account (a
// corrected application belongs there too), the suspension that begins with
// the action or is in force, the erasure, else the closing of the account.
func IDFor(accountID uuid.UUID, from account.State, action account.Action) string {
	switch {
	case action == account.Erase:
		return ErasureID(accountID)
	case from.Status == account.Pending, action == account.Resubmit:
		return RegistrationID(accountID)
	case from.Status == account.Suspended, action == account.Suspend, action == account.ChangeUntil, action == account.DismissAppeal:
		return SuspensionID(accountID)
	default:
		return ClosureID(accountID)
	}
}

// Decision is a staff member's decision on its way to a case. What was said
// and why stands in the decision's row.
type Decision struct {
	DecisionID uuid.UUID      `json:"decision_id"`
	Kind       account.Action `json:"kind"`
	ReasonCode string         `json:"reason_code,omitempty"`
	ActorID    uuid.UUID      `json:"actor_id"`
}

// Resubmission says that the applicant has handed in a corrected application.
type Resubmission struct {
	ApplicationID uuid.UUID `json:"application_id"`
}

// Document says that an uploaded document waits to be prepared for review.
type Document struct {
	DocumentID uuid.UUID `json:"document_id"`
}

// Appeal says that the user of a suspended account has appealed.
type Appeal struct {
	AppealID uuid.UUID `json:"appeal_id"`
}

// Result says how a decision or another message ended.
type Result string

// The results. A refused message changed nothing.
const (
	Applied Result = "applied"
	Refused Result = "refused"
	Lapsed  Result = "lapsed"
	// Waiting is no end: a top-up waits for its second signature.
	Waiting Result = "waiting"
)

// CodeUnproved is why an approval is refused that the policy makes wait until the
// account's e-mail address or phone is proved.
const CodeUnproved = "contact_unproved"

// Outcome is what became of a message, and the state of the account after it.
type Outcome struct {
	Result Result `json:"result"`
	// Code says why a refused message was refused: a fault.Code.
	Code  string `json:"code,omitempty"`
	Entry Entry  `json:"entry"`
	// Notices are owed because of it and wait to be sent.
	Notices []Notice `json:"notices,omitempty"`
}

// Entry is a state that an account has entered, with the deadlines of that
// state under the policy that the case was opened under. Its times are in UTC
// and whole microseconds, as the account's row keeps them.
type Entry struct {
	Status account.Status `json:"status"`
	Stage  account.Stage  `json:"stage,omitempty"`
	// Since is when the account entered the state. It grows with every
	// transition, so it tells a newer truth from an older one that comes late.
	Since time.Time `json:"since,omitzero"`
	// RemindAt is when whoever is awaited is reminded: the applicant for
	// documents or changes, the reviewers for an overdue review, the admins for
	// an appeal. Zero: never.
	RemindAt time.Time `json:"remind_at,omitzero"`
	// DeadlineAt is when waiting ends: the application expires, an overdue
	// review is escalated to the admins, a suspension runs out. Zero: never.
	DeadlineAt time.Time `json:"deadline_at,omitzero"`
}

// EntryOf returns the state that an account is in. Everybody who tells a case
// of an account does it with this.
func EntryOf(a account.Account) Entry {
	entry := Entry{
		Status: a.Status, Stage: a.Stage, Since: instant(a.StageSince),
		RemindAt: instant(a.RemindAt), DeadlineAt: instant(a.DeadlineAt),
	}
	if a.Status == account.Suspended {
		entry.DeadlineAt = instant(a.SuspendedUntil)
	}
	return entry
}

// Equal reports whether e and other are the same state with the same deadlines.
func (e Entry) Equal(other Entry) bool {
	return e.Status == other.Status && e.Stage == other.Stage && e.Since.Equal(other.Since) &&
		e.RemindAt.Equal(other.RemindAt) && e.DeadlineAt.Equal(other.DeadlineAt)
}

// Due is when somebody must have acted: staff on a review or an appeal, the
// applicant on what is missing, time on a suspension. It is what AttributeDeadline holds;
// zero when nothing is due.
func (e Entry) Due() time.Time {
	if e.Stage == account.InReview {
		return e.RemindAt
	}
	if e.Status == account.Suspended && !e.RemindAt.IsZero() && (e.DeadlineAt.IsZero() || e.RemindAt.Before(e.DeadlineAt)) {
		return e.RemindAt // an appeal is to be decided
	}
	return e.DeadlineAt
}

// Over reports whether nothing is left to decide or to wait for in a case of
// the given type of workflow, whose account is in the state entry. A closing
// waits for nobody: it ends with the messages that came with it.
func Over(workflow string, entry Entry) bool {
	switch workflow {
	case Registration:
		return entry.Status != account.Pending
	case Suspension:
		return entry.Status != account.Suspended
	default:
		return true
	}
}

func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Notice points to an e-mail or SMS that waits to be sent.
type Notice struct {
	NoticeID uuid.UUID `json:"notice_id"`
	Channel  string    `json:"channel"`
	Kind     string    `json:"kind"`
}

// BelongsTo reports whether the case with the given id sends the notice. Cases
// of one account may be open beside each other until their last notice is
// sent, and each sends its own. decidedIn is the id of the case of the decision
// that the notice tells of; empty when it tells of none.
func (n Notice) BelongsTo(caseID, decidedIn string) bool {
	switch {
	case decidedIn != "":
		return caseID == decidedIn
	case n.Kind == "reactivated": // by time
		return strings.HasPrefix(caseID, SuspensionPrefix)
	default:
		return strings.HasPrefix(caseID, RegistrationPrefix)
	}
}

// RegistrationInput opens the review of an application.
type RegistrationInput struct {
	AccountID uuid.UUID `json:"account_id"`
	// Entry is the account's state when the case was opened. A status other
	// than pending means that the review is over, and the case only settles
	// the messages that reach it late.
	Entry Entry `json:"entry"`
	// Notices are owed since before the case was opened.
	Notices []Notice `json:"notices,omitempty"`
}

// SuspensionInput opens a suspension, which begins with the decision that
// orders it.
type SuspensionInput struct {
	AccountID uuid.UUID `json:"account_id"`
	Entry     Entry     `json:"entry"`
	// Notices are owed since before the case was opened.
	Notices []Notice `json:"notices,omitempty"`
}

// TopUpInput opens a top-up, which begins with the decision that asks for it.
type TopUpInput struct {
	DecisionID uuid.UUID `json:"decision_id"`
	// Notices are owed since before the case was opened.
	Notices []Notice `json:"notices,omitempty"`
}

// TopUpStep asks for a top-up to be taken as far as its decision permits.
type TopUpStep struct {
	DecisionID uuid.UUID `json:"decision_id"`
	// Over says that the time for a second signature has passed.
	Over bool `json:"over,omitempty"`
}

// TopUpOutcome is how far a top-up is.
type TopUpOutcome struct {
	Result Result `json:"result"`
	// Code says why a refused top-up was refused: a fault.Code, or one of the
	// codes of decisions.
	Code string `json:"code,omitempty"`
	// LapsesAt is when a top-up that waits for its second signature lapses.
	LapsesAt time.Time `json:"lapses_at,omitzero"`
	// ActorID is the staff member whose word it was that settled it; nil while
	// it waits, and when time did.
	ActorID uuid.UUID `json:"actor_id,omitzero"`
	// Notices are owed because of it and wait to be sent.
	Notices []Notice `json:"notices,omitempty"`
}

// ClosureInput opens the closing of an account that has no other open case.
type ClosureInput struct {
	AccountID uuid.UUID `json:"account_id"`
	// Notices are owed since before the case was opened.
	Notices []Notice `json:"notices,omitempty"`
}

// ErasureInput opens the erasure of a closed account.
type ErasureInput struct {
	AccountID uuid.UUID `json:"account_id"`
	// Lapsed says that the time for which the account was kept has passed. Without
	// it the erasure begins with the decision that orders it.
	Lapsed bool `json:"lapsed,omitempty"`
}

// ErasureStep is about an account that is to be erased.
type ErasureStep struct {
	AccountID uuid.UUID `json:"account_id"`
	// DecisionID is the decision that orders it; nil when time does.
	DecisionID uuid.UUID `json:"decision_id,omitzero"`
}
