package activities

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"

	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/letters"
	"kibali/notify"
	"kibali/store"
)

// Why a notice has failed, where no provider said so.
const (
	failureObsolete    = "obsolete"     // what it reminds of has been done
	failureNoRecipient = "no_recipient" // the staff member is gone
	failureErased      = "erased"       // nobody is there to be told
)

// recordLimit bounds the recording of what a provider has answered, which goes
// on when the worker is told to stop: a notice that was sent and is not known
// as sent is sent again.
const recordLimit = 5 * time.Second

// SendNotice renders a notice from the rows that it points to and hands it to
// its provider. A notice that is sent or failed already is left alone. A
// recipient or content that the provider will never take makes the notice
// fail, which is no error; everything else is worth repeating. An SMS waits
// for the end of the quiet hours of the policy in force, unless it has a code that
// somebody waits for.
func (a *Activities) SendNotice(ctx context.Context, id uuid.UUID) error {
	notice, err := a.reader.Notice(ctx, id)
	if err != nil || notice.Status != store.NoticePending {
		return err
	}
	l, err := a.letter(ctx, notice)
	if err != nil {
		return err
	}
	if l.failure != "" {
		return a.store.NoticeFailed(ctx, id, l.failure, a.now())
	}
	receipt, err := a.send(ctx, notice, l)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
	defer cancel()
	refusal, ok := errors.AsType[*notify.Error](err)
	switch {
	case err == nil:
		return a.store.NoticeSent(ctx, id, receipt.Provider, receipt.MessageID, a.now())
	case !ok:
		return err
	case refusal.Kind == notify.Permanent:
		return a.store.NoticeFailed(ctx, id, codeOf(refusal), a.now())
	}
	if err := a.store.NoticeAttemptFailed(ctx, id, codeOf(refusal)); err != nil {
		a.log.WarnContext(ctx, "A failed attempt to send a notice could not be counted.", "notice_id", id, "code", fault.CodeOf(err))
	}
	return temporal.NewApplicationErrorWithOptions(refusal.Error(), "notice_"+string(refusal.Kind),
		temporal.ApplicationErrorOptions{NextRetryDelay: refusal.RetryAfter})
}

// AbandonNotice gives up a notice that could not be sent in time.
func (a *Activities) AbandonNotice(ctx context.Context, id uuid.UUID) error {
	return a.store.NoticeFailed(ctx, id, "", a.now())
}

func (a *Activities) send(ctx context.Context, notice store.Notice, l letter) (notify.Receipt, error) {
	message, err := notify.Render(notify.Kind(notice.Kind), notify.Channel(notice.Channel), l.locale, l.data)
	if err != nil {
		return notify.Receipt{}, err
	}
	if notice.Channel == store.SMS {
		return a.sms.SendSMS(ctx, notify.SMS{ID: notice.ID.String(), To: l.phone, Text: message.Text})
	}
	return a.email.SendEmail(ctx, notify.Email{
		ID: notice.ID.String(), To: l.email, ToName: l.data.Name,
		Subject: message.Subject, Text: message.Text, HTML: message.HTML,
	})
}

func codeOf(e *notify.Error) string {
	if e.Code != "" {
		return e.Provider + "_" + e.Code
	}
	return e.Provider + "_" + string(e.Kind)
}

// letter is a notice with everything that is needed to send it, or with why it
// will never be sent.
type letter struct {
	failure      string
	email, phone string
	locale       string
	data         notify.Data
}

