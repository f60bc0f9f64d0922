package notify

import (
	"context"
	"net/mail"
	"regexp"
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
