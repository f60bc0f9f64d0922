package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"kibali/documents"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/store"
)

// refusalMissing is the refusal of a document whose original is not in storage.
const refusalMissing = "missing"

// missingMost is for how long an original that is not in storage is looked for
// again: its storage may be another one than the worker's, or be away, and the
// document was acknowledged.
const missingMost = time.Hour

// heartbeat is how often a worker tells that it still prepares a document.
const heartbeat = 5 * time.Second

// ReceiveDocument makes the page images of an uploaded document and puts the
// account into review, unless it is there already, its review is over or
// changes were asked for after the document had come. A
// document that cannot be shown is kept as refused; the reviewer sees that, and
// can ask for another. It returns fault.NotFound when there is no such document,
// and fault.Unavailable while its original may still be found.
func (a *Activities) ReceiveDocument(ctx context.Context, m cases.Document) (cases.Outcome, error) {
	document, err := a.reader.Document(ctx, m.DocumentID)
	if err != nil {
		return cases.Outcome{}, err
	}
	if !document.Kept() {
		// An attempt that was lost may have drawn pages of it since.
		if err := a.documents.Discard(ctx, document.StorageKey); err != nil {
			return cases.Outcome{}, err
		}
	}
	var pages []store.Page
	var refusal string
	if document.Status == store.DocumentReceived {
		if pages, refusal, err = a.render(ctx, document); err != nil {
			return cases.Outcome{}, err
		}
	}
	caseID := cases.RegistrationID(document.AccountID)
	var o cases.Outcome
	err = a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		acc, err := tx.LockAccount(ctx, document.AccountID)
		if err != nil {
			return err
		}
		kept := document.Kept()
		if document, err = tx.Reader().Document(ctx, m.DocumentID); err != nil {
			return err
		}
		if kept && !document.Kept() {
			return fault.New(fault.Unavailable, "The document was discarded while its pages were drawn.")
		}
		if document.Status != store.DocumentReceived {
			o, err = outcome(ctx, tx, acc, caseID, cases.Applied, "")
			return err
		}
		if err := a.finish(ctx, tx, document, pages, refusal); err != nil {
			return err
		}
		if !reopensReview(acc, document) {
			o, err = outcome(ctx, tx, acc, caseID, cases.Applied, "")
			return err
		}
		t, err := a.change(ctx, tx, acc, account.DocumentsReceived)
		if err != nil {
			return err
		}
		o, err = t.commit(ctx, caseID)
		return err
	})
	return o, err
}

// reopensReview reports whether a document puts the account into review. One
// that was there when a reviewer asked for changes is not the answer to that.
func reopensReview(a account.Account, d store.Document) bool {
	switch a.Stage {
	case account.AwaitingDocuments:
		return true
	case account.ChangesRequested:
		return d.ReceivedAt.After(a.StageSince)
	default:
		return false
	}
}

// render makes the page images, or returns the code of the refusal of a
// document that will never have any.
func (a *Activities) render(ctx context.Context, d store.Document) (pages []store.Page, refusal string, err error) {
	defer alive(ctx)()
	rendering, err := a.renderer.Render(ctx, a.documents, d.StorageKey, d.ContentType)
	f := fault.As(err)
	switch {
	case f != nil && f.Code == fault.Unavailable:
		return nil, "", err
	case f != nil && f.Code == fault.NotFound && a.now().Sub(d.ReceivedAt) < missingMost:
		return nil, "", fault.New(fault.Unavailable, "The original is not in storage.")
	case f != nil:
		return nil, refusalOf(f), nil
	}
	if err != nil {
		return nil, "", err
	}
	for _, p := range rendering.Pages {
		pages = append(pages, pageOf(d, p))
	}
	return pages, "", nil
}

// alive tells Temporal that the activity is, until the returned function is
// called, so that the document of a worker that died is soon given to another.
func alive(ctx context.Context) (stop func()) {
	ctx, stop = context.WithCancel(ctx)
	go func() {
		ticker := time.NewTicker(heartbeat)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return stop
}

func refusalOf(f *fault.Error) string {
	switch {
	case f.Code == fault.NotFound:
		return refusalMissing
	case len(f.Fields) > 0:
		return f.Fields[0].Code
	default:
		return string(f.Code)
	}
}

func pageOf(d store.Document, p documents.Page) store.Page {
	return store.Page{
		DocumentID: d.ID, Number: p.Number, StorageKey: p.Key, ContentType: p.ContentType,
		Width: p.Width, Height: p.Height, Size: p.Size,
	}
}

func (a *Activities) finish(ctx context.Context, tx *store.Tx, d store.Document, pages []store.Page, refusal string) error {
	now := a.now()
	if err := tx.FinishDocument(ctx, d.ID, pages, refusal, now); err != nil {
		return err
	}
	after := map[string]any{"status": store.DocumentReady, "pages": len(pages)}
	if refusal != "" {
		after = map[string]any{"status": store.DocumentRefused, "refusal": refusal}
	}
	return tx.AppendEvent(ctx, store.Event{
		At: now, Actor: actor.Actor{Kind: actor.System}, Action: "document.prepared", Subject: "document", SubjectID: d.ID.String(),
		AccountID: &d.AccountID, After: after, WorkflowID: cases.RegistrationID(d.AccountID),
	})
}
