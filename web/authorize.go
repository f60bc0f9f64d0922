package web

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
)

// Pass is the access of what answers whether an account may pass. Authorize is
// the only one that serves it.
var Pass = Access{who: pass}

// anyMethod begins the name of a route that has every method, and is served
// outside of the engine.
const anyMethod = "* "

// The headers that the gate reads and writes beside Authorization.
const (
	headerAPIKey  = "X-Api-Key"
	headerAccount = "X-Account-Id"
	headerReason  = "X-Kibali-Reason"
)

// Authorize returns a handler that says of every request to path, and to what
// is below it, whether its credential lets it pass, and leaves all others to
// rest. It answers in every method, those that HTTP does not know included, and
// neither reads a body nor waits for one: 200 with X-Account-Id, 401, or 403
// with X-Kibali-Reason; and 503, which lets nobody pass, when the database
// cannot tell.
//
// What it lets pass it has found in the database after the request came: the
// credential, the account's status and its block, in one statement. Nothing is
// remembered from one request to the next.
//
// It panics unless config.Access declares "* " and path as Pass.
func Authorize(config Config, path string, rest http.Handler) http.Handler {
	if config.Access[anyMethod+path].who != pass {
		panic("nothing says who may use " + path)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	g := &gate{config: config, route: path, below: path + "/"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == g.route || strings.HasPrefix(r.URL.Path, g.below) {
			g.serve(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// gate answers outside of the engine, because a router knows methods and paths
// and the gate takes all of them.
type gate struct {
	config       Config
	route, below string
}

func (g *gate) serve(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	s := &state{id: requestID(r), log: g.config.Log, config: &g.config, base: r.Context()}
	defer func() {
		if value := recover(); value != nil {
			s.log.ErrorContext(s.base, "panic", "request_id", s.id, "panic", panicText(value), "stack", string(debug.Stack()))
			g.refuse(w, s, fault.New(fault.Internal, "Something went wrong. It has been recorded under this request_id."), began, r.Method)
		}
	}()
	if r.ContentLength != 0 {
		// Else the answer would wait for the body. A server that cannot do
		// without it is a test's.
		_ = http.NewResponseController(w).EnableFullDuplex()
	}
	ctx, cancel := context.WithTimeout(s.base, PassTimeout)
	defer cancel()
	if err := g.admit(ctx, r.Header, s); err != nil {
		g.refuse(w, s, s.refusal(s.base, err), began, r.Method)
		return
	}
	g.config.noteUse(&s.caller)
	header := w.Header()
	header["X-Request-Id"] = []string{s.id}
	header["Cache-Control"] = valueNoStore
	header["X-Content-Type-Options"] = valueNoSniff
	header[headerAccount] = []string{s.caller.ID.String()}
	header["Content-Length"] = valueNothing
	w.WriteHeader(http.StatusOK)
	s.report(method(r.Method), g.route, http.StatusOK, 0, time.Since(began))
}

var valueNothing = []string{"0"}

// refuse answers with why nobody passes, in the header as well: a gateway shows
// the body to nobody.
func (g *gate) refuse(w http.ResponseWriter, s *state, f *fault.Error, began time.Time, asked string) {
	header, status, body := w.Header(), statuses[f.Code], s.problem(s.base, f)
	secure(header, g.config.Site)
	advise(header, f)
	header["X-Request-Id"] = []string{s.id}
	if status == http.StatusForbidden {
		header[headerReason] = []string{string(f.Code)}
	}
	header["Content-Type"] = []string{"application/problem+json"}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	// Of a HEAD there is no body. Nothing in it is the client's own.
	if _, err := w.Write(body); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) { //nolint:gosec // it is JSON of ours
		s.gone = true
	}
	s.report(method(asked), g.route, status, len(body), time.Since(began))
}

// admit finds out whose credential the request comes with, and returns nil when
// the account may pass. The caller is the account from then on, also when a
// service asks for it.
func (g *gate) admit(ctx context.Context, h http.Header, s *state) error {
	token, ok := passToken(h)
	if !ok {
		return errUnauthenticated
	}
	hash := identity.HashToken(token)
	var now standing
	var err error
	switch identity.TokenKind(token) {
	case identity.APIKey:
		now, err = identifyKey(ctx, g.config.Reader, &s.caller, hash)
	case identity.SessionToken:
		s.caller.Token = token
		now, err = g.identifySession(ctx, s, hash)
	case identity.ServiceToken:
		now, err = g.identifyFor(ctx, s, hash, h)
	default: // the credentials of staff and applicants open nothing here
		return errUnauthenticated
	}
	if err != nil {
		return err
	}
	return now.pass()
}

// passToken returns the one credential of a request to the gate: in
// Authorization as everywhere, or in X-Api-Key for clients whose Authorization
// is for somebody else.
func passToken(h http.Header) (string, bool) {
	if keys := h[headerAPIKey]; len(keys) > 0 {
		return keys[0], len(keys) == 1 && len(keys[0]) <= maxToken && identity.TokenKind(keys[0]) == identity.APIKey
	}
	return bearer(h)
}

func (g *gate) identifySession(ctx context.Context, s *state, hash [32]byte) (standing, error) {
	session, err := g.config.Reader.SessionByToken(ctx, hash, g.config.Now())
	if err != nil {
		return standing{}, unknownToken(err)
	}
	s.caller.Kind, s.caller.ID = actor.Account, session.AccountID
	return standing{session.Purpose, session.Status, session.Blocked}, nil
}

// identifyFor is for a service, which has looked at its customer's credential
// itself and asks whether the account that it names may pass.
func (g *gate) identifyFor(ctx context.Context, s *state, hash [32]byte, h http.Header) (standing, error) {
	var accountID uuid.UUID // of none
	if ids := h[headerAccount]; len(ids) == 1 {
		if id, err := uuid.Parse(ids[0]); err == nil {
			accountID = id
		}
	}
	found, err := g.config.Reader.PassForService(ctx, hash, accountID)
	if err != nil {
		return standing{}, unknownToken(err)
	}
	service := actor.Actor{Kind: actor.Service, ID: found.CredentialID, Scopes: found.Scopes}
	if !service.Can(actor.ScopeAuthorize) {
		return standing{}, errForbidden
	}
	if g.config.Uses != nil {
		g.config.Uses.Service(found.CredentialID, g.config.Now())
	}
	if found.Status == "" {
		return standing{}, fault.New(fault.Forbidden, "The header X-Account-Id names no account.")
	}
	s.caller.Kind, s.caller.ID = actor.Account, found.AccountID
	return standing{purposeKey, found.Status, found.Blocked}, nil
}
