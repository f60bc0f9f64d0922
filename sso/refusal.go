package sso

import "kibali/domain/fault"

// Reason says why nobody was signed in, for the page that tells them.
type Reason string

// The reasons.
const (
	Lost       Reason = "lost"        // not begun in this browser, used already, or too long ago
	Denied     Reason = "denied"      // by the person or the provider
	Untrusted  Reason = "untrusted"   // what the provider sent does not prove anything
	Unverified Reason = "unverified"  // the provider does not vouch for the e-mail
	NoRole     Reason = "no_role"     // nothing of the claim gives a role
	NoFactor   Reason = "no_factor"   // the provider did not ask for a second factor
	Stale      Reason = "stale"       // the provider did not ask the person again
	Another    Reason = "another"     // somebody else than the session's person
	Disabled   Reason = "disabled"    // the staff member
	EmailTaken Reason = "email_taken" // by another member of staff
	LastAdmin  Reason = "last_admin"  // would lose the role
	Away       Reason = "away"        // the provider
)

// Reasons returns every reason.
func Reasons() []Reason {
	return []Reason{Lost, Denied, Untrusted, Unverified, NoRole, NoFactor, Stale, Another, Disabled, EmailTaken, LastAdmin, Away}
}

// reasonDetail is the detail of a fault that holds its Reason.
const reasonDetail = "reason"

// Refuse returns the fault.Unauthenticated that says why nobody was signed in.
func Refuse(reason Reason) *fault.Error {
	return fault.New(fault.Unauthenticated, "Nobody was signed in through the identity provider.").With(reasonDetail, reason)
}

// ReasonOf returns the Reason of an error, "" when it is none of these.
func ReasonOf(err error) Reason {
	f := fault.As(err)
	if f == nil {
		return ""
	}
	reason, _ := f.Details[reasonDetail].(Reason)
	return reason
}
