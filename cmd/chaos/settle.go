package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"kibali/domain/fault"
	"kibali/domain/message"
)

// settle waits until nothing that was asked for before the given time is stuck
// any more, and reports what is when the patience is over.
func (r *run) settle(ctx context.Context, since time.Time, when string) error {
	var stuck stuckRows
	err := until(ctx, r.Patience-time.Since(since), 250*time.Millisecond, "things are stuck", func() (bool, error) {
		var err error
		stuck, err = r.stuckSince(ctx, since)
		return err == nil && stuck == stuckRows{}, err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.report.breach("P7", "stuck too long "+when, "%v: %+v", err, stuck)
		return nil
	}
	r.report.fact("nothing was stuck in PostgreSQL %.1f s %s", time.Since(since).Seconds(), when)
	return nil
}

// stuckRows counts what waits for a case.
type stuckRows struct{ Decisions, Applications, Documents, Notices, Messages int }

func (i *installation) stuckSince(ctx context.Context, instant time.Time) (stuckRows, error) {
	found, err := i.superuser.Query(ctx, `
		SELECT (SELECT count(*) FROM decisions WHERE outcome IS NULL AND requested_at < $1
				AND NOT (lapses_at IS NOT NULL AND signature IS NULL))::int AS decisions, -- else it visibly waits for a person
			(SELECT count(*) FROM messages WHERE settled_at IS NULL AND created_at < $1)::int AS messages,
			(SELECT count(*) FROM applications WHERE accepted_at IS NULL AND submitted_at < $1)::int AS applications,
			(SELECT count(*) FROM documents WHERE status = 'received' AND received_at < $1)::int AS documents,
			(SELECT count(*) FROM notices WHERE status = 'pending' AND created_at < $1)::int AS notices`, instant)
	if err != nil {
		return stuckRows{}, err
	}
	return pgx.CollectExactlyOneRow(found, pgx.RowToStructByName[stuckRows])
}

// leastPatience is what the last case that was opened by the races gets to
// close, when those took the time that there is after the storm.
const leastPatience = 10 * time.Second

// check gathers the evidence and verifies it, until nothing is wrong or the
// time after the storm is over. Cases close after their last notice.
func (r *run) check(ctx context.Context) error {
	var e evidence
	var found, last findings
	patience := max(r.Patience-time.Since(r.calmed), leastPatience)
	err := until(ctx, patience, 500*time.Millisecond, "promises are broken", func() (bool, error) {
		var err error
		e, err = r.evidence(ctx)
		if err != nil {
			return false, err
		}
		if len(found) > 0 {
			last = found
		}
		found = verify(e)
		return len(found) == 0, nil
	})
	if ctx.Err() != nil || len(found) == 0 && err != nil {
		return err
	}
	r.report.add(found...)
	r.report.fact("everything agreed %.1f s after the storm", time.Since(r.calmed).Seconds())
	if len(last) > 0 {
		r.report.fact("the last to agree: %s: %s", last[0].Rule, last[0].Detail)
	}
	r.tally(e)
	r.replayAll(ctx, e)
	return ctx.Err()
}

// evidence reads everything there is to check.
func (r *run) evidence(ctx context.Context) (evidence, error) {
	e := evidence{journal: r.journal.read(), deliveries: r.provider.deliveries()}
	err := r.reading(ctx, func(tx pgx.Tx) (err error) {
		e.snapshot, err = take(ctx, tx)
		return err
	})
	if err != nil {
		return e, err
	}
	if e.cases, err = r.describeCases(ctx, e.snapshot); err != nil {
		return e, err
	}
	e.files, err = r.storedFiles(ctx, e.documents)
	return e, err
}

// sumOf returns the SHA-256 of a stored original, "" when there is none.
func (i *installation) sumOf(ctx context.Context, key string) (string, error) {
	content, _, err := i.documents.Original(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer content.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, content); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// tally reports how much was looked at.
func (r *run) tally(e evidence) {
	duplicates, accepted := 0, 0
	for id, d := range e.deliveries {
		if _, _, ours := message.ParseRecipientID(id); ours {
			continue
		}
		accepted += d.accepted
		duplicates += max(d.accepted-1, 0)
	}
	applied := 0
	for _, d := range e.decisions {
		if d.Outcome == "applied" {
			applied++
		}
	}
	r.report.fact("checked %d accounts, %d applications, %d decisions (%d applied), %d documents, %d notices, %d audit events, %d cases",
		len(e.accounts), len(e.snapshot.applications), len(e.decisions), applied, len(e.documents), len(e.notices), len(e.events), len(e.cases))
	r.report.fact("%d notices reached the provider %d times: %d duplicates (%.2f %%)",
		len(e.notices), accepted, duplicates, 100*float64(duplicates)/float64(max(len(e.notices), 1)))
	r.tallyCredits(e)
}

// sizes are how much of everything there is that a request can make.
type sizes struct{ Decisions, Events, Notices, Transfers, Entries, Messages int }

func (s snapshot) sizes() sizes {
	return sizes{len(s.decisions), len(s.events), len(s.notices), len(s.transfers), len(s.entries), len(s.messages)}
}

// replayAll sends a tenth of what was acknowledged again, after all restarts,
// and compares the effects with those before.
func (r *run) replayAll(ctx context.Context, e evidence) {
	const most = 500
	replayed := 0
	for n := range e.journal.postings {
		p := &e.journal.postings[n]
		if n%10 == 0 && p.answer.ok() && replayed < most {
			r.caller.postAgain(ctx, p)
			replayed++
		}
	}
	replayed = 0
	for n := range e.journal.operations {
		o := &e.journal.operations[n]
		if n%10 == 0 && o.answer.ok() && replayed < most {
			r.caller.replay(ctx, o)
			replayed++
		}
	}
	err := r.reading(ctx, func(tx pgx.Tx) error {
		after, err := take(ctx, tx)
		if err == nil && after.sizes() != e.sizes() {
			r.report.breach("P2", "replays had effects", "%+v became %+v", e.sizes(), after.sizes())
		}
		return err
	})
	if err != nil {
		r.report.breach("P2", "replays could not be checked", "%v", fmt.Errorf("read again: %w", err))
	}
}
