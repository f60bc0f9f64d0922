package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math/big"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/ledger"
)

// Verification is what verifying the ledger has found.
type Verification struct {
	Transfers int64
	Entries   int64
	Accounts  int64
	// Seals is how many there are, and Unsealed how many transfers came behind
	// the last of them, which is Last.
	Seals    int64
	Unsealed int64
	Last     Seal
	Findings
}

const (
	// verifiedAtOnce is how many positions are looked at together.
	verifiedAtOnce = 50_000
	// sealsAtOnce is how many seals are looked at together at most.
	sealsAtOnce = 1000
)

// VerifyLedger checks all that must be true of the ledger, in one snapshot, so
// that it can run while credits are spent: that every transfer has its legs,
// that what all accounts have and what the platform's own gave and took sums to
// zero, that the entries of
// each account are numbered without a gap and add up to its balance, that only
// suspensions hold credits, that what balances copy from accounts is right, that
// checkpoints are the sums that they say, and that the seals fit what they
// cover. noted, unless nil, is a seal that was noted down earlier, of which
// Number and Hash are compared.
//
// It takes little memory however long the ledger is.
func (s *Store) VerifyLedger(ctx context.Context, noted *Seal) (*Verification, error) {
	v := &Verification{}
	err := s.inSnapshot(ctx, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.tx.Exec(ctx, throughIndex); err != nil {
			return err
		}
		walk := walk{Verification: v, tx: tx, noted: noted, platform: map[uuid.UUID]*big.Int{}}
		if err := walk.all(ctx); err != nil {
			return err
		}
		// These read whole tables, so that is how they are best read.
		if _, err := tx.tx.Exec(ctx, `SET LOCAL enable_seqscan = on; SET LOCAL work_mem = '64MB'`); err != nil {
			return err
		}
		for _, check := range verifications {
			if err := v.ask(ctx, tx, check.name, check.sql); err != nil {
				return err
			}
		}
		return tx.tx.QueryRow(ctx, `SELECT count(*) FROM balances`).Scan(&v.Accounts)
	})
	return v, failed("verify the ledger", err)
}

// walk goes through transfers and entries in the order of their positions, once.
type walk struct {
	*Verification
	tx    *Tx
	noted *Seal
	// last is the seal that has been walked through.
	last Seal
	// platform is the sum of the entries of each platform account.
	platform    map[uuid.UUID]*big.Int
	checkpoints []checkpoint
	lines       []line
}

// checkpoint is one row of ledger_checkpoints.
type checkpoint struct {
	account  uuid.UUID
	position int64
	balance  string
}

func (w *walk) all(ctx context.Context) error {
	for _, account := range ledger.PlatformAccounts() {
		w.platform[account] = new(big.Int)
	}
	var head int64
	if err := w.tx.tx.QueryRow(ctx, `SELECT coalesce(max(position), 0) FROM transfers`).Scan(&head); err != nil {
		return err
	}
	at := int64(0)
	for {
		seals, err := w.seals(ctx, at)
		if err != nil {
			return err
		}
		if len(seals) == 0 {
			break
		}
		to := seals[len(seals)-1].To
		if err := w.stretch(ctx, at, to, seals); err != nil {
			return err
		}
		at = to
	}
	w.Last, w.Seals = w.last, w.last.Number
	sealed := w.Transfers
	for at < head {
		to := min(at+verifiedAtOnce, head)
		if err := w.stretch(ctx, at, to, nil); err != nil {
			return err
		}
		at = to
	}
	w.Unsealed = w.Transfers - sealed
	if err := w.sum(ctx); err != nil {
		return err
	}
	if w.noted != nil && w.noted.Number > w.last.Number {
		w.breach("seals", fmt.Sprintf("seal %d", w.noted.Number), "it was noted down and is not there")
	}
	return nil
}

// sum adds up what all accounts have, in their balances, and what the platform's
// own have by their entries.
func (w *walk) sum(ctx context.Context) error {
	var balances string
	if err := w.tx.tx.QueryRow(ctx, `SELECT coalesce(sum(available::numeric + held), 0)::text FROM balances`).Scan(&balances); err != nil {
		return err
	}
	sum, ok := new(big.Int).SetString(balances, 10)
	if !ok {
		return fmt.Errorf("balances sum to %q", balances)
	}
	for _, total := range w.platform {
		sum.Add(sum, total)
	}
	if sum.Sign() != 0 {
		w.breach("sum", "all accounts", "they and the platform's own sum to %s, not to zero", sum)
	}
	return nil
}

// seals returns the next seals behind a position, of so many positions
// together.
func (w *walk) seals(ctx context.Context, at int64) ([]Seal, error) {
	rows, err := w.tx.tx.Query(ctx, `
		SELECT number, from_position AS "from", to_position AS "to", transfers AS rows, hash, sealed_at FROM ledger_seals
		WHERE to_position > $1 ORDER BY to_position LIMIT $2`, at, sealsAtOnce)
	if err != nil {
		return nil, err
	}
	seals, err := pgx.CollectRows(rows, pgx.RowToStructByName[Seal])
	for i, seal := range seals {
		if seal.To-at >= verifiedAtOnce {
			return seals[:i+1], err
		}
	}
	return seals, err
}

