package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
	"kibali/domain/actor"
)

// Why a document's file was discarded.
const (
	ForRetention = "retention" // the application was rejected long ago
	ForErasure   = "erasure"   // of the account
)

// DiscardedRefusal is the refusal of a document whose file was discarded before
// it could be prepared.
const DiscardedRefusal = "discarded"

// Discard is why and by whom documents are discarded.
type Discard struct {
	For        string
	Actor      actor.Actor
	DecisionID *uuid.UUID
	WorkflowID string
	At         time.Time
}

// DiscardDocuments makes the files of an account's documents unavailable, each
// with its event, and forgets their page images. Their kind, size, dates and
// SHA-256 stay. One that was discarded before is left as it is. The files are in
// storage still: DiscardedDocuments are to be deleted.
func (t *Tx) DiscardDocuments(ctx context.Context, accountID uuid.UUID, d Discard) error {
	var actorID *uuid.UUID
	if d.Actor.ID != uuid.Nil {
		actorID = &d.Actor.ID
	}
	var batch pgx.Batch
	batch.Queue(`
		DELETE FROM document_pages p USING documents d
		WHERE d.id = p.document_id AND d.account_id = $1 AND d.discarded_at IS NULL`, accountID)
	batch.Queue(`
		WITH discarded AS (
			UPDATE documents SET discarded_at = $2, discarded_for = $3,
				status = CASE status WHEN 'received' THEN 'refused' ELSE status END,
				refusal = CASE status WHEN 'received' THEN $4 ELSE refusal END, prepared_at = coalesce(prepared_at, $2)
			WHERE account_id = $1 AND discarded_at IS NULL RETURNING id, kind
		)
		INSERT INTO audit_events (at, actor_kind, actor_id, actor_role, action, subject, subject_id, account_id, after, reason_code, decision_id, request_id, workflow_id)
		SELECT $2::timestamptz, $5::text, $6::uuid, $7::text, 'document.discarded', 'document', d.id::text, $1::uuid,
			jsonb_build_object('kind', d.kind), $3::text, $8::uuid, $9::text, $10::text
		FROM discarded d`,
		accountID, d.At, d.For, DiscardedRefusal, d.Actor.Kind, actorID, d.Actor.Role, d.DecisionID, d.Actor.RequestID, d.WorkflowID)
	return failed("discard documents", t.tx.SendBatch(ctx, &batch).Close())
}

// DiscardedDocuments returns documents whose files are still to be deleted from
// storage: of the account, or of any that discarded them before the given time
// when it is nil.
func (r *Reader) DiscardedDocuments(ctx context.Context, accountID uuid.UUID, before time.Time, limit int) ([]Document, error) {
	rows, err := r.db.Query(ctx, documentSelect+`
		WHERE discarded_at IS NOT NULL AND deleted_at IS NULL AND CASE WHEN $1 = '00000000-0000-0000-0000-000000000000'::uuid
			THEN discarded_at < $2 ELSE account_id = $1 END
		ORDER BY discarded_at LIMIT $3`, accountID, before, limit)
	if err != nil {
		return nil, failed("read documents", err)
	}
	documents, err := pgx.CollectRows(rows, pgx.RowToStructByName[Document])
	return documents, failed("read documents", err)
}

// FilesDeleted records that storage has nothing of a discarded document any more.
func (s *Store) FilesDeleted(ctx context.Context, documentID uuid.UUID, now time.Time) error {
	_, err := s.pool.Exec(ctx, `UPDATE documents SET deleted_at = $2 WHERE id = $1 AND discarded_at IS NOT NULL AND deleted_at IS NULL`, documentID, now)
	return failed("record deletion", err)
}

