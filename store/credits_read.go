package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/ledger"
)

// totalChange is what a transfer changes of its account's credits, and
// availableChange what of the available ones.
const (
	totalChange     = `CASE WHEN from_account = to_account THEN 0 WHEN from_account = account_id THEN -amount ELSE amount END`
	availableChange = totalChange + ` - held_amount`
)

const postedColumns = `t.id, t.position, t.kind, t.from_account, t.to_account, t.amount, t.reason, t.reference,
	t.decision_id, t.reverses, t.actor_kind, t.actor_id, t.created_at,
	t.account_id, t.seq, ` + availableChange + `, t.held_amount, t.available_after, t.held_after`

// postedTargets returns where the postedColumns of a row go.
func postedTargets(p *Posted) []any {
	return []any{
		&p.ID, &p.Position, &p.Kind, &p.From, &p.To, &p.Amount, &p.Reason, &p.Reference,
		&p.DecisionID, &p.Reverses, &p.ActorKind, &p.ActorID, &p.CreatedAt,
		&p.Entry.Account, &p.Entry.Seq, &p.Entry.Amount, &p.Entry.HeldAmount,
		&p.Entry.AvailableAfter, &p.Entry.HeldAfter,
	}
}

func scanPosted(row pgx.CollectableRow) (Posted, error) {
	var p Posted
	err := row.Scan(postedTargets(&p)...)
	p.Entry.TransferID = p.ID
	return p, err
}

// Balance returns what an account has at this moment, or fault.NotFound.
func (r *Reader) Balance(ctx context.Context, accountID uuid.UUID) (ledger.Balance, error) {
	var b ledger.Balance
	err := r.db.QueryRow(ctx, `SELECT available, held FROM balances WHERE account_id = $1`, accountID).Scan(&b.Available, &b.Held)
	return b, failed("read account", err)
}

// PlatformBalance returns the sum of a platform account's entries: the newest
// checkpoint and what came after it. It is a decimal number, as it may be
// larger than any account's.
func (r *Reader) PlatformBalance(ctx context.Context, ledgerAccount uuid.UUID) (string, error) {
	var balance string
	err := r.db.QueryRow(ctx, `
		WITH checkpoint AS (
			SELECT position, balance FROM ledger_checkpoints WHERE ledger_account = $1 ORDER BY position DESC LIMIT 1
		)
		SELECT (coalesce((SELECT balance FROM checkpoint), 0) + coalesce(sum(amount), 0))::text
		FROM entries WHERE ledger_account = $1 AND position > coalesce((SELECT position FROM checkpoint), 0)`, ledgerAccount).Scan(&balance)
	return balance, failed("read platform account", err)
}

// Transfer returns a transfer with the account's entry of it, or
// fault.NotFound.
func (r *Reader) Transfer(ctx context.Context, id uuid.UUID) (Posted, error) {
	return r.posted(ctx, `t.id = $1`, id)
}

func (r *Reader) posted(ctx context.Context, where string, args ...any) (Posted, error) {
	var p Posted
	err := r.db.QueryRow(ctx, `SELECT `+postedColumns+` FROM transfers t WHERE `+where, args...).Scan(postedTargets(&p)...)
	p.Entry.TransferID = p.ID
	return p, failed("read transfer", err)
}

// Transactions returns the billing history of an account, the newest first: at
// most limit transfers whose Entry.Seq is below before (0 is all), and the
// before of the next page, 0 at the end.
func (r *Reader) Transactions(ctx context.Context, accountID uuid.UUID, limit int, before int64) ([]Posted, int64, error) {
	rows, err := r.db.Query(ctx, `
		SELECT `+postedColumns+` FROM transfers t
		WHERE t.account_id = $1 AND ($2 = 0 OR t.seq < $2) ORDER BY t.seq DESC LIMIT $3`, accountID, before, limit+1)
	if err != nil {
		return nil, 0, failed("read transactions", err)
	}
	page, err := pgx.CollectRows(rows, scanPosted)
	if err != nil || len(page) <= limit {
		return page, 0, failed("read transactions", err)
	}
	page = page[:limit]
	return page, page[limit-1].Entry.Seq, nil
}

// LedgerQuery asks for transfers of the whole platform, the newest first. What
// is zero does not filter.
type LedgerQuery struct {
	AccountID  uuid.UUID
	Kinds      []ledger.Kind
	Reason     ledger.Reason
	ActorID    uuid.UUID
	DecisionID uuid.UUID
	From, To   time.Time // created at From or later, and before To
	// After is the Next of the page before.
	After *LedgerCursor
	Limit int // of a page
}

