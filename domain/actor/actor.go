// Package actor says who does something and what they may do. It is pure and
// imports domain/fault and uuid only.
package actor

import (
	"net/netip"
	"slices"

	"github.com/google/uuid"

	"kibali/domain/fault"
)

// Kind is the kind of someone who acts.
type Kind string

// The kinds. System is Kibali itself: a timer, a sweep, a case.
const (
	Staff   Kind = "staff"
	Account Kind = "account"
	Service Kind = "service"
	System  Kind = "system"
)

// Actor is who asks for something, with what the audit trail keeps of the
// request. The zero Actor is nobody and may do nothing.
type Actor struct {
	Kind Kind
	// ID is the staff member's, account's or service's id; nil for the system.
	ID uuid.UUID
	// Role is set for staff only.
	Role Role
	// Scopes is set for services only.
	Scopes []Scope
	// Granted is what the credential of staff is limited to; nil is no limit.
	Granted   []Permission
	RequestID string
	// Address is the client's, after trusted proxies; invalid when unknown.
	Address netip.Addr
}

// Role is what a staff member is.
type Role string

// The roles of staff.
const (
	Admin    Role = "admin"
	Reviewer Role = "reviewer"
	Finance  Role = "finance"
	Support  Role = "support"
	Auditor  Role = "auditor"
)

// Roles returns every role, in the order in which they are documented.
func Roles() []Role { return []Role{Admin, Reviewer, Finance, Support, Auditor} }

// ParseRole returns the role of a name. Its field is "role".
func ParseRole(s string) (Role, *fault.Field) {
	if slices.Contains(Roles(), Role(s)) {
		return Role(s), nil
	}
	return "", &fault.Field{Field: "role", Code: "invalid", Detail: "Must be admin, reviewer, finance, support or auditor."}
}

// Permission is something that only some roles may do.
type Permission string

// The permissions of staff.
const (
	ReadAccounts  Permission = "accounts.read"
	ReadDocuments Permission = "documents.read"
	ReadLedger    Permission = "ledger.read"
	ReadAudit     Permission = "audit.read"
	Review        Permission = "accounts.review"
	ManageAccess  Permission = "accounts.access" // suspend, reactivate, close
	TopUp         Permission = "credits.top_up"
	ForceReset    Permission = "passwords.reset"
	ManageData    Permission = "accounts.data" // hand out and erase all that is held about a person
	Administer    Permission = "administer"    // staff, services, policy
)

// permissions is the whole table of who may do what.
var permissions = map[Permission][]Role{
	ReadAccounts:  {Admin, Reviewer, Finance, Support, Auditor},
	ReadDocuments: {Admin, Reviewer, Auditor},
	ReadLedger:    {Admin, Finance, Auditor},
	ReadAudit:     {Admin, Auditor},
	Review:        {Admin, Reviewer},
	ManageAccess:  {Admin},
	TopUp:         {Admin, Finance},
	ForceReset:    {Admin, Support},
	ManageData:    {Admin},
	Administer:    {Admin},
}

// Permissions returns every permission, in the order in which they are
// documented.
func Permissions() []Permission {
	return []Permission{ReadAccounts, ReadDocuments, ReadLedger, ReadAudit, Review, ManageAccess, TopUp, ForceReset, ManageData, Administer}
}

// May reports whether the actor is staff of a role that has the permission, with
// a credential that is not limited to others.
func (a Actor) May(p Permission) bool {
	return a.Kind == Staff && slices.Contains(permissions[p], a.Role) && (a.Granted == nil || slices.Contains(a.Granted, p))
}
