package console

import (
	"fmt"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/store"
	"kibali/web"
)

// usersCSV sends the list under the present search and sort, all of its pages,
// as a file for a spreadsheet.
func (s *server) usersCSV(c *gin.Context) {
	query, err := s.readUsersQuery(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	if err := s.service.RecordUsersExport(c.Request.Context(), web.CallerOf(c).Actor, query.AccountsQuery); err != nil {
		web.Fail(c, err)
		return
	}
	query.Limit = store.MaxListed
	file := web.BeginCSV(c, "users-"+s.now().UTC().Format("20060102-1504")+".csv",
		"id", "company", "industry", "name", "email", "phone", "status", "stage", "credits", "registered_at", "last_active_at")
	for {
		listed, err := s.reader.Accounts(c.Request.Context(), query.AccountsQuery)
		if err != nil {
			file.Fail(fmt.Errorf("export the users: %w", err))
			return
		}
		for _, a := range listed.Items {
			if !file.Row(userCells(a)...) {
				return
			}
		}
		if listed.Next == nil {
			file.End()
			return
		}
		query.After = listed.Next
		file.More()
	}
}

func userCells(a store.AccountView) []web.Cell {
	return []web.Cell{
		web.Text(a.ID.String()), web.Text(a.Company.Name), web.Text(a.Company.Industry), web.Text(a.Name), web.Text(a.Email), web.Text(a.Phone),
		web.Text(string(a.Status)), web.Text(string(a.Stage)), web.Number(strconv.FormatInt(a.Credits, 10)),
		web.Text(timestamp(a.RegisteredAt)), web.Text(timestamp(a.LastActiveAt)),
	}
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
