package api

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"kibali/domain/account"
	"kibali/store"
	"kibali/web"
)

const maxSearch = 200

// ListAccounts serves GET /v1/accounts.
func (s *server) ListAccounts(c *gin.Context) {
	query, sealed, err := s.accountsQuery(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	page, err := s.reader.Accounts(c.Request.Context(), query)
	if err != nil {
		web.Fail(c, err)
		return
	}
	body := AccountsPage{
		Items:   make([]Account, len(page.Items)),
		Counts:  countsJSON(page.Counts),
		Matches: Matches{Count: page.Matches.Count, Exact: page.Matches.Exact},
	}
	for i, view := range page.Items {
		body.Items[i] = accountJSON(view)
	}
	if body.NextCursor, err = sealNext(s.cursors, accountsList, sealed, page.Next); err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, body)
}

// The lists that have cursors.
const (
	accountsList = "accounts"
	timelineList = "timeline"
)

// accountsQuery reads the query string, and returns too what of it a cursor is
// sealed with.
func (s *server) accountsQuery(c *gin.Context) (query store.AccountsQuery, sealed string, err error) {
	parameters, err := web.ReadQuery(c, "status", "q", "sort", "order", "limit", "cursor")
	if err != nil {
		return store.AccountsQuery{}, "", err
	}
	status := parameters.OneOf("status", "all", "all", "pending", "active", "suspended", "rejected", "closed")
	q := parameters.Text("q", maxSearch)
	sort := parameters.OneOf("sort", "registered_at", "registered_at", "last_active_at", "credits")
	order := parameters.OneOf("order", "desc", "asc", "desc")
	limit := parameters.Limit()
	if err := parameters.Err(); err != nil {
		return store.AccountsQuery{}, "", err
	}
	if status == "all" {
		status = ""
	}
	query = store.AccountsQuery{
		Status: account.Status(status), Q: q, Sort: store.Sort(sort), Ascending: order == "asc", Limit: limit,
	}
	sealed = strings.Join([]string{status, sort, order, q}, "\x00")
	if cursor := parameters.Cursor(); cursor != "" {
		query.After = new(store.AccountsCursor)
		err = s.cursors.Open(accountsList, sealed, cursor, query.After)
	}
	return query, sealed, err
}

// sealNext returns the next_cursor of a page that ends at position, nil at the
// end of the list.
func sealNext[T any](cursors *web.Cursors, list, query string, position *T) (*string, error) {
	if position == nil {
		return nil, nil
	}
	cursor, err := cursors.Seal(list, query, position)
	return &cursor, err
}

// GetAccount serves GET /v1/accounts/{id}.
func (s *server) GetAccount(c *gin.Context, id AccountID) {
	view, err := s.service.OpenAccount(c.Request.Context(), web.CallerOf(c).Actor, id)
	sendAccount(c, view, err)
}

func sendAccount(c *gin.Context, view store.AccountView, err error) {
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, AccountAnswer{Account: accountJSON(view)})
}

func accountJSON(view store.AccountView) Account {
	a := Account{
		ID: view.ID, Name: view.Name, Email: view.Email, Phone: view.Phone, Locale: Locale(view.Locale),
		EmailVerified: view.EmailVerified, PhoneVerified: view.PhoneVerified,
		Status: Status(view.Status), Stage: unlessEmpty(Stage(view.Stage)),
		Company: Company{
			Name: view.Company.Name, Industry: Industry(view.Company.Industry),
			RegistrationNumber: unlessEmpty(view.Company.RegistrationNumber), Tin: unlessEmpty(view.Company.TIN),
			Website: unlessEmpty(view.Company.Website), Address: unlessEmpty(view.Company.Address),
		},
		Credits:      Credits{Available: view.Balance.Available, Held: view.Balance.Held},
		RegisteredAt: view.RegisteredAt.UTC(), LastActiveAt: unlessNever(view.LastActiveAt), ErasedAt: unlessNever(view.ErasedAt),
	}
	reason := view.Reason
	if reason == nil {
		return a
	}
	switch {
	case view.Status == account.Suspended:
		a.Suspension = &Suspension{
			ReasonCode: reason.Code, Reason: reason.Text, SuspendedAt: reason.At.UTC(), Until: unlessNever(reason.Until),
		}
	case view.Status == account.Rejected:
		a.Rejection = &Rejection{ReasonCode: reason.Code, Reason: reason.Text, RejectedAt: reason.At.UTC()}
	case view.Stage == account.ChangesRequested:
		a.RequestedChanges = &RequestedChanges{ReasonCode: reason.Code, Reason: reason.Text, RequestedAt: reason.At.UTC()}
	}
	return a
}
