package portal

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/store"
	"kibali/web"
)

// How many lines of the billing history a page shows.
const (
	linesAtHome = 5
	linesOfPage = 25
)

// homeView is what the users of active accounts see first.
type homeView struct {
	Lines []line
	More  bool // lines than these
	Keys  int
}

// line is one line of the billing history.
type line struct {
	store.Posted
}

// Change is what the line changes of all credits, signed.
func (l line) Change() int64 { return l.Entry.Amount + l.Entry.HeldAmount }

// Moved is how many credits moved between available and held.
func (l line) Moved() int64 { return max(l.Entry.HeldAmount, l.Entry.Amount) }

func linesOf(posted []store.Posted) []line {
	lines := make([]line, len(posted))
	for i, p := range posted {
		lines[i] = line{p}
	}
	return lines
}

// home shows how an active account stands.
func (s *server) home(c *gin.Context) {
	reader := readerOf(c)
	if !reader.Active() {
		page.See(c, statusPath)
		return
	}
	posted, next, err := s.reader.Transactions(c.Request.Context(), reader.Account.ID, linesAtHome, 0)
	if err != nil {
		web.Fail(c, err)
		return
	}
	keys, err := s.reader.APIKeys(c.Request.Context(), reader.Account.ID)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "home", homeView{Lines: linesOf(posted), More: next != 0, Keys: len(keys)})
}

// billingView is a page of the billing history.
type billingView struct {
	Lines []line
	Next  int64 // the line that the next page begins before; 0 at the end
	First bool  // page
}

// Held reports whether any line has held credits, which most accounts never do.
func (v billingView) Held() bool {
	for _, l := range v.Lines {
		if l.Entry.HeldAfter != 0 || l.Entry.HeldAmount != 0 {
			return true
		}
	}
	return false
}

// billing shows what came and went, the newest first, with the balance after
// each line.
func (s *server) billing(c *gin.Context) {
	before, err := readBefore(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	posted, next, err := s.reader.Transactions(c.Request.Context(), readerOf(c).Account.ID, linesOfPage, before)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "billing", billingView{Lines: linesOf(posted), Next: next, First: before == 0})
}

// readBefore reads which line of the account's own the page begins before.
func readBefore(c *gin.Context) (int64, error) {
	query, err := web.ReadQuery(c, "before")
	if err != nil {
		return 0, err
	}
	text := query.Text("before", 19)
	if text == "" || query.Err() != nil {
		return 0, query.Err()
	}
	before, err := strconv.ParseInt(text, 10, 64)
	if err != nil || before < 1 {
		return 0, fault.InvalidFields(fault.Field{Field: "before", Code: "invalid", Detail: "Must be the number of a line."})
	}
	return before, nil
}
