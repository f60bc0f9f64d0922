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
// They are found by their ids and nothing else: of many accounts, PostgreSQL would
// rather read all that there are.
const (
	copyCredits = `
		WITH mine AS (
			SELECT k.account_id, b.available + b.held AS credits
			FROM account_credits k JOIN balances b USING (account_id)
			WHERE k.account_id = ANY ($1::uuid[]) AND k.credits <> b.available + b.held
			ORDER BY k.account_id FOR NO KEY UPDATE OF k
		)
		UPDATE account_credits k SET credits = m.credits FROM mine m WHERE k.account_id = m.account_id`
	copyActivity = `
		WITH mine AS (
			SELECT y.account_id, s.at FROM account_activity y JOIN unnest($1::uuid[], $2::timestamptz[]) AS s (account_id, at) USING (account_id)
			WHERE y.last_active_at < s.at - interval '2 seconds'
			ORDER BY y.account_id FOR NO KEY UPDATE OF y
		)
		UPDATE account_activity y SET last_active_at = m.at FROM mine m WHERE y.account_id = m.account_id AND y.last_active_at < m.at`
)

// CopyCredits writes into the list's copies what the ledger says: the credits
// of accounts whose transfers have come since the last time, and that those who
// were charged were active. It returns of how many accounts the credits changed.
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
		SELECT t.account_id, coalesce(max(t.created_at) FILTER (WHERE t.kind = 'charge'), '-infinity')
		FROM transfers t WHERE t.position > $1 GROUP BY 1 ORDER BY 1`, p.done)
	if err != nil {
		return 0, failed("read transfers", err)
	}
	var ids uuids
	var moments []pgtype.Timestamptz
	var id uuid.UUID
	var at pgtype.Timestamptz
	if _, err := pgx.ForEachRow(rows, []any{&id, &at}, func() error {
		ids, moments = append(ids, id), append(moments, at)
		return nil
	}); err != nil {
		return 0, failed("read transfers", err)
	}
	changed := 0
	for start := 0; start < len(ids); start += copiesAtOnce {
		end := min(start+copiesAtOnce, len(ids))
		tag, err := s.pool.Exec(ctx, copyCredits, ids[start:end])
		if err != nil {
			return changed, failed("copy credits", err)
		}
		changed += int(tag.RowsAffected())
		if _, err := s.pool.Exec(ctx, copyActivity, ids[start:end], moments[start:end]); err != nil {
			return changed, failed("copy activity", err)
		}
	}
	return changed, p.save(ctx, s)
}
