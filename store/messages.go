package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/domain/message"
)

// Message is an SMS of a customer to one or more recipients.
type Message struct {
	ID           uuid.UUID
	AccountID    uuid.UUID
	ChargeID     uuid.UUID
	SenderID     string // "" is the platform's own
	Text         string
	Segments     int // for each recipient
	Recipients   int
	CreatedAt    time.Time
	GiveUpAt     time.Time     // when what could not be handed over is given up
	SettleWithin time.Duration // how long an unknown outcome is waited for
	SettledAt    *time.Time    // when its case had nothing left to do
}

// Credits is what it was charged.
func (m Message) Credits() int64 { return int64(m.Segments) * int64(m.Recipients) }

// Recipient is what has become of a message on its way to one phone.
type Recipient struct {
	Position          int
	Phone             string
	Status            message.Status
	Failure           string // a code
	Provider          string
	ProviderMessageID string
	AttemptedAt       *time.Time
	RefundedAt        *time.Time
}

// Order is a message that is asked for.
type Order struct {
	Message     Message
	Phones      []string
	Fingerprint [32]byte // of what was asked for
	Key         string   // makes the request one, however often it is sent
	Actor       actor.Actor
}

// chargeOfMessage is the reference of a message's charge and refunds.
const chargeOfMessage = "message"

// AcceptMessage charges a message and records it, in one transaction. The same
// request again returns the message that the first one made, and true. It
// returns what Tx.Charge returns, and has changed nothing then.
func (s *Store) AcceptMessage(ctx context.Context, o Order) (Message, bool, error) {
	var err error
	for range overtaken {
		var made Message
		var replayed bool
		made, replayed, err = s.acceptOnce(ctx, o)
		if !violates(err, "transfers_request") {
			return made, replayed, err
		}
		// The same request came at the same moment: the next try finds it.
	}
	return Message{}, false, err
}

var errReplayed = errors.New("the request was made before")

func (s *Store) acceptOnce(ctx context.Context, o Order) (Message, bool, error) {
	var first Posted
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		// The message comes first and the charge last: the account's row is locked
		// before its balance, as a suspension does it, and the balance is locked
		// until the commit only.
		if err := tx.insertMessage(ctx, o); err != nil {
			return err
		}
		posted, err := tx.Charge(ctx, Posting{
			ID: o.Message.ChargeID, Request: Request{Scope: o.Message.AccountID, Key: "message:" + o.Key},
			AccountID: o.Message.AccountID, Amount: o.Message.Credits(), Reference: chargeOfMessage, Actor: o.Actor, At: o.Message.CreatedAt,
		})
		if err == nil && posted.Replayed {
			first, err = posted, errReplayed
		}
		return err
	})
	if !errors.Is(err, errReplayed) {
		return o.Message, false, err
	}
	made, fingerprint, err := s.Reader().messageOfCharge(ctx, first.ID)
	if err == nil && fingerprint != o.Fingerprint {
		err = fault.New(fault.KeyReused, "This key was used for another request.")
	}
	return made, true, err
}

func (t *Tx) insertMessage(ctx context.Context, o Order) error {
	m := o.Message
	var batch pgx.Batch
	batch.Queue(`
		INSERT INTO messages (id, account_id, charge_id, fingerprint, sender_id, text, segments, recipients, created_at, give_up_at, settle_within, wake_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $9)`,
		m.ID, m.AccountID, m.ChargeID, o.Fingerprint[:], m.SenderID, m.Text, m.Segments, m.Recipients, m.CreatedAt, m.GiveUpAt, m.SettleWithin)
	batch.Queue(`
		INSERT INTO message_recipients (message_id, position, phone, changed_at)
		SELECT $1, phone.n - 1, phone.e164, $3 FROM unnest($2::text[]) WITH ORDINALITY AS phone (e164, n)`, m.ID, o.Phones, m.CreatedAt)
	return failed("insert message", t.tx.SendBatch(ctx, &batch).Close())
}

const messageColumns = `id, account_id, charge_id, sender_id, text, segments, recipients, created_at, give_up_at, settle_within, settled_at`

// Message returns a message, or fault.NotFound.
func (r *Reader) Message(ctx context.Context, id uuid.UUID) (Message, error) {
	rows, err := r.db.Query(ctx, `SELECT `+messageColumns+` FROM messages WHERE id = $1`, id)
	if err != nil {
		return Message{}, failed("read message", err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Message])
	return m, failed("read message", err)
}

// messageOfCharge returns the message that a charge is for and the fingerprint
// of the request that made it, or fault.NotFound.
func (r *Reader) messageOfCharge(ctx context.Context, chargeID uuid.UUID) (Message, [32]byte, error) {
	var id uuid.UUID
	var fingerprint []byte
	err := r.db.QueryRow(ctx, `SELECT id, fingerprint FROM messages WHERE charge_id = $1`, chargeID).Scan(&id, &fingerprint)
	if err != nil {
		return Message{}, [32]byte{}, failed("read message", err)
	}
	m, err := r.Message(ctx, id)
	return m, [32]byte(fingerprint), err
}