func (a *Activities) letter(ctx context.Context, notice store.Notice) (letter, error) {
	view, err := a.reader.Account(ctx, notice.AccountID)
	if err != nil {
		return letter{}, err
	}
	if view.Erased() {
		return letter{failure: failureErased}, nil
	}
	if obsolete(notify.Kind(notice.Kind), view.Account) {
		return letter{failure: failureObsolete}, nil
	}
	p, _, err := a.reader.Policy(ctx)
	if err != nil {
		return letter{}, err
	}
	zone, err := p.Location()
	if err != nil {
		return letter{}, err
	}
	if notice.Channel == store.SMS && notice.Kind != string(notify.PhoneProof) { // somebody waits for that
		if err := a.awaitMorning(p, zone); err != nil {
			return letter{}, err
		}
	}
	l := letter{
		email: view.Email, phone: view.Phone, locale: view.Locale, data: a.sender.Data(notify.Kind(notice.Kind), view.Account, zone),
	}
	if notice.DecisionID != nil {
		if err := a.explain(ctx, &l, notice); err != nil {
			return letter{}, err
		}
	}
	switch {
	case l.failure != "":
		return l, nil
	case notice.StaffID != nil:
		return a.toStaff(ctx, l, *notice.StaffID)
	}
	return a.addressed(ctx, l, notice)
}

// addressed adds the link of a notice that has one of its own, and to whom it
// goes where that is not the account's contact.
func (a *Activities) addressed(ctx context.Context, l letter, notice store.Notice) (letter, error) {
	switch notify.Kind(notice.Kind) {
	case notify.PasswordReset, notify.PasswordResetForced:
		return a.resetLink(ctx, l, notice.CaseID)
	case notify.PasswordResetExpired, notify.PasswordChanged:
		l.data.Link = a.sender.Link("/forgot-password")
	case notify.EmailProof, notify.PhoneProof:
		return a.proofLetter(ctx, l, notice)
	case notify.EmailChanged, notify.PhoneChanged:
		return a.changedLetter(ctx, l, notice)
	case notify.ApplicationReceived:
		if notice.Channel == store.Email {
			return a.receivedLetter(ctx, l, notice)
		}
	}
	return l, nil
}

// explain adds what the notice tells of its decision.
func (a *Activities) explain(ctx context.Context, l *letter, notice store.Notice) error {
	d, err := a.reader.Decision(ctx, *notice.DecisionID)
	if err != nil {
		return err
	}
	letters.Explain(&l.data, d)
	switch notify.Kind(notice.Kind) {
	case notify.TopUpUnsigned:
		if !d.Unsigned() {
			l.failure = failureObsolete
		}
		l.data.Credits, l.data.Removes, l.data.Deadline = max(d.Amount, -d.Amount), d.Amount < 0, d.LapsesAt
		if d.AccountID == uuid.Nil {
			l.data.Company = "" // it is about many
		}
	case notify.AppealDue, notify.AppealOverdue:
		appeal, err := a.reader.OpenAppeal(ctx, notice.AccountID)
		switch {
		case fault.Is(err, fault.NotFound):
			l.failure = failureObsolete
		case err != nil:
			return err
		default:
			l.data.Deadline = &appeal.RemindAt
		}
	case notify.CreditsAdded, notify.CreditsRemoved:
		posted, err := a.reader.TopUpTransfer(ctx, d.ID, notice.AccountID)
		if err != nil {
			return err
		}
		l.data.Credits, l.data.Held = posted.Amount, posted.Entry.HeldAmount != 0
	}
	return nil
}

func (a *Activities) toStaff(ctx context.Context, l letter, id uuid.UUID) (letter, error) {
	staff, err := a.reader.Staff(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return letter{failure: failureNoRecipient}, nil
	}
	l.email, l.phone, l.locale = staff.Email, "", "en"
	l.data.Name, l.data.Link = staff.Name, a.sender.Link("/console")
	return l, err
}

// obsolete reports whether a reminder comes after what it reminds of was done.
func obsolete(kind notify.Kind, acc account.Account) bool {
	switch kind {
	case notify.DocumentsMissing:
		return acc.Stage != account.AwaitingDocuments
	case notify.ChangesMissing:
		return acc.Stage != account.ChangesRequested
	case notify.ReviewDue, notify.ReviewEscalated:
		return acc.Stage != account.InReview
	}
	return false
}
