package service

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kibali/documents"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

const (
	// uploadLife is how long what has arrived of a file waits for the rest.
	uploadLife = 24 * time.Hour
	// openUploads is how many files of an account may be under way.
	openUploads = 3
)

// BeginUpload begins an upload of so many bytes that comes in parts: over a line
// that breaks, what has arrived stays, and the rest follows. It returns
// fault.Conflict when the account is not pending, fault.TooLarge for more than a
// file may have, fault.Invalid for none, and fault.RateLimited when too many were
// begun.
func (s *Service) BeginUpload(ctx context.Context, by actor.Actor, accountID uuid.UUID, size int64) (store.PartialUpload, error) {
	if err := ownFile(by, accountID); err != nil {
		return store.PartialUpload{}, err
	}
	if size < 1 {
		return store.PartialUpload{}, fault.InvalidFields(fault.Field{Field: "file", Code: "empty", Detail: "Must not be empty."})
	}
	if size > documents.MaxSize {
		return store.PartialUpload{}, fault.New(fault.TooLarge, "A file may have at most %d MB.", documents.MaxSize>>20)
	}
	if err := s.limit(ctx, s.uploads(by, accountID)...); err != nil {
		return store.PartialUpload{}, err
	}
	view, err := s.reader.Account(ctx, accountID)
	if err != nil {
		return store.PartialUpload{}, err
	}
	if err := s.uploadable(ctx, s.reader, view.Account); err != nil {
		return store.PartialUpload{}, err
	}
	u := store.PartialUpload{ID: newID(), AccountID: accountID, Size: size, BegunAt: s.now()}
	return u, s.store.BeginUpload(ctx, u, openUploads)
}

// ContinueUpload adds the part of a file that begins at the given place and
// returns how the upload stands. A part that is not the next one changes
// nothing: a sender whose answer was lost reads there where to go on. It returns
// fault.NotFound for an upload that was not begun, has become a document, or was
// forgotten after a day.
func (s *Service) ContinueUpload(ctx context.Context, by actor.Actor, accountID, id uuid.UUID, at int64, part []byte) (store.PartialUpload, error) {
	if err := ownFile(by, accountID); err != nil {
		return store.PartialUpload{}, err
	}
	return s.store.AppendUpload(ctx, accountID, id, at, part)
}

// FinishUpload makes a document of an upload that has arrived whole, as Upload
// does of a file that comes at once, and returns what that does, but for
// fault.RateLimited: it was counted when it began. Done twice, even
// at once, it makes one document. What is refused for its content is forgotten.
func (s *Service) FinishUpload(ctx context.Context, by actor.Actor, accountID, id uuid.UUID, kind, fileName string) (store.Document, error) {
	if err := ownFile(by, accountID); err != nil {
		return store.Document{}, err
	}
	d, err := s.finished(ctx, accountID, id)
	if !isNotFound(err) {
		return d, err
	}
	d, err = s.finish(ctx, by, accountID, id, kind, fileName)
	if err == nil {
		return d, nil
	}
	if done, finishedErr := s.finished(ctx, accountID, id); finishedErr == nil {
		return done, nil // in the meantime, by the same sender who asked twice
	}
	return store.Document{}, err
}

// finished returns the document that an upload has become, or fault.NotFound.
func (s *Service) finished(ctx context.Context, accountID, id uuid.UUID) (store.Document, error) {
	d, err := s.reader.Document(ctx, id)
	if err != nil {
		return store.Document{}, err
	}
	if d.AccountID != accountID {
		return store.Document{}, fault.New(fault.NotFound, "There is no such document.")
	}
	return d, s.store.ForgetUpload(ctx, accountID, id)
}

func (s *Service) finish(ctx context.Context, by actor.Actor, accountID, id uuid.UUID, kind, fileName string) (store.Document, error) {
	u, err := s.reader.PartialUpload(ctx, accountID, id)
	if err != nil {
		return store.Document{}, err
	}
	if !u.Whole() {
		return store.Document{}, fault.New(fault.Conflict, "The file has not arrived whole yet.")
	}
	d, err := s.receive(ctx, by, accountID, Upload{
		ID: id, FileName: fileName, Body: s.reader.UploadContent(ctx, id), Kind: func() (string, error) { return kind, nil },
	})
	if err != nil && fault.As(err) == nil {
		return store.Document{}, err // another try may do better
	}
	if forgetErr := s.store.ForgetUpload(ctx, accountID, id); err == nil {
		err = forgetErr
	}
	return d, err
}

// PartialUpload returns how an upload of the applicant's stands, or
// fault.NotFound.
func (s *Service) PartialUpload(ctx context.Context, by actor.Actor, accountID, id uuid.UUID) (store.PartialUpload, error) {
	if err := ownFile(by, accountID); err != nil {
		return store.PartialUpload{}, err
	}
	return s.reader.PartialUpload(ctx, accountID, id)
}

// ownFile returns nil when the caller is the applicant whose file it is.
func ownFile(by actor.Actor, accountID uuid.UUID) error {
	if err := itself(by); err != nil {
		return err
	}
	if by.ID != accountID {
		return fault.New(fault.Forbidden, "Only the applicant may add documents.")
	}
	return nil
}
