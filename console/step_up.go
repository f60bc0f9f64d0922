package console

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/sso"
	"kibali/store"
	"kibali/web"
)

const stepUpPath = Root + "/step-up"

// stepUpView is what the page to prove oneself again shows.
type stepUpView struct {
	Form   *page.Form
	Next   string
	Resume *page.Kept // what was sent when the proof was too old; nil for none
	Factor bool       // whether a code is asked for too
	// Later says that there were too many wrong codes.
	Later bool
	// SSO is the name of the identity provider that the viewer comes through, ""
	// for one with a password, and Reason why it proved nothing.
	SSO    string
	Reason sso.Reason
}

// askToStepUp answers a request for what asks for a recent sign-in. Whoever was
// sending a form finds it again afterwards.
func (s *server) askToStepUp(c *gin.Context) {
	view := stepUpView{Form: page.NewForm(), Next: page.Local(page.ReaderAt(c), Root, Root)}
	if c.Request.Method == http.MethodPost {
		view.Resume = page.Keep(c)
	}
	c.Header("HX-Retarget", "#main")
	c.Header("HX-Reswap", "innerHTML")
	c.Header("HX-Reselect", "#step-up")
	s.showStepUp(c, http.StatusForbidden, view)
}

func (s *server) showStepUp(c *gin.Context, status int, view stepUpView) {
	if session := web.CallerOf(c).Session; session != nil && session.Method == store.MethodSSO {
		view.SSO = s.ssoLabel()
	}
	factor, err := s.reader.Factor(c.Request.Context(), web.CallerOf(c).ID)
	if err != nil {
		web.Fail(c, err)
		return
	}
	view.Factor = factor.Confirmed()
	s.face.Render(c, status, "step_up", view)
}

// stepUp takes the proof, and goes on with what asked for it.
func (s *server) stepUp(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	caller := web.CallerOf(c)
	view := stepUpView{Form: form, Next: page.Local(form.Value("next"), Root, Root), Resume: page.KeptIn(form, Root)}
	_, err = s.service.StaffStepUp(c.Request.Context(), caller.Actor, *caller.Session, form.Value("password"), form.Value("code"))
	switch {
	case form.Refused(err):
		s.showStepUp(c, http.StatusUnprocessableEntity, view)
	case fault.Is(err, fault.SecondFactorRequired):
		form.Refused(fault.InvalidFields(fault.Field{Field: "code", Code: "required", Detail: "Must be given."}))
		s.showStepUp(c, http.StatusUnprocessableEntity, view)
	case fault.Is(err, fault.RateLimited):
		view.Later = true
		s.showStepUp(c, http.StatusTooManyRequests, view)
	case err != nil:
		web.Fail(c, err)
	case view.Resume != nil:
		s.face.Render(c, http.StatusOK, "resume", view.Resume)
	default:
		page.See(c, view.Next)
	}
}
