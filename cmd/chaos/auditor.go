package main

import (
	"context"
	"sync"
	"time"

	"kibali/store"
)

// auditor verifies the ledger and the audit trail over and over, as `kibali ledger
// verify` and `kibali audit verify` do, while they are written to: they must be
// sound at every instant. Each time it knows the last seals of the time before,
// which must still be there.
type auditor struct {
	db     *store.Store
	report *Report

	mu    sync.Mutex // one at a time, since the machine has more to do
	noted *store.Seal
	heads []store.Head
}

func newAuditor(ctx context.Context, database string, report *Report) (*auditor, error) {
	db, err := store.Open(ctx, database)
	if err != nil {
		return nil, err
	}
	return &auditor{db: db, report: report}, nil
}

func (a *auditor) close() { a.db.Close() }

// keepLooking verifies until ctx ends.
func (a *auditor) keepLooking(ctx context.Context) {
	for pause(ctx, 2*time.Second) == nil {
		if a.verify(ctx, a.report) != nil {
			a.report.count("verifications that a fault cut short", 1)
			continue
		}
		a.report.count("verifications under load", 1)
	}
}

// afterFault verifies as soon as PostgreSQL answers again.
func (a *auditor) afterFault(ctx context.Context) error {
	err := until(ctx, 30*time.Second, 100*time.Millisecond, "ledger and audit trail could not be verified after a fault", func() (bool, error) {
		err := a.verify(ctx, a.report)
		return err == nil, err
	})
	if err == nil {
		a.report.count("verifications after a fault", 1)
	}
	return err
}

// verify verifies once. The error is for a verification that could not be
// carried through; what is not sound is told to the report.
func (a *auditor) verify(ctx context.Context, report *Report) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	v, err := a.db.VerifyLedger(ctx, a.noted)
	if err != nil {
		return err
	}
	for _, b := range v.Breaches {
		report.breach("P4", "ledger is not sound", "%s %s: %s", b.Check, b.Row, b.What)
	}
	if v.Sound() && v.Seals > 0 {
		a.noted = &v.Last
	}
	return a.verifyTrail(ctx, report)
}

func (a *auditor) verifyTrail(ctx context.Context, report *Report) error {
	v, err := a.db.VerifyAudit(ctx, a.heads)
	if err != nil {
		return err
	}
	for _, b := range v.Breaches {
		report.breach("P17", "audit trail is not sound", "%s %s: %s", b.Check, b.Row, b.What)
	}
	if v.Sound() && v.Seals > 0 {
		a.heads = []store.Head{{Number: v.Last.Number, Hash: v.Last.Hash, Where: "the run"}}
	}
	return nil
}