// LedgerCursor is where a page of the ledger ends. It encodes to JSON.
type LedgerCursor struct {
	Position int64 `json:"p"`
	Seq      int64 `json:"s"`
}

// LedgerItem is a transfer with the name of the staff member who made it.
type LedgerItem struct {
	Posted
	ActorName string // empty for others than staff
}

// Ledger returns a page of transfers and where the next one begins: nil at the
// end.
func (r *Reader) Ledger(ctx context.Context, q LedgerQuery) ([]LedgerItem, *LedgerCursor, error) {
	var items []LedgerItem
	limit := q.Limit
	q.Limit++
	err := r.EachTransfer(ctx, q, func(item LedgerItem) error {
		items = append(items, item)
		return nil
	})
	if err != nil || len(items) <= limit {
		return items, nil, err
	}
	items = items[:limit]
	last := items[limit-1]
	return items, &LedgerCursor{Position: last.Position, Seq: last.Entry.Seq}, nil
}

// EachTransfer calls do for each transfer that the query asks for, as the rows
// arrive, until do returns an error, which it returns. A Limit of 0 is none.
func (r *Reader) EachTransfer(ctx context.Context, q LedgerQuery, do func(LedgerItem) error) error {
	sql, args := q.build()
	rows, err := r.db.Query(ctx, sql, args...)
	if err != nil {
		return failed("read ledger", err)
	}
	defer rows.Close()
	for rows.Next() {
		var item LedgerItem
		if err := rows.Scan(append(postedTargets(&item.Posted), &item.ActorName)...); err != nil {
			return failed("read ledger", err)
		}
		item.Entry.TransferID = item.ID
		if err := do(item); err != nil {
			return err
		}
	}
	return failed("read ledger", rows.Err())
}

// build makes the statement. Of one account it goes along the account's
// transfers, else along all; kinds stand in the text, so that the index
// that leaves charges out can serve.
func (q LedgerQuery) build() (string, []any) {
	from, args := q.from()
	return `SELECT ` + postedColumns + `, coalesce(s.name, '')` + from, args
}

// from is the statement behind what it selects.
func (q LedgerQuery) from() (string, []any) {
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	var conditions []string
	order := "t.position"
	if q.AccountID != uuid.Nil {
		order = "t.seq"
		conditions = append(conditions, "t.account_id = "+arg(q.AccountID))
	}
	if len(q.Kinds) > 0 {
		var kinds []string
		for _, kind := range q.Kinds {
			kinds = append(kinds, "'"+strings.ReplaceAll(string(kind), "'", "''")+"'")
		}
		conditions = append(conditions, "t.kind IN ("+strings.Join(kinds, ", ")+")")
	}
	if q.Reason != "" {
		conditions = append(conditions, "t.kind <> 'charge' AND t.reason = "+arg(q.Reason))
	}
	if q.ActorID != uuid.Nil {
		conditions = append(conditions, "t.actor_id = "+arg(q.ActorID))
	}
	if q.DecisionID != uuid.Nil {
		conditions = append(conditions, "t.decision_id = "+arg(q.DecisionID))
	}
	if !q.From.IsZero() {
		conditions = append(conditions, "t.created_at >= "+arg(q.From))
	}
	if !q.To.IsZero() {
		conditions = append(conditions, "t.created_at < "+arg(q.To))
	}
	if q.After != nil {
		key := q.After.Position
		if q.AccountID != uuid.Nil {
			key = q.After.Seq
		}
		conditions = append(conditions, order+" < "+arg(key))
	}
	const staff = `LEFT JOIN staff s ON t.actor_kind = 'staff' AND s.id = t.actor_id `
	if q.AccountID == uuid.Nil && q.Limit > 0 {
		// The page first: each of its transfers has one actor at the most, while the
		// planner would rather join all that a filter leaves.
		return ` FROM (SELECT * FROM transfers t ` + where(conditions...) + ` ORDER BY t.position DESC` + atMost(q.Limit) + `) t ` +
			staff + `ORDER BY t.position DESC`, args
	}
	return ` FROM transfers t ` + staff + where(conditions...) + ` ORDER BY ` + order + ` DESC` + atMost(q.Limit), args
}
