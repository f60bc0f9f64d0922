package console

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/sso"
	"kibali/web"
)

const signInPath = Root + "/sign-in"

// signInView is what the page to sign in shows.
type signInView struct {
	Form *page.Form
	Next string // where to go afterwards
	// Resume is a form that was sent when the session had ended; nil for none.
	Resume *page.Kept
	Wrong  bool
	// Later says that there were too many attempts.
	Later bool
	// SSO is the name of the identity provider, "" for none, and Reason why nobody
	// was signed in through it.
	SSO    string
	Reason sso.Reason
}

// signInForm shows the page to sign in, to those who are not.
func (s *server) signInForm(c *gin.Context) {
	next := page.Local(c.Query("next"), Root, Root)
	if _, err := web.Recognise(c, web.Staff(actor.ReadAccounts)); err == nil {
		page.See(c, next)
		return
	}
	s.showSignIn(c, http.StatusOK, signInView{Form: page.NewForm(), Next: next})
}

func (s *server) showSignIn(c *gin.Context, status int, view signInView) {
	view.SSO = s.ssoLabel()
	s.face.Render(c, status, "sign_in", view)
}

// signIn begins a session and goes to where its owner was going.
func (s *server) signIn(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	view := signInView{Form: form, Next: page.Local(form.Value("next"), Root, Root), Resume: page.KeptIn(form, Root)}
	in, err := s.service.StaffSignIn(c.Request.Context(), web.CallerOf(c).Actor, service.StaffSignIn{
		Email: form.Value("email"), Password: form.Value("password"), Code: form.Value("code"),
	})
	if err != nil {
		s.notSignedIn(c, view, err)
		return
	}
	s.begin(c, in)
	if view.Resume != nil {
		s.face.Render(c, http.StatusOK, "resume", view.Resume)
		return
	}
	page.See(c, view.Next)
}

// begin gives the browser the session, in place of what it had, which ends.
func (s *server) begin(c *gin.Context, in service.StaffSignedIn) {
	if before, err := web.Recognise(c, web.StaffSession.Enrolling()); err == nil {
		if err := s.service.StaffSignOut(c.Request.Context(), before.Actor, before.Session.ID); err != nil {
			s.log.WarnContext(c, "a replaced session was not ended", "request_id", web.RequestID(c), "error", web.Describe(err))
		}
	}
	s.site.SetCookie(c, web.StaffCookie, in.Token, in.Session.ExpiresAt)
}

// notSignedIn shows the page to sign in again, with why.
func (s *server) notSignedIn(c *gin.Context, view signInView, err error) {
	status := http.StatusUnauthorized
	switch f := fault.As(err); {
	case fault.Is(err, fault.Unauthenticated) && len(f.Fields) == 0:
		view.Wrong = true
	case fault.Is(err, fault.Unauthenticated):
		view.Form.Refused(fault.InvalidFields(f.Fields...))
	case fault.Is(err, fault.SecondFactorRequired):
		view.Form.Refused(fault.InvalidFields(fault.Field{Field: "code", Code: "required", Detail: "Must be given."}))
	case fault.Is(err, fault.RateLimited):
		view.Later, status = true, http.StatusTooManyRequests
	default:
		web.Fail(c, err)
		return
	}
	s.showSignIn(c, status, view)
}

// signOut ends the session in use.
func (s *server) signOut(c *gin.Context) {
	caller := web.CallerOf(c)
	if err := s.service.StaffSignOut(c.Request.Context(), caller.Actor, caller.Session.ID); err != nil && !fault.Is(err, fault.NotFound) {
		web.Fail(c, err)
		return
	}
	s.site.ClearCookie(c, web.StaffCookie)
	s.face.Tell(c, "notice.signed_out")
	page.See(c, signInPath)
}

// askToSignIn answers a request without a session. Whoever was reading is sent
// to sign in and back; whoever was sending a form finds it again afterwards.
func (s *server) askToSignIn(c *gin.Context) {
	if c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead {
		page.See(c, signInPath+"?"+url.Values{"next": {page.Local(page.ReaderAt(c), Root, Root)}}.Encode())
		return
	}
	view := signInView{Form: page.NewForm(), Next: page.Local(page.ReaderAt(c), Root, Root), Resume: page.Keep(c)}
	c.Header("HX-Retarget", "#main")
	c.Header("HX-Reswap", "innerHTML")
	c.Header("HX-Reselect", "#sign-in")
	s.showSignIn(c, http.StatusUnauthorized, view)
}
