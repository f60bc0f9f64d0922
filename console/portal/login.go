package portal

import (
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/web"
)

// sessionCookieLife is how long a browser keeps the cookie of a session. The
// session itself ends on the server, sooner.
const sessionCookieLife = 30 * 24 * time.Hour

// loginView is what the page to log in shows.
type loginView struct {
	Form *page.Form
	Next string // where to go afterwards
	// Kept is a form that was sent when the session had ended; nil for none.
	Kept *page.Kept
	// Refusal is why nobody was logged in: a code, "" before anybody tried.
	Refusal fault.Code
	Wait    time.Duration // before another attempt; zero when it is not known
}

// loginForm shows the page to log in, to those who are not.
func (s *server) loginForm(c *gin.Context) {
	next := page.Local(c.Query("next"), "/", homePath)
	if _, err := web.Recognise(c, web.User); err == nil {
		page.See(c, next)
		return
	}
	s.face.Render(c, http.StatusOK, "login", loginView{Form: page.NewForm(), Next: next})
}

// login begins a session and goes to where its owner was going. After the right
// password a suspended user learns why the account is suspended.
func (s *server) login(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	view := loginView{Form: form, Next: page.Local(form.Value("next"), "/", homePath), Kept: page.KeptIn(form, "/")}
	if s.takeLanguage(c, form) {
		s.face.Render(c, http.StatusOK, "login", view)
		return
	}
	in, err := s.service.Login(c.Request.Context(), web.CallerOf(c).Actor, form.Value("email"), form.Value("password"))
	if refused := fault.As(err); refused != nil {
		switch view.Refusal = refused.Code; refused.Code {
		case fault.Unauthenticated:
			s.face.Render(c, http.StatusUnauthorized, "login", view)
			return
		case fault.ResetRequired:
			s.face.Render(c, http.StatusForbidden, "login", view)
			return
		case fault.AccountSuspended:
			s.showSuspension(c, http.StatusForbidden, refused, keptAppeal(view.Kept))
			return
		case fault.RateLimited:
			if seconds, ok := refused.Details[fault.RetryAfter].(int); ok {
				view.Wait = roundUp(time.Duration(seconds) * time.Second)
			}
			s.face.Render(c, http.StatusTooManyRequests, "login", view)
			return
		}
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.begin(c, in)
	if view.Kept != nil {
		s.face.Render(c, http.StatusOK, "resume", view.Kept)
		return
	}
	page.See(c, view.Next)
}

// keptAppeal returns the appeal that was being sent when the right to do so had
// ended.
func keptAppeal(kept *page.Kept) *page.Form {
	if kept == nil || kept.Path != appealPath {
		return page.NewForm()
	}
	return page.NewForm("text", kept.Fields().Get("text"))
}

// begin gives the browser the session, in place of what it had, which ends.
func (s *server) begin(c *gin.Context, in service.LoggedIn) {
	if before, err := web.Recognise(c, web.User); err == nil {
		if err := s.service.Logout(c.Request.Context(), before.Actor, before.Token); err != nil {
			s.log.WarnContext(c, "a replaced session was not ended", "request_id", web.RequestID(c), "error", web.Describe(err))
		}
	}
	s.site.ClearCookie(c, web.UploadCookie)
	s.site.SetCookie(c, web.UserCookie, in.Token, s.now().Add(sessionCookieLife))
}

// logout ends the session in use, if there is one, and what else the browser
// may do.
func (s *server) logout(c *gin.Context) {
	if caller, err := web.Recognise(c, web.User.EvenSuspended()); err == nil {
		if err := s.service.Logout(c.Request.Context(), caller.Actor, caller.Token); err != nil && !fault.Is(err, fault.NotFound) {
			web.Fail(c, err)
			return
		}
	}
	s.site.ClearCookie(c, web.UserCookie)
	s.site.ClearCookie(c, web.UploadCookie)
	s.face.Tell(c, "notice.logged_out")
	page.See(c, loginPath)
}

// askToLogIn answers a request without a session. Whoever was reading is sent
// to log in and back; whoever was sending a form finds it again afterwards.
func (s *server) askToLogIn(c *gin.Context) {
	next := page.Local(page.ReaderAt(c), "/", homePath)
	if c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead {
		page.See(c, loginPath+"?"+url.Values{"next": {next}}.Encode())
		return
	}
	c.Header("HX-Retarget", "#main")
	c.Header("HX-Reswap", "innerHTML show:window:top")
	s.face.Render(c, http.StatusUnauthorized, "login", loginView{Form: page.NewForm(), Next: next, Kept: page.Keep(c)})
}
