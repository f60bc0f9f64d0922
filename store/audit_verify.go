package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Head is the end of a chain of seals as it was noted down outside the
// database.
type Head struct {
	Number int64
	Hash   []byte
	Where  string // where it was noted down, for people
}

// AuditVerification is what verifying the audit trail has found.
type AuditVerification struct {
	Events int64
	// Seals is how many there are, and Unsealed how many events came behind the
	// last of them, which is Last.
	Seals    int64
	Unsealed int64
	Last     Seal
	// Heads is how many of those that were given have been compared.
	Heads int
	Findings
}

// VerifyAudit checks the audit trail in one snapshot, so that it can run while
// events are written: every event against the list of the seal that covers it,
// every seal against its list and the seal before it, and the seals against the
// heads that were noted down before it is called.
//
// It takes little memory however long the trail is.
func (s *Store) VerifyAudit(ctx context.Context, heads []Head) (*AuditVerification, error) {
	v := &auditWalk{AuditVerification: &AuditVerification{}, heads: map[int64][]Head{}}
	for _, head := range heads {
		v.heads[head.Number] = append(v.heads[head.Number], head)
	}
	err := s.inSnapshot(ctx, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.tx.Exec(ctx, throughIndex); err != nil {
			return err
		}
		v.tx = tx
		return v.all(ctx)
	})
	return v.AuditVerification, failed("verify the audit trail", err)
}

// auditWalk goes through seals and events in the order of their positions, once.
type auditWalk struct {
	*AuditVerification
	tx    *Tx
	last  Seal             // that has been walked through
	heads map[int64][]Head // by number, those that have not been compared
}

// listedSeal is a seal with the list of its rows.
type listedSeal struct {
	Seal
	Listing []byte
}

func (w *auditWalk) all(ctx context.Context) error {
	// No id is below one, so no seal covers such an event.
	if err := w.ask(ctx, w.tx, "events", `SELECT 'event ' || id, 'its id is one that is never given' FROM audit_events WHERE id < 1`); err != nil {
		return err
	}
	for {
		seals, err := w.seals(ctx)
		if err != nil {
			return err
		}
		if len(seals) == 0 {
			break
		}
		if err := w.stretch(ctx, seals); err != nil {
			return err
		}
	}
	w.Last, w.Seals = w.last, w.last.Number
	for _, noted := range w.heads {
		for _, head := range noted {
			w.breach("heads", fmt.Sprintf("seal %d", head.Number), "it was noted down and is not there (%s)", head.Where)
		}
	}
	err := w.tx.tx.QueryRow(ctx, `SELECT count(*) FROM audit_events WHERE id > $1`, w.last.To).Scan(&w.Unsealed)
	w.Events += w.Unsealed
	return err
}

// seals returns the next seals, of some ten thousand events together.
func (w *auditWalk) seals(ctx context.Context) ([]listedSeal, error) {
	rows, err := w.tx.tx.Query(ctx, `
		SELECT number, from_position AS "from", to_position AS "to", rows, hash, sealed_at, listing FROM (
			SELECT number, from_position, to_position, events AS rows, hash, sealed_at, listing,
				sum(octet_length(listing)) OVER (ORDER BY to_position) - octet_length(listing) AS before
			FROM (SELECT * FROM audit_seals WHERE to_position > $1 ORDER BY to_position LIMIT $2) next
		) seal WHERE before < $3 ORDER BY to_position`, w.last.To, sealsAtOnce, auditChain.most*listedRow)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[listedSeal])
}

// stretch walks through the events that seals cover, and the seals.
func (w *auditWalk) stretch(ctx context.Context, seals []listedSeal) error {
	digests := make([]*digest, len(seals))
	for i := range digests {
		digests[i] = auditChain.newDigest()
	}
	in := 0 // the seal that an event is in
	err := w.tx.rawRows(ctx, sealedEvents, w.last.To, seals[len(seals)-1].To, func(columns [][]byte) error {
		w.Events++
		id := whole(columns[0])
		for in < len(seals) && id > seals[in].To {
			in++
		}
		if in < len(seals) && id > seals[in].From {
			digests[in].add(0, columns)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, seal := range seals {
		w.seal(seal, digests[i])
	}
	return nil
}

// seal compares a seal with the one before it, with its list, and with the
// heads that were noted down, and its list with the events.
func (w *auditWalk) seal(s listedSeal, d *digest) {
	name := fmt.Sprintf("seal %d", s.Number)
	sum := sha256.Sum256(s.Listing)
	switch {
	case s.Number != w.last.Number+1 || s.From != w.last.To:
		w.breach("seals", name, "it does not follow seal %d, which ends at event %d", w.last.Number, w.last.To)
	case s.Rows*listedRow != int64(len(s.Listing)) || !bytes.Equal(auditChain.hash(s.Seal, w.last.Hash, s.Rows, sum[:]), s.Hash):
		w.breach("seals", name, "its hash is not that of its list and of the seal before it (events %d to %d)", s.From+1, s.To)
	}
	for _, head := range w.heads[s.Number] {
		w.Heads++
		if !bytes.Equal(head.Hash, s.Hash) {
			w.breach("heads", name, "its hash is %s, where %s was noted down (%s): the seals up to it were made anew",
				hex.EncodeToString(s.Hash), hex.EncodeToString(head.Hash), head.Where)
		}
	}
	delete(w.heads, s.Number)
	if !bytes.Equal(s.Listing, d.listing) {
		w.events(name, s.Listing, d.listing)
	}
	w.last = s.Seal
}

// listedRow is how long a row of a list is: a position and a hash.
const listedRow = 8 + sha256.Size

// events names what differs between the events that a seal lists and those that
// there are.
func (w *auditWalk) events(name string, sealed, found []byte) {
	for len(sealed) >= listedRow || len(found) >= listedRow {
		was, is := positionOf(sealed), positionOf(found)
		switch {
		case was == is && !bytes.Equal(sealed[8:listedRow], found[8:listedRow]):
			w.breach("events", fmt.Sprintf("event %d", was), "it is not what it was when %s was made", name)
		case was < is:
			w.breach("events", fmt.Sprintf("event %d", was), "it was there when %s was made, and is gone", name)
		case was > is:
			w.breach("events", fmt.Sprintf("event %d", is), "it was not there when %s was made", name)
		}
		if was <= is {
			sealed = sealed[listedRow:]
		}
		if is <= was {
			found = found[listedRow:]
		}
	}
}

// positionOf is the position of the first row of a list, the highest one when
// there is none.
func positionOf(listing []byte) int64 {
	if len(listing) < listedRow {
		return 1<<63 - 1
	}
	return int64(binary.BigEndian.Uint64(listing))
}
