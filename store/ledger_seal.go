package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"kibali/domain/ledger"
)

const (
	// SealLock is the advisory lock of the process that seals the ledger.
	SealLock int64 = 0x6b6962616c6b
	// sealMost is how many positions a seal covers at most.
	sealMost = 50_000
)

// throughIndex keeps PostgreSQL from reading whole tables for a range of
// positions, which it may think cheaper while it does not know them.
const throughIndex = `SET LOCAL enable_seqscan = off; SET LOCAL jit = off`

// SealLedger seals the transfers since the last seal, up to the position below
// which no other one can appear, and writes checkpoints of the platform's
// accounts there. It returns the seals that it made. One process at a time
// calls it, under SealLock.
func (s *Store) SealLedger(ctx context.Context, now time.Time) ([]Seal, error) {
	p, err := s.progressOf(ctx, "seals")
	if err != nil || p.idle() {
		return nil, err
	}
	var seals []Seal
	for from := p.done; from < p.closed; {
		to := min(p.closed, from+sealMost)
		var seal Seal
		err := s.InTx(ctx, func(ctx context.Context, tx *Tx) (err error) {
			seal, err = tx.seal(ctx, to, now)
			return err
		})
		if err != nil {
			return seals, failed("seal the ledger", err)
		}
		seals = append(seals, seal)
		from = to
	}
	return seals, p.save(ctx, s)
}

// seal makes one seal, unless a process that died before it could save its
// progress has made it.
func (t *Tx) seal(ctx context.Context, to int64, now time.Time) (Seal, error) {
	if _, err := t.tx.Exec(ctx, throughIndex); err != nil {
		return Seal{}, err
	}
	last, err := t.Reader().LastSeal(ctx)
	if err != nil {
		return Seal{}, err
	}
	if last.To >= to {
		return last, nil
	}
	d := newDigest()
	seal := Seal{Number: last.Number + 1, From: last.To, To: to, SealedAt: now}
	if err := t.rawRows(ctx, sealedTransfers, seal.From, to, func(columns [][]byte) error {
		d.transfer(columns)
		return nil
	}); err != nil {
		return Seal{}, err
	}
	if err := t.rawRows(ctx, sealedEntries, seal.From, to, func(columns [][]byte) error {
		d.entry(columns)
		return nil
	}); err != nil {
		return Seal{}, err
	}
	seal.Transfers, seal.Hash = d.count, d.seal(seal, last.Hash)
	_, err = t.tx.Exec(ctx, `
		INSERT INTO ledger_seals (number, from_position, to_position, transfers, hash, sealed_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		seal.Number, seal.From, seal.To, seal.Transfers, seal.Hash, seal.SealedAt)
	if err != nil {
		return Seal{}, err
	}
	return seal, t.checkpoint(ctx, to)
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
			SELECT sum(e.amount) AS amount, max(t.created_at) AS newest_at FROM entries e JOIN transfers t ON t.position = e.position
			WHERE e.ledger_account = account AND e.seq > coalesce(last.position, 0) AND e.seq <= $2
		) since ON true`, ledger.PlatformAccounts(), to)
	return err
}

// LastSeal returns the newest seal, or the zero Seal when nothing is sealed.
func (r *Reader) LastSeal(ctx context.Context) (Seal, error) {
	var s Seal
	err := r.db.QueryRow(ctx, `
		SELECT number, from_position, to_position, transfers, hash, sealed_at FROM ledger_seals ORDER BY number DESC LIMIT 1`).
		Scan(&s.Number, &s.From, &s.To, &s.Transfers, &s.Hash, &s.SealedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return Seal{}, nil
	}
	return s, failed("read seals", err)
}
