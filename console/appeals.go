package console

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/store"
	"kibali/web"
)

const (
	appealsRoot = Root + "/appeals"
	appealsList = "console appeals"
)

// appealsView is what the template of the appeals sees.
type appealsView struct {
	State string // store.StateOpen, an outcome, or allAppeals
	Items []store.Appeal
	Names map[uuid.UUID]string
	Next  string
	Done  *done
}

// Company is the name of the company that appeals.
func (v appealsView) Company(a store.Appeal) string { return v.Names[a.AccountID] }

// States are the states to choose from.
func (v appealsView) States() []string {
	return []string{store.StateOpen, store.AppealGranted, store.AppealDismissed, allAppeals}
}

// allAppeals is the state of the list that has all of them.
const allAppeals = "all"

// appeals shows what suspended users have to say, the newest first: those to
// be decided, unless another state is asked for.
func (s *server) appeals(c *gin.Context) {
	parameters, err := web.ReadQuery(c, "state", "after", doneParameter)
	if err != nil {
		web.Fail(c, err)
		return
	}
	var view appealsView
	view.State = parameters.OneOf("state", store.StateOpen, view.States()...)
	after := parameters.Text("after", maxCursor)
	if err := parameters.Err(); err != nil {
		web.Fail(c, err)
		return
	}
	if err := s.readAppeals(c, &view, after); err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "appeals", view)
}

func (s *server) readAppeals(c *gin.Context, view *appealsView, after string) error {
	q := store.AppealsQuery{State: view.State, Limit: perPage}
	if view.State == allAppeals {
		q.State = ""
	}
	if after != "" {
		q.After = new(store.AppealsCursor)
		if err := s.cursors.Open(appealsList, view.State, after, q.After); err != nil {
			return err
		}
	}
	items, next, err := s.reader.Appeals(c.Request.Context(), q)
	if err != nil {
		return err
	}
	view.Items = items
	var ids []uuid.UUID
	for _, a := range items {
		ids = append(ids, a.AccountID)
	}
	if view.Names, err = s.reader.CompanyNames(c.Request.Context(), ids); err != nil {
		return err
	}
	if next != nil {
		cursor, err := s.cursors.Seal(appealsList, view.State, next)
		if err != nil {
			return err
		}
		view.Next = appealsRoot + "?" + url.Values{"state": {view.State}, "after": {cursor}}.Encode()
	}
	view.Done, err = s.done(c)
	return err
}
