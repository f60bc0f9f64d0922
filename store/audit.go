package store

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/actor"
)

// Event is one line of the audit trail: who did what to what, and why. It
// holds codes and ids; personal data stays in the rows that it points to.
type Event struct {
	At         time.Time
	Actor      actor.Actor
	Action     string
	Subject    string // the kind of what it was done to: "account", "document", ...
	SubjectID  string
	AccountID  *uuid.UUID
	Before     map[string]any
	After      map[string]any
	ReasonCode string
	DecisionID *uuid.UUID
	WorkflowID string
}

// AppendEvent writes an event in the transaction of the change it tells of.
func (t *Tx) AppendEvent(ctx context.Context, e Event) error {
	var batch pgx.Batch
	queueEvent(&batch, e)
	return failed("append audit event", t.tx.SendBatch(ctx, &batch).Close())
}

// AppendEvents is AppendEvent for many.
func (t *Tx) AppendEvents(ctx context.Context, events ...Event) error {
	var batch pgx.Batch
	for _, e := range events {
		queueEvent(&batch, e)
	}
	return failed("append audit events", t.tx.SendBatch(ctx, &batch).Close())
}

func queueEvent(batch *pgx.Batch, e Event) {
	var actorID *uuid.UUID
	if e.Actor.ID != uuid.Nil {
		actorID = &e.Actor.ID
	}
	var address *netip.Addr
	if e.Actor.Address.IsValid() {
		address = &e.Actor.Address
	}
	batch.Queue(`
		INSERT INTO audit_events (at, actor_kind, actor_id, actor_role, action, subject, subject_id, account_id,
			before, after, reason_code, decision_id, request_id, workflow_id, address)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		e.At, e.Actor.Kind, actorID, e.Actor.Role, e.Action, e.Subject, e.SubjectID, e.AccountID,
		e.Before, e.After, e.ReasonCode, e.DecisionID, e.Actor.RequestID, e.WorkflowID, address)
}
