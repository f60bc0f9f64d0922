package web

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// Access says who may use a route. The zero Access admits nobody.
type Access struct {
	who        who
	permission actor.Permission
	scope      actor.Scope
	recent     bool
	enrolling  bool
	suspended  bool

	provenByHandler bool
}

type who int

const (
	nobody who = iota
	anyone
	applicant
	ownApplication
	user
	appellant
	activeUser
	userOrKey
	keyOrService
	service
	pass
	staff
	staffMember
	staffSession
)

// The kinds of access. Anyone looks at no credential. UploadOrSession admits
// whoever may add to the application of the account in the path's :id, by an
// upload token or a session of that account, and OwnApplication the same where
// the path names no account: theirs is meant. User
// admits a session, Appellant the token that a suspended user may appeal with.
// StaffMember admits staff of every role, for what is their own, and
// StaffSession those of them who signed in.
var (
	Anyone          = Access{who: anyone}
	UploadOrSession = Access{who: applicant}
	OwnApplication  = Access{who: ownApplication}
	User            = Access{who: user}
	Appellant       = Access{who: appellant}
	StaffMember     = Access{who: staffMember}
	StaffSession    = Access{who: staffSession}
)

// Staff admits staff whose role has the permission.
func Staff(p actor.Permission) Access { return Access{who: staff, permission: p} }

// Recent is the Access that admits a session of staff only if they proved a
// short while ago who they are: fault.StepUpRequired. A personal access token is
// not asked for that, since nobody is there to prove it.
func (a Access) Recent() Access {
	a.recent = true
	return a
}

// Enrolling is the Access that admits a session of staff also if it began
// without a second factor where one is required: for setting one up.
func (a Access) Enrolling() Access {
	a.enrolling = true
	return a
}

// EvenSuspended is the Access that admits users also while their account is
// suspended: for what takes something away from them alone.
func (a Access) EvenSuspended() Access {
	a.suspended = true
	return a
}

// Caller is who sends the request: nobody in particular on a route for anyone.
type Caller struct {
	actor.Actor
	// Token is the credential of a user, for the one who ends a session.
	Token string
	// SessionID is the session of a user; nil for one with another credential.
	SessionID uuid.UUID
	// Session is the session of a staff member who signed in; nil for one with a
	// personal access token.
	Session *store.StaffSession
	// TokenID is the personal access token that a staff member's request came
	// with; nil when it came with a session.
	TokenID uuid.UUID
	// KeyID is the API key that an account's request came with; nil when it came
	// with a session.
	KeyID uuid.UUID
	// KeyEpoch is that of the pass of the key.
	KeyEpoch int32
	// keyUsedAt is the last use of that key that is written down, keyHash its hash.
	keyUsedAt time.Time
	keyHash   [32]byte
}

// CallerOf returns who sends the request.
func CallerOf(c *gin.Context) Caller { return stateOf(c).caller }

