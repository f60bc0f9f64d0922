package portal

import (
	"maps"

	"kibali/web"
)

// The addresses of the pages.
const (
	welcomePath   = "/"
	registerPath  = "/register"
	documentsPath = "/documents"
	uploadsPath   = "/documents/uploads"
	uploadPath    = "/documents/uploads/:id"
	finishPath    = "/documents/uploads/:id/finish"
	statusPath    = "/status"
	correctPath   = "/correct"
	loginPath     = "/login"
	logoutPath    = "/logout"
	forgotPath    = "/forgot-password"
	resetPath     = "/reset-password/:token"
	appealPath    = "/appeal"
	languagePath  = "/language"
	homePath      = "/home"
	billingPath   = "/billing"
	accountPath   = "/account"
	passwordPath  = "/account/password"
	contactPath   = "/contact"
	emailPath     = "/contact/email"
	emailProof    = "/contact/email/proof"
	phonePath     = "/contact/phone"
	phoneProof    = "/contact/phone/proof"
	phoneConfirm  = "/contact/phone/confirm"
	verifyPath    = "/verify-email/:token"
	sessionPath   = "/account/sessions/:id/end"
	exportPath    = "/account/export"
	keysPath      = "/api-keys"
	keyPath       = "/api-keys/:id/revoke"
)

// Routes returns every route of the portal, and who may use it.
func Routes() map[string]web.Access { return maps.Clone(access) }

// access says who may use each route; one that is not listed cannot be
// registered.
var access = map[string]web.Access{
	"GET " + welcomePath:    web.Anyone,
	"POST " + languagePath:  web.Anyone,
	"GET " + registerPath:   web.Anyone,
	"POST " + registerPath:  web.Anyone,
	"GET " + loginPath:      web.Anyone,
	"POST " + loginPath:     web.Anyone,
	"POST " + logoutPath:    web.Anyone,
	"GET " + forgotPath:     web.Anyone,
	"POST " + forgotPath:    web.Anyone,
	"GET " + resetPath:      web.Anyone,
	"POST " + resetPath:     web.Anyone,
	"POST " + appealPath:    web.Appellant,
	"GET " + documentsPath:  web.OwnApplication,
	"POST " + documentsPath: web.OwnApplication,
	"POST " + uploadsPath:   web.OwnApplication,
	"GET " + uploadPath:     web.OwnApplication,
	"POST " + uploadPath:    web.OwnApplication,
	"POST " + finishPath:    web.OwnApplication,
	"GET " + statusPath:     web.OwnApplication,
	"GET " + correctPath:    web.User,
	"POST " + correctPath:   web.User,
	"GET " + homePath:       web.User,
	"GET " + billingPath:    web.User,
	"GET " + accountPath:    web.User,
	"GET " + exportPath:     web.User,
	"POST " + passwordPath:  web.User,
	"GET " + contactPath:    web.User,
	"GET " + emailPath:      web.User,
	"POST " + emailPath:     web.User,
	"POST " + emailProof:    web.User,
	"GET " + phonePath:      web.User,
	"POST " + phonePath:     web.User,
	"POST " + phoneProof:    web.User,
	"POST " + phoneConfirm:  web.User,
	"GET " + verifyPath:     web.Anyone,
	"POST " + verifyPath:    web.Anyone,
	"POST " + sessionPath:   web.User,
	"GET " + keysPath:       web.ActiveUser,
	"POST " + keysPath:      web.ActiveUser,
	"GET " + keyPath:        web.ActiveUser,
	"POST " + keyPath:       web.ActiveUser,
}
