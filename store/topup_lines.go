package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
)

// TopUpLine is one line of a bulk top-up, and what became of it: neither
// TransferID nor Refusal while the decision is open.
type TopUpLine struct {
	Line       int
	AccountID  uuid.UUID
	Amount     int64
	TransferID *uuid.UUID
	Refusal    string // why it was not posted: a fault.Code, or a code of its amount
}

// InsertTopUpLines records the lines of a bulk top-up.
func (t *Tx) InsertTopUpLines(ctx context.Context, decisionID uuid.UUID, lines []TopUpLine) error {
	_, err := t.tx.CopyFrom(ctx, pgx.Identifier{"top_up_lines"}, []string{"decision_id", "line", "account_id", "amount"},
		pgx.CopyFromSlice(len(lines), func(i int) ([]any, error) {
			return []any{decisionID, lines[i].Line, lines[i].AccountID, lines[i].Amount}, nil
		}))
	return failed("insert top-up lines", err)
}

// EndTopUpLines records what became of each line.
func (t *Tx) EndTopUpLines(ctx context.Context, decisionID uuid.UUID, lines []TopUpLine) error {
	numbers, transfers, refusals := make([]int, len(lines)), make([]*uuid.UUID, len(lines)), make([]string, len(lines))
	for i, l := range lines {
		numbers[i], transfers[i], refusals[i] = l.Line, l.TransferID, l.Refusal
	}
	_, err := t.tx.Exec(ctx, `
		UPDATE top_up_lines l SET transfer_id = e.transfer_id, refusal = e.refusal
		FROM unnest($2::int[], $3::uuid[], $4::text[]) AS e (line, transfer_id, refusal)
		WHERE l.decision_id = $1 AND l.line = e.line`, decisionID, numbers, transfers, refusals)
	return failed("record top-up lines", err)
}

// TopUpLines returns at most limit lines of a bulk top-up behind the line after,
// in their order; a limit of 0 is all of them.
func (r *Reader) TopUpLines(ctx context.Context, decisionID uuid.UUID, after, limit int) ([]TopUpLine, error) {
	rows, err := r.db.Query(ctx, `
		SELECT line, account_id, amount, transfer_id, refusal FROM top_up_lines
		WHERE decision_id = $1 AND line > $2 ORDER BY line`+atMost(limit), decisionID, after)
	if err != nil {
		return nil, failed("read top-up lines", err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowToStructByName[TopUpLine])
	return lines, failed("read top-up lines", err)
}

// HoldAccounts keeps accounts from being changed until the transaction ends, in
// the order of their ids. Others may still hold them in the same way.
func (t *Tx) HoldAccounts(ctx context.Context, ids []uuid.UUID) error {
	_, err := t.tx.Exec(ctx, `SELECT FROM accounts WHERE id = ANY ($1) ORDER BY id FOR KEY SHARE`, ids)
	return failed("read accounts", err)
}

// Named is an account as somebody has named it, by id or e-mail.
type Named struct {
	ID     uuid.UUID
	Email  string // "" when it has given its e-mail back
	Name   string // of the company
	Status account.Status
	Total  int64
}

// NamedAccounts returns the accounts with the given ids or e-mails that there
// are.
func (r *Reader) NamedAccounts(ctx context.Context, ids []uuid.UUID, emails []string) ([]Named, error) {
	rows, err := r.db.Query(ctx, `
		SELECT a.id, CASE WHEN a.contact_released_at IS NULL THEN a.email ELSE '' END AS email, a.company_name AS name, a.status, b.available + b.held AS total
		FROM accounts a JOIN balances b ON b.account_id = a.id
		WHERE a.id = ANY ($1) OR a.email = ANY ($2) AND a.contact_released_at IS NULL`, ids, emails)
	if err != nil {
		return nil, failed("read accounts", err)
	}
	named, err := pgx.CollectRows(rows, pgx.RowToStructByName[Named])
	return named, failed("read accounts", err)
}

// NoticesOfDecision returns what is still owed because of a decision.
func (r *Reader) NoticesOfDecision(ctx context.Context, decisionID uuid.UUID) ([]Notice, error) {
	return r.notices(ctx, `SELECT `+noticeColumns+` FROM notices WHERE decision_id = $1 AND status = 'pending' ORDER BY id`, decisionID)
}
