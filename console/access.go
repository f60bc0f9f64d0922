package console

import (
	"kibali/console/page"
	"kibali/domain/actor"
	"kibali/web"
)

// Root is where the console is.
const Root = "/console"

// access says who may use each route; one that is not listed cannot be
// registered.
var access = map[string]web.Access{
	"GET " + page.AssetsRoute: web.Anyone,

	"GET " + signInPath:         web.Anyone,
	"POST " + signInPath:        web.Anyone,
	"POST /console/sign-out":    web.StaffSession,
	"GET /console":              web.Staff(actor.ReadAccounts),
	"POST /console/preferences": web.Anyone,

	"GET /console/users":     web.Staff(actor.ReadAccounts),
	"GET /console/users.csv": web.Staff(actor.ReadAccounts),
}
