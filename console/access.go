package console

import (
	"maps"

	"kibali/console/page"
	"kibali/domain/actor"
	"kibali/web"
)

// Root is where the console is.
const Root = "/console"

// Routes returns every route of the console, and who may use it.
func Routes() map[string]web.Access { return maps.Clone(access) }

// access says who may use each route; one that is not listed cannot be
// registered.
var access = map[string]web.Access{
	"GET " + page.AssetsRoute: web.Anyone,

	"GET " + signInPath:         web.Anyone,
	"POST " + signInPath:        web.Anyone,
	"GET " + ssoPath:            web.Anyone,
	"GET " + SSOCallbackPath:    web.Anyone, // whom the provider names
	"POST /console/sign-out":    web.StaffSession.Enrolling(),
	"GET /console":              web.Staff(actor.ReadAccounts),
	"POST /console/preferences": web.Anyone,

	"GET " + selfRoot:                             web.StaffSession.Enrolling(),
	"POST " + stepUpPath:                          web.StaffSession.Enrolling(),
	"GET " + ssoAgainPath:                         web.StaffSession.Enrolling(),
	"GET " + ssoDonePath:                          web.StaffSession.Enrolling(),
	"POST " + selfRoot + "/second-factor":         web.StaffSession.Enrolling().Recent(),
	"POST " + selfRoot + "/second-factor/confirm": web.StaffSession.Enrolling(),
	"POST " + selfRoot + "/recovery-codes":        web.StaffSession.Recent(),
	"POST " + selfRoot + "/password":              web.StaffSession,
	"POST " + selfRoot + "/sessions/:id/end":      web.StaffSession,

	"GET /console/users":                web.Staff(actor.ReadAccounts),
	"GET " + livePath:                   web.Staff(actor.ReadAccounts),
	"GET " + dashboardPath:              web.Staff(actor.ReadAccounts),
	"GET /console/users.csv":            web.Staff(actor.ReadAccounts),
	"POST " + viewsPath:                 web.Staff(actor.ReadAccounts),
	"POST " + viewsPath + "/:id/delete": web.Staff(actor.ReadAccounts),
	"GET /console/pending":              web.Staff(actor.ReadAccounts),

	"GET /console/accounts/:id":          web.Staff(actor.ReadAccounts),
	"GET /console/accounts/:id/timeline": web.Staff(actor.ReadAccounts),
	"GET /console/accounts/:id/billing":  web.Staff(actor.ReadAccounts),
	"GET /console/accounts/:id/export":   web.Staff(actor.ManageData).Recent(),
	"GET /console/decisions/:id":         web.Staff(actor.ReadAccounts),
	"GET " + appealsRoot:                 web.Staff(actor.ManageAccess),

	"GET /console/accounts/:id/review":   web.Staff(actor.Review),
	"POST /console/accounts/:id/claim":   web.Staff(actor.Review),
	"POST /console/accounts/:id/unclaim": web.Staff(actor.Review),
	"GET /console/review/next":           web.Staff(actor.Review),
	"GET /console/bulk":                  web.Staff(actor.Review),
	"POST /console/bulk":                 web.Staff(actor.Review),

	"GET /console/accounts/:id/top-up":          web.Staff(actor.TopUp),
	"POST /console/accounts/:id/top-up":         web.Staff(actor.TopUp).Recent(),
	"POST /console/accounts/:id/top-up/preview": web.Staff(actor.TopUp),
	"GET /console/decisions/:id/countersign":    web.Staff(actor.TopUp),
	"POST /console/decisions/:id/countersign":   web.Staff(actor.TopUp).Recent(),
	"GET /console/decisions/:id/decline":        web.Staff(actor.TopUp),
	"POST /console/decisions/:id/decline":       web.Staff(actor.TopUp),
	"GET " + ledgerRoot:                         web.Staff(actor.ReadLedger),
	"GET " + ledgerRoot + ".csv":                web.Staff(actor.ReadLedger),
	"GET " + bulkTopUpPath:                      web.Staff(actor.TopUp),
	"POST " + bulkTopUpPath:                     web.Staff(actor.TopUp).Recent(),
	"GET " + auditRoot:                          web.Staff(actor.ReadAudit),

	"GET " + staffRoot:                     web.Staff(actor.Administer),
	"POST " + staffRoot:                    web.Staff(actor.Administer).Recent(),
	"GET " + staffRoot + "/:id":            web.Staff(actor.Administer),
	"POST " + staffRoot + "/:id":           web.Staff(actor.Administer).Recent(),
	"POST " + staffRoot + "/:id/:what":     web.Staff(actor.Administer).Recent(),
	"GET " + invitationRoot + "/:token":    web.Anyone,
	"POST " + invitationRoot + "/:token":   web.Anyone,
	"GET " + servicesRoot:                  web.Staff(actor.Administer),
	"POST " + servicesRoot:                 web.Staff(actor.Administer).Recent(),
	"POST " + servicesRoot + "/:id/revoke": web.Staff(actor.Administer),
	"GET " + settingsRoot:                  web.Staff(actor.Administer),
	"POST " + settingsRoot:                 web.Staff(actor.Administer).Recent(),
	"GET " + settingsRoot + "/notices":     web.Staff(actor.Administer),

	"GET " + topUpsRoot: web.Staff(actor.ReadLedger),

	"GET /console/accounts/:id/documents/:doc/content":  web.Staff(actor.ReadDocuments),
	"GET /console/accounts/:id/documents/:doc/pages/:n": web.Staff(actor.ReadDocuments),
}

// The forms of decisions, each with its preview.
func init() {
	for _, v := range verbs {
		access["GET /console/accounts/:id/"+v.Path()] = web.Staff(v.permission)
		admitted := web.Staff(v.permission)
		if v.recent {
			admitted = admitted.Recent()
		}
		access["POST /console/accounts/:id/"+v.Path()] = admitted
		access["POST /console/accounts/:id/"+v.Path()+"/preview"] = web.Staff(v.permission)
	}
}
