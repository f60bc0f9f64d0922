package console

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

//go:embed templates/*.html locales/*.toml static/*
var files embed.FS

// Config is what the console needs. Every field but Proxies, SecondFactor, Uses,
// TemporalUI, Now and Observe is required.
type Config struct {
	Service *service.Service
	Reader  *store.Reader
	Cursors *web.Cursors
	Assets  *page.Assets // with those of Static
	Log     *slog.Logger
	Site    *web.Site
	Proxies web.Proxies
	// SecondFactor requires one of staff who sign in, and Uses is told of each use
	// of a session; see web.Config.
	SecondFactor bool
	Uses         *store.Uses
	// TemporalUI is where the cases are shown, its namespace included; "" for
	// pages without links to them.
	TemporalUI string
	Now        func() time.Time // time.Now when nil
	// Observe is told of each request that was answered; see web.Config.
	Observe func(method, route string, status int, took time.Duration)
}

// Static are the files that pages of the console refer to, for page.NewAssets.
func Static() fs.FS { return folder("static") }

// folder returns one of the embedded folders.
func folder(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(fmt.Sprintf("the console has no folder %s", name)) // a name that is no path
	}
	return sub
}

// Handler returns the console, and the assets of all pages.
func Handler(config Config) (http.Handler, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &server{
		service: config.Service, reader: config.Reader, cursors: config.Cursors, assets: config.Assets, site: config.Site,
		log: config.Log, now: config.Now,
		temporalUI: config.TemporalUI, secondFactor: config.SecondFactor,
	}
	s.live = newLive(config.Reader, config.Log)
	if err := s.openFace(); err != nil {
		return nil, fmt.Errorf("open the console: %w", err)
	}
	return web.New(web.Config{
		Reader: config.Reader, Log: config.Log, Proxies: config.Proxies, Now: config.Now, Access: access, Observe: config.Observe,
		Site: config.Site, Cookies: true, SecondFactor: config.SecondFactor, Uses: config.Uses, Page: s.problem,
	}, s.routes), nil
}

// server carries the handlers.
type server struct {
	service *service.Service
	reader  *store.Reader
	cursors *web.Cursors
	site    *web.Site
	log     *slog.Logger
	now     func() time.Time
	assets  *page.Assets
	face    *page.Face
	zone    zone
	live    *live

	temporalUI   string
	secondFactor bool
}

func (s *server) openFace() (err error) {
	s.face, err = page.NewFace(page.Options{
		Templates: folder("templates"), Messages: folder("locales"), Assets: s.assets, Site: s.site,
		Viewer: viewerOf, Zone: s.zone.location, Now: s.now,
	})
	return err
}

func (s *server) routes(engine *gin.Engine) {
	engine.GET(page.AssetsRoute, s.assets.Serve)
	engine.Use(s.seat)
	engine.GET(signInPath, s.signInForm)
	engine.POST(signInPath, s.signIn)
	engine.GET(ssoPath, s.beginSSO)
	engine.GET(SSOCallbackPath, s.endSSO)
	engine.POST("/console/sign-out", s.signOut)
	engine.GET("/console", s.start)
	engine.GET(livePath, s.follow)
	engine.GET(dashboardPath, s.dashboard)
	engine.POST("/console/preferences", s.prefer)
	engine.GET("/console/users", s.users)
	engine.GET("/console/users.csv", s.usersCSV)
	engine.POST(viewsPath, s.saveView)
	engine.POST(viewsPath+"/:id/delete", s.deleteView)
	engine.GET("/console/pending", s.pending)
	engine.GET("/console/review/next", s.nextReview)
	engine.GET("/console/bulk", s.bulkForm)
	engine.POST("/console/bulk", s.bulk)
	engine.GET("/console/decisions/:id", s.decision)
	for _, action := range []account.Action{account.Countersign, account.Decline} {
		engine.GET("/console/decisions/:id/"+string(action), s.signForm(action))
		engine.POST("/console/decisions/:id/"+string(action), s.sign(action))
	}
	engine.GET(ledgerRoot, s.ledger)
	engine.GET(ledgerRoot+".csv", s.ledgerCSV)
	engine.GET(topUpsRoot, s.topUps)
	engine.GET(bulkTopUpPath, s.bulkTopUpForm)
	engine.POST(bulkTopUpPath, s.bulkTopUp)
	engine.GET(auditRoot, s.audit)
	engine.GET(appealsRoot, s.appeals)
	s.routeSelf(engine)
	s.routeAdministration(engine)
	s.routeAccounts(engine.Group("/console/accounts/:id"))
}

