package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/store"
	"kibali/web"
)

const transactionsList = "transactions"

// ListOwnTransactions serves GET /v1/me/transactions.
func (s *server) ListOwnTransactions(c *gin.Context) { s.sendTransactions(c, web.CallerOf(c).ID) }

// ListTransactions serves GET /v1/accounts/{id}/transactions.
func (s *server) ListTransactions(c *gin.Context, id AccountID) { s.sendTransactions(c, id) }

func (s *server) sendTransactions(c *gin.Context, id uuid.UUID) {
	limit, before, err := s.transactionsQuery(c, id)
	if err != nil {
		web.Fail(c, err)
		return
	}
	posted, next, err := s.reader.Transactions(c.Request.Context(), id, limit, before)
	if err == nil && len(posted) == 0 {
		_, err = s.reader.Balance(c.Request.Context(), id)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	page := TransactionsPage{Items: make([]Transaction, len(posted))}
	for i, p := range posted {
		page.Items[i] = transactionJSON(p)
	}
	if next != 0 {
		if page.NextCursor, err = sealNext(s.cursors, transactionsList, id.String(), &next); err != nil {
			web.Fail(c, err)
			return
		}
	}
	web.JSON(c, http.StatusOK, page)
}

// transactionsQuery reads the query string; before is the number of the entry
// that the page ends before, 0 for the newest page.
func (s *server) transactionsQuery(c *gin.Context, id uuid.UUID) (limit int, before int64, err error) {
	parameters, err := web.ReadQuery(c, "limit", "cursor")
	if err != nil {
		return 0, 0, err
	}
	limit = parameters.Limit()
	if err := parameters.Err(); err != nil {
		return 0, 0, err
	}
	if cursor := parameters.Cursor(); cursor != "" {
		err = s.cursors.Open(transactionsList, id.String(), cursor, &before)
	}
	return limit, before, err
}

func transactionJSON(p store.Posted) Transaction {
	return Transaction{
		ID: p.ID, Kind: TransferKind(p.Kind), Reason: unlessEmpty(TopUpReason(p.Reason)), Amount: amountOf(p),
		AvailableAfter: p.Entry.AvailableAfter, HeldAfter: p.Entry.HeldAfter, Reference: unlessEmpty(p.Reference), CreatedAt: p.CreatedAt.UTC(),
	}
}
