package console

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

const staffRoot = Root + "/staff"

// staffView is what the page of the staff shows.
type staffView struct {
	Members []store.StaffView
	Form    *page.Form // of a new one
	Roles   []actor.Role
	// Invited is somebody who was just invited, with the link, which is shown this
	// once; nil without.
	Invited *invited
}

// invited is an invitation with its link.
type invited struct {
	service.Invited
	Link string
}

// staff shows who runs the platform.
func (s *server) staff(c *gin.Context) {
	s.showStaff(c, http.StatusOK, staffView{Form: newStaffForm()})
}

func newStaffForm() *page.Form {
	return page.NewForm("token", uuid.NewString(), "role", string(actor.Reviewer))
}

func (s *server) showStaff(c *gin.Context, status int, view staffView) {
	var err error
	if view.Members, err = s.reader.StaffMembers(c.Request.Context()); err != nil {
		web.Fail(c, err)
		return
	}
	view.Roles = actor.Roles()
	s.face.Render(c, status, "staff", view)
}

// addStaff adds somebody, and shows the link by which they choose a password.
func (s *server) addStaff(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	key, err := formKey(c, form, "staff", form.Value("email"), form.Value("name"), form.Value("role"))
	if err != nil {
		web.Fail(c, err)
		return
	}
	added, err := s.service.CreateStaff(c.Request.Context(), web.CallerOf(c).Actor, key, form.Value("email"), form.Value("name"), form.Value("role"))
	if form.Refused(err) {
		s.showStaff(c, http.StatusUnprocessableEntity, staffView{Form: form})
		return
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.showStaff(c, http.StatusOK, staffView{Form: newStaffForm(), Invited: s.linkOf(added)})
}

// linkOf is an invitation with the link that is handed over.
func (s *server) linkOf(i service.Invited) *invited {
	return &invited{i, s.site.Address(invitationRoot + "/" + i.Invitation.Token)}
}

// memberView is what the page of a staff member shows.
type memberView struct {
	store.StaffView
	Form    *page.Form
	Roles   []actor.Role
	Own     bool
	Token   string // of the forms
	Invited *invited
}

// member shows a staff member.
func (s *server) member(c *gin.Context) {
	id, err := idOf(c, "id")
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.showMember(c, http.StatusOK, id, memberView{})
}

func (s *server) showMember(c *gin.Context, status int, id uuid.UUID, view memberView) {
	var err error
	if view.StaffView, err = s.reader.StaffMember(c.Request.Context(), id); err != nil {
		web.Fail(c, err)
		return
	}
	if view.Form == nil {
		view.Form = page.NewForm("name", view.Name, "role", string(view.Role))
	}
	view.Roles, view.Own, view.Token = actor.Roles(), id == web.CallerOf(c).ID, uuid.NewString()
	s.face.Render(c, status, "member", view)
}

// changeMember gives a staff member another name or role.
func (s *server) changeMember(c *gin.Context, id uuid.UUID, form *page.Form) {
	name, role := form.Value("name"), form.Value("role")
	_, err := s.service.ChangeStaff(c.Request.Context(), web.CallerOf(c).Actor, id, service.StaffChange{Name: &name, Role: &role})
	if form.Refused(err) {
		s.showMember(c, http.StatusUnprocessableEntity, id, memberView{Form: form})
		return
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Tell(c, "notice.staff_changed")
	page.See(c, staffRoot+"/"+id.String())
}

// manageMember disables or enables a staff member, or takes their second factor.
func (s *server) manageMember(c *gin.Context, id uuid.UUID, form *page.Form) {
	what := c.Param("what")
	key, err := formKey(c, form, "staff "+what, id.String())
	if err != nil {
		web.Fail(c, err)
		return
	}
	ctx, by := c.Request.Context(), web.CallerOf(c).Actor
	switch what {
	case "disable":
		_, err = s.service.DisableStaff(ctx, by, key, id)
	case "enable":
		_, err = s.service.EnableStaff(ctx, by, key, id)
	case "second-factor-reset":
		_, err = s.service.ResetFactor(ctx, by, key, id)
	case "invitation":
		var again service.Invited
		if again, err = s.service.InviteStaff(ctx, by, key, id); err == nil {
			s.showMember(c, http.StatusOK, id, memberView{Invited: s.linkOf(again)})
			return
		}
	default:
		err = fault.New(fault.NotFound, "There is no such resource.")
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Tell(c, "notice.staff_changed")
	page.See(c, staffRoot+"/"+id.String())
}
