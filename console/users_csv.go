package console

import (
	"encoding/csv"
	"strconv"
	"strings"
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
	web.ForFile(c)
	query.Limit = store.MaxListed
	listed, err := s.reader.Accounts(c.Request.Context(), query.AccountsQuery)
	if err != nil {
		web.Fail(c, err)
		return
	}
	c.Header("Content-Type", "text/csv; charset=utf-8")
	c.Header("Content-Disposition", `attachment; filename="users-`+s.now().UTC().Format("20060102-1504")+`.csv"`)
	w := csv.NewWriter(c.Writer)
	write := func(record ...string) {
		for i := range record {
			record[i] = harmless(record[i])
		}
		// An error is kept by the writer, for Flush.
		_ = w.Write(record)
	}
	write("id", "company", "industry", "name", "email", "phone", "status", "stage", "credits", "registered_at", "last_active_at")
	for {
		for _, a := range listed.Items {
			write(a.ID.String(), a.Company.Name, a.Company.Industry, a.Name, a.Email, a.Phone, string(a.Status), string(a.Stage),
				strconv.FormatInt(a.Credits, 10), timestamp(a.RegisteredAt), timestamp(a.LastActiveAt))
		}
		w.Flush()
		if w.Error() != nil || listed.Next == nil {
			return // the reader is gone, or has all of it
		}
		query.After = listed.Next
		if listed, err = s.reader.Accounts(c.Request.Context(), query.AccountsQuery); err != nil {
			web.Fail(c, err) // breaks the connection, so that half of it is not taken for all
			return
		}
	}
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// harmless keeps a spreadsheet from taking a cell for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