// stretch walks through a range of positions that the seals, if any, cover.
func (w *walk) stretch(ctx context.Context, from, to int64, seals []Seal) error {
	if err := w.readCheckpoints(ctx, from, to); err != nil {
		return err
	}
	digests := make([]*digest, len(seals))
	for i := range digests {
		digests[i] = ledgerChain.newDigest()
	}
	w.lines = w.lines[:0]
	in := 0 // the seal that a position is in
	digestOf := func(position int64) *digest {
		for in < len(seals) && position > seals[in].To {
			in++
		}
		if in < len(seals) && position > seals[in].From {
			return digests[in]
		}
		return nil
	}
	if err := w.tx.rawRows(ctx, sealedTransfers, from, to, func(columns [][]byte) error {
		l := lineOf(columns)
		w.lines = append(w.lines, l)
		if d := digestOf(l.position); d != nil {
			d.add(transferRows, columns)
		}
		return nil
	}); err != nil {
		return err
	}
	w.Transfers += int64(len(w.lines))
	in = 0
	next := 0
	if err := w.tx.rawRows(ctx, sealedEntries, from, to, func(columns [][]byte) error {
		position, e := entryOf(columns)
		if d := digestOf(position); d != nil {
			d.add(entryRows, columns)
		}
		next = w.entry(next, position, e)
		return nil
	}); err != nil {
		return err
	}
	for _, l := range w.lines {
		if !l.complete() {
			w.breach("legs", "transfer "+l.id.String(), "it has %d entries of the account and %d of the platform", l.accountLegs, l.platformLegs)
		}
	}
	w.passCheckpoints(to)
	for i, seal := range seals {
		w.seal(seal, digests[i])
	}
	return nil
}

// entry looks at one entry, whose transfer is at lines[next] or behind it, and
// returns where that is.
func (w *walk) entry(next int, position int64, e ledger.Entry) int {
	w.Entries++
	w.passCheckpoints(position - 1)
	if total := w.platform[e.Account]; total != nil {
		total.Add(total, big.NewInt(e.Amount))
	}
	for next < len(w.lines) && w.lines[next].position < position {
		next++
	}
	if next == len(w.lines) || w.lines[next].position != position {
		w.breach("legs", fmt.Sprintf("entry %d of %s", e.Seq, e.Account), "no transfer is found at its position %d: an index may be damaged", position)
	} else if !w.lines[next].accepts(e) {
		w.breach("legs", fmt.Sprintf("entry %d of %s", e.Seq, e.Account), "it does not fit transfer %s", w.lines[next].id)
	}
	return next
}

// seal compares a seal with what it covers, and with the one before it.
func (w *walk) seal(s Seal, d *digest) {
	name := fmt.Sprintf("seal %d", s.Number)
	switch {
	case s.Number != w.last.Number+1 || s.From != w.last.To:
		w.breach("seals", name, "it does not follow seal %d, which ends at position %d", w.last.Number, w.last.To)
	case !bytes.Equal(d.seal(s, w.last.Hash), s.Hash):
		w.breach("seals", name, "transfers or entries at the positions %d to %d are not those that were sealed (%d were, there are %d)",
			s.From+1, s.To, s.Rows, d.count)
	}
	if w.noted != nil && w.noted.Number == s.Number && !bytes.Equal(w.noted.Hash, s.Hash) {
		w.breach("seals", name, "its hash is %s, which is not the one that was noted down", hex.EncodeToString(s.Hash))
	}
	w.last = s
}

func (w *walk) readCheckpoints(ctx context.Context, from, to int64) error {
	rows, err := w.tx.tx.Query(ctx, `
		SELECT ledger_account, position, balance::text FROM ledger_checkpoints WHERE position > $1 AND position <= $2 ORDER BY position`, from, to)
	if err != nil {
		return err
	}
	w.checkpoints, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (checkpoint, error) {
		var c checkpoint
		err := row.Scan(&c.account, &c.position, &c.balance)
		return c, err
	})
	return err
}

// passCheckpoints looks at the checkpoints up to a position, when all entries
// up to there have been added up.
func (w *walk) passCheckpoints(position int64) {
	for len(w.checkpoints) > 0 && w.checkpoints[0].position <= position {
		c := w.checkpoints[0]
		w.checkpoints = w.checkpoints[1:]
		total := w.platform[c.account]
		if total == nil || total.String() != c.balance {
			w.breach("checkpoints", fmt.Sprintf("checkpoint %d of %s", c.position, c.account), "it says %s where the entries sum to %s", c.balance, total)
		}
	}
}
