package console

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/store"
	"kibali/web"
)

const (
	auditRoot = Root + "/audit"
	auditList = "console audit"
)

// auditView is what the page of the audit trail shows.
type auditView struct {
	store.AuditQuery
	Items   []store.AuditEvent
	Members []store.StaffView
	Next    string
}

// Filtered reports whether anything is left out.
func (v auditView) Filtered() bool { return len(auditValues(v.AuditQuery)) > 0 }

// Account is the account that is asked for; "" for all.
func (v auditView) Account() string { return auditValues(v.AuditQuery).Get("account") }

// Detail is what an event says of what was before and after: names and values,
// those that are more than a word as JSON.
func (v auditView) Detail(facts map[string]any) string {
	var told []string
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		value, plain := facts[name].(string)
		if !plain {
			encoded, err := json.Marshal(facts[name])
			if err != nil {
				continue
			}
			value = string(encoded)
		}
		told = append(told, name+": "+value)
	}
	return strings.Join(told, " · ")
}

// audit shows who did what to what, the newest first.
func (s *server) audit(c *gin.Context) {
	parameters, err := web.ReadQuery(c, "staff", "action", "account", "subject", "after")
	if err != nil {
		web.Fail(c, err)
		return
	}
	view := auditView{AuditQuery: store.AuditQuery{
		ActorID: parameters.ID("staff"), AccountID: parameters.ID("account"), Limit: perPage,
		Action: parameters.Text("action", 100), Subject: parameters.Text("subject", 100),
	}}
	after := parameters.Text("after", maxCursor)
	err = parameters.Err()
	if err == nil {
		err = s.readAudit(c, &view, after)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "audit", view)
}

func auditValues(q store.AuditQuery) url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"action": q.Action, "subject": q.Subject} {
		if value != "" {
			values.Set(name, value)
		}
	}
	for name, id := range map[string]uuid.UUID{"staff": q.ActorID, "account": q.AccountID} {
		if id != uuid.Nil {
			values.Set(name, id.String())
		}
	}
	return values
}

func (s *server) readAudit(c *gin.Context, view *auditView, after string) (err error) {
	values := auditValues(view.AuditQuery)
	if after != "" {
		view.After = new(store.AuditCursor)
		if err := s.cursors.Open(auditList, values.Encode(), after, view.After); err != nil {
			return err
		}
	}
	var next *store.AuditCursor
	if view.Items, next, err = s.reader.Audit(c.Request.Context(), view.AuditQuery); err != nil {
		return err
	}
	if view.Members, err = s.reader.StaffMembers(c.Request.Context()); err != nil || next == nil {
		return err
	}
	cursor, err := s.cursors.Seal(auditList, values.Encode(), next)
	values.Set("after", cursor)
	view.Next = withQuery(auditRoot, values)
	return err
}
