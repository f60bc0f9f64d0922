package store

import (
	"context"
	"time"

	"kibali/domain/ledger"
)

// SealLock is the advisory lock of the process that seals the ledger.
const SealLock int64 = 0x6b6962616c6b

// ledgerChain is the transfers of the ledger with their entries.
var ledgerChain = &chain{
	title: "kibali ledger seal 1\n", progress: "seals", head: `SELECT max(position) FROM transfers`,
	table: "ledger_seals", counted: "transfers", most: 50_000,
	sealed: []string{sealedTransfers, sealedEntries},
	also:   func(ctx context.Context, tx *Tx, to int64) error { return tx.checkpoint(ctx, to) },
}

// The kinds of rows of ledgerChain.
const (
	transferRows = iota
	entryRows
)

const (
	sealedTransfers = `
		SELECT position, amount, seq, id, from_account, to_account, kind, scope, request_key, reason, reference,
			actor_kind, actor_id, decision_id, reverses, created_at
		FROM transfers WHERE position > $1 AND position <= $2 ORDER BY position`
	sealedEntries = `
		SELECT position, ledger_account, seq, amount, held_amount, available_after, held_after
		FROM entries WHERE position > $1 AND position <= $2 ORDER BY position, ledger_account`
)

// SealLedger seals the transfers since the last seal, up to the position below
// which no other one can appear, and writes checkpoints of the platform's
// accounts there. It returns the seals that it made. One process at a time
// calls it, under SealLock.
func (s *Store) SealLedger(ctx context.Context, now time.Time) ([]Seal, error) {
	return s.sealChain(ctx, ledgerChain, now)
}

// checkpoint writes what the platform's accounts have at a closed position.
func (t *Tx) checkpoint(ctx context.Context, to int64) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO ledger_checkpoints (ledger_account, position, balance, newest_at)
		SELECT account, $2, coalesce(last.balance, 0) + coalesce(since.amount, 0), greatest(last.newest_at, since.newest_at, '-infinity')
		FROM unnest($1::uuid[]) AS account
		LEFT JOIN LATERAL (
			SELECT position, balance, newest_at FROM ledger_checkpoints WHERE ledger_account = account ORDER BY position DESC LIMIT 1
		) last ON true
		LEFT JOIN LATERAL (
			SELECT sum(CASE WHEN t.to_account = account THEN t.amount ELSE -t.amount END) AS amount, max(t.created_at) AS newest_at FROM transfers t
			WHERE account IN (t.from_account, t.to_account) AND t.position > coalesce(last.position, 0) AND t.position <= $2
		) since ON true`, ledger.PlatformAccounts(), to)
	return err
}

// LastSeal returns the newest seal of the ledger, or the zero Seal when nothing
// is sealed.
func (r *Reader) LastSeal(ctx context.Context) (Seal, error) { return r.lastSeal(ctx, ledgerChain) }
