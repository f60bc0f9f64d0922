package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/actor"
	"kibali/domain/ledger"
)

// The sources of a timeline's items.
const (
	TimelineEvent    = "event"
	TimelineNotice   = "notice"
	TimelineTransfer = "transfer"
)

// TimelineItem is something that happened to an account.
type TimelineItem struct {
	// Key orders items of the same instant and names them to a cursor.
	Key       string
	Source    string // TimelineEvent, TimelineNotice or TimelineTransfer
	At        time.Time
	Action    string // of an event; the kind of a notice or of a transfer
	ActorKind actor.Kind
	ActorID   *uuid.UUID
	ActorRole actor.Role
	ActorName string // of staff and services; others are named by their kind
	// ReasonCode, Reason and Note are the decision's, where there is one.
	ReasonCode string
	Reason     string
	Note       string
	DecisionID *uuid.UUID
	// DecisionKind, Outcome and OutcomeCode are the decision's; Outcome is "" as
	// long as it is open.
	DecisionKind string
	Outcome      string
	OutcomeCode  string
	// WorkflowID is the case's, for a link into the Temporal UI.
	WorkflowID string
	Before     map[string]any
	After      map[string]any
	// Kept is what the suspension that an event ends found available.
	Kept *int64
	// Amount is a transfer's: what it added to the account.
	Amount *int64
	// Channel, Status, Failure and ClosedAt are a notice's; ClosedAt is when it was
	// sent or given up.
	Channel  string
	Status   string
	Failure  string
	ClosedAt *time.Time
}

// Figures is what an item has done with the account's credits.
type Figures struct {
	Before, After ledger.Balance
	// Suspension is set for the end of one.
	Suspension *SuspensionFigures
}

// SuspensionFigures say how what is available after a suspension came about:
// Before + Posted = Released.
type SuspensionFigures struct {
	Before   int64 // available when it began
	Posted   int64 // to what was held, in between
	Released int64 // when it ended
}

// Figures returns what the item has done with the account's credits, or nil.
func (i TimelineItem) Figures() *Figures {
	before, ok := balanceIn(i.Before)
	after, also := balanceIn(i.After)
	if !ok || !also {
		return nil
	}
	f := &Figures{Before: before, After: after}
	if i.Kept != nil {
		f.Suspension = &SuspensionFigures{Before: *i.Kept, Posted: before.Held - *i.Kept, Released: before.Held}
	}
	return f
}

// balanceIn returns the credits that an event's facts tell of.
func balanceIn(facts map[string]any) (ledger.Balance, bool) {
	credits, ok := facts["credits"].(map[string]any)
	if !ok {
		return ledger.Balance{}, false
	}
	available, ok := credits["available"].(float64)
	held, also := credits["held"].(float64)
	return ledger.Balance{Available: int64(available), Held: int64(held)}, ok && also
}

// TimelineCursor is where a page of a timeline ends.
type TimelineCursor struct {
	At  time.Time `json:"at"`
	Key string    `json:"key"`
}

// timelineSelect joins what was done, what was told, and what came back of
// charges, which no event tells of. Other transfers are those of events; charges
// are in the billing history alone, of which a busy account has thousands. An
// event's id is padded so that keys of one instant sort as they were written.
//
// What the end of a suspension says is told by the event of its beginning.
const timelineSelect = `
	SELECT item.key, item.source, item.at, item.action, item.actor_kind, item.actor_id, item.actor_role, item.reason_code, item.decision_id,
		item.before, item.after, item.amount, item.channel, item.status, item.failure, item.closed_at,
		coalesce(staff.name, service.name, '') AS actor_name,
		coalesce(d.reason, '') AS reason, coalesce(d.note, '') AS note, coalesce(d.kind, '') AS decision_kind,
		coalesce(d.outcome, '') AS outcome, coalesce(d.outcome_code, '') AS outcome_code,
		coalesce(nullif(item.case_id, ''), d.case_id, '') AS workflow_id, suspended.kept
	FROM (
		(SELECT 'e' || lpad(e.id::text, 20, '0') AS key, 'event' AS source, e.at, e.action,
			e.actor_kind, e.actor_id, e.actor_role, e.reason_code, e.decision_id, e.workflow_id AS case_id, e.before, e.after,
			NULL::bigint AS amount, '' AS channel, '' AS status, '' AS failure, NULL::timestamptz AS closed_at, e.id AS event_id
		FROM audit_events e
		WHERE e.account_id = $1 AND e.subject <> 'notice' -- the notices themselves follow
			AND e.action <> 'account.viewed' -- who looked is for the audit trail
			AND ($2::timestamptz IS NULL OR e.at <= $2)
			AND ($2::timestamptz IS NULL OR (e.at, 'e' || lpad(e.id::text, 20, '0')) < ($2, $3))
		ORDER BY e.at DESC, e.id DESC LIMIT $4)
		UNION ALL
		(SELECT 'n' || n.id::text, 'notice', n.created_at, n.kind,
			'system', NULL, '', '', n.decision_id, n.case_id, NULL, NULL, NULL, n.channel, n.status, n.failure, n.closed_at, NULL
		FROM notices n
		WHERE n.account_id = $1 AND n.staff_id IS NULL
			AND ($2::timestamptz IS NULL OR n.created_at <= $2)
			AND ($2::timestamptz IS NULL OR (n.created_at, 'n' || n.id::text) < ($2, $3))
		ORDER BY n.created_at DESC, n.id::text DESC LIMIT $4)
		UNION ALL
		(SELECT 't' || t.id::text, 'transfer', t.created_at, t.kind,
			t.actor_kind, t.actor_id, '', t.reason, t.decision_id, '', NULL, NULL, t.amount, '', '', '', NULL, NULL
		FROM transfers t
		WHERE t.to_account = $1 AND t.kind IN ('charge_refund', 'reversal')
			AND ($2::timestamptz IS NULL OR t.created_at <= $2)
			AND ($2::timestamptz IS NULL OR (t.created_at, 't' || t.id::text) < ($2, $3))
		ORDER BY t.created_at DESC, t.id::text DESC LIMIT $4)
	) item
	LEFT JOIN staff ON item.actor_kind = 'staff' AND staff.id = item.actor_id
	LEFT JOIN services service ON item.actor_kind = 'service' AND service.id = item.actor_id
	LEFT JOIN decisions d ON d.id = item.decision_id
	LEFT JOIN LATERAL (
		SELECT (s.before #>> '{credits,available}')::bigint AS kept FROM audit_events s
		WHERE s.account_id = $1 AND s.action = 'suspend' AND s.id < item.event_id
		ORDER BY s.id DESC LIMIT 1
	) suspended ON item.action = 'reactivate' AND item.source = 'event'
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
