package service

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"

	"kibali/documents"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/store"
)

// Upload is a file that an applicant hands in.
type Upload struct {
	ID       uuid.UUID // of the document that it becomes; a new one when zero
	FileName string    // as the applicant calls it; for display only
	Body     io.Reader
	// Kind returns what the document proves. It is asked for after Body has
	// been read, since a form may say it after the file.
	Kind func() (string, error)
}

// Upload stores a document of a pending account's application and tells the
// case, which prepares it for review. It returns fault.Conflict when the
// account is not pending or has as many documents as the policy permits, and
// what documents.Receive and a bad kind return. Nothing is left of an upload
// that fails. It succeeds without Temporal: the case then hears of it by the
// sweep.
func (s *Service) Upload(ctx context.Context, by actor.Actor, accountID uuid.UUID, u Upload) (store.Document, error) {
	if err := ownFile(by, accountID); err != nil {
		return store.Document{}, err
	}
	if err := s.limit(ctx, s.uploads(by, accountID)...); err != nil {
		return store.Document{}, err
	}
	return s.receive(ctx, by, accountID, u)
}

// receive is Upload of what was counted.
func (s *Service) receive(ctx context.Context, by actor.Actor, accountID uuid.UUID, u Upload) (store.Document, error) {
	view, err := s.reader.Account(ctx, accountID)
	if err != nil {
		return store.Document{}, err
	}
	// Before a byte is read; InTx below asks again with the account locked.
	if err := s.uploadable(ctx, s.reader, view.Account); err != nil {
		return store.Document{}, err
	}
	received, err := s.documents.Receive(ctx, u.Body)
	if err != nil {
		return store.Document{}, err
	}
	d, err := s.recordDocument(ctx, by, accountID, u, received)
	if err != nil {
		s.discard(ctx, d.ID, received.Key, err)
		return store.Document{}, err
	}
	if err := s.tellDocument(ctx, d); err != nil {
		s.unreached(cases.RegistrationID(d.AccountID), err)
	}
	return d, nil
}

func (s *Service) uploadable(ctx context.Context, r *store.Reader, a account.Account) error {
	if _, _, err := account.Next(a.Status, a.Stage, account.DocumentsReceived); err != nil {
		return s.withCurrent(ctx, r, a, fault.New(fault.Conflict, "Documents are taken only while an application is pending."))
	}
	return nil
}

func (s *Service) recordDocument(ctx context.Context, by actor.Actor, accountID uuid.UUID, u Upload, received documents.Received) (store.Document, error) {
	named, err := u.Kind()
	if err != nil {
		return store.Document{}, err
	}
	kind, field := account.ParseDocumentKind(named)
	if field != nil {
		return store.Document{}, fault.InvalidFields(*field)
	}
	now := s.now()
	if u.ID == uuid.Nil {
		u.ID = newID()
	}
	d := store.Document{
		ID: u.ID, AccountID: accountID, Kind: string(kind), FileName: u.FileName, ContentType: received.ContentType,
		Size: received.Size, SHA256: received.SHA256[:], StorageKey: received.Key, ReceivedAt: now, Status: store.DocumentReceived,
	}
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		a, err := tx.LockAccount(ctx, accountID)
		if err != nil {
			return err
		}
		if err := s.uploadable(ctx, tx.Reader(), a); err != nil {
			return err
		}
		application, err := tx.Reader().CurrentApplication(ctx, accountID)
		if err != nil {
			return err
		}
		d.ApplicationID = application.ID
		if err := s.underLimit(ctx, tx, a, application); err != nil {
			return err
		}
		if err := tx.InsertDocument(ctx, d); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "document.received", Subject: "document", SubjectID: d.ID.String(), AccountID: &a.ID,
			After: map[string]any{"kind": d.Kind, "content_type": d.ContentType, "size": d.Size, "sha256": fmt.Sprintf("%x", d.SHA256)},
		})
	})
	return d, err
}