// ChargesMessage reports whether a charge is a message's: such a charge is
// refunded by what becomes of the message.
func (r *Reader) ChargesMessage(ctx context.Context, chargeID uuid.UUID) (bool, error) {
	var yes bool
	err := r.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM messages WHERE charge_id = $1)`, chargeID).Scan(&yes)
	return yes, failed("read message", err)
}

// MessageSummary is a message without what it says and to whom: how many
// recipients there are, and what has become of it for how many.
type MessageSummary struct {
	ID         uuid.UUID
	SenderID   string // "" is the platform's own
	Segments   int    // for each recipient
	Recipients int
	CreatedAt  time.Time
	Delivered  int
	Failed     int
	Sent       int // handed over, and not heard of since
}

// Waiting is for how many recipients it is still to be told.
func (m MessageSummary) Waiting() int { return m.Recipients - m.Delivered - m.Failed - m.Sent }

// MessageSummaries returns the newest messages of an account.
func (r *Reader) MessageSummaries(ctx context.Context, accountID uuid.UUID, limit int) ([]MessageSummary, error) {
	rows, err := r.db.Query(ctx, `
		SELECT m.id, m.sender_id, m.segments, m.recipients, m.created_at, c.delivered, c.failed, c.sent
		FROM (SELECT * FROM messages WHERE account_id = $1 ORDER BY id DESC LIMIT $2) m
		CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE status = 'delivered') AS delivered, count(*) FILTER (WHERE status = 'failed') AS failed,
			count(*) FILTER (WHERE status = 'sent') AS sent FROM message_recipients WHERE message_id = m.id) c
		ORDER BY m.id DESC`, accountID, limit)
	if err != nil {
		return nil, failed("read messages", err)
	}
	messages, err := pgx.CollectRows(rows, pgx.RowToStructByName[MessageSummary])
	return messages, failed("read messages", err)
}

const recipientColumns = `position, phone, status, failure, provider, provider_message_id, attempted_at, refunded_at`

// MessageRecipients returns the recipients of a message, in the order in which
// they were named.
func (r *Reader) MessageRecipients(ctx context.Context, id uuid.UUID) ([]Recipient, error) {
	rows, err := r.db.Query(ctx, `SELECT `+recipientColumns+` FROM message_recipients WHERE message_id = $1 ORDER BY position`, id)
	if err != nil {
		return nil, failed("read recipients", err)
	}
	recipients, err := pgx.CollectRows(rows, pgx.RowToStructByName[Recipient])
	return recipients, failed("read recipients", err)
}

// WaitingMessages returns messages whose case should have acted before the given
// time, the longest overdue first.
func (r *Reader) WaitingMessages(ctx context.Context, before time.Time, limit int) ([]Message, error) {
	rows, err := r.db.Query(ctx, `SELECT `+messageColumns+` FROM messages WHERE settled_at IS NULL AND wake_at < $1 ORDER BY wake_at LIMIT $2`, before, limit)
	if err != nil {
		return nil, failed("read messages", err)
	}
	messages, err := pgx.CollectRows(rows, pgx.RowToStructByName[Message])
	return messages, failed("read messages", err)
}

// PlanMessage says when the case of a message acts next, or, with settled, that
// it has nothing left to do.
func (s *Store) PlanMessage(ctx context.Context, id uuid.UUID, wake time.Time, settled bool, now time.Time) error {
	_, err := s.pool.Exec(ctx, `UPDATE messages SET wake_at = $2, settled_at = CASE WHEN $3 THEN coalesce(settled_at, $4) END WHERE id = $1`, id, wake, settled, now)
	return failed("plan message", err)
}

// refundRecipients gives back what some recipients of a message cost, once
// each, in the transaction that says why. What reaches a suspended account is
// held, what reaches a closed one settled.
func (t *Tx) refundRecipients(ctx context.Context, messageID uuid.UUID, positions []int, now time.Time) (int, error) {
	if len(positions) == 0 {
		return 0, nil
	}
	var (
		accountID uuid.UUID
		amount    *int64
		first, n  *int
	)
	err := t.tx.QueryRow(ctx, `
		WITH refunded AS (
			UPDATE message_recipients SET refunded_at = $3 WHERE message_id = $1 AND position = ANY ($2) AND refunded_at IS NULL RETURNING position
		)
		SELECT m.account_id, (SELECT count(*) FROM refunded) * m.segments, (SELECT min(position) FROM refunded), (SELECT count(*) FROM refunded)
		FROM messages m WHERE m.id = $1`, messageID, positions, now).Scan(&accountID, &amount, &first, &n)
	if err != nil || *n == 0 {
		return 0, failed("refund recipients", err)
	}
	_, err = t.settleClosed(ctx, now)(within(t).post(ctx, Posting{
		ID: uuid.Must(uuid.NewV7()), Request: Request{Scope: messageID, Key: refundKey(*first)}, Kind: ledger.ChargeRefund,
		AccountID: accountID, Amount: *amount, Reference: chargeOfMessage, Actor: actor.Actor{Kind: actor.System}, At: now,
	}))
	return *n, err
}
