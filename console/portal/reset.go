package portal

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/web"
)

// forgotView is what the page for a forgotten password shows.
type forgotView struct {
	Form *page.Form
	Sent bool
	Good time.Duration // how long the link is
}

// forgotForm asks for the e-mail of whoever forgot a password.
func (s *server) forgotForm(c *gin.Context) {
	s.face.Render(c, http.StatusOK, "forgot", forgotView{Form: page.NewForm()})
}

// forgot has a link mailed, and says the same whether anybody has the e-mail.
func (s *server) forgot(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	if s.takeLanguage(c, form) {
		s.face.Render(c, http.StatusOK, "forgot", forgotView{Form: form})
		return
	}
	p, _, err := s.reader.Policy(c.Request.Context())
	if err == nil {
		err = s.service.AskReset(c.Request.Context(), web.CallerOf(c).Actor, form.Value("email"))
	}
	switch {
	case err == nil:
		s.face.Render(c, http.StatusOK, "forgot", forgotView{Form: page.NewForm(), Sent: true, Good: time.Duration(p.ResetLink)})
	case form.Refused(err):
		s.face.Render(c, http.StatusUnprocessableEntity, "forgot", forgotView{Form: form})
	default:
		web.Fail(c, err)
	}
}

// resetView is what the page behind a mailed link shows.
type resetView struct {
	Form          *page.Form
	Path          string // of the page, which its form is sent to
	LeastPassword int
	Spent         bool // the link is not good, or no more
}

// resetForm asks for another password. Opening it uses nothing up: programs
// that look at e-mails do.
func (s *server) resetForm(c *gin.Context) {
	web.SecretAddress(c)
	_, err := s.reader.ResetByToken(c.Request.Context(), identity.HashToken(c.Param("token")), s.now())
	if err != nil && !fault.Is(err, fault.NotFound) {
		web.Fail(c, err)
		return
	}
	s.showReset(c, http.StatusOK, page.NewForm(), err != nil)
}

func (s *server) showReset(c *gin.Context, status int, form *page.Form, spent bool) {
	p, _, err := s.reader.Policy(c.Request.Context())
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, status, "reset", resetView{Form: form, Path: c.Request.URL.Path, LeastPassword: p.Passwords.User, Spent: spent})
}

// reset gives a login the password that its owner chose, and leads to the page
// to log in with it.
func (s *server) reset(c *gin.Context) {
	web.SecretAddress(c)
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	if s.takeLanguage(c, form) {
		s.showReset(c, http.StatusOK, form, false)
		return
	}
	err = s.service.CompleteReset(c.Request.Context(), web.CallerOf(c).Actor, c.Param("token"), form.Value("password"))
	switch {
	case err == nil:
		s.site.ClearCookie(c, web.UserCookie)
		s.site.ClearCookie(c, web.UploadCookie)
		s.face.Tell(c, "notice.password_changed")
		page.See(c, loginPath)
	case form.Refused(err):
		s.showReset(c, http.StatusUnprocessableEntity, form, form.Problem("token") != nil)
	default:
		web.Fail(c, err)
	}
}
