package console

import (
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
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
		service: config.Service, reader: config.Reader, cursors: config.Cursors, assets: config.Assets, site: config.Site, now: config.Now,
		temporalUI: config.TemporalUI,
	}
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
	now     func() time.Time
	assets  *page.Assets
	face    *page.Face
	zone    zone

	temporalUI string
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
	engine.POST("/console/sign-out", s.signOut)
	engine.GET("/console", s.start)
	engine.POST("/console/preferences", s.prefer)
	engine.GET("/console/users", s.users)
	engine.GET("/console/users.csv", s.usersCSV)
	engine.GET("/console/pending", s.pending)
	engine.GET("/console/review/next", s.nextReview)
	engine.GET("/console/bulk", s.bulkForm)
	engine.POST("/console/bulk", s.bulk)
	engine.GET("/console/decisions/:id", s.decision)

	account := engine.Group("/console/accounts/:id")
	account.GET("", s.profile)
	account.GET("/timeline", s.timeline)
	account.GET("/billing", s.billing)
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
	if f.Code == fault.Unauthenticated && c.FullPath() != "" {
		s.askToSignIn(c)
		return
	}
	s.face.Problem(c, status, f)
}

// start sends whoever opens the console to what they do most.
func (s *server) start(c *gin.Context) { page.See(c, Root+"/users") }

// zone is the time zone of the policy, as it was when it was last read.
type zone struct {
	atomic.Pointer[time.Location]
}

func (z *zone) location() *time.Location {
	if l := z.Load(); l != nil {
		return l
	}
	return time.UTC
}
