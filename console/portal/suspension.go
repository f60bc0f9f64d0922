package portal

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/web"
)

// suspensionView is what a suspended user sees.
type suspensionView struct {
	reason
	// Appealable says that the browser holds the right to appeal, which the right
	// password gives for half an hour.
	Appealable bool
	// AppealedAt is since when an appeal is being looked at; zero for none.
	AppealedAt time.Time
	Form       *page.Form // of the appeal
}

// appealLife is how long a browser keeps the right to appeal.
const appealLife = 30 * time.Minute

// showSuspension says why an account is suspended, since when and until when,
// and takes an appeal from whoever has given the right password.
func (s *server) showSuspension(c *gin.Context, status int, f *fault.Error, form *page.Form) {
	view := suspensionView{Form: form}
	view.Code, _ = f.Details["reason_code"].(string)
	view.Text, _ = f.Details["reason"].(string)
	view.At, _ = f.Details["suspended_at"].(time.Time)
	view.Until, _ = f.Details["until"].(time.Time)
	view.AppealedAt, _ = f.Details["appealed_at"].(time.Time)
	if token, ok := f.Details["appeal_token"].(string); ok {
		s.site.SetCookie(c, web.AppealCookie, token, s.now().Add(appealLife))
		view.Appealable = true
	}
	c.Header("HX-Retarget", "#main")
	c.Header("HX-Reswap", "innerHTML show:window:top")
	s.face.Render(c, status, "suspended", view)
}

// appeal takes what a suspended user has to say.
func (s *server) appeal(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	caller := web.CallerOf(c)
	_, err = s.service.Appeal(c.Request.Context(), caller.Actor, form.Value("text"))
	switch {
	case err == nil || fault.Is(err, fault.Conflict):
		// Sent twice, or settled meanwhile: there is nothing more to say.
		s.site.ClearCookie(c, web.AppealCookie)
		s.face.Render(c, http.StatusOK, "appealed", nil)
	case form.Refused(err):
		why, err := s.reader.Suspension(c.Request.Context(), caller.ID)
		if err != nil {
			web.Fail(c, err)
			return
		}
		s.face.Render(c, http.StatusUnprocessableEntity, "suspended", suspensionView{reason: *reasonOf(&why), Appealable: true, Form: form})
	default:
		web.Fail(c, err)
	}
}
