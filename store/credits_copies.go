package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// CopiesLock is the advisory lock of the process that keeps the list's copies.
const CopiesLock int64 = 0x6b6962616c6a

// copiesAtOnce is how many accounts are changed in one statement.
const copiesAtOnce = 500

// copyCredits and copyActivity bring the copies of some accounts up to date.
// Rows are locked in the order of the accounts' ids, as whoever locks several does.
const (
	copyCredits = `
		WITH mine AS (SELECT account_id FROM account_credits WHERE account_id = ANY ($1::uuid[]) ORDER BY account_id FOR NO KEY UPDATE)
		UPDATE account_credits k SET credits = b.available + b.held
		FROM mine m JOIN balances b USING (account_id)
		WHERE k.account_id = m.account_id AND k.credits <> b.available + b.held`
	copyActivity = `
		WITH mine AS (
			SELECT y.account_id, s.at FROM account_activity y JOIN unnest($1::uuid[], $2::timestamptz[]) AS s (account_id, at) USING (account_id)
			ORDER BY y.account_id FOR NO KEY UPDATE OF y
		)
		UPDATE account_activity y SET last_active_at = m.at FROM mine m WHERE y.account_id = m.account_id AND y.last_active_at < m.at`
)

// CopyCredits writes into the list's copies what the ledger says: the credits
// of accounts whose transfers have come since the last time, and that those who
// were charged were active. It returns how many accounts it changed.
//
// One process at a time calls it, under CopiesLock. It is the only one to write
// account_credits.credits: a copy that is overtaken while it is written is written
// again, because the transfer that overtook it is among the next ones.
func (s *Store) CopyCredits(ctx context.Context) (int, error) {
	p, err := s.progressOf(ctx, "copies", ledgerChain.head)
	if err != nil || p.idle() {
		return 0, err
	}
	rows, err := s.pool.Query(ctx, `
		SELECT account_id, coalesce(t.at, '-infinity') FROM (
			SELECT `+accountOf+` AS account_id, max(t.created_at) FILTER (WHERE t.kind = 'charge') AS at
			FROM transfers t WHERE t.position > $1 GROUP BY 1
		) t JOIN account_credits k USING (account_id) JOIN account_activity y USING (account_id) JOIN balances b USING (account_id)
		WHERE k.credits <> b.available + b.held OR y.last_active_at < t.at - interval '2 seconds'
		ORDER BY account_id`, p.done)
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
		if _, err := s.pool.Exec(ctx, copyCredits, ids[start:end]); err != nil {
			return start, failed("copy credits", err)
		}
		if _, err := s.pool.Exec(ctx, copyActivity, ids[start:end], moments[start:end]); err != nil {
			return start, failed("copy activity", err)
		}
	}
	return len(ids), p.save(ctx, s)
}
