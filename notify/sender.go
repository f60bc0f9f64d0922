package notify

import (
	"context"
	"errors"
	"net/mail"
	"regexp"
	"slices"
)

// Email is one message to one person. ID is the notice's id: 1 to 64 letters,
// digits, dots, underscores or hyphens, the same on every attempt. ToName may
// be empty; HTML may be empty, Text may not.
type Email struct {
	ID      string
	To      string
	ToName  string
	Subject string
	Text    string
	HTML    string
}

// SMS is one text message to one phone. ID is as in Email; To is in E.164 form
// ("+255712345678").
type SMS struct {
	ID   string
	To   string
	Text string
	// Sender takes the place of the platform's own sender, unless empty. One that
	// the provider does not know makes this SMS a Permanent failure.
	Sender string
	// ReportTo is where the provider is asked to report what becomes of it; of
	// providers that sign their reports alone.
	ReportTo string
}

// Receipt says who accepted a message and under which id they know it.
// MessageID is empty when the provider gave none. Accepted is not delivered.
type Receipt struct {
	Provider  string
	MessageID string
}

// EmailSender hands e-mails to a provider. A non-nil error of either method is
// always an *Error. Implementations are safe for concurrent use.
type EmailSender interface {
	// SendEmail returns once the provider has taken charge of the message.
	SendEmail(ctx context.Context, email Email) (Receipt, error)
	// Check asks the provider whether it would accept our credentials, without
	// sending anything.
	Check(ctx context.Context) error
}

// SMSSender hands SMS to a provider, with the same promises as EmailSender.
type SMSSender interface {
	SendSMS(ctx context.Context, sms SMS) (Receipt, error)
	Check(ctx context.Context) error
}

// SMSTracker is implemented by senders whose provider can be asked what has
// become of an SMS.
type SMSTracker interface {
	// LookUp returns a Report with an empty Status when the provider does not
	// know the SMS, or cannot tell which of several it is. Its errors are as of
	// SendSMS.
	LookUp(ctx context.Context, sought Sought) (Report, error)
}

var (
	validID    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	validPhone = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
)

// check refuses what no provider could deliver, before it reaches one.
func (e Email) check(provider string) error {
	address, err := mail.ParseAddress(e.To)
	switch {
	case !validID.MatchString(e.ID):
		return permanent(provider, "invalid_id")
	case err != nil || address.Address != e.To:
		return permanent(provider, "invalid_recipient")
	case e.Subject == "" || e.Text == "":
		return permanent(provider, "empty_message")
	}
	return nil
}

// check refuses what no provider could deliver, before it reaches one.
func (s SMS) check(provider string) error {
	switch {
	case !validID.MatchString(s.ID):
		return permanent(provider, "invalid_id")
	case !validPhone.MatchString(s.To):
		return permanent(provider, "invalid_recipient")
	case s.Text == "":
		return permanent(provider, "empty_message")
	}
	return nil
}

func permanent(provider, code string) *Error {
	return &Error{Kind: Permanent, Provider: provider, Code: code}
}

// blame turns a refusal of the sender that the SMS itself named, which is one of
// the codes, into a failure of this SMS alone: nobody will set it right.
func (s SMS) blame(err error, codes ...string) error {
	failure, ok := errors.AsType[*Error](err)
	if !ok || s.Sender == "" || failure.Kind != Misconfigured || !slices.Contains(codes, failure.Code) {
		return err
	}
	return &Error{Kind: Permanent, Provider: failure.Provider, Code: failure.Code, Status: failure.Status}
}
