package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// Config is what the API needs. Every field but Proxies, Site,
// SecondFactor, TemporalUI, Now, Uses and Observe is required.
type Config struct {
	Service *service.Service
	Reader  *store.Reader
	Cursors *web.Cursors
	Log     *slog.Logger
	Proxies web.Proxies
	Site    *web.Site
	// SecondFactor requires one of staff who sign in; see web.Config.
	SecondFactor bool
	// TemporalUI is where the cases are shown, its namespace included; "" for no
	// links there.
	TemporalUI string
	Now        func() time.Time // time.Now when nil
	// Uses is told of each use of an account, a key or a service; it may be nil.
	Uses *store.Uses
	// Reports reads what the provider of SMS reports; nil for one that does not
	// sign its reports.
	Reports ReadReport
	// Reported is told what is learnt of recipients of messages from reports: a
	// message.Status, or "late". It may be nil.
	Reported func(outcome string, n int)
	// Observe is told of each request that was answered; see web.Config.
	Observe func(method, route string, status int, took time.Duration)
}

// Handler returns the API.
func Handler(config Config) http.Handler {
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &server{
		service: config.Service, reader: config.Reader, cursors: config.Cursors, log: config.Log, now: config.Now,
		temporalUI: config.TemporalUI, secondFactor: config.SecondFactor, reports: config.Reports, reported: config.Reported,
	}
	settings := web.Config{
		Reader: config.Reader, Log: config.Log, Proxies: config.Proxies, Site: config.Site, SecondFactor: config.SecondFactor, Now: config.Now,
		Access: access, Uses: config.Uses, Observe: config.Observe,
	}
	return web.Authorize(settings, "/v1/gate/authorize", web.New(settings, func(engine *gin.Engine) {
		RegisterHandlersWithOptions(engine, s, GinServerOptions{
			Middlewares:  []MiddlewareFunc{refuseParameters},
			ErrorHandler: func(c *gin.Context, _ error, _ int) { web.NotFound(c) }, // a path without a real id
		})
	}))
}

// server carries the generated ServerInterface.
type server struct {
	service *service.Service
	reader  *store.Reader
	cursors *web.Cursors
	log     *slog.Logger
	now     func() time.Time

	temporalUI   string
	secondFactor bool
	reports      ReadReport
	reported     func(outcome string, n int)
}

var _ ServerInterface = (*server)(nil)

// refuseParameters refuses a query string where a route has no parameters.
// Those that have some read them with web.ReadQuery.
func refuseParameters(c *gin.Context) {
	switch c.FullPath() {
	case "/v1/accounts", "/v1/accounts/:id/timeline", "/v1/accounts/:id/transactions", "/v1/me/transactions",
		"/v1/ledger", "/v1/ledger/export.csv", "/v1/audit", "/v1/audit/export.jsonl", "/v1/top-ups", "/v1/top-ups/:id", "/v1/appeals", "/v1/accounts/:id/appeals",
		"/v1/delivery-reports/twilio", "/docs", "/openapi.json":
		return
	}
	if c.Request.URL.RawQuery == "" {
		return
	}
	if _, err := web.ReadQuery(c); err != nil {
		web.Fail(c, err)
	}
}

// noContent answers that it is done.
func noContent(c *gin.Context) {
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
}

// given returns what an optional field holds, or its zero value.
func given[T any](field *T) T {
	if field == nil {
		var zero T
		return zero
	}
	return *field
}

// unlessEmpty returns nil for "".
func unlessEmpty[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return &s
}

// unlessNever returns nil for the zero time, and UTC otherwise.
func unlessNever(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return unlessNever(*t)
}
