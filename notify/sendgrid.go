package notify

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sendgrid/sendgrid-go"
	"github.com/sendgrid/sendgrid-go/helpers/mail"
)

const sendGrid = "sendgrid"

// sendGridSender sends e-mail through SendGrid's v3 API. SendGrid has no
// idempotency key; the notice's id travels as a custom argument, so that its
// event webhook and its activity feed can be matched to our notices.
type sendGridSender struct {
	exchange *exchange
	key      string
	from     *mail.Email
}

func newSendGrid(base *url.URL, key, from, fromName string, timeout time.Duration) *sendGridSender {
	return &sendGridSender{
		exchange: newExchange(sendGrid, base, timeout),
		key:      key,
		from:     mail.NewEmail(fromName, from),
	}
}

// SendEmail implements EmailSender. SendGrid's 202 means queued.
func (s *sendGridSender) SendEmail(ctx context.Context, email Email) (Receipt, error) {
	if err := email.check(sendGrid); err != nil {
		return Receipt{}, err
	}
	reply, failure := s.exchange.do(ctx, s.request(http.MethodPost, "/v3/mail/send", string(mail.GetRequestBody(s.message(email)))))
	// A 202 is the whole of SendGrid's promise: a body that breaks off or does
	// not end takes nothing away from it.
	if reply.status == http.StatusAccepted {
		return Receipt{Provider: sendGrid, MessageID: messageID(reply.header.Get("X-Message-Id"))}, nil
	}
	if failure != nil {
		return Receipt{}, failure
	}
	return Receipt{}, s.refusal(reply)
}

// Check implements EmailSender: it lists what the key may do, and wants sending
// to be among it.
func (s *sendGridSender) Check(ctx context.Context) error {
	reply, failure := s.exchange.do(ctx, s.request(http.MethodGet, "/v3/scopes", ""))
	if failure != nil {
		return failure
	}
	if !reply.accepted() {
		return s.exchange.refusal(reply)
	}
	var may struct {
		Scopes []string `json:"scopes"`
	}
	switch {
	case !reply.decode(&may):
		return s.exchange.malformed(reply)
	case !slices.Contains(may.Scopes, "mail.send"):
		return misconfigured(sendGrid, "missing_scope", reply.status)
	}
	return nil
}

// request is a call made the way sendgrid-go makes it, carried out by an
// exchange, because the library's own client reads answers without a limit.
func (s *sendGridSender) request(method, path, body string) request {
	made := sendgrid.GetRequest(s.key, path, strings.TrimSuffix(s.exchange.base.String(), "/"))
	if body != "" {
		made.Headers["Content-Type"] = "application/json"
	}
	return request{method: method, target: made.BaseURL, headers: made.Headers, body: body}
}

func (s *sendGridSender) message(email Email) *mail.SGMailV3 {
	person := mail.NewPersonalization()
	person.AddTos(mail.NewEmail(oneLine(email.ToName), email.To))
	person.SetCustomArg("notice_id", email.ID)

	off := false
	message := mail.NewV3Mail()
	message.SetFrom(s.from)
	message.Subject = oneLine(email.Subject)
	message.AddPersonalizations(person)
	message.AddContent(mail.NewContent("text/plain", email.Text))
	if email.HTML != "" {
		message.AddContent(mail.NewContent("text/html", email.HTML))
	}
	message.SetHeader("Auto-Submitted", "auto-generated")
	message.SetTrackingSettings(mail.NewTrackingSettings().
		SetClickTracking(mail.NewClickTrackingSetting().SetEnable(off).SetEnableText(off)).
		SetOpenTracking(mail.NewOpenTrackingSetting().SetEnable(off)).
		SetSubscriptionTracking(mail.NewSubscriptionTrackingSetting().SetEnable(off)))
	return message
}

// refusal tells a sender that SendGrid does not know, which is ours to repair,
// from a recipient or a content that it refuses. Both are 400.
func (s *sendGridSender) refusal(reply answer) *Error {
	failure := s.exchange.refusal(reply)
	var problem struct {
		Errors []struct {
			Field string `json:"field"`
		} `json:"errors"`
	}
	if reply.status != http.StatusBadRequest || !reply.decode(&problem) {
		return failure
	}
	for _, refused := range problem.Errors {
		switch {
		case strings.HasPrefix(refused.Field, "from"):
			return misconfigured(sendGrid, "invalid_sender", reply.status)
		case strings.HasPrefix(refused.Field, "personalizations"):
			failure.Code = "invalid_recipient"
		}
	}
	return failure
}
