package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/ledger"
)

// newestBefore finds the number of an account's newest entry before a moment by
// halving: entries are numbered without a gap and never older than the one
// before.
const newestBefore = `
	WITH RECURSIVE search (low, high) AS (
		SELECT 0::bigint, seq + 1 FROM balances WHERE account_id = $1
		UNION ALL
		SELECT CASE WHEN t.created_at < $2 THEN s.middle ELSE s.low END, CASE WHEN t.created_at < $2 THEN s.high ELSE s.middle END
		FROM (SELECT low, high, (low + high) / 2 AS middle FROM search WHERE high - low > 1) s
		JOIN transfers t ON t.account_id = $1 AND t.seq = s.middle
	)
	SELECT s.low, coalesce(t.available_after, 0), coalesce(t.held_after, 0)
	FROM (SELECT low FROM search ORDER BY high - low LIMIT 1) s LEFT JOIN transfers t ON t.account_id = $1 AND t.seq = s.low`

// BalanceBefore returns what an account had at a moment, before what was posted
// at the moment itself, or fault.NotFound.
func (r *Reader) BalanceBefore(ctx context.Context, accountID uuid.UUID, at time.Time) (ledger.Balance, error) {
	_, balance, err := r.before(ctx, accountID, at)
	return balance, err
}

func (r *Reader) before(ctx context.Context, accountID uuid.UUID, at time.Time) (seq int64, b ledger.Balance, err error) {
	err = r.db.QueryRow(ctx, newestBefore, accountID, at).Scan(&seq, &b.Available, &b.Held)
	return seq, b, failed("read account", err)
}

// PlatformBalanceBefore is BalanceBefore for a platform's account; see
// PlatformBalance.
func (r *Reader) PlatformBalanceBefore(ctx context.Context, ledgerAccount uuid.UUID, at time.Time) (string, error) {
	var balance string
	err := r.db.QueryRow(ctx, `
		WITH checkpoint AS (
			SELECT position, balance FROM ledger_checkpoints WHERE ledger_account = $1 AND newest_at < $2 ORDER BY position DESC LIMIT 1
		)
		SELECT (coalesce((SELECT balance FROM checkpoint), 0) + coalesce(sum(e.amount), 0))::text
		FROM entries e JOIN transfers t USING (position)
		WHERE e.ledger_account = $1 AND position > coalesce((SELECT position FROM checkpoint), 0) AND t.created_at < $2`,
		ledgerAccount, at).Scan(&balance)
	return balance, failed("read platform account", err)
}

// Statement is what happened to an account's credits in a period.
type Statement struct {
	AccountID uuid.UUID
	From, To  time.Time // To is exclusive
	Opening   ledger.Balance
	Closing   ledger.Balance
	// Added and Taken are what came and what went in the period; what was only
	// held or released is in neither.
	Added, Taken int64
	// Transfers is how many there were.
	Transfers int64
}

// Statement calls do for each transfer of an account in a period, the oldest
// first, as the rows arrive, and returns the figures of the period. It returns
// fault.NotFound when there is no such account.
func (r *Reader) Statement(ctx context.Context, accountID uuid.UUID, from, to time.Time, do func(Posted) error) (Statement, error) {
	s := Statement{AccountID: accountID, From: from, To: to}
	first, opening, err := r.before(ctx, accountID, from)
	if err != nil {
		return s, err
	}
	last, closing, err := r.before(ctx, accountID, to)
	if err != nil {
		return s, err
	}
	if last < first {
		return s, errors.New("a period that ends before it begins")
	}
	s.Opening, s.Closing = opening, closing
	rows, err := r.db.Query(ctx, `
		SELECT `+postedColumns+` FROM transfers t WHERE t.account_id = $1 AND t.seq > $2 AND t.seq <= $3 ORDER BY t.seq`, accountID, first, last)
	if err != nil {
		return s, failed("read transactions", err)
	}
	var p Posted
	_, err = pgx.ForEachRow(rows, postedTargets(&p), func() error {
		p.Entry.TransferID = p.ID
		s.Transfers++
		if change := p.Entry.Amount + p.Entry.HeldAmount; change > 0 {
			s.Added += change
		} else {
			s.Taken -= change
		}
		return do(p)
	})
	return s, failed("read transactions", err)
}
