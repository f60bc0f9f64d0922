package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// CopiesLock is the advisory lock of the process that keeps the list's copies.
const CopiesLock int64 = 0x6b6962616c6a

// copiesAtOnce is how many accounts are changed in one statement. Decisions on
// them wait while it runs.
const copiesAtOnce = 500

// copyCredits brings the copies of some accounts up to date. Accounts are
// locked in the order of their ids, as whoever locks several does.
const copyCredits = `
	WITH mine AS (
		SELECT a.id, s.at FROM accounts a JOIN unnest($1::uuid[], $2::timestamptz[]) AS s (id, at) USING (id)
		ORDER BY a.id FOR NO KEY UPDATE OF a
	)
	UPDATE accounts a SET credits = b.available + b.held, last_active_at = greatest(a.last_active_at, m.at)
	FROM mine m JOIN balances b ON b.account_id = m.id
	WHERE a.id = m.id`

// CopyCredits writes into the list's copies what the ledger says: the credits
// of accounts whose transfers have come since the last time, and that those who
// were charged were active. It returns how many accounts it changed.
//
// One process at a time calls it, under CopiesLock. It is the only one to write
// accounts.credits: a copy that is overtaken while it is written is written
// again, because the transfer that overtook it is among the next ones.
func (s *Store) CopyCredits(ctx context.Context) (int, error) {
	p, err := s.progressOf(ctx, "copies", ledgerChain.head)
	if err != nil || p.idle() {
		return 0, err
	}
	rows, err := s.pool.Query(ctx, `
		SELECT a.id, coalesce(t.at, '-infinity') FROM (
			SELECT `+accountOf+` AS account_id, max(t.created_at) FILTER (WHERE t.kind = 'charge') AS at
			FROM transfers t WHERE t.position > $1 GROUP BY 1
		) t JOIN accounts a ON a.id = t.account_id JOIN balances b ON b.account_id = t.account_id
		WHERE a.credits <> b.available + b.held OR a.last_active_at < t.at - interval '2 seconds'
		ORDER BY a.id`, p.done)
	if err != nil {
		return 0, failed("read transfers", err)
	}
	var ids []uuid.UUID
	var moments []pgtype.Timestamptz
	var id uuid.UUID
	var at pgtype.Timestamptz
	if _, err := pgx.ForEachRow(rows, []any{&id, &at}, func() error {
		ids, moments = append(ids, id), append(moments, at)
		return nil
	}); err != nil {
		return 0, failed("read transfers", err)
	}
	for start := 0; start < len(ids); start += copiesAtOnce {
		end := min(start+copiesAtOnce, len(ids))
		if _, err := s.pool.Exec(ctx, copyCredits, ids[start:end], moments[start:end]); err != nil {
			return start, failed("copy credits", err)
		}
	}
	return len(ids), p.save(ctx, s)
}
