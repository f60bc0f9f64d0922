package portal

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/store"
)

// problem is the page that an error becomes.
func (s *server) problem(c *gin.Context, status int, f *fault.Error) {
	reading := c.Request.Method == http.MethodGet
	switch {
	case f.Code == fault.Unauthenticated && c.FullPath() != "":
		s.askToLogIn(c)
	case f.Code == fault.AccountSuspended:
		s.showSuspension(c, status, f, page.NewForm())
	case reading && (f.Code == fault.AccountPending || f.Code == fault.AccountRejected):
		page.See(c, statusPath) // where it says so, and what to do
	default:
		s.face.Problem(c, status, f)
	}
}

// reason is why an account is as it is, for the user to read.
type reason struct {
	Code  string
	Text  string
	At    time.Time
	Until time.Time // zero: no end is set
}

func reasonOf(r *store.StatusReason) *reason {
	if r == nil {
		return nil
	}
	return &reason{Code: r.Code, Text: r.Text, At: r.At, Until: r.Until}
}
