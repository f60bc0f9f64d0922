package console

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/actor"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

const servicesRoot = Root + "/services"

// servicesView is what the page of the platform's gateways shows.
type servicesView struct {
	Services []store.Service
	Scopes   []actor.Scope
	Form     *page.Form
	// Made is one that was just made, with its credential, which is shown this once.
	Made *service.CreatedService
}

// Chosen reports whether a scope is chosen in the form.
func (v servicesView) Chosen(scope actor.Scope) bool {
	return slices.Contains(v.Form.Values("scope"), string(scope))
}

// services shows the platform's own gateways.
func (s *server) services(c *gin.Context) {
	s.showServices(c, http.StatusOK, servicesView{Form: page.NewForm("token", uuid.NewString())})
}

func (s *server) showServices(c *gin.Context, status int, view servicesView) {
	var err error
	if view.Services, err = s.reader.Services(c.Request.Context()); err != nil {
		web.Fail(c, err)
		return
	}
	view.Scopes = actor.Scopes()
	s.face.Render(c, status, "services", view)
}

// addService makes a credential for a gateway, and shows it.
func (s *server) addService(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	key, err := formKey(c, form, "services", form.Value("name"), strings.Join(form.Values("scope"), ","))
	if err != nil {
		web.Fail(c, err)
		return
	}
	var scopes []actor.Scope
	for _, scope := range form.Values("scope") {
		scopes = append(scopes, actor.Scope(scope))
	}
	made, err := s.service.CreateService(c.Request.Context(), web.CallerOf(c).Actor, key, form.Value("name"), scopes)
	if form.Refused(err) {
		s.showServices(c, http.StatusUnprocessableEntity, servicesView{Form: form})
		return
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.showServices(c, http.StatusOK, servicesView{Form: page.NewForm("token", uuid.NewString()), Made: &made})
}

// revokeService ends a gateway's credential.
func (s *server) revokeService(c *gin.Context) {
	id, err := idOf(c, "id")
	if err == nil {
		err = s.service.RevokeService(c.Request.Context(), web.CallerOf(c).Actor, id)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Tell(c, "notice.service_revoked")
	page.See(c, servicesRoot)
}
