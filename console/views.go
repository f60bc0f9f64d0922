package console

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/store"
	"kibali/web"
)

const viewsPath = usersRoot + "/views"

// savedViews are what the list shows of the views that its viewer has saved.
type savedViews struct {
	Items []savedView
	// Form is for the name of the present one; nil when it has one.
	Form *page.Form
}

// savedView is a saved view, and where it leads.
type savedView struct {
	store.SavedView
	Address string
	Current bool
}

// readViews returns the viewer's views, beside the query that the list is under.
func (s *server) readViews(c *gin.Context, now usersQuery, form *page.Form) (savedViews, error) {
	saved, err := s.reader.SavedViews(c.Request.Context(), web.CallerOf(c).ID)
	if err != nil {
		return savedViews{}, err
	}
	views, here := savedViews{Form: form}, now.address(usersRoot)
	for _, v := range saved {
		address := usersQuery{store.AccountsQuery{Status: v.Status, Q: v.Q, Sort: v.Sort, Ascending: v.Ascending}}.address(usersRoot)
		views.Items = append(views.Items, savedView{v, address, address == here})
		if address == here && len(form.Wrong) == 0 {
			views.Form = nil
		}
	}
	return views, nil
}

// saveView keeps the filter and sort that its address has, as the list's has
// them, by a name.
func (s *server) saveView(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	query, err := s.readUsersQuery(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	err = s.service.SaveView(c.Request.Context(), web.CallerOf(c).Actor, store.SavedView{
		Name: form.Value("name"), Status: query.Status, Q: query.Q, Sort: query.Sort, Ascending: query.Ascending,
	})
	switch {
	case form.Refused(err):
		s.showUsers(c, http.StatusUnprocessableEntity, query, form)
	case err != nil:
		web.Fail(c, err)
	default:
		s.face.Tell(c, "notice.view_saved")
		page.See(c, query.address(usersRoot))
	}
}

// deleteView drops a view of the viewer's.
func (s *server) deleteView(c *gin.Context) {
	id, err := idOf(c, "id")
	if err == nil {
		err = s.service.DeleteView(c.Request.Context(), web.CallerOf(c).Actor, id)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Tell(c, "notice.view_deleted")
	page.See(c, page.Local(form.Value("return"), usersRoot, usersRoot))
}
