package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/domain/ledger"
	"kibali/store"
	"kibali/web"
)

const ledgerList = "ledger"

// ListLedger serves GET /v1/ledger.
func (s *server) ListLedger(c *gin.Context) {
	query, sealed, err := s.ledgerQuery(c, "limit", "cursor")
	if err != nil {
		web.Fail(c, err)
		return
	}
	items, next, err := s.reader.Ledger(c.Request.Context(), query)
	if err != nil {
		web.Fail(c, err)
		return
	}
	page := LedgerPage{Items: make([]LedgerItem, len(items))}
	for i, item := range items {
		page.Items[i] = ledgerJSON(item)
	}
	if page.NextCursor, err = sealNext(s.cursors, ledgerList, sealed, next); err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, page)
}

// ledgerQuery reads the query string, and returns too what of it a cursor is
// sealed with. paging are the parameters beside the filters.
func (s *server) ledgerQuery(c *gin.Context, paging ...string) (query store.LedgerQuery, sealed string, err error) {
	parameters, err := web.ReadQuery(c, append(paging, "kind", "reason", "account_id", "actor_id", "from", "to")...)
	if err != nil {
		return store.LedgerQuery{}, "", err
	}
	kind := parameters.OneOf("kind", "", texts(ledger.Kinds())...)
	reason := parameters.OneOf("reason", "", texts(ledger.Reasons())...)
	query = store.LedgerQuery{
		Reason: ledger.Reason(reason), AccountID: parameters.ID("account_id"), ActorID: parameters.ID("actor_id"),
		From: parameters.Time("from"), To: parameters.Time("to"), Limit: parameters.Limit(),
	}
	if err := parameters.Err(); err != nil {
		return store.LedgerQuery{}, "", err
	}
	if kind != "" {
		query.Kinds = []ledger.Kind{ledger.Kind(kind)}
	}
	sealed = strings.Join([]string{
		kind, reason, query.AccountID.String(), query.ActorID.String(), query.From.Format(time.RFC3339Nano), query.To.Format(time.RFC3339Nano),
	}, "\x00")
	if cursor := parameters.Cursor(); cursor != "" {
		query.After = new(store.LedgerCursor)
		err = s.cursors.Open(ledgerList, sealed, cursor, query.After)
	}
	return query, sealed, err
}

func texts[T ~string](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}

func ledgerJSON(item store.LedgerItem) LedgerItem {
	return LedgerItem{
		ID: item.ID, Kind: TransferKind(item.Kind), Reason: unlessEmpty(TopUpReason(item.Reason)), Amount: amountOf(item.Posted),
		AccountID: item.AccountID(), Actor: Actor{Kind: ActorKind(item.ActorKind), ID: item.ActorID, Name: unlessEmpty(item.ActorName)},
		DecisionID: item.DecisionID, Reference: unlessEmpty(item.Reference), CreatedAt: item.CreatedAt.UTC(),
	}
}

// amountOf is what the account gained or lost. What moves within the account is
// told by what of it is available.
func amountOf(p store.Posted) int64 {
	if change := p.Entry.Amount + p.Entry.HeldAmount; change != 0 {
		return change
	}
	return p.Entry.Amount
}

// exportRows is how many rows of an export are read at a time, so that a slow
// reader keeps neither a connection nor a snapshot of the database.
const exportRows = 2000

// ExportLedger serves GET /v1/ledger/export.csv.
func (s *server) ExportLedger(c *gin.Context) {
	query, _, err := s.ledgerQuery(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	query.Limit = exportRows
	file := web.BeginCSV(c, "ledger-"+s.now().UTC().Format("2006-01-02")+".csv",
		"id", "created_at", "kind", "reason", "amount", "account_id", "actor_kind", "actor_id", "actor_name", "decision_id", "reference")
	for {
		items, next, err := s.reader.Ledger(c.Request.Context(), query)
		if err != nil {
			file.Fail(fmt.Errorf("export the ledger: %w", err))
			return
		}
		for _, item := range items {
			if !file.Row(ledgerCells(item)...) {
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

func ledgerCells(item store.LedgerItem) []web.Cell {
	cells := []web.Cell{
		web.Text(item.ID.String()), web.Text(item.CreatedAt.UTC().Format(time.RFC3339Nano)), web.Text(string(item.Kind)),
		web.Text(string(item.Reason)), web.Number(strconv.FormatInt(amountOf(item.Posted), 10)), web.Text(item.AccountID().String()),
		web.Text(string(item.ActorKind)), web.Text(""), web.Text(item.ActorName), web.Text(""), web.Text(item.Reference),
	}
	if item.ActorID != nil {
		cells[7] = web.Text(item.ActorID.String())
	}
	if item.DecisionID != nil {
		cells[9] = web.Text(item.DecisionID.String())
	}
	return cells
}
