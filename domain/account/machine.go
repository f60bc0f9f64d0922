package account

import (
	"slices"

	"kibali/domain/fault"
)

// Status says whether an account may use the platform. Only Active may.
type Status string

// The statuses of an account.
const (
	Pending   Status = "pending"
	Active    Status = "active"
	Suspended Status = "suspended"
	Rejected  Status = "rejected"
	Closed    Status = "closed"
)

// Stage says how far the review of a pending account is. It is NoStage for
// every other status.
type Stage string

// The stages of a pending account.
const (
	NoStage           Stage = ""
	AwaitingDocuments Stage = "awaiting_documents"
	InReview          Stage = "in_review"
	ChangesRequested  Stage = "changes_requested"
)

// Action is something that happens to an account.
type Action string

// The actions. Those that staff decide on are decisions; the others come from
// the applicant or from time.
const (
	DocumentsReceived Action = "documents_received"
	RequestChanges    Action = "request_changes"
	Resubmit          Action = "resubmit"
	Approve           Action = "approve"
	Reject            Action = "reject"
	Expire            Action = "expire"
	Suspend           Action = "suspend"
	ChangeUntil       Action = "change_until"   // when a suspension ends by itself
	DismissAppeal     Action = "dismiss_appeal" // one that is granted is a Reactivate
	Reactivate        Action = "reactivate"
	Close             Action = "close"
	Erase             Action = "erase" // what a closed account holds of a person goes

	// ForceReset is a decision about an account's password. It leaves the
	// account as it is and stands in no row of the table.
	ForceReset Action = "password_reset"
)

// What staff decide about an account's credits. It changes no state, so none of
// it is in the table: the ledger says when it is permitted.
const (
	TopUp       Action = "top_up"
	Countersign Action = "countersign" // the second signature under a top-up
	Decline     Action = "decline"     // the refusal to sign it
)

// State is a status with its stage.
type State struct {
	Status Status
	Stage  Stage
}

// Registered is the state in which every account begins.
var Registered = State{Pending, AwaitingDocuments}

// ChangesAsked reports whether staff have asked the applicant for changes, and
// nothing but documents has come since: the applicant may still correct the
// application.
func (a Account) ChangesAsked() bool {
	return a.Stage == ChangesRequested || a.Stage == InReview && a.DecidedBy != nil
}

func (s State) String() string {
	if s.Stage == NoStage {
		return string(s.Status)
	}
	return string(s.Status) + "/" + string(s.Stage)
}

// Transition is one row of the table: from any of From, Action leads to To.
type Transition struct {
	Action Action
	From   []State
	To     State
}

var pending = []State{{Pending, AwaitingDocuments}, {Pending, InReview}, {Pending, ChangesRequested}}

// transitions is the whole state machine. What is not in it is a conflict.
//
// Time alone never rejects an application that waits for staff: expire leaves
// in_review out, which escalates instead.
//
// Resubmit is in in_review for an applicant who was asked for changes and whose
// documents have taken the account there first. Whoever takes a correction asks
// Account.ChangesAsked too.
//
// ChangeUntil, DismissAppeal and Erase lead back to where they came from: the
// suspension that goes on is the same one, and a closed account stays closed.
// See Action.Remains.
var transitions = []Transition{
	{DocumentsReceived, pending, State{Pending, InReview}},
	{RequestChanges, pending, State{Pending, ChangesRequested}},
	{Resubmit, []State{{Pending, InReview}, {Pending, ChangesRequested}, {Rejected, NoStage}}, State{Pending, InReview}},
	{Approve, pending, State{Active, NoStage}},
	{Reject, pending, State{Rejected, NoStage}},
	{Expire, []State{{Pending, AwaitingDocuments}, {Pending, ChangesRequested}}, State{Rejected, NoStage}},
	{Suspend, []State{{Active, NoStage}}, State{Suspended, NoStage}},
	{ChangeUntil, []State{{Suspended, NoStage}}, State{Suspended, NoStage}},
	{DismissAppeal, []State{{Suspended, NoStage}}, State{Suspended, NoStage}},
	{Reactivate, []State{{Suspended, NoStage}}, State{Active, NoStage}},
	{Close, []State{{Active, NoStage}, {Suspended, NoStage}, {Rejected, NoStage}}, State{Closed, NoStage}},
	{Erase, []State{{Closed, NoStage}}, State{Closed, NoStage}},
}

// Remains reports whether the action changes a term of the account's state and
// not the state: since when the account is in it, and the decision that brought
// it there, stay as they are.
func (a Action) Remains() bool { return a == ChangeUntil || a == DismissAppeal || a == Erase }

// Transitions returns a copy of the table, in the order in which it is
// documented.
func Transitions() []Transition { return slices.Clone(transitions) }

// Statuses returns every status, in the order in which lists show them.
func Statuses() []Status { return []Status{Pending, Active, Suspended, Rejected, Closed} }

// States returns every state that an account can be in.
func States() []State {
	return append(slices.Clone(pending), State{Active, NoStage}, State{Suspended, NoStage}, State{Rejected, NoStage}, State{Closed, NoStage})
}

// Actions returns every action, in the order of the table.
func Actions() []Action {
	actions := make([]Action, len(transitions))
	for i, t := range transitions {
		actions[i] = t.Action
	}
	return actions
}

// Next returns the state that action leads to from status and stage. It
// returns a fault.Conflict when the table does not permit it, including when
// the account is there already.
func Next(status Status, stage Stage, action Action) (Status, Stage, error) {
	from := State{status, stage}
	for _, t := range transitions {
		if t.Action == action && slices.Contains(t.From, from) {
			return t.To.Status, t.To.Stage, nil
		}
	}
	return "", "", fault.New(fault.Conflict, "An account that is %s does not permit %s.", from, action)
}
