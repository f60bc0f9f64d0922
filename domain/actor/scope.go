package actor

import "slices"

// Scope is something that a service's credential may do.
type Scope string

// The scopes of services.
const (
	ScopeAuthorize Scope = "authorize" // ask whether an account may pass
	ScopeCharges   Scope = "charges"   // charge any account
	ScopeRefunds   Scope = "refunds"   // give back what was not delivered
)

// Scopes returns every scope, in the order in which they are documented.
func Scopes() []Scope { return []Scope{ScopeAuthorize, ScopeCharges, ScopeRefunds} }

// Can reports whether the actor is a service whose credential has the scope.
func (a Actor) Can(s Scope) bool {
	return a.Kind == Service && slices.Contains(a.Scopes, s)
}
