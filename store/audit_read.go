package store

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/actor"
)

// AuditQuery says which events of the audit trail are asked for. The zero value
// of a filter is no filter.
type AuditQuery struct {
	ActorID   uuid.UUID
	Action    string
	Subject   string // the kind of what it was done to
	SubjectID string
	AccountID uuid.UUID
	From, To  time.Time // at From or later, and before To
	// After is the Next of the page before.
	After *AuditCursor
	Limit int
}

// AuditCursor is where a page of the audit trail ends. It encodes to JSON.
type AuditCursor struct {
	ID int64 `json:"i"`
}

// AuditEvent is an event as it was recorded.
type AuditEvent struct {
	ID         int64
	At         time.Time
	ActorKind  actor.Kind
	ActorID    *uuid.UUID
	ActorRole  actor.Role
	ActorName  string // of staff, as they are called now
	Action     string
	Subject    string
	SubjectID  string
	AccountID  *uuid.UUID
	Before     map[string]any
	After      map[string]any
	ReasonCode string
	DecisionID *uuid.UUID
	RequestID  string
	WorkflowID string
	Address    *netip.Addr
}

// Audit returns a page of the audit trail, the newest first, and where the next
// one begins: nil at the end.
func (r *Reader) Audit(ctx context.Context, q AuditQuery) ([]AuditEvent, *AuditCursor, error) {
	where, args := q.where()
	rows, err := r.db.Query(ctx, `
		SELECT e.id, e.at, e.actor_kind, e.actor_id, e.actor_role, coalesce(s.name, '') AS actor_name, e.action, e.subject, e.subject_id,
			e.account_id, e.before, e.after, e.reason_code, e.decision_id, e.request_id, e.workflow_id, e.address
		FROM audit_events e LEFT JOIN staff s ON e.actor_kind = 'staff' AND s.id = e.actor_id
		`+where+fmt.Sprintf(` ORDER BY e.id DESC LIMIT %d`, q.Limit+1), args...)
	if err != nil {
		return nil, nil, failed("read audit events", err)
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByName[AuditEvent])
	if err != nil {
		return nil, nil, failed("read audit events", err)
	}
	if len(events) <= q.Limit {
		return events, nil, nil
	}
	events = events[:q.Limit]
	return events, &AuditCursor{ID: events[q.Limit-1].ID}, nil
}

// where returns the conditions that are asked for, so that each is found by its
// index.
func (q AuditQuery) where() (string, []any) {
	conditions, args := []string{"WHERE true"}, []any{}
	add := func(asked bool, condition string, value any) {
		if asked {
			args = append(args, value)
			conditions = append(conditions, fmt.Sprintf(condition, len(args)))
		}
	}
	add(q.ActorID != uuid.Nil, "e.actor_id = $%d", q.ActorID)
	add(q.Action != "", "e.action = $%d", q.Action)
	add(q.Subject != "", "e.subject = $%d", q.Subject)
	add(q.SubjectID != "", "e.subject_id = $%d", q.SubjectID)
	add(q.AccountID != uuid.Nil, "e.account_id = $%d", q.AccountID)
	add(!q.From.IsZero(), "e.at >= $%d", q.From)
	add(!q.To.IsZero(), "e.at < $%d", q.To)
	if q.After != nil {
		add(true, "e.id < $%d", q.After.ID)
	}
	return strings.Join(conditions, " AND "), args
}
