package store

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// PartialUpload is a file that an applicant sends in parts.
type PartialUpload struct {
	ID        uuid.UUID
	AccountID uuid.UUID
	Size      int64 // of the whole file, in bytes
	Received  int64 // how much of it has arrived, from its beginning
	BegunAt   time.Time
}

// Whole reports whether all of the file has arrived.
func (u PartialUpload) Whole() bool { return u.Received == u.Size }

// BeginUpload records an upload of which nothing has arrived. Of the account's
// others the newest are kept, most in all.
func (s *Store) BeginUpload(ctx context.Context, u PartialUpload, most int) error {
	_, err := s.pool.Exec(ctx, `
		WITH begun AS (INSERT INTO partial_uploads (id, account_id, size, begun_at) VALUES ($1, $2, $3, $4))
		DELETE FROM partial_uploads WHERE id IN (
			SELECT id FROM partial_uploads WHERE account_id = $2 ORDER BY begun_at DESC, id DESC OFFSET $5)`,
		u.ID, u.AccountID, u.Size, u.BegunAt, most-1)
	return failed("begin upload", err)
}

// AppendUpload adds the part that begins at the given place, if that is where
// the account's upload has got to and no more comes than it said. Otherwise
// nothing changes. It returns the upload as it is then, or fault.NotFound.
func (s *Store) AppendUpload(ctx context.Context, accountID, id uuid.UUID, at int64, part []byte) (PartialUpload, error) {
	rows, err := s.pool.Query(ctx, `
		WITH grown AS (
			UPDATE partial_uploads SET received = received + length($4::bytea)
			WHERE id = $1 AND account_id = $2 AND received = $3 AND received + length($4::bytea) <= size AND length($4::bytea) > 0
			RETURNING `+partialColumns+`
		), kept AS (INSERT INTO partial_upload_parts (upload_id, at, content) SELECT id, $3, $4::bytea FROM grown)
		SELECT * FROM grown`, id, accountID, at, part)
	if err != nil {
		return PartialUpload{}, failed("append to upload", err)
	}
	u, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[PartialUpload])
	if errors.Is(err, pgx.ErrNoRows) {
		return s.Reader().PartialUpload(ctx, accountID, id)
	}
	return u, failed("append to upload", err)
}

const partialColumns = `id, account_id, size, received, begun_at`

// PartialUpload returns an upload of the account, or fault.NotFound.
func (r *Reader) PartialUpload(ctx context.Context, accountID, id uuid.UUID) (PartialUpload, error) {
	rows, err := r.db.Query(ctx, `SELECT `+partialColumns+` FROM partial_uploads WHERE id = $1 AND account_id = $2`, id, accountID)
	if err != nil {
		return PartialUpload{}, failed("read upload", err)
	}
	u, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[PartialUpload])
	return u, failed("read upload", err)
}

// UploadContent returns what has arrived of an upload, read part by part. Its
// end is where the next part would begin.
func (r *Reader) UploadContent(ctx context.Context, id uuid.UUID) io.Reader {
	return &uploadContent{ctx: ctx, reader: r, id: id}
}

type uploadContent struct {
	ctx    context.Context // of one read through: io.Reader takes none
	reader *Reader
	id     uuid.UUID
	at     int64  // where the next part begins
	part   []byte // what is left of this one
}

func (u *uploadContent) Read(p []byte) (int, error) {
	if len(u.part) == 0 {
		err := u.reader.db.QueryRow(u.ctx, `SELECT content FROM partial_upload_parts WHERE upload_id = $1 AND at = $2`, u.id, u.at).Scan(&u.part)
		if errors.Is(err, pgx.ErrNoRows) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, failed("read upload", err)
		}
		u.at += int64(len(u.part))
	}
	n := copy(p, u.part)
	u.part = u.part[n:]
	return n, nil
}

// ForgetUpload drops an upload and what has arrived of it, where there is one.
func (s *Store) ForgetUpload(ctx context.Context, accountID, id uuid.UUID) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM partial_uploads WHERE id = $1 AND account_id = $2`, id, accountID)
	return failed("forget upload", err)
}

// ForgetUploads drops the uploads that were begun before the given time.
func (s *Store) ForgetUploads(ctx context.Context, before time.Time) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM partial_uploads WHERE begun_at < $1`, before)
	return failed("forget uploads", err)
}
