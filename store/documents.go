package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// The states of a document.
const (
	DocumentReceived = "received" // waits for its page images
	DocumentReady    = "ready"
	DocumentRefused  = "refused" // cannot be shown; Refusal says why
)

// Document is a file that an applicant has handed in.
type Document struct {
	ID            uuid.UUID
	AccountID     uuid.UUID
	ApplicationID uuid.UUID
	Kind          string
	FileName      string // as the applicant called it; for display only
	ContentType   string // by content
	Size          int64  // bytes
	SHA256        []byte `db:"sha256"`
	StorageKey    string // of the sealed original
	ReceivedAt    time.Time
	Status        string
	Refusal       string
	PreparedAt    *time.Time
	Pages         int // page images, once it is ready
	// DiscardedAt is since when nobody is given the file any more, which is deleted
	// from storage then; nil while it is kept. DiscardedFor says why.
	DiscardedAt  *time.Time
	DiscardedFor string
}

// Kept reports whether the document's file can still be looked at.
func (d Document) Kept() bool { return d.DiscardedAt == nil }

// Page is the image of one page of a document.
type Page struct {
	DocumentID  uuid.UUID
	Number      int // from 1
	StorageKey  string
	ContentType string
	Width       int // pixels
	Height      int
	Size        int64 // bytes
}

const documentSelect = `
	SELECT id, account_id, application_id, kind, file_name, content_type, size, sha256, storage_key,
		received_at, status, refusal, prepared_at, discarded_at, coalesce(discarded_for, '') AS discarded_for,
		(SELECT count(*) FROM document_pages p WHERE p.document_id = documents.id)::int AS pages
	FROM documents `

// InsertDocument records a file that has been stored.
func (t *Tx) InsertDocument(ctx context.Context, d Document) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO documents (id, account_id, application_id, kind, file_name, content_type, size, sha256, storage_key, received_at, status)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'received')`,
		d.ID, d.AccountID, d.ApplicationID, d.Kind, d.FileName, d.ContentType, d.Size, d.SHA256, d.StorageKey, d.ReceivedAt)
	return failed("insert document", err)
}

// CountDocuments returns how many documents an application has that came after
// the given time and were not refused. With the account locked, nobody adds one
// meanwhile.
func (t *Tx) CountDocuments(ctx context.Context, applicationID uuid.UUID, after time.Time) (int, error) {
	var n int
	err := t.tx.QueryRow(ctx, `SELECT count(*) FROM documents WHERE application_id = $1 AND received_at > $2 AND status <> 'refused'`,
		applicationID, after).Scan(&n)
	return n, failed("count documents", err)
}

// FinishDocument records that a document has been prepared for review: with
// its pages, or with the code of its refusal.
func (t *Tx) FinishDocument(ctx context.Context, id uuid.UUID, pages []Page, refusal string, now time.Time) error {
	status := DocumentReady
	if refusal != "" {
		status = DocumentRefused
	}
	var batch pgx.Batch
	batch.Queue(`UPDATE documents SET status = $2, refusal = $3, prepared_at = $4 WHERE id = $1`, id, status, refusal, now)
	batch.Queue(`DELETE FROM document_pages WHERE document_id = $1`, id)
	for _, p := range pages {
		batch.Queue(`INSERT INTO document_pages (document_id, number, storage_key, content_type, width, height, size) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			id, p.Number, p.StorageKey, p.ContentType, p.Width, p.Height, p.Size)
	}
	return failed("finish document", t.tx.SendBatch(ctx, &batch).Close())
}

// Documents returns an account's documents, the newest first.
func (r *Reader) Documents(ctx context.Context, accountID uuid.UUID) ([]Document, error) {
	rows, err := r.db.Query(ctx, documentSelect+`WHERE account_id = $1 ORDER BY received_at DESC, id DESC`, accountID)
	if err != nil {
		return nil, failed("read documents", err)
	}
	documents, err := pgx.CollectRows(rows, pgx.RowToStructByName[Document])
	return documents, failed("read documents", err)
}

// Document returns one document, or fault.NotFound.
func (r *Reader) Document(ctx context.Context, id uuid.UUID) (Document, error) {
	rows, err := r.db.Query(ctx, documentSelect+`WHERE id = $1`, id)
	if err != nil {
		return Document{}, failed("read document", err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Document])
	return d, failed("read document", err)
}

// Page returns the image of a document's page, or fault.NotFound.
func (r *Reader) Page(ctx context.Context, documentID uuid.UUID, number int) (Page, error) {
	rows, err := r.db.Query(ctx, `
		SELECT document_id, number, storage_key, content_type, width, height, size
		FROM document_pages WHERE document_id = $1 AND number = $2`, documentID, number)
	if err != nil {
		return Page{}, failed("read page", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Page])
	return p, failed("read page", err)
}

// AccountPages returns the images of all pages of an account's documents, by
// document and number.
func (r *Reader) AccountPages(ctx context.Context, accountID uuid.UUID) ([]Page, error) {
	rows, err := r.db.Query(ctx, `
		SELECT p.document_id, p.number, p.storage_key, p.content_type, p.width, p.height, p.size
		FROM document_pages p JOIN documents d ON d.id = p.document_id
		WHERE d.account_id = $1 ORDER BY p.document_id, p.number`, accountID)
	if err != nil {
		return nil, failed("read pages", err)
	}
	pages, err := pgx.CollectRows(rows, pgx.RowToStructByName[Page])
	return pages, failed("read pages", err)
}
