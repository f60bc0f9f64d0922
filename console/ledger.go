package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/ledger"
	"kibali/store"
	"kibali/web"
)

const (
	ledgerList = "console ledger"
	ledgerRoot = Root + "/ledger"
	topUpsRoot = Root + "/top-ups"
)

// ledger shows every transfer of credits under filters, with their totals.
func (s *server) ledger(c *gin.Context) {
	query, err := s.readLedgerQuery(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	ctx := c.Request.Context()
	view := ledgerView{ledgerQuery: query, Kinds: ledger.Kinds(), Reasons: ledger.Reasons()}
	var next *store.LedgerCursor
	if view.Items, next, err = s.reader.Ledger(ctx, query.LedgerQuery); err == nil {
		view.Totals, err = s.reader.LedgerTotals(ctx, query.LedgerQuery)
	}
	if err == nil {
		view.Names, err = s.reader.CompanyNames(ctx, accountsOf(view.Items))
	}
	if err == nil {
		view.Staff, err = s.reader.Signatories(ctx)
	}
	if err == nil && next != nil {
		view.Next, err = s.turnLedger(query, next)
	}
	if err == nil && query.AccountID != uuid.Nil {
		view.Account, err = s.companyOf(c, query.AccountID)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "ledger", view)
}

func (s *server) companyOf(c *gin.Context, id uuid.UUID) (string, error) {
	of, err := s.reader.Account(c.Request.Context(), id)
	return of.Company.Name, err
}

func accountsOf(items []store.LedgerItem) []uuid.UUID {
	var ids []uuid.UUID
	for _, item := range items {
		ids = append(ids, item.AccountID())
	}
	return ids
}

// ledgerQuery is what the address of the ledger asks for.
type ledgerQuery struct {
	store.LedgerQuery
	// FromDay and ToDay are dates in the policy's zone, the last one included.
	FromDay, ToDay string
}

func (s *server) readLedgerQuery(c *gin.Context) (ledgerQuery, error) {
	parameters, err := web.ReadQuery(c, "kind", "reason", "account", "staff", "from", "to", "after")
	if err != nil {
		return ledgerQuery{}, err
	}
	q := ledgerQuery{FromDay: parameters.Text("from", 10), ToDay: parameters.Text("to", 10)}
	q.Limit = perPage
	if kind := parameters.OneOf("kind", "", texts(ledger.Kinds())...); kind != "" {
		q.Kinds = []ledger.Kind{ledger.Kind(kind)}
	}
	q.Reason = ledger.Reason(parameters.OneOf("reason", "", texts(ledger.Reasons())...))
	q.AccountID, q.ActorID = parameters.ID("account"), parameters.ID("staff")
	after := parameters.Text("after", maxCursor)
	if err := parameters.Err(); err != nil {
		return ledgerQuery{}, err
	}
	if err := s.readDays(c, &q); err != nil {
		return ledgerQuery{}, err
	}
	if after != "" {
		q.After = new(store.LedgerCursor)
		err = s.cursors.Open(ledgerList, q.values().Encode(), after, q.After)
	}
	return q, err
}

// readDays turns dates into moments, in the policy's zone. What is no date
// filters nothing.
func (s *server) readDays(c *gin.Context, q *ledgerQuery) error {
	p, _, err := s.reader.Policy(c.Request.Context())
	if err != nil {
		return err
	}
	zone, err := p.Location()
	if err != nil {
		return err
	}
	if day, err := time.ParseInLocation(time.DateOnly, q.FromDay, zone); err == nil {
		q.From = day
	} else {
		q.FromDay = ""
	}
	if day, err := time.ParseInLocation(time.DateOnly, q.ToDay, zone); err == nil {
		q.To = day.AddDate(0, 0, 1)
	} else {
		q.ToDay = ""
	}
	return nil
}

// Kind is the kind that is filtered by; "" for all.
func (q ledgerQuery) Kind() ledger.Kind {
	if len(q.Kinds) == 0 {
		return ""
	}
	return q.Kinds[0]
}

// values are the filters as an address has them.
func (q ledgerQuery) values() url.Values {
	values := url.Values{}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	set("kind", string(q.Kind()))
	set("reason", string(q.Reason))
	set("from", q.FromDay)
	set("to", q.ToDay)
	if q.AccountID != uuid.Nil {
		set("account", q.AccountID.String())
	}
	if q.ActorID != uuid.Nil {
		set("staff", q.ActorID.String())
	}
	return values
}

func (s *server) turnLedger(q ledgerQuery, next *store.LedgerCursor) (string, error) {
	values := q.values()
	cursor, err := s.cursors.Seal(ledgerList, values.Encode(), next)
	values.Set("after", cursor)
	return withQuery(ledgerRoot, values), err
}

// ledgerView is what the template of the ledger sees.
type ledgerView struct {
	ledgerQuery
	Kinds   []ledger.Kind
	Reasons []ledger.Reason
	Staff   []store.Staff // who makes transfers
	Account string        // the name of the company that is filtered by
	Items   []store.LedgerItem
	Names   map[uuid.UUID]string
	Totals  []store.LedgerTotal
	Next    string
}

// Company is the name of the company that a transfer is about.
func (v ledgerView) Company(item store.LedgerItem) string { return v.Names[item.AccountID()] }

// Export is the address of what is shown, all of it, as a file.
func (v ledgerView) Export() string { return withQuery(ledgerRoot+".csv", v.values()) }

// Filtered reports whether anything is left out.
func (v ledgerView) Filtered() bool { return len(v.values()) > 0 }

// ledgerCSV sends the ledger under the present filters, all of its pages, as a
// file for a spreadsheet.
func (s *server) ledgerCSV(c *gin.Context) {
	query, err := s.readLedgerQuery(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	query.Limit = 2000
	file := web.BeginCSV(c, "ledger-"+s.now().UTC().Format(time.DateOnly)+".csv",
		"id", "created_at", "kind", "reason", "amount", "available_after", "held_after", "account_id", "actor_kind", "actor_name", "decision_id", "reference")
	for {
		items, next, err := s.reader.Ledger(c.Request.Context(), query.LedgerQuery)
		if err != nil {
			file.Fail(fmt.Errorf("export the ledger: %w", err))
			return
		}
		for _, item := range items {
			decision := ""
			if item.DecisionID != nil {
				decision = item.DecisionID.String()
			}
			if !file.Row(web.Text(item.ID.String()), web.Text(item.CreatedAt.UTC().Format(time.RFC3339Nano)), web.Text(string(item.Kind)),
				web.Text(string(item.Reason)), cellOf(changeOf(item.Posted)), cellOf(item.Entry.AvailableAfter), cellOf(item.Entry.HeldAfter),
				web.Text(item.AccountID().String()), web.Text(string(item.ActorKind)), web.Text(item.ActorName), web.Text(decision), web.Text(item.Reference)) {
				return
			}
		}
		if next == nil {
			file.End()
			return
		}
		query.After = next
		file.More()
	}
}

func cellOf(n int64) web.Cell { return web.Number(strconv.FormatInt(n, 10)) }

// changeOf is what an account gained or lost. What moves within it is told by
// what of it is available.
func changeOf(p store.Posted) int64 {
	if change := p.Entry.Amount + p.Entry.HeldAmount; change != 0 {
		return change
	}
	return p.Entry.Amount
}

func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}

const topUpsList = "console top-ups"

// topUps shows what was asked for with credits, those first that wait for a
// second signature.
func (s *server) topUps(c *gin.Context) {
	parameters, err := web.ReadQuery(c, "state", "after", doneParameter)
	if err != nil {
		web.Fail(c, err)
		return
	}
	view := topUpsView{State: parameters.OneOf("state", "", store.StateUnsigned, store.StateOpen, "applied", "refused", "lapsed")}
	after := parameters.Text("after", maxCursor)
	if err := parameters.Err(); err != nil {
		web.Fail(c, err)
		return
	}
	if err := s.readTopUps(c, &view, after); err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "topups", view)
}

