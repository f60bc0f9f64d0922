package console

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

const selfRoot = Root + "/self"

// selfView is what the page about the viewer themselves shows.
type selfView struct {
	Form     *page.Form // of the password
	Factor   store.Factor
	Left     int // recovery codes
	Required bool
	Sessions []store.StaffSession
	Current  *store.StaffSession
	SSO      string // the identity provider that the viewer came through; "" for none
	// New is a second factor that waits for its first code; nil without.
	New *newFactor
	// Codes are recovery codes that were just made; they are shown once.
	Codes []string
}

// newFactor is a second factor as an authenticator app takes it.
type newFactor struct {
	service.NewFactor
	QR   qrCode
	Form *page.Form // of its first code
}

// self shows the viewer's own password, second factor and sessions.
func (s *server) self(c *gin.Context) { s.showSelf(c, http.StatusOK, selfView{Form: page.NewForm()}) }

func (s *server) showSelf(c *gin.Context, status int, view selfView) {
	ctx, caller := c.Request.Context(), web.CallerOf(c)
	if view.Form == nil {
		view.Form = page.NewForm()
	}
	view.Current, view.Required = caller.Session, s.secondFactor && !caller.Session.SecondFactor
	if caller.Session.Method == store.MethodSSO {
		view.SSO = s.ssoLabel()
	}
	var err error
	if view.Factor, err = s.reader.Factor(ctx, caller.ID); err == nil {
		view.Left, err = s.reader.RecoveryCodesLeft(ctx, caller.ID)
	}
	if err == nil {
		view.Sessions, err = s.reader.StaffSessions(ctx, caller.ID, s.now())
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, status, "self", view)
}

// beginFactor makes a second factor and shows it to an authenticator app.
func (s *server) beginFactor(c *gin.Context) {
	made, err := s.service.BeginFactor(c.Request.Context(), web.CallerOf(c).Actor)
	if err == nil {
		err = s.showNewFactor(c, http.StatusOK, made, page.NewForm())
	}
	if err != nil {
		web.Fail(c, err)
	}
}

func (s *server) showNewFactor(c *gin.Context, status int, made service.NewFactor, form *page.Form) error {
	drawn, err := drawQR(made.URL)
	if err != nil {
		return err
	}
	s.showSelf(c, status, selfView{New: &newFactor{NewFactor: made, QR: drawn, Form: form}})
	return nil
}

// confirmFactor puts a second factor in force, with its first code, and shows
// its recovery codes.
func (s *server) confirmFactor(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	caller := web.CallerOf(c)
	codes, err := s.service.ConfirmFactor(c.Request.Context(), caller.Actor, *caller.Session, form.Value("code"))
	if form.Refused(err) {
		made := service.NewFactor{Secret: form.Value("secret"), URL: form.Value("secret_url")}
		err = s.showNewFactor(c, http.StatusUnprocessableEntity, made, form)
		if err == nil {
			return
		}
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.showSelf(c, http.StatusOK, selfView{Codes: codes})
}

// newRecoveryCodes replaces the recovery codes and shows the new ones.
func (s *server) newRecoveryCodes(c *gin.Context) {
	codes, err := s.service.NewRecoveryCodes(c.Request.Context(), web.CallerOf(c).Actor)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.showSelf(c, http.StatusOK, selfView{Codes: codes})
}

// changePassword gives the viewer another password, and a session in place of
// all that they had.
func (s *server) changePassword(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	caller := web.CallerOf(c)
	in, err := s.service.ChangeStaffPassword(c.Request.Context(), caller.Actor, *caller.Session, form.Value("current_password"), form.Value("password"))
	if form.Refused(err) {
		s.showSelf(c, http.StatusUnprocessableEntity, selfView{Form: form})
		return
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.site.SetCookie(c, web.StaffCookie, in.Token, in.Session.ExpiresAt)
	s.face.Tell(c, "notice.password_changed")
	page.See(c, selfRoot)
}

// endSession ends another session of the viewer's.
func (s *server) endSession(c *gin.Context) {
	id, err := idOf(c, "id")
	if err == nil {
		err = s.service.StaffSignOut(c.Request.Context(), web.CallerOf(c).Actor, id)
	}
	if err != nil && !fault.Is(err, fault.NotFound) { // it has ended already
		web.Fail(c, err)
		return
	}
	s.face.Tell(c, "notice.session_ended")
	page.See(c, selfRoot)
}
