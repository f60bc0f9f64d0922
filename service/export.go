package service

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

// whatExport is what exports are counted under.
const whatExport = "export"

// Export is everything that is held about the person of one account, ready to be
// written.
type Export struct {
	service   *Service
	accountID uuid.UUID
	at        time.Time
}

// Export begins to hand out all that is held about the person of an account, to
// themselves or to staff who may, and records that it was. A user is limited:
// fault.RateLimited. It returns fault.NotFound when there is no such account.
func (s *Service) Export(ctx context.Context, by actor.Actor, accountID uuid.UUID) (*Export, error) {
	if by.Kind == actor.Account {
		if by.ID != accountID {
			return nil, fault.New(fault.Forbidden, "Only the user of the account may do this.")
		}
		if err := s.limit(ctx, use{s.limits.ExportAccount, whatExport, []string{accountID.String()}}); err != nil {
			return nil, err
		}
	} else if err := permitted(by, actor.ManageData); err != nil {
		return nil, err
	}
	if _, err := s.reader.Account(ctx, accountID); err != nil {
		return nil, err
	}
	now := s.now()
	err := s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "account.exported", Subject: "account", SubjectID: accountID.String(), AccountID: &accountID,
		})
	})
	return &Export{service: s, accountID: accountID, at: now}, err
}

// Name is what the file is called. It says nothing of the person.
func (e *Export) Name() string {
	return fmt.Sprintf("account-%s-%s.zip", e.accountID, e.at.UTC().Format(time.DateOnly))
}

// about explains the file to whoever opens it.
const about = `This is everything that is held about the person and the company of one account.

Each file with the ending .jsonl has one JSON object a line. Times are UTC.

account.jsonl          the account as it is
logins.jsonl           the e-mail to sign in with; passwords are not kept as such
applications.jsonl     what was submitted for review
documents.jsonl        the documents; documents/ has them as they were handed in
decisions.jsonl        what was decided, with the reason that was given
appeals.jsonl          what was said against a suspension
notices.jsonl          the e-mails and SMS that were sent about the account
transactions.jsonl     the billing history
messages.jsonl         the SMS that the account has sent, with their recipients
api_keys.jsonl         API keys, by their beginning
sessions.jsonl         from where and when somebody was signed in
password_resets.jsonl  requests for another password
contact_proofs.jsonl   e-mail addresses and phones that were to be confirmed
audit_events.jsonl     what was done with the account, and when
`

// Write writes the export as a ZIP file, as it reads it: its memory does not grow
// with what there is. A document that is not in storage is left out, and its line
// in documents.jsonl stays. The error of w is returned as it is.
func (e *Export) Write(ctx context.Context, w io.Writer) error {
	archive := zip.NewWriter(w)
	readme, err := e.file(archive, "README.txt", zip.Deflate)
	if err == nil {
		_, err = io.WriteString(readme, about)
	}
	if err != nil {
		return err
	}
	for _, part := range store.PersonalParts() {
		lines, err := e.file(archive, part.Name+".jsonl", zip.Deflate)
		if err != nil {
			return err
		}
		err = e.service.reader.EachPersonal(ctx, part, e.accountID, func(row []byte) error {
			_, err := lines.Write(append(row, '\n'))
			return err
		})
		if err != nil {
			return err
		}
	}
	documents, err := e.service.reader.Documents(ctx, e.accountID)
	if err != nil {
		return err
	}
	for _, d := range documents {
		if err := e.document(ctx, archive, d); err != nil {
			return err
		}
	}
	return archive.Close()
}

func (e *Export) document(ctx context.Context, archive *zip.Writer, d store.Document) error {
	if !d.Kept() {
		return nil
	}
	original, _, err := e.service.documents.Original(ctx, d.StorageKey)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer original.Close()
	extension := map[string]string{"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}[d.ContentType]
	file, err := e.file(archive, "documents/"+d.ID.String()+extension, zip.Store)
	if err == nil {
		_, err = io.Copy(file, original)
	}
	return err
}

func (e *Export) file(archive *zip.Writer, name string, method uint16) (io.Writer, error) {
	return archive.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: e.at})
}