// mustDeclare panics unless the engine's routes and the declared ones are the
// same.
func mustDeclare(engine *gin.Engine, declared map[string]Access) {
	routes := map[string]bool{}
	for _, route := range engine.Routes() {
		name := route.Method + " " + route.Path
		routes[name] = true
		if declared[name].who == nobody {
			panic(fmt.Sprintf("nothing says who may use %s", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if !routes[name] && !strings.HasPrefix(name, anyMethod) {
			panic(fmt.Sprintf("access to %s is declared, but there is no such route", name))
		}
	}
}

// Below returns what reports whether a path begins as one of the routes does: in
// its first part, "/v1" of "/v1/accounts". A face is told by it which requests
// are for it to answer, if only with an error.
func Below(declared map[string]Access) func(path string) bool {
	first := func(path string) string {
		part, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		return part
	}
	parts := map[string]bool{}
	for name := range declared {
		_, path, _ := strings.Cut(name, " ")
		parts[first(path)] = true
	}
	return func(path string) bool { return parts[first(path)] }
}

// guard lets a request through to its handler when its route's Access admits
// the caller, whom it finds with one query.
func guard(config Config) gin.HandlerFunc {
	var protection *http.CrossOriginProtection
	if config.Cookies {
		protection = config.Site.protection()
	}
	byMethod := map[string]map[string]Access{}
	for name, access := range config.Access {
		method, path, _ := strings.Cut(name, " ")
		if byMethod[method] == nil {
			byMethod[method] = map[string]Access{}
		}
		byMethod[method][path] = access
	}
	byMethod[http.MethodHead] = byMethod[http.MethodGet]
	return func(c *gin.Context) {
		route := c.FullPath()
		if route == "" {
			return // on its way to NotFound or MethodNotAllowed
		}
		if protection != nil && protection.Check(c.Request) != nil {
			Fail(c, errOtherSite)
			return
		}
		access := byMethod[c.Request.Method][route]
		if access.who == anyone || access.provenByHandler && access.recognise(c, config) {
			return
		}
		if err := access.pass(c, config); err != nil {
			Fail(c, err)
		}
	}
}

var errOtherSite = fault.New(fault.Forbidden, "The request comes from another site.")

// check finds out who sends the request, and returns nil when they may use the
// route.
func (a Access) check(c *gin.Context, config Config) error {
	token, ok := a.credential(c.Request, config)
	if !ok {
		return errUnauthenticated
	}
	caller := &stateOf(c).caller
	status, err := identify(c, config, token, caller)
	if err != nil {
		return err
	}
	if err := a.admits(c, *caller, status); err != nil {
		return err
	}
	if caller.Session == nil {
		return nil
	}
	switch {
	case config.SecondFactor && !caller.Session.SecondFactor && !a.enrolling:
		return errNoFactor
	case a.recent && !config.Now().Before(caller.Session.RecentUntil):
		return errStepUp
	}
	return nil
}

// credential returns the token that the request comes with: for pages in the
// cookie of those whom the route is for, otherwise in its header.
func (a Access) credential(r *http.Request, config Config) (string, bool) {
	if !config.Cookies {
		return bearer(r.Header)
	}
	from := func(cookie Cookie, kind string) (string, bool) {
		token, ok := config.Site.CookieValue(r, cookie)
		return token, ok && identity.TokenKind(token) == kind
	}
	switch a.who {
	case user, activeUser, userOrKey:
		return from(UserCookie, identity.SessionToken)
	case appellant:
		return from(AppealCookie, identity.AppealToken)
	case applicant, ownApplication:
		if token, ok := from(UserCookie, identity.SessionToken); ok {
			return token, true
		}
		return from(UploadCookie, identity.UploadToken)
	}
	return from(StaffCookie, identity.StaffSessionToken)
}

// Recognise returns who sends a request to a route for anyone, such as a page
// that greets those who are signed in, when the Access would admit them.
// Otherwise it returns why not; fault.Unauthenticated is no sign of trouble.
func Recognise(c *gin.Context, as Access) (Caller, error) {
	s := stateOf(c)
	stranger := s.caller
	if err := as.check(c, *s.config); err != nil {
		s.caller = stranger
		return Caller{}, err
	}
	return s.caller, nil
}

// standing is what admission needs to know of a user beside the actor.
type standing struct {
	purpose string
	status  account.Status
	blocked bool // a decision to suspend is on its way
}

// mayAdd reports whether the credential is one that documents may be added with.
func (s standing) mayAdd() bool {
	return s.purpose == store.PurposeSession || s.purpose == store.PurposeUpload
}

var errUnauthenticated = fault.New(fault.Unauthenticated, "A valid credential is required.")

// identify finds out whose a token is. One that is unknown, expired or revoked
// is fault.Unauthenticated, whichever it is.
func identify(c *gin.Context, config Config, token string, caller *Caller) (standing, error) {
	hash, now := identity.HashToken(token), config.Now()
	switch identity.TokenKind(token) {
	case identity.StaffToken:
		return standing{}, identifyStaff(c, config.Reader, caller, hash, now)
	case identity.StaffSessionToken:
		return standing{}, identifyStaffSession(c, config.Reader, caller, hash, now)
	case identity.SessionToken, identity.UploadToken, identity.AppealToken:
		caller.Token = token
		return identifyUser(c.Request.Context(), config.Reader, caller, hash, now)
	case identity.APIKey:
		return identifyKey(c, config.Reader, caller, hash)
	case identity.ServiceToken:
		return standing{}, identifyService(c, config.Reader, caller, hash)
	}
	return standing{}, errUnauthenticated
}

func identifyStaff(c *gin.Context, reader *store.Reader, caller *Caller, hash [32]byte, now time.Time) error {
	member, err := reader.StaffByToken(c.Request.Context(), hash, now)
	if err != nil {
		return unknownToken(err)
	}
	caller.Kind, caller.ID, caller.Role, caller.Granted, caller.TokenID = actor.Staff, member.ID, member.Role, member.Scopes, member.TokenID
	return nil
}

func identifyStaffSession(c *gin.Context, reader *store.Reader, caller *Caller, hash [32]byte, now time.Time) error {
	in, err := reader.StaffSessionByToken(c.Request.Context(), hash, now)
	if err != nil {
		return unknownToken(err)
	}
	caller.Kind, caller.ID, caller.Role, caller.Session = actor.Staff, in.Staff.ID, in.Staff.Role, &in.StaffSession
	return nil
}

func identifyUser(ctx context.Context, reader *store.Reader, caller *Caller, hash [32]byte, now time.Time) (standing, error) {
	session, err := reader.SessionByToken(ctx, hash, now)
	if err != nil {
		return standing{}, unknownToken(err)
	}
	if session.Status == account.Closed {
		return standing{}, errUnauthenticated
	}
	caller.Kind, caller.ID = actor.Account, session.AccountID
	if session.Purpose == store.PurposeSession {
		caller.SessionID = session.ID
	}
	return standing{session.Purpose, session.Status, session.Blocked}, nil
}

func unknownToken(err error) error {
	if fault.Is(err, fault.NotFound) {
		return errUnauthenticated
	}
	return fmt.Errorf("authenticate: %w", err)
}

// maxToken is above the length of any token of ours.
const maxToken = 128

// bearer returns the token of the one Authorization header.
func bearer(h http.Header) (string, bool) {
	values := h["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimLeft(token, " ")
	return token, strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= maxToken
}

var (
	errForbidden = fault.New(fault.Forbidden, "This credential does not permit that.")
	errNoFactor  = fault.New(fault.SecondFactorMissing, "Set up a second factor first.")
	errStepUp    = fault.New(fault.StepUpRequired, "Prove again who you are: your last sign-in is too long ago for this.")
	errSuspended = fault.New(fault.AccountSuspended, "This account is suspended.")
)

// admits returns nil when the caller may use the route. A user who is
// suspended is told so, on the routes that are for users.
func (a Access) admits(c *gin.Context, caller Caller, now standing) error {
	switch a.who {
	case activeUser, userOrKey, keyOrService, service:
		return a.admitsProgram(caller, now)
	case staff:
		if caller.May(a.permission) {
			return nil
		}
		return errForbidden
	case staffMember, staffSession:
		if caller.Kind == actor.Staff && (a.who == staffMember || caller.Session != nil) {
			return nil
		}
		return errForbidden
	case user:
		if caller.Kind != actor.Account || now.purpose != store.PurposeSession {
			return errForbidden
		}
	case applicant:
		id, err := uuid.Parse(c.Param("id"))
		if caller.Kind != actor.Account || err != nil || id != caller.ID || !now.mayAdd() {
			return errForbidden
		}
	case appellant:
		if caller.Kind != actor.Account || now.purpose != store.PurposeAppeal {
			return errForbidden
		}
		return nil
	case ownApplication:
		if caller.Kind != actor.Account || !now.mayAdd() {
			return errForbidden
		}
	default:
		return errForbidden
	}
	if now.barred() && !a.suspended {
		return errSuspended
	}
	return nil
}
