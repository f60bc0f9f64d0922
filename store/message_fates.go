package store

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
	"kibali/domain/message"
)

// refundKey is the key of a refund in the ledger. A recipient is refunded once,
// so the first of those that are refunded together names them all.
func refundKey(first int) string { return "refund:" + strconv.Itoa(first) }

// Claimed is what may be handed to the provider now.
type Claimed struct {
	// Status and Blocked are the account's. Recipients are claimed of an account
	// that is active and not blocked, alone.
	Status     account.Status
	Blocked    bool
	Recipients []Recipient
}

// ClaimRecipients takes up to most queued recipients of a message and says that
// they are being sent, before anybody asks the provider. It waits for a
// suspension that is being recorded: once that is answered, nothing is claimed.
// Those that the provider has turned away before come last.
func (s *Store) ClaimRecipients(ctx context.Context, m Message, most int, now time.Time) (Claimed, error) {
	var c Claimed
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		err := tx.tx.QueryRow(ctx, `SELECT status, blocked_by IS NOT NULL FROM accounts WHERE id = $1 FOR SHARE`, m.AccountID).Scan(&c.Status, &c.Blocked)
		if err != nil || c.Status != account.Active || c.Blocked {
			return err
		}
		rows, err := tx.tx.Query(ctx, `
			UPDATE message_recipients r SET status = 'sending', attempted_at = $3, changed_at = $3
			FROM (SELECT position FROM message_recipients WHERE message_id = $1 AND status = 'queued' ORDER BY attempted_at NULLS FIRST, position LIMIT $2 FOR UPDATE) next
			WHERE r.message_id = $1 AND r.position = next.position
			RETURNING r.position, r.phone, r.status, r.failure, r.provider, r.provider_message_id, r.attempted_at, r.refunded_at`, m.ID, most, now)
		if err != nil {
			return err
		}
		c.Recipients, err = pgx.CollectRows(rows, pgx.RowToStructByName[Recipient])
		return err
	})
	return c, failed("claim recipients", err)
}

// LoseAttempts says of the recipients that are being sent by nobody any more
// that their outcome is unknown, and returns how many those are.
func (s *Store) LoseAttempts(ctx context.Context, messageID uuid.UUID, now time.Time) (int, error) {
	tag, err := s.pool.Exec(ctx, `
		UPDATE message_recipients SET status = 'unknown', failure = 'interrupted', changed_at = $2 WHERE message_id = $1 AND status = 'sending'`, messageID, now)
	return int(tag.RowsAffected()), failed("lose attempts", err)
}

// Requeue returns a recipient to the queue that was certainly not sent.
func (s *Store) Requeue(ctx context.Context, messageID uuid.UUID, position int, failure string, now time.Time) error {
	_, err := s.pool.Exec(ctx, `
		UPDATE message_recipients SET status = 'queued', failure = $3, changed_at = $4
		WHERE message_id = $1 AND position = $2 AND status = 'sending'`, messageID, position, failure, now)
	return failed("requeue recipient", err)
}

// Fate is what is learnt of a recipient.
type Fate struct {
	MessageID uuid.UUID
	Position  int
	Status    message.Status
	Failure   string
	// Provider and ProviderMessageID are kept unless they are known already; empty
	// when the provider gave none.
	Provider          string
	ProviderMessageID string
}

// Learnt says what a fate has changed.
type Learnt struct {
	Changed  bool
	Refunded bool // by this fate
	// Late says that the recipient had been refunded before it was known that the
	// SMS was sent.
	Late bool
}

// RecordFate records what is learnt of a recipient, unless more is known
// already, and refunds one that has failed, in one transaction. Unknown is what
// is recorded of one that is being sent.
func (s *Store) RecordFate(ctx context.Context, f Fate, now time.Time) (learnt Learnt, err error) {
	err = s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		learnt, err = tx.recordFate(ctx, f, now)
		return err
	})
	return learnt, err
}

