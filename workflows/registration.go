package workflows

import (
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// Registration is the review of an account's application: it opens when one is
// submitted and closes when the account is approved, rejected or expired and
// everybody has been told. A corrected application that arrives before that
// continues it; one that arrives later opens another.
func Registration(ctx workflow.Context, in cases.RegistrationInput) error {
	r := &registration{documents: map[uuid.UUID]bool{}}
	r.accountCase = newCase(ctx, in.AccountID, in.Entry, rules{cases.Registration, reviewAlarm})
	r.send(ctx, in.Notices)
	r.prepareDocuments(ctx)
	if err := r.hearDecisions(ctx, account.Approve, account.Reject, account.RequestChanges); err != nil {
		return err
	}
	if err := r.hearResubmissions(ctx); err != nil {
		return err
	}
	return r.run(ctx)
}

type registration struct {
	*accountCase
	documents map[uuid.UUID]bool // prepared, or being prepared
}

// reviewAlarm is how the one who is awaited is reminded, and how waiting ends:
// an applicant's time runs out, staff are called to an overdue review.
func reviewAlarm(entry cases.Entry, deadline time.Time) alarm {
	reminding := deadline.Equal(entry.RemindAt) && !deadline.Equal(entry.DeadlineAt)
	switch {
	case reminding && entry.Stage == account.InReview:
		return alarm{summary: "reminder: review due", activity: act.Remind}
	case entry.Stage == account.InReview:
		return alarm{summary: "escalation: review overdue", activity: act.Escalate}
	case reminding && entry.Stage == account.ChangesRequested:
		return alarm{summary: "reminder: changes missing", activity: act.Remind}
	case reminding:
		return alarm{summary: "reminder: documents missing", activity: act.Remind}
	default:
		return alarm{summary: "expiry", action: account.Expire, activity: act.Expire}
	}
}

// hearResubmissions makes the case take corrected applications.
func (r *registration) hearResubmissions(ctx workflow.Context) error {
	check := func(m cases.Resubmission) error {
		if m.ApplicationID == uuid.Nil {
			return malformed("a resubmission has an application")
		}
		return nil
	}
	return hear(ctx, &r.correspondence, cases.Resubmit, check, r.resubmit)
}

func (r *registration) resubmit(ctx workflow.Context, m cases.Resubmission) (cases.Outcome, error) {
	return r.answer(ctx, m.ApplicationID, func() (outcome cases.Outcome, err error) {
		ctx := changing(ctx, "resubmit (application "+m.ApplicationID.String()+")")
		if err = workflow.ExecuteActivity(ctx, act.AcceptResubmission, m).Get(ctx, &outcome); err == nil {
			r.follow(ctx, outcome, account.Resubmit, uuid.Nil)
		}
		return outcome, err
	})
}

// prepareDocuments makes the case take documents. They are prepared beside
// everything else, because a long document must not keep a decision waiting.
func (r *registration) prepareDocuments(ctx workflow.Context) {
	hearSignals(ctx, &r.correspondence, cases.DocumentReceived, func(ctx workflow.Context, m cases.Document) {
		if m.DocumentID == uuid.Nil || r.documents[m.DocumentID] {
			return
		}
		r.documents[m.DocumentID] = true
		r.working++
		workflow.GoNamed(ctx, "document "+m.DocumentID.String(), func(ctx workflow.Context) {
			r.prepare(ctx, m)
			r.working--
		})
	})
}

func (r *registration) prepare(ctx workflow.Context, m cases.Document) {
	var outcome cases.Outcome
	prepareCtx := preparing(ctx, "document "+m.DocumentID.String())
	if err := workflow.ExecuteActivity(prepareCtx, act.ReceiveDocument, m).Get(ctx, &outcome); err != nil {
		workflow.GetLogger(ctx).Error("A document could not be prepared.", "DocumentID", m.DocumentID, "Error", err)
		delete(r.documents, m.DocumentID)
		return
	}
	r.follow(ctx, outcome, account.DocumentsReceived, uuid.Nil)
}
