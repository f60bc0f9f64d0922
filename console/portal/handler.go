package portal

import (
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

//go:embed templates/*.html locales/*.toml static/*
var files embed.FS

// Config is what the portal needs. Every field but Proxies, Uses, Now and
// Observe is required.
type Config struct {
	Service  *service.Service
	Reader   *store.Reader
	Assets   *page.Assets // with those of Static
	Log      *slog.Logger
	Site     *web.Site
	Platform string // its name, which pages bear
	Proxies  web.Proxies
	// Uses is told of each use of a session.
	Uses *store.Uses
	Now  func() time.Time // time.Now when nil
	// Observe is told of each request that was answered; see web.Config.
	Observe func(method, route string, status int, took time.Duration)
}

// Static are the files that pages of the portal refer to, for page.NewAssets.
func Static() fs.FS { return folder("static") }

// folder returns one of the embedded folders.
func folder(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(fmt.Sprintf("the portal has no folder %s", name)) // a name that is no path
	}
	return sub
}

// Handler returns the portal.
func Handler(config Config) (http.Handler, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &server{
		service: config.Service, reader: config.Reader, log: config.Log, site: config.Site, platform: config.Platform, now: config.Now,
	}
	var err error
	s.face, err = page.NewFace(page.Options{
		Templates: folder("templates"), Messages: folder("locales"), Assets: config.Assets, Site: config.Site,
		Viewer: s.viewer, Locale: localeOf, Zone: s.zone.Location, Now: config.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("open the portal: %w", err)
	}
	return web.New(web.Config{
		Reader: config.Reader, Log: config.Log, Proxies: config.Proxies, Now: config.Now, Access: access, Observe: config.Observe,
		Uses: config.Uses, Site: config.Site, Cookies: true, Page: s.problem,
	}, s.routes), nil
}

// Owns reports whether the portal is to answer for a path.
func Owns(path string) bool { return owns(path) }

var owns = web.Below(access)

// server carries the handlers.
type server struct {
	service  *service.Service
	reader   *store.Reader
	log      *slog.Logger
	site     *web.Site
	face     *page.Face
	platform string
	now      func() time.Time
	zone     zone
	usual    usual
}

func (s *server) routes(engine *gin.Engine) {
	engine.Use(s.seat)
	engine.GET(welcomePath, s.welcome)
	engine.POST(languagePath, s.chooseLanguage)
	engine.GET(registerPath, s.registerForm)
	engine.POST(registerPath, s.register)
	engine.GET(loginPath, s.loginForm)
	engine.POST(loginPath, s.login)
	engine.POST(logoutPath, s.logout)
	engine.GET(forgotPath, s.forgotForm)
	engine.POST(forgotPath, s.forgot)
	engine.GET(resetPath, s.resetForm)
	engine.POST(resetPath, s.reset)
	engine.POST(appealPath, s.appeal)
	engine.GET(documentsPath, s.documents)
	engine.POST(documentsPath, s.upload)
	engine.POST(uploadsPath, s.beginUpload)
	engine.GET(uploadPath, s.uploadStands)
	engine.POST(uploadPath, s.continueUpload)
	engine.POST(finishPath, s.finishUpload)
	engine.GET(statusPath, s.status)
	engine.GET(correctPath, s.correctForm)
	engine.POST(correctPath, s.correct)
	engine.GET(homePath, s.home)
	engine.GET(billingPath, s.billing)
	engine.GET(exportPath, s.export)
	engine.GET(accountPath, s.account)
	engine.POST(passwordPath, s.changePassword)
	engine.POST(sessionPath, s.endSession)
	engine.GET(contactPath, s.contact)
	for contact, at := range map[account.Contact][2]string{
		account.ContactEmail: {emailPath, emailProof}, account.ContactPhone: {phonePath, phoneProof},
	} {
		engine.GET(at[0], s.changeForm(contact))
		engine.POST(at[0], s.changeContact(contact))
		engine.POST(at[1], s.sendProof(contact))
	}
	engine.POST(phoneConfirm, s.confirmPhone)
	engine.GET(verifyPath, s.verifyForm)
	engine.POST(verifyPath, s.verify)
	engine.GET(keysPath, s.keys)
	engine.POST(keysPath, s.createKey)
	engine.GET(keyPath, s.askToRevoke)
	engine.POST(keyPath, s.revokeKey)
}
