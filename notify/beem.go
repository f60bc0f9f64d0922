package notify

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	beem     = "beem"
	beemLive = "https://apisms.beem.africa"
)

// beemSender sends SMS through Beem Africa. Its send call has no idempotency
// key.
type beemSender struct {
	exchange      *exchange
	reports       *exchange // its reports are at another host
	authorization string
	sender        string
}

func newBeem(base *url.URL, key, secret, sender string, timeout time.Duration) *beemSender {
	reports := base
	if base.String() == beemLive {
		reports, _ = url.Parse(beemReportsLive) // it is a URL
	}
	return &beemSender{
		exchange:      newExchange(beem, base, timeout),
		reports:       newExchange(beem, reports, timeout),
		authorization: basicAuthorization(key, secret),
		sender:        sender,
	}
}

func basicAuthorization(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

type beemRecipient struct {
	ID          string `json:"recipient_id"`
	Destination string `json:"dest_addr"`
}

type beemMessage struct {
	Source     string          `json:"source_addr"`
	Encoding   int             `json:"encoding"`
	Message    string          `json:"message"`
	Recipients []beemRecipient `json:"recipients"`
}

// SendSMS implements SMSSender.
func (s *beemSender) SendSMS(ctx context.Context, sms SMS) (Receipt, error) {
	if err := sms.check(beem); err != nil {
		return Receipt{}, err
	}
	body, err := json.Marshal(beemMessage{
		Source:     cmp.Or(sms.Sender, s.sender),
		Message:    sms.Text,
		Recipients: []beemRecipient{{ID: "1", Destination: strings.TrimPrefix(sms.To, "+")}},
	})
	if err != nil {
		return Receipt{}, permanent(beem, "invalid_message")
	}
	call := s.request(http.MethodPost, "/v1/send")
	call.body = string(body)
	reply, failure := s.exchange.do(ctx, call)
	if failure != nil {
		return Receipt{}, failure
	}
	receipt, err := s.read(reply)
	return receipt, sms.blame(err, "111")
}

// Check implements SMSSender: it asks for the account's balance.
func (s *beemSender) Check(ctx context.Context) error {
	return s.exchange.probe(ctx, s.request(http.MethodGet, "/public/v1/vendors/balance"))
}

func (s *beemSender) request(method, target string) request {
	return request{method: method, target: target, headers: map[string]string{
		"Authorization": s.authorization, "Content-Type": "application/json", "Accept": "application/json",
	}}
}

// beemAnswer carries the code at its top or, for some refusals, within data.
type beemAnswer struct {
	Code      *int            `json:"code"`
	RequestID json.RawMessage `json:"request_id"`
	Valid     *int            `json:"valid"`
	Invalid   int             `json:"invalid"`
	Data      struct {
		Code *int `json:"code"`
	} `json:"data"`
}

// read decides by Beem's own code and by how many recipients it found valid:
// code 100 with none of them is a refusal.
func (s *beemSender) read(reply answer) (Receipt, error) {
	var got beemAnswer
	readable := reply.decode(&got)
	code := got.Code
	if code == nil {
		code = got.Data.Code
	}
	switch {
	case (!readable || code == nil) && reply.accepted():
		return Receipt{}, s.exchange.malformed(reply)
	case !readable || code == nil:
		return Receipt{}, s.exchange.refusal(reply)
	case *code != 100 || !reply.accepted():
		return Receipt{}, s.refusal(*code, reply)
	case got.Invalid > 0 && (got.Valid == nil || *got.Valid == 0):
		return Receipt{}, &Error{Kind: Permanent, Provider: beem, Code: "invalid_recipient", Status: reply.status}
	}
	return Receipt{Provider: beem, MessageID: messageID(strings.Trim(string(got.RequestID), `"`))}, nil
}

// refusal maps Beem's code; an HTTP status that says more about trying again
// (401, 429, 5xx) has precedence over a code that we do not know.
func (s *beemSender) refusal(code int, reply answer) *Error {
	failure := &Error{Provider: beem, Code: strconv.Itoa(code), Status: reply.status}
	switch code {
	case 101, 104, 109: // invalid phone, missing parameters, invalid destination
		failure.Kind = Permanent
	case 103: // their network timed out: the message may be on its way
		failure.Kind = Unknown
	case 102, 105, 106, 107, 108, 110, 111, 112, 113, 120: // balance, account, route, credentials, sender
		return misconfigured(beem, failure.Code, reply.status)
	default:
		failure = s.exchange.refusal(reply)
		failure.Code = strconv.Itoa(code)
	}
	return failure
}
