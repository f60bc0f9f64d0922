package store

import (
	"encoding/binary"

	"github.com/google/uuid"

	"kibali/domain/ledger"
)

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
