package notify

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	twilio     = "twilio"
	twilioLive = "https://api.twilio.com"
)

// twilioSender sends SMS through Twilio's Messages resource. The notice's id
// travels as Twilio's idempotency token; Twilio does not promise to honour it
// on this resource, so nothing here relies on it.
type twilioSender struct {
	exchange      *exchange
	authorization string
	account       string
	sender        string
}

func newTwilio(base *url.URL, account, token, sender string, timeout time.Duration) *twilioSender {
	return &twilioSender{
		exchange:      newExchange(twilio, base, timeout),
		authorization: basicAuthorization(account, token),
		account:       account,
		sender:        sender,
	}
}

// SendSMS implements SMSSender.
func (s *twilioSender) SendSMS(ctx context.Context, sms SMS) (Receipt, error) {
	if err := sms.check(twilio); err != nil {
		return Receipt{}, err
	}
	form := url.Values{"To": {sms.To}, "Body": {sms.Text}}
	switch {
	case sms.Sender != "":
		form.Set("From", sms.Sender)
	case strings.HasPrefix(s.sender, "MG") && len(s.sender) == 34:
		form.Set("MessagingServiceSid", s.sender)
	default:
		form.Set("From", s.sender)
	}
	if sms.ReportTo != "" {
		form.Set("StatusCallback", sms.ReportTo)
	}
	call := s.request(http.MethodPost, "/Messages.json")
	call.headers["Content-Type"] = "application/x-www-form-urlencoded"
	call.headers["I-Twilio-Idempotency-Token"] = sms.ID
	call.body = form.Encode()
	reply, failure := s.exchange.do(ctx, call)
	if failure != nil {
		return Receipt{}, failure
	}
	receipt, err := s.read(reply)
	return receipt, sms.blame(err, "21212", "21603", "21606", "21659", "21660", "21701", "21703")
}

// Check implements SMSSender: it reads the account.
func (s *twilioSender) Check(ctx context.Context) error {
	return s.exchange.probe(ctx, s.request(http.MethodGet, ".json"))
}

// request calls what is below the account ("/Messages.json"), or the account
// itself (".json").
func (s *twilioSender) request(method, below string) request {
	return request{
		method:  method,
		target:  "/2010-04-01/Accounts/" + url.PathEscape(s.account) + below,
		headers: map[string]string{"Authorization": s.authorization, "Accept": "application/json"},
	}
}

// twilioMessage is the answer to a message that was taken.
type twilioMessage struct {
	SID       string `json:"sid"`
	Status    string `json:"status"`
	ErrorCode int    `json:"error_code"`
}

// twilioProblem is the answer to one that was not.
type twilioProblem struct {
	Code int `json:"code"`
}

func (s *twilioSender) read(reply answer) (Receipt, error) {
	if !reply.accepted() {
		var problem twilioProblem
		if !reply.decode(&problem) || problem.Code == 0 {
			return Receipt{}, s.exchange.refusal(reply)
		}
		return Receipt{}, s.refusal(problem.Code, reply)
	}
	var message twilioMessage
	if !reply.decode(&message) || message.SID == "" {
		return Receipt{}, s.exchange.malformed(reply)
	}
	if message.Status == "failed" || message.Status == "undelivered" {
		return Receipt{}, s.refusal(message.ErrorCode, reply)
	}
	return Receipt{Provider: twilio, MessageID: messageID(message.SID)}, nil
}

// refusal maps Twilio's error code; the HTTP status decides for a code that is
// not listed.
func (s *twilioSender) refusal(code int, reply answer) *Error {
	failure := &Error{Provider: twilio, Code: strconv.Itoa(code), Status: reply.status}
	switch code {
	case 21211, 21217, 21610, 21612, 21614, 21617, 21635, // number invalid, unsubscribed, no route, not mobile; text too long
		30004, 30005, 30006, 30007: // blocked, unknown, landline, filtered by the carrier
		failure.Kind = Permanent
	case 20003, 20005, 10001, 21212, 21408, 21603, 21606, 21608, 21659, 21660, 21701, 21703, 21705, // account, region, sender
		30002: // account suspended
		return misconfigured(twilio, failure.Code, reply.status)
	case 20429, 21611, 30001, 30003: // too many, queue full, handset away
		failure.Kind, failure.RetryAfter = Temporary, retryAfter(reply.header, s.exchange.now())
	default:
		failure = s.exchange.refusal(reply)
		failure.Code = strconv.Itoa(code)
	}
	return failure
}
