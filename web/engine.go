package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/fault"
	"kibali/store"
)

// Config is what every HTTP face needs. Reader, Log and Access are required.
type Config struct {
	Reader  *store.Reader
	Log     *slog.Logger
	Proxies Proxies
	Now     func() time.Time // time.Now when nil
	// Access says who may use which route: method, space, and the route as
	// gin writes it ("GET /v1/accounts/:id").
	Access map[string]Access
	// Uses is told of each use of a credential of an account or a service. It
	// may be nil.
	Uses *store.Uses
	// Site is where people reach the pages; nil says nothing of TLS.
	Site *Site
	// Cookies makes the routes take the session of a cookie in place of the
	// header Authorization, and refuse what another site makes a browser send. It
	// takes a Site, and is for pages: the API knows no cookies.
	Cookies bool
	// SecondFactor makes sessions of staff that began without a second factor good
	// for setting one up only.
	SecondFactor bool
	// Page, unless nil, renders an error for people. It answers with the status,
	// or sends the browser elsewhere; what is in f may be shown.
	Page func(c *gin.Context, status int, f *fault.Error)
	// Observe is told of each request when it has been answered: its method
	// ("other" for one that HTTP does not know), the route as gin writes it
	// ("" when there is none), the status that was logged, and how long it took.
	// It may be nil.
	Observe func(method, route string, status int, took time.Duration)

	keys *keyring
}

// New returns an engine with everything that comes before a handler: the
// request's id, its time limit, the access log, recovery from panics, safe
// headers, and the guard of Config.Access. register adds the routes.
//
// It panics when a route is registered that Access does not declare, or
// declared that is not registered: nothing is open by omission.
func New(config Config, register func(*gin.Engine)) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	if config.Now == nil {
		config.Now = time.Now
	}
	config.keys = newKeyring()
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.ForwardedByClientIP = false
	engine.ContextWithFallback = true
	engine.NoRoute(NotFound)
	engine.NoMethod(MethodNotAllowed)
	engine.Use(observe(config), guard(config))
	register(engine)
	mustDeclare(engine, config.Access)
	answerHead(engine)
	return engine
}

// answerHead makes every route that answers GET answer HEAD as well: with the
// same headers, and without the body, which net/http leaves out.
func answerHead(engine *gin.Engine) {
	for _, route := range engine.Routes() {
		if route.Method == http.MethodGet {
			engine.HEAD(route.Path, route.HandlerFunc)
		}
	}
}

// state is what this package knows of the request in hand.
type state struct {
	id     string
	log    *slog.Logger
	config *Config
	caller Caller
	// unproven is the access of the route while its handler is to prove the caller.
	unproven *Access
	code     fault.Code // of the problem that it was answered with
	gone     bool       // the client did not wait for the answer
	secret   bool       // its address is one
	cancel   context.CancelFunc
	base     context.Context // of the connection, without the time limit
}

type stateKey struct{}

func stateOf(c *gin.Context) *state {
	s, _ := c.Get(stateKey{})
	return s.(*state)
}

// RequestID returns the id of the request, which its answer carries too.
func RequestID(c *gin.Context) string { return stateOf(c).id }

// extend gives the request's context another limit, counted from now.
func (s *state) extend(c *gin.Context, limit time.Duration) {
	s.cancel()
	ctx, cancel := context.WithTimeout(s.base, limit)
	s.cancel = cancel
	c.Request = c.Request.WithContext(ctx)
}

// observe is the outermost handler.
func observe(config Config) gin.HandlerFunc {
	return func(c *gin.Context) {
		began := time.Now()
		s := &state{id: requestID(c.Request), log: config.Log, config: &config, base: c.Request.Context()}
		c.Set(stateKey{}, s)
		header := c.Writer.Header()
		secure(header, config.Site)
		header["X-Request-Id"] = []string{s.id}
		ctx, cancel := context.WithTimeout(s.base, WorkTimeout)
		s.cancel = cancel
		c.Request = c.Request.WithContext(ctx)
		defer func() {
			broken := s.recovered(c, recover())
			s.cancel()
			s.record(c, time.Since(began))
			if broken {
				panic(http.ErrAbortHandler)
			}
		}()
		s.caller.Address = config.Proxies.ClientAddress(c.Request)
		s.caller.RequestID = s.id
		c.Next()
	}
}

// recovered answers a request whose handler panicked with value and reports
// whether its connection must be broken off, because an answer had begun.
func (s *state) recovered(c *gin.Context, value any) (broken bool) {
	if value == nil {
		return false
	}
	if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return true
	}
	s.log.ErrorContext(c, "panic", "request_id", s.id, "panic", panicText(value), "stack", string(debug.Stack()))
	if c.Writer.Written() {
		return true
	}
	Fail(c, fault.New(fault.Internal, "Something went wrong. It has been recorded under this request_id."))
	return false
}

// panicText is what is logged of a panic. Its own text is only where the
// runtime wrote it: others may hold what a caller sent.
func panicText(value any) string {
	if err, ok := value.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", value)
}

// record tells Config.Observe of a request, and the log.
func (s *state) record(c *gin.Context, took time.Duration) {
	if c.Writer.Size() < 0 && s.base.Err() != nil {
		s.gone = true
	}
	s.report(method(c.Request.Method), c.FullPath(), c.Writer.Status(), max(c.Writer.Size(), 0), took)
}

// report tells Config.Observe of an answer and writes the access log: the route
// and never the path or the query, the caller's id and never their name.
func (s *state) report(method, route string, status, bytes int, took time.Duration) {
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	if s.gone {
		status, level = 499, slog.LevelInfo // nginx's word for a client that left
	}
	if s.config.Observe != nil {
		s.config.Observe(method, route, status, took)
	}
	if !s.log.Enabled(s.base, level) {
		return
	}
	attributes := make([]slog.Attr, 0, 10)
	attributes = append(attributes,
		slog.String("method", method),
		slog.String("route", route),
		slog.Int("status", status),
		slog.Duration("duration", took),
		slog.Int("bytes", bytes),
		slog.String("request_id", s.id),
	)
	if s.caller.Kind != "" {
		attributes = append(attributes, slog.String("actor_kind", string(s.caller.Kind)), slog.String("actor_id", s.caller.ID.String()))
	}
	if s.code != "" {
		attributes = append(attributes, slog.String("code", string(s.code)))
	}
	s.log.LogAttrs(s.base, level, "request", attributes...)
}

// method returns a method that HTTP knows: another one is whatever a client
// made up.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return m
	}
	return "other"
}

// requestID returns the X-Request-Id that a proxy gave the request, when it is
// 16 to 64 hexadecimal digits and hyphens, as a UUID is and a person's data is
// not; else a new UUIDv7.
func requestID(r *http.Request) string {
	if ids := r.Header["X-Request-Id"]; len(ids) == 1 && soundRequestID(ids[0]) {
		return ids[0]
	}
	return uuid.Must(uuid.NewV7()).String()
}

func soundRequestID(id string) bool {
	if len(id) < 16 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch b := id[i]; {
		case b >= '0' && b <= '9', b >= 'a' && b <= 'f', b >= 'A' && b <= 'F', b == '-':
		default:
			return false
		}
	}
	return true
}