// topUpsView is what the template of the top-ups sees.
type topUpsView struct {
	State string
	Items []store.Decision
	Names map[uuid.UUID]string
	Next  string
	Done  *done
}

// Company is the name of the company that a top-up is for; "" for many.
func (v topUpsView) Company(d store.Decision) string { return v.Names[d.AccountID] }

// States are the states to choose from.
func (v topUpsView) States() []string {
	return []string{"", store.StateUnsigned, store.StateOpen, "applied", "refused", "lapsed"}
}

func (s *server) readTopUps(c *gin.Context, view *topUpsView, after string) error {
	q := store.TopUpsQuery{State: view.State, Limit: perPage}
	if after != "" {
		q.After = new(store.TopUpsCursor)
		if err := s.cursors.Open(topUpsList, view.State, after, q.After); err != nil {
			return err
		}
	}
	items, next, err := s.reader.TopUps(c.Request.Context(), q)
	if err != nil {
		return err
	}
	view.Items = items
	var ids []uuid.UUID
	for _, d := range items {
		ids = append(ids, d.AccountID)
	}
	if view.Names, err = s.reader.CompanyNames(c.Request.Context(), ids); err != nil {
		return err
	}
	if next != nil {
		cursor, err := s.cursors.Seal(topUpsList, view.State, next)
		if err != nil {
			return err
		}
		view.Next = topUpsRoot + "?" + url.Values{"state": {view.State}, "after": {cursor}}.Encode()
	}
	view.Done, err = s.done(c)
	return err
}
