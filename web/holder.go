package web

import (
	"net/http"
	"slices"

	"kibali/domain/actor"
)

// Holder is a kind of somebody who sends requests, by the credential that they
// hold: one column of the table of who may use which route. The holders of a
// personal access token are named by their role.
type Holder string

// The holders beside the roles of staff.
const (
	Nobody        Holder = "nobody"
	Applicant     Holder = "applicant" // with the token of an upload, of their own application
	PendingUser   Holder = "pending user"
	ActiveOne     Holder = "active user"
	SuspendedUser Holder = "suspended user"
	AppealHolder  Holder = "appeal token"
	KeyHolder     Holder = "API key" // of an active account
	ServiceHolder Holder = "service" // with every scope
)

// Holders returns every holder, in the order of the table.
func Holders() []Holder {
	all := []Holder{Nobody, Applicant, PendingUser, ActiveOne, SuspendedUser, AppealHolder, KeyHolder, ServiceHolder}
	for _, role := range actor.Roles() {
		all = append(all, Holder(role))
	}
	return all
}

// users are the holders that each kind of access for users and programs admits.
// It is said here a second time, in other words than the guard's: a test asks
// every route as everyone and holds the two against each other.
var users = map[who][]Holder{
	applicant:      {Applicant, PendingUser},
	ownApplication: {Applicant, PendingUser, ActiveOne},
	user:           {PendingUser, ActiveOne},
	appellant:      {AppealHolder},
	activeUser:     {ActiveOne},
	userOrKey:      {ActiveOne, KeyHolder},
	keyOrService:   {KeyHolder, ServiceHolder},
	service:        {ServiceHolder},
	pass:           {ActiveOne, KeyHolder},
}

// AdmitsHolder reports whether the Access admits a holder. Applicants and pending
// users are those of the account that the path names. session says that staff
// signed in, in place of a personal access token.
func (a Access) AdmitsHolder(h Holder, session bool) bool {
	if a.who == anyone {
		return true
	}
	role, unknown := actor.ParseRole(string(h))
	isStaff := unknown == nil
	switch a.who {
	case staff:
		return isStaff && actor.Actor{Kind: actor.Staff, Role: role}.May(a.permission)
	case staffMember:
		return isStaff
	case staffSession:
		return isStaff && session
	}
	if h == SuspendedUser && a.who == user {
		return a.suspended
	}
	return slices.Contains(users[a.who], h)
}

// String says in words whom the Access admits.
func (a Access) String() string {
	said := map[who]string{
		anyone: "anyone", applicant: "applicant of the account", ownApplication: "applicant", user: "user", appellant: "appeal token",
		activeUser: "active user", userOrKey: "active user or API key", keyOrService: "API key or service: " + string(a.scope),
		service: "service: " + string(a.scope), pass: "active user or API key", staff: string(a.permission),
		staffMember: "staff", staffSession: "staff, signed in",
	}[a.who]
	if said == "" {
		return "nobody"
	}
	if a.recent {
		said += ", recently"
	}
	if a.suspended {
		said += ", suspended too"
	}
	return said
}

// ForAnyone reports whether no credential is looked at.
func (a Access) ForAnyone() bool { return a.who == anyone }

// Recently reports whether a session of staff must be a recent one.
func (a Access) Recently() bool { return a.recent }

// Refusal is the status that a holder who is not admitted gets from the API.
func (a Access) Refusal(h Holder) int {
	_, unknown := actor.ParseRole(string(h))
	if h == Nobody || a.who == pass && (unknown == nil || h == Applicant || h == AppealHolder) {
		return http.StatusUnauthorized // at the gate, what opens nothing there is no credential
	}
	return http.StatusForbidden
}