// routeSelf adds what concerns the viewer themselves.
func (s *server) routeSelf(engine *gin.Engine) {
	engine.POST(stepUpPath, s.stepUp)
	engine.GET(ssoAgainPath, s.beginSSOAgain)
	engine.GET(ssoDonePath, s.ssoDone)
	engine.GET(selfRoot, s.self)
	engine.POST(selfRoot+"/second-factor", s.beginFactor)
	engine.POST(selfRoot+"/second-factor/confirm", s.confirmFactor)
	engine.POST(selfRoot+"/recovery-codes", s.newRecoveryCodes)
	engine.POST(selfRoot+"/password", s.changePassword)
	engine.POST(selfRoot+"/sessions/:id/end", s.endSession)
}

// routeAdministration adds what admins look after.
func (s *server) routeAdministration(engine *gin.Engine) {
	engine.GET(staffRoot, s.staff)
	engine.POST(staffRoot, s.addStaff)
	engine.GET(staffRoot+"/:id", s.member)
	engine.POST(staffRoot+"/:id", posted(s.changeMember))
	engine.POST(staffRoot+"/:id/:what", posted(s.manageMember))
	engine.GET(invitationRoot+"/:token", s.invitation)
	engine.POST(invitationRoot+"/:token", s.accept)
	engine.GET(servicesRoot, s.services)
	engine.POST(servicesRoot, s.addService)
	engine.POST(servicesRoot+"/:id/revoke", s.revokeService)
	engine.GET(settingsRoot, s.settings)
	engine.POST(settingsRoot, s.changeSettings)
	engine.GET(settingsRoot+"/notices", s.notices)
}

// routeAccounts adds what concerns one account.
func (s *server) routeAccounts(account *gin.RouterGroup) {
	account.GET("", s.profile)
	account.GET("/top-up", s.topUpForm)
	account.POST("/top-up", posted(s.topUp))
	account.POST("/top-up/preview", posted(s.previewTopUp))
	account.GET("/timeline", s.timeline)
	account.GET("/billing", s.billing)
	account.GET("/export", s.export)
	account.GET("/review", s.review)
	account.POST("/claim", s.claim)
	account.POST("/unclaim", s.unclaim)
	account.GET("/documents/:doc/content", s.originalOfDocument)
	account.GET("/documents/:doc/pages/:n", s.pageOfDocument)
	for _, v := range verbs {
		account.GET("/"+v.Path(), s.decideForm(v))
		account.POST("/"+v.Path(), s.decide(v))
		account.POST("/"+v.Path()+"/preview", s.preview(v))
	}
}

// problem is the page that an error becomes.
func (s *server) problem(c *gin.Context, status int, f *fault.Error) {
	if c.GetHeader("X-Background") != "" || c.FullPath() == livePath {
		// A page asked by itself: whoever reads it is left alone, and told when
		// they do something. A stream does not begin anew after this answer.
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()
		return
	}
	if f.Code == fault.Unauthenticated && c.FullPath() != "" {
		s.askToSignIn(c)
		return
	}
	if _, seated := c.Get(viewerKey{}); !seated {
		// Refused before seat came: the page is the viewer's all the same, where
		// that can be told.
		if err := s.findViewer(c); err != nil {
			s.log.WarnContext(c, "an error is shown without a viewer", "cause", web.Describe(err))
		}
	}
	if f.Code == fault.StepUpRequired {
		s.askToStepUp(c)
		return
	}
	if f.Code == fault.SecondFactorMissing {
		page.See(c, selfRoot)
		return
	}
	s.face.Problem(c, status, f)
}

// start sends whoever opens the console to what they do most.
func (s *server) start(c *gin.Context) { page.See(c, Root+"/users") }

// zone is the time zone of the policy, as it was when it was last read.
type zone struct {
	atomic.Pointer[zoneRead]
}

type zoneRead struct {
	location *time.Location
	at       time.Time
}

// zoneKept is how long a zone counts that was read.
const zoneKept = time.Minute

func (z *zone) location() *time.Location {
	if read := z.Load(); read != nil {
		return read.location
	}
	return time.UTC
}

// renew reads the zone anew when it is old. Pages are made with the old one
// where that fails: a time tells its zone.
func (z *zone) renew(ctx context.Context, reader *store.Reader, now time.Time) {
	if read := z.Load(); read != nil && now.Sub(read.at) < zoneKept {
		return
	}
	p, _, err := reader.Policy(ctx)
	if err != nil {
		return
	}
	if location, err := p.Location(); err == nil {
		z.Store(&zoneRead{location, now})
	}
}
