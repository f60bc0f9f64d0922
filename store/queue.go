package store

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
	"kibali/domain/fault"
)

// QueueQuery asks for one page of the accounts of a stage, those first whose
// time is up first: of a review when it is due, else when the stage ends.
type QueueQuery struct {
	Stage  account.Stage
	Limit  int
	After  *QueueCursor
	Before *QueueCursor // to go back
}

// QueueCursor is the place of an account in a queue. It encodes to JSON.
type QueueCursor struct {
	Due time.Time `json:"t"`
	ID  uuid.UUID `json:"i"`
}

// QueuePage is one page of a queue.
type QueuePage struct {
	Items    []AccountView
	Next     *QueueCursor
	Previous *QueueCursor
}

// dueColumn is the column that a stage's queue is ordered by.
func dueColumn(stage account.Stage) string {
	if stage == account.InReview {
		return "a.remind_at"
	}
	return "a.deadline_at"
}

func queuePlace(stage account.Stage, a account.Account) *QueueCursor {
	if stage == account.InReview {
		return &QueueCursor{Due: a.RemindAt, ID: a.ID}
	}
	return &QueueCursor{Due: a.DeadlineAt, ID: a.ID}
}

// ReviewQueue returns the page that the query asks for.
func (r *Reader) ReviewQueue(ctx context.Context, q QueueQuery) (QueuePage, error) {
	column, sign, direction, from := dueColumn(q.Stage), ">", "ASC", q.After
	if q.Before != nil {
		sign, direction, from = "<", "DESC", q.Before
	}
	stages := []account.Stage{account.AwaitingDocuments, account.InReview, account.ChangesRequested}
	if !slices.Contains(stages, q.Stage) {
		return QueuePage{}, fault.New(fault.Invalid, "Must be a stage of an application.")
	}
	// The stage is written out: only then PostgreSQL knows that the index of the
	// reviews has all of them. The page is found before anything is joined to it.
	page := ` FROM accounts a WHERE a.status = 'pending' AND a.stage = '` + string(q.Stage) + `'`
	var args []any
	if from != nil {
		page += ` AND (` + column + `, a.id) ` + sign + ` ($1, $2)`
		args = append(args, from.Due, from.ID)
	}
	order := ` ORDER BY ` + column + ` ` + direction + `, a.id ` + direction
	rows, err := r.db.Query(ctx, `SELECT `+viewColumns+` FROM (SELECT *`+page+order+` LIMIT `+strconv.Itoa(q.Limit+1)+`) a`+viewJoins+order, args...)
	if err != nil {
		return QueuePage{}, failed("read queue", err)
	}
	items, err := pgx.CollectRows(rows, newViewRow().scan)
	if err != nil {
		return QueuePage{}, failed("read queue", err)
	}
	return q.page(items), nil
}

// page makes a page of the items, of which there may be one too many.
func (q QueueQuery) page(items []AccountView) QueuePage {
	more := len(items) > q.Limit
	items = items[:min(len(items), q.Limit)]
	ahead, behind := more, q.After != nil
	if q.Before != nil {
		slices.Reverse(items)
		ahead, behind = true, more
	}
	p := QueuePage{Items: items}
	if len(items) > 0 && ahead {
		p.Next = queuePlace(q.Stage, items[len(items)-1].Account)
	}
	if len(items) > 0 && behind {
		p.Previous = queuePlace(q.Stage, items[0].Account)
	}
	return p
}

// Stages is how many pending accounts there are in each stage.
type Stages struct {
	AwaitingDocuments, InReview, ChangesRequested int64
}

// Of returns the count of a stage.
func (s Stages) Of(stage account.Stage) int64 {
	switch stage {
	case account.AwaitingDocuments:
		return s.AwaitingDocuments
	case account.InReview:
		return s.InReview
	case account.ChangesRequested:
		return s.ChangesRequested
	}
	return 0
}

// Stages returns how many pending accounts there are in each stage.
func (r *Reader) Stages(ctx context.Context) (Stages, error) {
	var s Stages
	err := r.db.QueryRow(ctx, `
		SELECT sum(awaiting_documents)::bigint, sum(in_review)::bigint, sum(changes_requested)::bigint FROM account_counts`).
		Scan(&s.AwaitingDocuments, &s.InReview, &s.ChangesRequested)
	return s, failed("count stages", err)
}

// Attention is what is going on with an account at the moment.
type Attention struct {
	Claim *ReviewClaim // who is looking at its application
	Open  *Decision    // what is recorded and not carried out yet
}

// Attention returns what is going on with accounts, by their ids; those with
// nothing are left out.
func (r *Reader) Attention(ctx context.Context, ids []uuid.UUID, now time.Time) (map[uuid.UUID]Attention, error) {
	found := map[uuid.UUID]Attention{}
	var batch pgx.Batch
	batch.Queue(`
		SELECT c.account_id, c.staff_id, s.name AS staff_name, c.claimed_at, c.expires_at
		FROM review_claims c JOIN staff s ON s.id = c.staff_id WHERE c.account_id = ANY($1) AND c.expires_at > $2`, ids, now).
		Query(func(rows pgx.Rows) error {
			claims, err := pgx.CollectRows(rows, pgx.RowToStructByName[ReviewClaim])
			for _, c := range claims {
				a := found[c.AccountID]
				a.Claim = &c
				found[c.AccountID] = a
			}
			return err
		})
	batch.Queue(decisionSelect+`WHERE d.account_id = ANY($1) AND d.outcome IS NULL ORDER BY d.requested_at`, ids).
		Query(func(rows pgx.Rows) error {
			open, err := pgx.CollectRows(rows, pgx.RowToStructByName[Decision])
			for _, d := range open {
				a := found[d.AccountID]
				a.Open = &d
				found[d.AccountID] = a
			}
			return err
		})
	return found, failed("read what is going on", r.db.SendBatch(ctx, &batch).Close())
}

// NextReviews returns accounts in review that nobody but the staff member is
// looking at and about which nothing is decided, those first that are due first:
// at most limit, beyond the account named skip where that is in review too.
func (r *Reader) NextReviews(ctx context.Context, staffID, skip uuid.UUID, now time.Time, limit int) ([]uuid.UUID, error) {
	rows, err := r.db.Query(ctx, `
		SELECT a.id FROM accounts a
		WHERE a.status = 'pending' AND a.stage = 'in_review' AND a.id <> $2
			AND (a.remind_at, a.id) > (coalesce((SELECT remind_at FROM accounts WHERE id = $2 AND stage = 'in_review'), '-infinity'), $2)
			AND NOT EXISTS (SELECT FROM review_claims c WHERE c.account_id = a.id AND c.expires_at > $3 AND c.staff_id <> $1)
			AND NOT EXISTS (SELECT FROM decisions d WHERE d.case_id = 'registration/' || a.id AND d.outcome IS NULL)
		ORDER BY a.remind_at, a.id LIMIT $4`, staffID, skip, now, limit)
	if err != nil {
		return nil, failed("read queue", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return ids, failed("read queue", err)
}
