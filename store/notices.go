package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// The channels of a notice.
const (
	Email = "email"
	SMS   = "sms"
)

// The states of a notice.
const (
	NoticePending = "pending"
	NoticeSent    = "sent"
	NoticeFailed  = "failed"
)

// Notice is an e-mail or SMS that is owed or was sent. What it says is
// rendered from the rows it points to.
type Notice struct {
	ID uuid.UUID
	// Key makes a repeated transaction owe it once.
	Key               string
	AccountID         uuid.UUID
	StaffID           *uuid.UUID // the recipient, when it is not the account
	DecisionID        *uuid.UUID
	CaseID            string // of the case that sends it, where that is not the review
	Kind              string
	Channel           string
	Status            string
	Attempts          int
	Failure           string
	Provider          string
	ProviderMessageID string
	CreatedAt         time.Time
	ClosedAt          *time.Time
}

const noticeColumns = `id, key, account_id, staff_id, decision_id,
	coalesce(nullif(case_id, ''), (SELECT d.case_id FROM decisions d WHERE d.id = notices.decision_id), '') AS case_id, kind, channel, status, attempts, failure, provider, provider_message_id, created_at, closed_at`

// InsertNotices records notices that are owed. One whose key exists stays as
// it is.
func (t *Tx) InsertNotices(ctx context.Context, notices ...Notice) error {
	if len(notices) == 0 {
		return nil
	}
	var batch pgx.Batch
	for _, n := range notices {
		queueNotice(&batch, n)
	}
	return failed("insert notices", t.tx.SendBatch(ctx, &batch).Close())
}

func queueNotice(batch *pgx.Batch, n Notice) {
	batch.Queue(`
		INSERT INTO notices (id, key, account_id, staff_id, decision_id, case_id, kind, channel, status, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9) ON CONFLICT (key) DO NOTHING`,
		n.ID, n.Key, n.AccountID, n.StaffID, n.DecisionID, n.CaseID, n.Kind, n.Channel, n.CreatedAt)
}

// Notice returns one notice, or fault.NotFound.
func (r *Reader) Notice(ctx context.Context, id uuid.UUID) (Notice, error) {
	rows, err := r.db.Query(ctx, `SELECT `+noticeColumns+` FROM notices WHERE id = $1`, id)
	if err != nil {
		return Notice{}, failed("read notice", err)
	}
	n, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Notice])
	return n, failed("read notice", err)
}

// NoticeByKey returns the notice with a key, or fault.NotFound.
func (r *Reader) NoticeByKey(ctx context.Context, key string) (Notice, error) {
	rows, err := r.db.Query(ctx, `SELECT `+noticeColumns+` FROM notices WHERE key = $1`, key)
	if err != nil {
		return Notice{}, failed("read notice", err)
	}
	n, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Notice])
	return n, failed("read notice", err)
}

// PendingNotices returns what an account is still owed.
func (r *Reader) PendingNotices(ctx context.Context, accountID uuid.UUID) ([]Notice, error) {
	return r.notices(ctx, `SELECT `+noticeColumns+` FROM notices WHERE account_id = $1 AND status = 'pending' ORDER BY id`, accountID)
}

// Notices returns what an account's user was told last, the newest first.
func (r *Reader) Notices(ctx context.Context, accountID uuid.UUID, limit int) ([]Notice, error) {
	return r.notices(ctx, `SELECT `+noticeColumns+` FROM notices WHERE account_id = $1 AND staff_id IS NULL
		ORDER BY created_at DESC, id DESC LIMIT $2`, accountID, limit)
}

func (r *Reader) notices(ctx context.Context, sql string, args ...any) ([]Notice, error) {
	rows, err := r.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, failed("read notices", err)
	}
	notices, err := pgx.CollectRows(rows, pgx.RowToStructByName[Notice])
	return notices, failed("read notices", err)
}

// closeNotice closes a notice by an update, and writes the event of it in the
// same statement: one event when the notice was closed, none when it was
// closed before.
func closeNotice(update, action string) string {
	return `
	WITH closed AS (` + update + ` RETURNING id, account_id, decision_id, case_id, kind, channel, status, failure, closed_at)
	INSERT INTO audit_events (at, actor_kind, action, subject, subject_id, account_id, after, decision_id, workflow_id)
	SELECT c.closed_at, 'system', '` + action + `', 'notice', c.id::text, c.account_id,
		jsonb_strip_nulls(jsonb_build_object('kind', c.kind, 'channel', c.channel, 'failure', nullif(c.failure, ''))), c.decision_id,
		coalesce(nullif(c.case_id, ''), (SELECT d.case_id FROM decisions d WHERE d.id = c.decision_id), '')
	FROM closed c`
}

var noticeSent = closeNotice(`
	UPDATE notices SET status = 'sent', attempts = attempts + 1, failure = '', provider = $2, provider_message_id = $3, closed_at = $4
	WHERE id = $1 AND status <> 'sent'`, "notice.sent")

// NoticeSent records that a provider has taken a notice.
func (s *Store) NoticeSent(ctx context.Context, id uuid.UUID, provider, messageID string, now time.Time) error {
	_, err := s.pool.Exec(ctx, noticeSent, id, provider, messageID, now)
	return failed("record notice", err)
}

// NoticeAttemptFailed counts an attempt that will be repeated.
func (s *Store) NoticeAttemptFailed(ctx context.Context, id uuid.UUID, code string) error {
	_, err := s.pool.Exec(ctx, `UPDATE notices SET attempts = attempts + 1, failure = $2 WHERE id = $1 AND status = 'pending'`, id, code)
	return failed("record notice", err)
}

var noticeFailed = closeNotice(`
	UPDATE notices SET status = 'failed', failure = coalesce(nullif($2, ''), nullif(failure, ''), 'gave_up'), closed_at = $3
	WHERE id = $1 AND status = 'pending'`, "notice.failed")

// NoticeFailed records that a notice cannot be delivered.
func (s *Store) NoticeFailed(ctx context.Context, id uuid.UUID, code string, now time.Time) error {
	_, err := s.pool.Exec(ctx, noticeFailed, id, code, now)
	return failed("record notice", err)
}

// FailNotice is NoticeFailed inside a transaction.
func (t *Tx) FailNotice(ctx context.Context, id uuid.UUID, code string, now time.Time) error {
	_, err := t.tx.Exec(ctx, noticeFailed, id, code, now)
	return failed("record notice", err)
}
