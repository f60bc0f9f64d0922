package notify

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	africasTalking        = "africastalking"
	africasTalkingLive    = "https://api.africastalking.com"
	africasTalkingSandbox = "https://api.sandbox.africastalking.com"
)

// africasTalkingSender sends SMS through Africa's Talking. Its messaging call
// has no idempotency key.
type africasTalkingSender struct {
	exchange *exchange
	username string
	key      string
	sender   string
}

func newAfricasTalking(base *url.URL, username, key, sender string, timeout time.Duration) *africasTalkingSender {
	return &africasTalkingSender{
		exchange: newExchange(africasTalking, base, timeout),
		username: username,
		key:      key,
		sender:   sender,
	}
}

// SendSMS implements SMSSender.
func (s *africasTalkingSender) SendSMS(ctx context.Context, sms SMS) (Receipt, error) {
	if err := sms.check(africasTalking); err != nil {
		return Receipt{}, err
	}
	form := url.Values{"username": {s.username}, "to": {sms.To}, "message": {sms.Text}, "bulkSMSMode": {"1"}}
	if from := cmp.Or(sms.Sender, s.sender); from != "" {
		form.Set("from", from)
	}
	call := s.request(http.MethodPost, "/version1/messaging")
	call.headers["Content-Type"] = "application/x-www-form-urlencoded"
	call.body = form.Encode()
	reply, failure := s.exchange.do(ctx, call)
	if failure != nil {
		return Receipt{}, failure
	}
	receipt, err := s.read(reply)
	return receipt, sms.blame(err, "402")
}

// Check implements SMSSender: it asks for the account's balance.
func (s *africasTalkingSender) Check(ctx context.Context) error {
	return s.exchange.probe(ctx, s.request(http.MethodGet, "/version1/user?username="+url.QueryEscape(s.username)))
}

func (s *africasTalkingSender) request(method, target string) request {
	return request{method: method, target: target, headers: map[string]string{"apiKey": s.key, "Accept": "application/json"}}
}

// africasTalkingAnswer is the part of the answer that decides: one recipient,
// or none and a word that says why.
type africasTalkingAnswer struct {
	Data *struct {
		Message    string
		Recipients []struct {
			StatusCode int    `json:"statusCode"`
			MessageID  string `json:"messageId"`
		}
	} `json:"SMSMessageData"`
}

// read finds the recipient's own status: the request may succeed (201) while
// its only recipient is refused, and a refusal may come with an error status.
func (s *africasTalkingSender) read(reply answer) (Receipt, error) {
	var got africasTalkingAnswer
	if !reply.decode(&got) || got.Data == nil {
		if reply.accepted() {
			return Receipt{}, s.exchange.malformed(reply)
		}
		return Receipt{}, s.exchange.refusal(reply)
	}
	if len(got.Data.Recipients) == 0 {
		return Receipt{}, s.nobody(reply, got.Data.Message)
	}
	recipient := got.Data.Recipients[0]
	switch recipient.StatusCode {
	case 100, 101, 102: // processed, sent, queued
		return Receipt{Provider: africasTalking, MessageID: messageID(recipient.MessageID)}, nil
	}
	return Receipt{}, africasTalkingRefusal(recipient.StatusCode, reply.status)
}

// nobody is an answer without recipients; Africa's Talking then puts the name
// of the refusal where its summary stands otherwise.
func (s *africasTalkingSender) nobody(reply answer, message string) *Error {
	switch {
	case !reply.accepted():
		return s.exchange.refusal(reply)
	case message == "InvalidSenderId":
		return africasTalkingRefusal(402, reply.status)
	case message == "InsufficientBalance":
		return africasTalkingRefusal(405, reply.status)
	}
	return &Error{Kind: Permanent, Provider: africasTalking, Code: "no_recipient", Status: reply.status}
}

// africasTalkingRefusal maps a recipient's status code.
func africasTalkingRefusal(code, status int) *Error {
	failure := &Error{Kind: Unknown, Provider: africasTalking, Code: strconv.Itoa(code), Status: status}
	switch code {
	case 401: // RiskHold: their staff look at it, and may let it go later
		failure.RetryAfter = slowRetry
	case 402, 405: // InvalidSenderId, InsufficientBalance
		return misconfigured(africasTalking, failure.Code, status)
	case 403, 404, 406, 407, 409, 502: // number invalid, not mobile, blacklisted, no route, do not disturb, rejected
		failure.Kind = Permanent
	case 500, 501: // InternalServerError, GatewayError: reported as not sent
		failure.Kind = Temporary
	}
	return failure
}
