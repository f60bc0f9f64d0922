package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/jackc/pgx/v5"
)

// Seal is a hash over the rows of a range of positions, and over the seal
// before it: who changes one of them has to make every later seal anew.
type Seal struct {
	Number   int64 // from 1, without a gap
	From     int64 // exclusive: where the seal before it ends
	To       int64
	Rows     int64 // transfers of the ledger, events of the audit trail
	Hash     []byte
	SealedAt time.Time
}

// Name is the seal as people note it down, and as verification takes it.
func (s Seal) Name() string { return fmt.Sprintf("%d:%s", s.Number, hex.EncodeToString(s.Hash)) }

// chain is rows that only grow and are sealed behind what writes them: the
// ledger, or the audit trail. Each row has a position, drawn when the
// transaction that writes it has an id.
type chain struct {
	title    string // what its hashes begin with
	progress string // its row of ledger_progress
	head     string // the highest position that is to be seen, in SQL
	table    string // of its seals
	counted  string // the column there that says how many rows a seal covers
	most     int64  // how many positions a seal covers at most
	// sealed are the rows that are sealed, the counted ones first. Their columns
	// are hashed as PostgreSQL sends them in binary, which depends on no setting.
	sealed []string
	// listed says that a seal keeps a list of its rows, and is a hash over that
	// list: then what has become of each row can be told. Its position is the
	// first column of a row.
	listed bool
	// also is what else is written when the positions up to one are sealed.
	also func(ctx context.Context, tx *Tx, to int64) error
}

// throughIndex keeps PostgreSQL from reading whole tables for a range of
// positions, which it may think cheaper while it does not know them.
const throughIndex = `SET LOCAL enable_seqscan = off; SET LOCAL jit = off`

// sealChain seals the rows since the last seal, up to the position below which
// no other one can appear, and returns the seals that it made. One process at a
// time calls it for a chain.
func (s *Store) sealChain(ctx context.Context, c *chain, now time.Time) ([]Seal, error) {
	p, err := s.progressOf(ctx, c.progress, c.head)
	if err != nil || p.idle() {
		return nil, err
	}
	var seals []Seal
	for from := p.done; from < p.closed; {
		to := min(p.closed, from+c.most)
		var seal Seal
		err := s.InTx(ctx, func(ctx context.Context, tx *Tx) (err error) {
			seal, err = tx.seal(ctx, c, to, now)
			return err
		})
		if err != nil {
			return seals, failed("seal", err)
		}
		seals = append(seals, seal)
		from = to
	}
	return seals, p.save(ctx, s)
}

// seal makes one seal, unless a process that died before it could save its
// progress has made it.
func (t *Tx) seal(ctx context.Context, c *chain, to int64, now time.Time) (Seal, error) {
	if _, err := t.tx.Exec(ctx, throughIndex); err != nil {
		return Seal{}, err
	}
	last, err := t.Reader().lastSeal(ctx, c)
	if err != nil {
		return Seal{}, err
	}
	if last.To >= to {
		return last, nil
	}
	d := c.newDigest()
	seal := Seal{Number: last.Number + 1, From: last.To, To: to, SealedAt: now}
	for kind, rows := range c.sealed {
		if err := t.rawRows(ctx, rows, seal.From, to, func(columns [][]byte) error {
			d.add(kind, columns)
			return nil
		}); err != nil {
			return Seal{}, err
		}
	}
	seal.Rows, seal.Hash = d.count, d.seal(seal, last.Hash)
	columns, values := "", ""
	args := []any{seal.Number, seal.From, seal.To, seal.Rows, seal.Hash, seal.SealedAt}
	if c.listed {
		columns, values = ", listing", ", $7"
		args = append(args, d.listing)
	}
	_, err = t.tx.Exec(ctx, `
		INSERT INTO `+c.table+` (number, from_position, to_position, `+c.counted+`, hash, sealed_at`+columns+`)
		VALUES ($1, $2, $3, $4, $5, $6`+values+`)`, args...)
	if err != nil || c.also == nil {
		return seal, err
	}
	return seal, c.also(ctx, t, to)
}

func (r *Reader) lastSeal(ctx context.Context, c *chain) (Seal, error) {
	var s Seal
	err := r.db.QueryRow(ctx, `
		SELECT number, from_position, to_position, `+c.counted+`, hash, sealed_at FROM `+c.table+` ORDER BY number DESC LIMIT 1`).
		Scan(&s.Number, &s.From, &s.To, &s.Rows, &s.Hash, &s.SealedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return Seal{}, nil
	}
	return s, failed("read seals", err)
}

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
	chain   *chain
	rows    []hash.Hash // for each kind of row
	count   int64
	listing []byte // of a chain that is listed
	row     []byte
}

func (c *chain) newDigest() *digest {
	d := &digest{chain: c, rows: make([]hash.Hash, len(c.sealed)), listing: []byte{}}
	for kind := range d.rows {
		d.rows[kind] = sha256.New()
	}
	return d
}

// add takes a row in, which comes in the order of its kind's query.
func (d *digest) add(kind int, columns [][]byte) {
	if kind == 0 {
		d.count++
	}
	row := d.encode(columns)
	if d.chain.listed {
		sum := sha256.Sum256(row)
		row = append(append(d.row[:0], columns[0]...), sum[:]...)
		d.listing = append(d.listing, row...)
	}
	d.rows[kind].Write(row)
}

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
	sums := make([][]byte, len(d.rows))
	for kind, rows := range d.rows {
		sums[kind] = rows.Sum(nil)
	}
	return d.chain.hash(s, before, d.count, sums...)
}

// hash is the hash of a seal behind another one, of so many rows that sum up to
// what is given.
func (c *chain) hash(s Seal, before []byte, count int64, sums ...[]byte) []byte {
	h := sha256.New()
	h.Write([]byte(c.title))
	h.Write(before)
	for _, n := range []int64{s.Number, s.From, s.To, count} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	for _, sum := range sums {
		h.Write(sum)
	}
	return h.Sum(nil)
}