func (t *Tx) recordFate(ctx context.Context, f Fate, now time.Time) (Learnt, error) {
	var status message.Status
	var refunded bool
	err := t.tx.QueryRow(ctx, `SELECT status, refunded_at IS NOT NULL FROM message_recipients WHERE message_id = $1 AND position = $2 FOR UPDATE`,
		f.MessageID, f.Position).Scan(&status, &refunded)
	if err != nil {
		return Learnt{}, failed("read recipient", err)
	}
	change := status.May(f.Status) || status == message.Sending && f.Status == message.Unknown
	_, err = t.tx.Exec(ctx, `
		UPDATE message_recipients SET
			status = CASE WHEN $3 THEN $4 ELSE status END, failure = CASE WHEN $3 THEN $5 ELSE failure END,
			changed_at = CASE WHEN $3 THEN $6 ELSE changed_at END,
			provider = CASE WHEN provider = '' THEN $7 ELSE provider END,
			provider_message_id = CASE WHEN provider_message_id = '' THEN $8 ELSE provider_message_id END
		WHERE message_id = $1 AND position = $2`, f.MessageID, f.Position, change, f.Status, f.Failure, now, f.Provider, f.ProviderMessageID)
	if err != nil || !change {
		return Learnt{}, failed("record fate", err)
	}
	learnt := Learnt{Changed: true, Late: refunded && f.Status != message.Failed}
	if f.Status != message.Failed {
		return learnt, nil
	}
	n, err := t.refundRecipients(ctx, f.MessageID, []int{f.Position}, now)
	learnt.Refunded = n > 0
	return learnt, err
}

// FailQueued gives up the recipients whose turn has not come, refunds them and
// returns how many those were.
func (s *Store) FailQueued(ctx context.Context, messageID uuid.UUID, failure string, now time.Time) (n int, err error) {
	err = s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		rows, err := tx.tx.Query(ctx, `
			UPDATE message_recipients SET status = 'failed', failure = $2, changed_at = $3 WHERE message_id = $1 AND status = 'queued'
			RETURNING position`, messageID, failure, now)
		if err != nil {
			return failed("fail recipients", err)
		}
		positions, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil {
			return failed("fail recipients", err)
		}
		n, err = tx.refundRecipients(ctx, messageID, positions, now)
		return err
	})
	return n, err
}

// RefundUnknown refunds the recipients whose outcome is unknown since before the
// given time, and returns how many those were. Their status stays: nobody knows.
func (s *Store) RefundUnknown(ctx context.Context, messageID uuid.UUID, before, now time.Time) (n int, err error) {
	err = s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		rows, err := tx.tx.Query(ctx, `
			SELECT position FROM message_recipients
			WHERE message_id = $1 AND status = 'unknown' AND refunded_at IS NULL AND attempted_at <= $2 ORDER BY position FOR UPDATE`, messageID, before)
		if err != nil {
			return failed("read recipients", err)
		}
		positions, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil {
			return failed("read recipients", err)
		}
		n, err = tx.refundRecipients(ctx, messageID, positions, now)
		return err
	})
	return n, err
}

// OtherMessageIDs returns the provider's ids of other SMS to a phone that were
// handed over between two times.
func (r *Reader) OtherMessageIDs(ctx context.Context, phone string, from, to time.Time) ([]string, error) {
	rows, err := r.db.Query(ctx, `
		SELECT provider_message_id FROM message_recipients
		WHERE phone = $1 AND attempted_at BETWEEN $2 AND $3 AND provider_message_id <> ''`, phone, from, to)
	if err != nil {
		return nil, failed("read recipients", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return ids, failed("read recipients", err)
}

// ReportedFate records what a provider reports of a recipient, each report
// once: of one that came before it returns an empty Learnt. It returns
// fault.NotFound when there is no such recipient.
func (s *Store) ReportedFate(ctx context.Context, f Fate, now time.Time) (learnt Learnt, err error) {
	err = s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		tag, err := tx.tx.Exec(ctx, `
			INSERT INTO delivery_reports (provider, provider_message_id, status, received_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			f.Provider, f.ProviderMessageID, f.Status, now)
		if err != nil || tag.RowsAffected() == 0 {
			return failed("record report", err)
		}
		learnt, err = tx.recordFate(ctx, f, now)
		return err
	})
	return learnt, err
}