// underLimit returns fault.Conflict when the application has as many documents
// as it may. While a request for changes is open, those that came before it do not
// count, whether or not one that came after it has put the account back into review.
func (s *Service) underLimit(ctx context.Context, tx *store.Tx, a account.Account, application store.Application) error {
	p, err := tx.Reader().PolicyVersion(ctx, application.PolicyVersion)
	if err != nil {
		return err
	}
	var after time.Time
	if a.ChangesAsked() && a.DecidedBy != nil {
		asked, err := tx.Reader().Decision(ctx, *a.DecidedBy)
		if err != nil {
			return err
		}
		if asked.ClosedAt == nil {
			return fmt.Errorf("the decision %s made a status and is open", asked.ID)
		}
		after = *asked.ClosedAt
	}
	n, err := tx.CountDocuments(ctx, application.ID, after)
	if err != nil {
		return err
	}
	if n >= p.MaxDocuments {
		return s.withCurrent(ctx, tx.Reader(), a, fault.New(fault.Conflict, "An application may have at most %d documents, and as many again after each request for changes.", p.MaxDocuments))
	}
	return nil
}

// discard deletes the file of a document that could not be recorded because of
// cause. When the database did not say how the commit ended, the row is looked
// for, and while that cannot be told the file stays: a file too many does no
// harm, a document without its file does.
func (s *Service) discard(ctx context.Context, id uuid.UUID, key string, cause error) {
	ctx, cancel := detached(ctx, s.reach)
	defer cancel()
	if id != uuid.Nil && fault.As(cause) == nil {
		if d, err := s.reader.Document(ctx, id); err != nil && !isNotFound(err) || err == nil && d.StorageKey == key {
			s.log.Warn("file of a document kept, the end of its commit is not known", "document", id)
			return
		}
	}
	if err := s.documents.Delete(ctx, key); err != nil {
		s.log.Error("file without a document left in storage", "key", key, "cause", fmt.Sprintf("%T", err))
	}
}

// OpenDocument returns a document and its sealed original, and records that it
// was looked at. The caller closes the reader.
func (s *Service) OpenDocument(ctx context.Context, by actor.Actor, accountID, documentID uuid.UUID) (store.Document, io.ReadCloser, error) {
	d, err := s.viewable(ctx, by, accountID, documentID)
	if err != nil {
		return store.Document{}, nil, err
	}
	if err := s.recordDocumentView(ctx, by, d, "document.downloaded", nil); err != nil {
		return store.Document{}, nil, err
	}
	body, _, err := s.documents.Original(ctx, d.StorageKey)
	return d, body, err
}

// OpenPage returns the image of one page of a document, and records that it
// was looked at. The caller closes the reader.
func (s *Service) OpenPage(ctx context.Context, by actor.Actor, accountID, documentID uuid.UUID, number int) (store.Page, io.ReadCloser, error) {
	d, err := s.viewable(ctx, by, accountID, documentID)
	if err != nil {
		return store.Page{}, nil, err
	}
	page, err := s.reader.Page(ctx, d.ID, number)
	if err != nil {
		return store.Page{}, nil, err
	}
	if err := s.recordDocumentView(ctx, by, d, "document.viewed", map[string]any{"page": strconv.Itoa(number)}); err != nil {
		return store.Page{}, nil, err
	}
	body, _, err := s.documents.Page(ctx, page.StorageKey)
	return page, body, err
}

// viewable returns a document of the account that is there to be looked at.
func (s *Service) viewable(ctx context.Context, by actor.Actor, accountID, documentID uuid.UUID) (store.Document, error) {
	if err := permitted(by, actor.ReadDocuments); err != nil {
		return store.Document{}, err
	}
	d, err := s.reader.Document(ctx, documentID)
	if err != nil {
		return store.Document{}, err
	}
	if d.AccountID != accountID {
		return store.Document{}, fault.New(fault.NotFound, "There is no such document.")
	}
	if !d.Kept() {
		return store.Document{}, fault.New(fault.NotFound, "The file was deleted on %s (%s).", d.DiscardedAt.UTC().Format(time.DateOnly), d.DiscardedFor)
	}
	return d, nil
}

// recordDocumentView records that somebody looks at a document, in the way that
// the action names.
func (s *Service) recordDocumentView(ctx context.Context, by actor.Actor, d store.Document, action string, detail map[string]any) error {
	return s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.AppendEvent(ctx, store.Event{
			At: s.now(), Actor: by, Action: action, Subject: "document", SubjectID: d.ID.String(), AccountID: &d.AccountID, After: detail,
		})
	})
}
