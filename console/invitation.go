package console

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/web"
)

const invitationRoot = Root + "/invitation"

// invitationView is what somebody sees who was invited.
type invitationView struct {
	Form *page.Form
	Bad  bool // the link is not good
}

// invitation shows the page on which an invited staff member chooses a password.
// Looking at it uses nothing up.
func (s *server) invitation(c *gin.Context) {
	web.SecretAddress(c)
	s.face.Render(c, http.StatusOK, "invitation", invitationView{Form: page.NewForm()})
}

// accept takes the password.
func (s *server) accept(c *gin.Context) {
	web.SecretAddress(c)
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	err = s.service.AcceptInvitation(c.Request.Context(), web.CallerOf(c).Actor, c.Param("token"), form.Value("password"))
	switch {
	case form.Refused(err):
		s.face.Render(c, http.StatusUnprocessableEntity, "invitation", invitationView{Form: form})
	case fault.Is(err, fault.Unauthenticated):
		s.face.Render(c, http.StatusGone, "invitation", invitationView{Form: form, Bad: true})
	case err != nil:
		web.Fail(c, err)
	default:
		s.face.Tell(c, "notice.password_chosen")
		page.See(c, signInPath)
	}
}