// Unfinished returns how many of an account's messages have no outcome yet.
// Each may still be given credits back, and its recipients are still needed.
func (r *Reader) Unfinished(ctx context.Context, accountID uuid.UUID) (int, error) {
	var n int
	err := r.db.QueryRow(ctx, `SELECT count(*) FROM messages WHERE account_id = $1 AND settled_at IS NULL`, accountID).Scan(&n)
	return n, failed("read messages", err)
}

// owedToErased closes what an account is owed: nobody is there to be told.
var owedToErased = closeNotice(`
	UPDATE notices SET status = 'failed', failure = 'erased', closed_at = $2 WHERE account_id = $1 AND status = 'pending'`, "notice.failed")

// EraseAccount takes everything personal out of a closed account that the caller
// has locked: the person and the company, what they wrote and what staff wrote
// about them, whom they sent messages to and what those said, and whatever they
// could sign in with, and the searches for them that staff have saved. What is left is ids, codes, counts, times and the hashes of
// files. The e-mail and phone are free for anyone to register with from then on.
// The ledger, the audit trail and the decision that orders the erasure stay as
// they are. It can be repeated.
func (t *Tx) EraseAccount(ctx context.Context, a account.Account, decision *uuid.UUID, now time.Time) error {
	if err := t.forgetViews(ctx, a); err != nil {
		return err
	}
	var batch pgx.Batch
	batch.Queue(`
		UPDATE accounts SET name = $2, email = '', phone = '', company_name = $2, company_registration_number = '', company_tin = '',
			company_website = '', company_address = '', search_text = '', email_verified_at = NULL, phone_verified_at = NULL,
			contact_released_at = coalesce(contact_released_at, $3), erased_at = coalesce(erased_at, $3)
		WHERE id = $1`, a.ID, account.ErasedName, now)
	batch.Queue(`
		UPDATE applications SET name = '', company = jsonb_build_object('name', '', 'industry', company -> 'industry') WHERE account_id = $1`, a.ID)
	batch.Queue(`UPDATE documents SET file_name = '' WHERE account_id = $1`, a.ID)
	batch.Queue(`UPDATE appeals SET text = '' WHERE account_id = $1`, a.ID)
	batch.Queue(`
		UPDATE decisions SET reason = '', note = '', signature_note = '' WHERE account_id = $1 AND id IS DISTINCT FROM $2`, a.ID, decision)
	batch.Queue(`
		DELETE FROM idempotency_keys WHERE scope = 'account:' || $1::text OR status IS NOT NULL AND decision_id IN (
			SELECT id FROM decisions WHERE account_id = $1::uuid AND id IS DISTINCT FROM $2)`, a.ID, decision)
	batch.Queue(`
		UPDATE messages SET text = '', sender_id = '', fingerprint = decode(repeat('00', 32), 'hex') WHERE account_id = $1`, a.ID)
	batch.Queue(`
		UPDATE message_recipients SET phone = '', provider_message_id = '' WHERE message_id IN (SELECT id FROM messages WHERE account_id = $1)`, a.ID)
	batch.Queue(owedToErased, a.ID, now)
	batch.Queue(`UPDATE notices SET provider_message_id = '' WHERE account_id = $1`, a.ID)
	batch.Queue(`
		UPDATE password_resets SET email = NULL, token_hash = NULL WHERE account_id = $1 OR account_id IS NULL AND email = nullif($2, '')`, a.ID, a.Email)
	batch.Queue(`DELETE FROM contact_proofs WHERE account_id = $1`, a.ID)
	batch.Queue(`DELETE FROM logins WHERE account_id = $1`, a.ID)
	batch.Queue(`DELETE FROM sessions WHERE account_id = $1`, a.ID)
	batch.Queue(`DELETE FROM api_keys WHERE account_id = $1`, a.ID)
	batch.Queue(`DELETE FROM review_claims WHERE account_id = $1`, a.ID)
	batch.Queue(`DELETE FROM partial_uploads WHERE account_id = $1`, a.ID)
	return failed("erase account", t.tx.SendBatch(ctx, &batch).Close())
}
