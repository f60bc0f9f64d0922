package console

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/sso"
	"kibali/web"
)

// Where staff go to the identity provider, to sign in or to step up, and where it
// sends them back to.
const (
	ssoPath         = signInPath + "/sso"
	SSOCallbackPath = ssoPath + "/callback"
	ssoAgainPath    = stepUpPath + "/sso"
	ssoDonePath     = stepUpPath + "/done"
)

// ssoLabel is the name of the identity provider; "" when there is none.
func (s *server) ssoLabel() string {
	if provider := s.service.SSO(); provider != nil {
		return provider.Label()
	}
	return ""
}

// beginSSO sends whoever wants to sign in to the identity provider. It is a link
// and no form: what a form may lead to is bounded to this site by the policy of
// its page.
func (s *server) beginSSO(c *gin.Context) {
	s.goToProvider(c, sso.Start{Next: page.Local(c.Query("next"), Root, Root)}, s.ssoRefused)
}

// beginSSOAgain sends a staff member there to prove again who they are.
func (s *server) beginSSOAgain(c *gin.Context) {
	start := sso.Start{Next: page.Local(c.Query("next"), Root, ssoDonePath), Session: web.CallerOf(c).Session.ID}
	s.goToProvider(c, start, s.ssoNotAgain)
}

func (s *server) goToProvider(c *gin.Context, start sso.Start, refuse func(*gin.Context, error)) {
	provider := s.service.SSO()
	if provider == nil {
		web.NotFound(c)
		return
	}
	address, kept, err := provider.Begin(c.Request.Context(), start)
	if err != nil {
		refuse(c, err)
		return
	}
	s.site.SetCookie(c, web.SignOnCookie, kept, s.now().Add(sso.Patience))
	page.See(c, address)
}

// endSSO takes what the provider sent the browser back with.
func (s *server) endSSO(c *gin.Context) {
	if s.service.SSO() == nil {
		web.NotFound(c)
		return
	}
	kept, _ := s.site.CookieValue(c.Request, web.SignOnCookie)
	s.site.ClearCookie(c, web.SignOnCookie)
	if s.endSSOAgain(c, kept) {
		return
	}
	in, err := s.service.StaffSignOn(c.Request.Context(), web.CallerOf(c).Actor, kept, c.Request.URL.Query())
	if err != nil {
		s.ssoRefused(c, err)
		return
	}
	s.begin(c, in.StaffSignedIn)
	page.See(c, page.Local(in.Next, Root, Root))
}

// endSSOAgain is endSSO for a sign-in that was begun to step a session up, and
// reports whether it was one.
func (s *server) endSSOAgain(c *gin.Context, kept string) bool {
	session := s.service.SSO().SessionOf(kept)
	if session == uuid.Nil {
		return false
	}
	caller, err := web.Recognise(c, web.StaffSession.Enrolling())
	if err != nil {
		s.ssoRefused(c, sso.Refuse(sso.Lost)) // it has ended meanwhile
		return true
	}
	if err := s.findViewer(c); err != nil {
		web.Fail(c, err)
		return true
	}
	next, err := s.service.StaffSignOnAgain(c.Request.Context(), caller.Actor, *caller.Session, kept, c.Request.URL.Query())
	if err != nil {
		s.ssoNotAgain(c, err)
		return true
	}
	page.See(c, page.Local(next, Root, Root))
	return true
}

// ssoRefused shows the page to sign in, with why nobody was.
func (s *server) ssoRefused(c *gin.Context, err error) {
	view := signInView{Form: page.NewForm(), Next: Root, Reason: sso.ReasonOf(err)}
	status := http.StatusUnauthorized
	switch {
	case view.Reason == sso.Away:
		status = http.StatusServiceUnavailable
	case fault.Is(err, fault.RateLimited):
		view.Later, status = true, http.StatusTooManyRequests
	case view.Reason == "":
		web.Fail(c, err)
		return
	}
	s.showSignIn(c, status, view)
}

// ssoNotAgain shows the page to step up, with why that failed.
func (s *server) ssoNotAgain(c *gin.Context, err error) {
	view := stepUpView{Form: page.NewForm(), Next: Root, Reason: sso.ReasonOf(err)}
	switch {
	case fault.Is(err, fault.RateLimited):
		view.Later = true
	case view.Reason == "":
		web.Fail(c, err)
		return
	}
	s.showStepUp(c, http.StatusForbidden, view)
}

// ssoDone tells whoever has proved themselves in a window of its own that they
// can go on where they were.
func (s *server) ssoDone(c *gin.Context) { s.face.Render(c, http.StatusOK, "step_up_done", nil) }
