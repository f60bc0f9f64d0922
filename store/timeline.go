package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/actor"
)

// The sources of a timeline's items.
const (
	TimelineEvent  = "event"
	TimelineNotice = "notice"
)

// TimelineItem is something that happened to an account.
type TimelineItem struct {
	// Key orders items of the same instant and names them to a cursor.
	Key       string
	Source    string // TimelineEvent or TimelineNotice
	At        time.Time
	Action    string // of an event; the kind of a notice
	ActorKind actor.Kind
	ActorID   *uuid.UUID
	ActorName string // of staff; others are named by their kind
	// ReasonCode, Reason and Note are the decision's, where there is one.
	ReasonCode string
	Reason     string
	Note       string
	DecisionID *uuid.UUID
	// WorkflowID is the case's, for a link into the Temporal UI.
	WorkflowID string
	Before     map[string]any
	After      map[string]any
	// Channel, Status and Failure are a notice's.
	Channel string
	Status  string
	Failure string
}

// TimelineCursor is where a page of a timeline ends.
type TimelineCursor struct {
	At  time.Time `json:"at"`
	Key string    `json:"key"`
}

// timelineSelect joins what was done and what was told. An event's id is padded
// so that keys of one instant sort as they were written.
const timelineSelect = `
	SELECT * FROM (
		SELECT 'e' || lpad(e.id::text, 20, '0') AS key, 'event' AS source, e.at, e.action,
			e.actor_kind, e.actor_id, coalesce(s.name, '') AS actor_name,
			e.reason_code, coalesce(d.reason, '') AS reason, coalesce(d.note, '') AS note,
			e.decision_id, e.workflow_id, e.before, e.after, '' AS channel, '' AS status, '' AS failure
		FROM audit_events e
		LEFT JOIN staff s ON e.actor_kind = 'staff' AND s.id = e.actor_id
		LEFT JOIN decisions d ON d.id = e.decision_id
		WHERE e.account_id = $1 AND e.subject <> 'notice' -- the notices themselves follow
		UNION ALL
		SELECT 'n' || n.id::text, 'notice', n.created_at, n.kind,
			'system', NULL, '', '', '', '', n.decision_id, '', NULL, NULL, n.channel, n.status, n.failure
		FROM notices n WHERE n.account_id = $1 AND n.staff_id IS NULL
	) item
	WHERE $2::timestamptz IS NULL OR (item.at, item.key) < ($2, $3)
	ORDER BY item.at DESC, item.key DESC LIMIT $4`

// Timeline returns what happened to an account, the newest first, at most
// limit items beyond after, and where the next page begins: nil at the end.
func (r *Reader) Timeline(ctx context.Context, accountID uuid.UUID, limit int, after *TimelineCursor) ([]TimelineItem, *TimelineCursor, error) {
	var at *time.Time
	var key string
	if after != nil {
		at, key = &after.At, after.Key
	}
	rows, err := r.db.Query(ctx, timelineSelect, accountID, at, key, limit+1)
	if err != nil {
		return nil, nil, failed("read timeline", err)
	}
	items, err := pgx.CollectRows(rows, pgx.RowToStructByName[TimelineItem])
	if err != nil {
		return nil, nil, failed("read timeline", err)
	}
	if len(items) <= limit {
		return items, nil, nil
	}
	items = items[:limit]
	last := items[limit-1]
	return items, &TimelineCursor{At: last.At, Key: last.Key}, nil
}
