package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/ledger"
)

// Seal is a hash over the transfers of a range of positions with their
// entries, and over the seal before it: who changes one of them has to make
// every later seal anew.
type Seal struct {
	Number    int64 // from 1, without a gap
	From      int64 // exclusive: where the seal before it ends
	To        int64
	Transfers int64
	Hash      []byte
	SealedAt  time.Time
}

// The rows that are sealed. Their columns are hashed as PostgreSQL sends them
// in binary, which depends on no setting.
const (
	sealedTransfers = `
		SELECT position, amount, seq, id, from_account, to_account, kind, scope, request_key, reason, reference,
			actor_kind, actor_id, decision_id, reverses, created_at
		FROM transfers WHERE position > $1 AND position <= $2 ORDER BY position`
	sealedEntries = `
		SELECT position, ledger_account, seq, amount, held_amount, available_after, held_after
		FROM entries WHERE position > $1 AND position <= $2 ORDER BY position, ledger_account`
)

// rawRows calls do with the columns of each row, as PostgreSQL sends them; they
// are valid until do returns.
func (t *Tx) rawRows(ctx context.Context, sql string, from, to int64, do func(columns [][]byte) error) error {
	rows, err := t.tx.Query(ctx, sql, pgx.QueryResultFormats{pgx.BinaryFormatCode}, from, to)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows.RawValues()); err != nil {
			return err
		}
	}
	return rows.Err()
}

// digest gathers the rows of one seal.
type digest struct {
	transfers, entries hash.Hash
	count              int64
	row                []byte
}

func newDigest() *digest { return &digest{transfers: sha256.New(), entries: sha256.New()} }

func (d *digest) transfer(columns [][]byte) {
	d.count++
	d.transfers.Write(d.encode(columns))
}

func (d *digest) entry(columns [][]byte) { d.entries.Write(d.encode(columns)) }

// encode writes each column with its length, and a null as a length of -1.
func (d *digest) encode(columns [][]byte) []byte {
	d.row = d.row[:0]
	for _, column := range columns {
		if column == nil {
			d.row = append(d.row, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		d.row = binary.BigEndian.AppendUint32(d.row, uint32(len(column)))
		d.row = append(d.row, column...)
	}
	return d.row
}

// seal is the hash of a seal whose rows have been gathered, behind another one.
func (d *digest) seal(s Seal, before []byte) []byte {
	h := sha256.New()
	h.Write([]byte("kibali ledger seal 1\n"))
	h.Write(before)
	for _, n := range []int64{s.Number, s.From, s.To, d.count} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	h.Write(d.transfers.Sum(nil))
	h.Write(d.entries.Sum(nil))
	return h.Sum(nil)
}

// whole is the integer in a column of eight bytes, 0 for a null.
func whole(column []byte) int64 {
	if len(column) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(column))
}

// identity is the id in a column of sixteen bytes.
func identity(column []byte) (id uuid.UUID) {
	copy(id[:], column)
	return id
}

// line is what verification keeps of a transfer.
type line struct {
	position, amount, seq     int64
	id                        uuid.UUID
	from, to                  uuid.UUID
	accountLegs, platformLegs int
}

func lineOf(columns [][]byte) line {
	return line{
		position: whole(columns[0]), amount: whole(columns[1]), seq: whole(columns[2]),
		id: identity(columns[3]), from: identity(columns[4]), to: identity(columns[5]),
	}
}

// within reports whether the transfer moves credits within one account.
func (l line) within() bool { return l.from == l.to }

// accepts counts an entry as a leg of the transfer, and reports whether it can
// be one.
func (l *line) accepts(e ledger.Entry) bool {
	change := l.amount
	if e.Account == l.from {
		change = -change
	}
	switch {
	case e.Account != l.from && e.Account != l.to:
		return false
	case ledger.IsPlatform(e.Account):
		l.platformLegs++
		return e.Seq == l.position && e.Amount == change && e.HeldAmount == 0
	case l.within():
		l.accountLegs++
		return e.Seq == l.seq && e.Amount == -e.HeldAmount && max(e.Amount, e.HeldAmount) == l.amount
	}
	l.accountLegs++
	return e.Seq == l.seq && e.Amount+e.HeldAmount == change
}

// complete reports whether the transfer has had all its legs and no more.
func (l line) complete() bool {
	if l.within() {
		return l.accountLegs == 1 && l.platformLegs == 0 && !ledger.IsPlatform(l.from)
	}
	return l.accountLegs == 1 && l.platformLegs == 1
}

func entryOf(columns [][]byte) (position int64, e ledger.Entry) {
	return whole(columns[0]), ledger.Entry{
		Account: identity(columns[1]), Seq: whole(columns[2]), Amount: whole(columns[3]), HeldAmount: whole(columns[4]),
		AvailableAfter: whole(columns[5]), HeldAfter: whole(columns[6]),
	}
}
