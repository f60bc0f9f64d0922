package store

import (
	"context"
	"time"
)

// AuditSealLock is the advisory lock of the process that seals the audit trail.
const AuditSealLock int64 = 0x6b6962616c6d

// auditChain is the events of the audit trail. Each seal lists its events, so
// that one that was changed can be named.
var auditChain = &chain{
	title: "kibali audit seal 1\n", progress: "audit_seals", head: `SELECT max(id) FROM audit_events`,
	table: "audit_seals", counted: "events", most: 10_000, listed: true, sealed: []string{sealedEvents},
}

// sealedEvents are all columns of events. None holds personal data but the
// address that a request came from, so that nothing in a seal has to be erased.
const sealedEvents = `
	SELECT id, at, actor_kind, actor_id, actor_role, action, subject, subject_id, account_id, before, after,
		reason_code, decision_id, request_id, workflow_id, address
	FROM audit_events WHERE id > $1 AND id <= $2 ORDER BY id`

// SealAudit seals the events since the last seal, up to the one below which no
// other can appear. It returns the seals that it made. One process at a time
// calls it, under AuditSealLock.
func (s *Store) SealAudit(ctx context.Context, now time.Time) ([]Seal, error) {
	return s.sealChain(ctx, auditChain, now)
}

// LastAuditSeal returns the newest seal of the audit trail, or the zero Seal
// when nothing is sealed.
func (r *Reader) LastAuditSeal(ctx context.Context) (Seal, error) { return r.lastSeal(ctx, auditChain) }
