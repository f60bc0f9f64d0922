package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/store"
	"kibali/web"
)

const (
	usersList = "console users"
	usersRoot = Root + "/users"
	maxSearch = 200
	perPage   = 50
)

// users shows the list of accounts: a tab for each status with its exact
// count, a search, sorts and pages, all of which the address holds.
func (s *server) users(c *gin.Context) {
	query, err := s.readUsersQuery(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.showUsers(c, http.StatusOK, query, page.NewForm())
}

// showUsers shows the list under a query, with the form to save it as a view.
func (s *server) showUsers(c *gin.Context, status int, query usersQuery, form *page.Form) {
	listed, err := s.reader.Accounts(c.Request.Context(), query.AccountsQuery)
	if err != nil {
		web.Fail(c, err)
		return
	}
	view := usersView{usersQuery: query, Tabs: tabs(query, listed.Counts), Items: listed.Items, Matches: listed.Matches}
	if view.Next, err = s.turn(query, "after", listed.Next); err == nil {
		view.Previous, err = s.turn(query, "before", listed.Previous)
	}
	if err == nil {
		view.Views, err = s.readViews(c, query, form)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, status, "users", view)
}

// usersQuery is what the address of the list asks for.
type usersQuery struct {
	store.AccountsQuery
}

// readUsersQuery reads the address of the list.
func (s *server) readUsersQuery(c *gin.Context) (usersQuery, error) {
	parameters, err := web.ReadQuery(c, "status", "q", "sort", "order", "after", "before")
	if err != nil {
		return usersQuery{}, err
	}
	var q usersQuery
	q.Limit = perPage
	q.Q = parameters.Text("q", maxSearch)
	q.Status = account.Status(parameters.OneOf("status", "", "all", "pending", "active", "suspended", "rejected", "closed"))
	if q.Status == "all" {
		q.Status = ""
	}
	q.Sort = store.Sort(parameters.OneOf("sort", string(store.SortRegistered), sortNames()...))
	q.Ascending = parameters.OneOf("order", "desc", "asc", "desc") == "asc"
	after, before := parameters.Text("after", maxCursor), parameters.Text("before", maxCursor)
	if err := parameters.Err(); err != nil {
		return usersQuery{}, err
	}
	switch {
	case after != "":
		q.After = new(store.AccountsCursor)
		err = s.cursors.Open(usersList, q.sealed(), after, q.After)
	case before != "":
		q.Before = new(store.AccountsCursor)
		err = s.cursors.Open(usersList, q.sealed(), before, q.Before)
	}
	return q, err
}

const maxCursor = 600

func sortNames() []string {
	return []string{string(store.SortRegistered), string(store.SortLastActive), string(store.SortCredits)}
}

// sealed is what of a query a cursor belongs to.
func (q usersQuery) sealed() string {
	return strings.Join([]string{string(q.Status), string(q.Sort), q.order(), q.Q}, "\x00")
}

func (q usersQuery) order() string {
	if q.Ascending {
		return "asc"
	}
	return "desc"
}

// address returns where the list is under the query, on its first page. What is
// as it is without being said is left out.
func (q usersQuery) address(root string) string {
	values := url.Values{}
	if q.Status != "" {
		values.Set("status", string(q.Status))
	}
	if q.Q != "" {
		values.Set("q", q.Q)
	}
	if q.Sort != store.SortRegistered {
		values.Set("sort", string(q.Sort))
	}
	if q.Ascending {
		values.Set("order", "asc")
	}
	return withQuery(root, values)
}

func withQuery(root string, values url.Values) string {
	if len(values) == 0 {
		return root
	}
	return root + "?" + values.Encode()
}

// turn returns the address of the page that begins at a position, "" when there
// is none.
func (s *server) turn(q usersQuery, parameter string, position *store.AccountsCursor) (string, error) {
	if position == nil {
		return "", nil
	}
	cursor, err := s.cursors.Seal(usersList, q.sealed(), position)
	if err != nil {
		return "", err
	}
	address := q.address(usersRoot)
	sign := "?"
	if strings.Contains(address, sign) {
		sign = "&"
	}
	return address + sign + parameter + "=" + url.QueryEscape(cursor), nil
}

// usersView is what the template of the list sees.
type usersView struct {
	usersQuery
	Tabs     []tab
	Items    []store.AccountView
	Matches  store.Matches
	Next     string
	Previous string
	Views    savedViews
}

// Save is the address that keeps the present filter and sort as a view.
func (v usersView) Save() string { return v.address(viewsPath) }

// Here is the address of the present filter and sort.
func (v usersView) Here() string { return v.address(usersRoot) }

// Export is the address of the list as a file.
func (v usersView) Export() string { return v.address(usersRoot + ".csv") }

// Reset is the address of the list without a search.
func (v usersView) Reset() string {
	q := v.usersQuery
	q.Q = ""
	return q.address(usersRoot)
}

// Sorted returns a column's heading: where a click on it leads, and how the
// list is sorted by it now.
func (v usersView) Sorted(by store.Sort) heading {
	q := v.usersQuery
	h := heading{}
	if q.Sort == by {
		h.Now = "descending"
		if q.Ascending {
			h.Now = "ascending"
		}
	}
	q.Ascending = q.Sort == by && !q.Ascending
	q.Sort = by
	h.Address = q.address(usersRoot)
	return h
}

// heading is the heading of a column that the list can be sorted by.
type heading struct {
	Address string
	Now     string // "ascending", "descending", or "" when it is sorted by another
}

// tab is one of the tabs of the list.
type tab struct {
	Status  account.Status
	Name    string // of its text
	Count   int64
	Address string
	Current bool
}

// tabs returns the tabs of the list, each under the same search and sort.
func tabs(q usersQuery, counts store.Counts) []tab {
	var all []tab
	for _, status := range append(account.Statuses(), "") {
		of := q
		of.Status = status
		t := tab{Status: status, Name: "status." + string(status), Count: counts.Of(status), Address: of.address(usersRoot), Current: status == q.Status}
		if status == "" {
			t.Name = "users.all"
		}
		all = append(all, t)
	}
	return all
}
