package api

import (
	"maps"

	"kibali/domain/actor"
	"kibali/web"
)

// Owns reports whether the API is to answer for a path.
func Owns(path string) bool { return owns(path) }

var owns = web.Below(access)

// Routes returns every route of the API, and who may use it.
func Routes() map[string]web.Access { return maps.Clone(access) }

// access says who may use each route; one that is not listed cannot be
// registered.
var access = map[string]web.Access{
	"GET /docs":         web.Anyone,
	"GET /openapi.json": web.Anyone,

	"POST /v1/registrations":               web.Anyone,
	"POST /v1/registrations/:id/documents": web.UploadOrSession,
	"POST /v1/sessions":                    web.Anyone,
	"DELETE /v1/sessions/current":          web.User.EvenSuspended(),
	"POST /v1/password-resets":             web.Anyone,
	"POST /v1/password-resets/complete":    web.Anyone,
	"GET /v1/me":                           web.User,
	"GET /v1/me/transactions":              web.User,
	"GET /v1/me/export":                    web.User,
	"POST /v1/me/appeal":                   web.Appellant,
	"POST /v1/me/resubmission":             web.User,
	"GET /v1/me/sessions":                  web.User,
	"DELETE /v1/me/sessions/:id":           web.User,
	"POST /v1/me/password":                 web.User,
	"POST /v1/me/email":                    web.User,
	"POST /v1/me/email/proof":              web.User,
	"POST /v1/me/phone":                    web.User,
	"POST /v1/me/phone/proof":              web.User,
	"POST /v1/me/phone/proof/confirm":      web.User,
	"POST /v1/email-proofs/complete":       web.Anyone,

	"POST /v1/staff/sessions":                 web.Anyone,
	"GET /v1/staff/sessions":                  web.StaffSession,
	"DELETE /v1/staff/sessions/:id":           web.StaffSession,
	"DELETE /v1/staff/sessions/current":       web.StaffSession.Enrolling(),
	"POST /v1/staff/sessions/current/step-up": web.StaffSession.Enrolling(),
	"POST /v1/staff/me/second-factor":         web.StaffSession.Enrolling().Recent(),
	"POST /v1/staff/me/second-factor/confirm": web.StaffSession.Enrolling(),
	"POST /v1/staff/me/recovery-codes":        web.StaffSession.Recent(),
	"GET /v1/staff/me":                        web.StaffMember.Enrolling(),
	"GET /v1/audit":                           web.Staff(actor.ReadAudit),
	"GET /v1/audit/head":                      web.Staff(actor.ReadAudit),
	"GET /v1/audit/export.jsonl":              web.Staff(actor.ReadAudit),
	"GET /v1/staff/me/tokens":                 web.StaffSession,
	"POST /v1/staff/me/tokens":                web.StaffSession.Recent(),
	"DELETE /v1/staff/me/tokens/:id":          web.StaffSession,
	"POST /v1/staff/invitations/accept":       web.Anyone,
	"GET /v1/staff":                           web.Staff(actor.Administer),
	"POST /v1/staff":                          web.Staff(actor.Administer).Recent(),
	"GET /v1/staff/:id":                       web.Staff(actor.Administer),
	"PATCH /v1/staff/:id":                     web.Staff(actor.Administer).Recent(),
	"POST /v1/staff/:id/disable":              web.Staff(actor.Administer),
	"POST /v1/staff/:id/enable":               web.Staff(actor.Administer).Recent(),
	"POST /v1/staff/:id/invitation":           web.Staff(actor.Administer).Recent(),
	"POST /v1/staff/:id/second-factor-reset":  web.Staff(actor.Administer).Recent(),
	"POST /v1/staff/me/password":              web.StaffSession,

	"GET /v1/me/api-keys":        web.ActiveUser,
	"POST /v1/me/api-keys":       web.ActiveUser,
	"DELETE /v1/me/api-keys/:id": web.ActiveUser,

	// In every method, and for every path below it.
	"* /v1/gate/authorize": web.Pass,

	"POST /v1/messages":    web.UserOrKey,
	"GET /v1/messages/:id": web.UserOrKey,
	// Believed when the provider has signed it.
	"POST /v1/delivery-reports/twilio": web.Anyone,

	"POST /v1/gate/charges":            web.KeyOrService(actor.ScopeCharges).ProvenByHandler(),
	"POST /v1/gate/charges/:id/refund": web.Service(actor.ScopeRefunds),

	"GET /v1/accounts":              web.Staff(actor.ReadAccounts),
	"GET /v1/accounts/:id":          web.Staff(actor.ReadAccounts),
	"GET /v1/accounts/:id/timeline": web.Staff(actor.ReadAccounts),
	"GET /v1/decisions/:id":         web.Staff(actor.ReadAccounts),
	"GET /v1/stats":                 web.Staff(actor.ReadAccounts),

	"GET /v1/accounts/:id/documents":               web.Staff(actor.ReadDocuments),
	"GET /v1/accounts/:id/documents/:doc/content":  web.Staff(actor.ReadDocuments),
	"GET /v1/accounts/:id/documents/:doc/pages/:n": web.Staff(actor.ReadDocuments),

	"POST /v1/accounts/:id/approve":         web.Staff(actor.Review),
	"POST /v1/accounts/:id/reject":          web.Staff(actor.Review),
	"POST /v1/accounts/:id/request-changes": web.Staff(actor.Review),
	"POST /v1/accounts/:id/suspend":         web.Staff(actor.ManageAccess),
	"PATCH /v1/accounts/:id/suspension":     web.Staff(actor.ManageAccess),
	"POST /v1/accounts/:id/reactivate":      web.Staff(actor.ManageAccess),

	"GET /v1/appeals":                               web.Staff(actor.ManageAccess),
	"GET /v1/accounts/:id/appeals":                  web.Staff(actor.ManageAccess),
	"POST /v1/accounts/:id/appeals/:appeal/grant":   web.Staff(actor.ManageAccess),
	"POST /v1/accounts/:id/appeals/:appeal/dismiss": web.Staff(actor.ManageAccess),

	"POST /v1/accounts/:id/close": web.Staff(actor.ManageAccess),
	"GET /v1/accounts/:id/export": web.Staff(actor.ManageData).Recent(),
	"POST /v1/accounts/:id/erase": web.Staff(actor.ManageData).Recent(),

	"POST /v1/accounts/:id/top-ups":        web.Staff(actor.TopUp).Recent(),
	"POST /v1/decisions/:id/countersign":   web.Staff(actor.TopUp).Recent(),
	"POST /v1/decisions/:id/decline":       web.Staff(actor.TopUp),
	"GET /v1/top-ups":                      web.Staff(actor.ReadLedger),
	"POST /v1/top-ups":                     web.Staff(actor.TopUp).Recent(),
	"POST /v1/top-ups/preview":             web.Staff(actor.TopUp),
	"GET /v1/top-ups/:id":                  web.Staff(actor.ReadLedger),
	"GET /v1/accounts/:id/transactions":    web.Staff(actor.ReadLedger),
	"GET /v1/ledger":                       web.Staff(actor.ReadLedger),
	"GET /v1/ledger/export.csv":            web.Staff(actor.ReadLedger),
	"POST /v1/accounts/:id/password-reset": web.Staff(actor.ForceReset).Recent(),

	"GET /v1/services":        web.Staff(actor.Administer),
	"POST /v1/services":       web.Staff(actor.Administer).Recent(),
	"DELETE /v1/services/:id": web.Staff(actor.Administer),
}
