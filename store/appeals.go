package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// How an appeal ends. A moot one was not decided: the suspension ended in
// another way.
const (
	AppealGranted   = "granted"
	AppealDismissed = "dismissed"
	AppealMoot      = "moot"
)

// Appeal is what the user of a suspended account has to say against it.
type Appeal struct {
	ID         uuid.UUID
	AccountID  uuid.UUID
	DecisionID uuid.UUID // the suspension
	Text       string
	MadeAt     time.Time
	RemindAt   time.Time
	EscalateAt time.Time
	AcceptedAt *time.Time // when the case took it up
	Outcome    string     // empty while it is open
	ClosedAt   *time.Time
	// ClosedBy is the decision that ended it, Reason what it told the user, and
	// StaffID and StaffName who decided; none where time did.
	ClosedBy  *uuid.UUID
	Reason    string
	StaffID   *uuid.UUID
	StaffName string
	// CaseID is the suspension's; only read.
	CaseID string
}

// Open reports whether the appeal is still to be decided.
func (a Appeal) Open() bool { return a.Outcome == "" }

const appealSelect = `
	SELECT a.id, a.account_id, a.decision_id, a.text, a.made_at, a.remind_at, a.escalate_at, a.accepted_at,
		coalesce(a.outcome, '') AS outcome, a.closed_at, a.closed_by, coalesce(d.reason, '') AS reason,
		d.staff_id, coalesce(s.name, '') AS staff_name, suspension.case_id
	FROM appeals a JOIN decisions suspension ON suspension.id = a.decision_id
	LEFT JOIN decisions d ON d.id = a.closed_by LEFT JOIN staff s ON s.id = d.staff_id `

// InsertAppeal records an open appeal. The account is locked, and has none.
func (t *Tx) InsertAppeal(ctx context.Context, a Appeal) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO appeals (id, account_id, decision_id, text, made_at, remind_at, escalate_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		a.ID, a.AccountID, a.DecisionID, a.Text, a.MadeAt, a.RemindAt, a.EscalateAt)
	return failed("insert appeal", err)
}

// AcceptAppeal records that the account's case has taken an appeal up.
func (t *Tx) AcceptAppeal(ctx context.Context, id uuid.UUID, now time.Time) error {
	_, err := t.tx.Exec(ctx, `UPDATE appeals SET accepted_at = coalesce(accepted_at, $2) WHERE id = $1`, id, now)
	return failed("accept appeal", err)
}

// EndAppeal ends an appeal; decision is the one that ended it, nil when time did.
func (t *Tx) EndAppeal(ctx context.Context, id uuid.UUID, outcome string, decision *uuid.UUID, now time.Time) error {
	_, err := t.tx.Exec(ctx, `UPDATE appeals SET outcome = $2, closed_by = $3, closed_at = $4 WHERE id = $1 AND outcome IS NULL`,
		id, outcome, decision, now)
	return failed("end appeal", err)
}

// EndAppealAgainst ends the appeal against a suspension that does not come
// about, should there be one.
func (t *Tx) EndAppealAgainst(ctx context.Context, decisionID uuid.UUID, now time.Time) error {
	_, err := t.tx.Exec(ctx, `
		UPDATE appeals SET outcome = $2, closed_by = $1, closed_at = $3
		WHERE account_id = (SELECT account_id FROM decisions WHERE id = $1) AND decision_id = $1 AND outcome IS NULL`,
		decisionID, AppealMoot, now)
	return failed("end appeal", err)
}

// Appeal returns one appeal, or fault.NotFound.
func (r *Reader) Appeal(ctx context.Context, id uuid.UUID) (Appeal, error) {
	return r.appeal(ctx, `WHERE a.id = $1`, id)
}

// OpenAppeal returns the appeal of an account that is to be decided, or
// fault.NotFound.
func (r *Reader) OpenAppeal(ctx context.Context, accountID uuid.UUID) (Appeal, error) {
	return r.appeal(ctx, `WHERE a.account_id = $1 AND a.outcome IS NULL`, accountID)
}

func (r *Reader) appeal(ctx context.Context, where string, id uuid.UUID) (Appeal, error) {
	rows, err := r.db.Query(ctx, appealSelect+where, id)
	if err != nil {
		return Appeal{}, failed("read appeal", err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Appeal])
	return a, failed("read appeal", err)
}

// WaitingAppeals returns open appeals from before the given time that no case
// has taken up, the oldest first.
func (r *Reader) WaitingAppeals(ctx context.Context, before time.Time, limit int) ([]Appeal, error) {
	return r.appeals(ctx, appealSelect+`
		WHERE a.accepted_at IS NULL AND a.outcome IS NULL AND a.made_at < $1 ORDER BY a.made_at LIMIT $2`, before, limit)
}

// AppealsQuery asks for appeals, the newest first.
type AppealsQuery struct {
	AccountID uuid.UUID // none is every account
	State     string    // StateOpen or an outcome; empty is every one
	// After is where the page before ends.
	After *AppealsCursor
	Limit int
}

// AppealsCursor is where a page of appeals ends.
type AppealsCursor struct {
	At time.Time `json:"at"`
	ID uuid.UUID `json:"id"`
}

// Appeals returns a page of appeals, and where the next one begins: nil at the
// end.
func (r *Reader) Appeals(ctx context.Context, q AppealsQuery) ([]Appeal, *AppealsCursor, error) {
	var at *time.Time
	var id uuid.UUID
	if q.After != nil {
		at, id = &q.After.At, q.After.ID
	}
	var account *uuid.UUID
	if q.AccountID != uuid.Nil {
		account = &q.AccountID
	}
	page, err := r.appeals(ctx, appealSelect+`
		WHERE ($1::timestamptz IS NULL OR (a.made_at, a.id) < ($1, $2)) AND ($3::uuid IS NULL OR a.account_id = $3)
			AND ($4 = '' OR coalesce(a.outcome, 'open') = $4)
		ORDER BY a.made_at DESC, a.id DESC LIMIT $5`, at, id, account, q.State, q.Limit+1)
	if err != nil || len(page) <= q.Limit {
		return page, nil, err
	}
	page = page[:q.Limit]
	last := page[q.Limit-1]
	return page, &AppealsCursor{At: last.MadeAt, ID: last.ID}, nil
}

func (r *Reader) appeals(ctx context.Context, sql string, args ...any) ([]Appeal, error) {
	rows, err := r.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, failed("read appeals", err)
	}
	appeals, err := pgx.CollectRows(rows, pgx.RowToStructByName[Appeal])
	return appeals, failed("read appeals", err)
}
