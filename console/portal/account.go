package portal

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/store"
	"kibali/web"
)

// accountView is what a user sees of what we know, and of who is logged in.
type accountView struct {
	Form          *page.Form // of the password
	LeastPassword int
	Sessions      []session
}

// session is where somebody is logged in to the account.
type session struct {
	store.Session
	Current bool // the reader's own
}

// account shows what the platform knows of a user and where the account is
// logged in.
func (s *server) account(c *gin.Context) { s.showAccount(c, http.StatusOK, page.NewForm()) }

func (s *server) showAccount(c *gin.Context, status int, form *page.Form) {
	caller := web.CallerOf(c)
	p, _, err := s.reader.Policy(c.Request.Context())
	if err != nil {
		web.Fail(c, err)
		return
	}
	sessions, err := s.reader.Sessions(c.Request.Context(), caller.ID, s.now())
	if err != nil {
		web.Fail(c, err)
		return
	}
	view := accountView{Form: form, LeastPassword: p.Passwords.User}
	for _, of := range sessions {
		view.Sessions = append(view.Sessions, session{of, of.ID == caller.SessionID})
	}
	s.face.Render(c, status, "account", view)
}

// changePassword gives the login another password. It ends every session, and
// the reader goes on in a new one.
func (s *server) changePassword(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	in, err := s.service.ChangePassword(c.Request.Context(), web.CallerOf(c).Actor, form.Value("current_password"), form.Value("password"))
	switch {
	case err == nil:
		s.site.SetCookie(c, web.UserCookie, in.Token, s.now().Add(sessionCookieLife))
		s.face.Tell(c, "notice.password_kept")
		page.See(c, accountPath)
	case form.Refused(err):
		s.showAccount(c, http.StatusUnprocessableEntity, form)
	default:
		web.Fail(c, err)
	}
}

// endSession logs the account out somewhere. That somebody has done so already
// is no error.
func (s *server) endSession(c *gin.Context) {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		web.NotFound(c)
		return
	}
	if err := s.service.EndSession(c.Request.Context(), web.CallerOf(c).Actor, id); err != nil && !fault.Is(err, fault.NotFound) {
		web.Fail(c, err)
		return
	}
	s.face.Tell(c, "notice.session_ended")
	page.See(c, accountPath)
}
