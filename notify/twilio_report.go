package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // it is what Twilio signs with
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kibali/domain/fault"
	"kibali/domain/message"
)

// ReportWindow is how long after an SMS was handed over a report of it is
// believed. Networks try for up to three days.
const ReportWindow = 4 * 24 * time.Hour

// TwilioReports reads the reports that Twilio sends of SMS, and believes those
// that Twilio has signed.
type TwilioReports struct {
	token string
	// address is where Twilio sends them, as it knows the address: that is what it
	// signs, whatever proxies make of it on the way.
	address string
}

// NewTwilioReports returns a reader of reports to an address, which Twilio signs
// with the auth token.
func NewTwilioReports(token, address string) *TwilioReports {
	return &TwilioReports{token: token, address: address}
}

// The parameters of the address that say which SMS a report is of. Twilio signs
// the whole address, so what stands in it is as good as what stands in the body.
const (
	reportID = "id"
	reportAt = "at"
)

// Address returns where a report of an SMS is to be sent, which is handed over
// at the given time.
func (t *TwilioReports) Address(id string, at time.Time) string {
	return t.address + "?" + reportAt + "=" + strconv.FormatInt(at.Unix(), 10) + "&" + reportID + "=" + url.QueryEscape(id)
}

var (
	errUnsigned  = fault.New(fault.Forbidden, "The signature is not Twilio's.")
	errStale     = fault.New(fault.Forbidden, "The report is of another time.")
	errNoReport  = fault.New(fault.Malformed, "This is no report of an SMS.")
	twilioStatus = map[string]message.Status{
		"accepted": message.Sent, "scheduled": message.Sent, "queued": message.Sent, "sending": message.Sent, "sent": message.Sent,
		"delivered": message.Delivered, "read": message.Delivered,
		"undelivered": message.Failed, "failed": message.Failed, "canceled": message.Failed,
	}
)

// Read returns the report in a request's query string and body, both as they
// came. It returns fault.Forbidden unless Twilio has signed exactly these and the
// SMS was handed over within ReportWindow, and fault.Malformed for what is
// signed and no report.
func (t *TwilioReports) Read(query, signature string, body []byte, now time.Time) (Report, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil || !t.signed(query, signature, form) {
		return Report{}, errUnsigned
	}
	about, err := url.ParseQuery(query)
	if err != nil {
		return Report{}, errNoReport
	}
	seconds, err := strconv.ParseInt(about.Get(reportAt), 10, 64)
	if err != nil {
		return Report{}, errNoReport
	}
	at := time.Unix(seconds, 0).UTC()
	if now.Before(at.Add(-time.Minute)) || now.After(at.Add(ReportWindow)) {
		return Report{}, errStale
	}
	status, sid := twilioStatus[form.Get("MessageStatus")], messageID(form.Get("MessageSid"))
	if status == "" || sid == "" || !validID.MatchString(about.Get(reportID)) {
		return Report{}, errNoReport
	}
	return Report{Provider: twilio, MessageID: sid, Status: status, Code: twilioCode(form.Get("ErrorCode"), status), ID: about.Get(reportID), HandedAt: at}, nil
}

// signed compares the signature with ours of the address and the parameters in
// the order of their names, in constant time.
func (t *TwilioReports) signed(query, signature string, form url.Values) bool {
	given, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	mac := hmac.New(sha1.New, []byte(t.token))
	mac.Write([]byte(t.address + "?" + query))
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) { // as Twilio's own libraries do
			mac.Write([]byte(name + value))
		}
	}
	return hmac.Equal(given, mac.Sum(nil))
}

// twilioCode is the code of a failure, digits alone.
func twilioCode(code string, status message.Status) string {
	if status != message.Failed {
		return ""
	}
	if _, err := strconv.ParseUint(code, 10, 32); err != nil || code == "0" {
		return "undelivered"
	}
	return code
}

// twilioListed is the part of a message resource that tells what became of it.
type twilioListed struct {
	SID       string `json:"sid"`
	Status    string `json:"status"`
	Body      string `json:"body"`
	Created   string `json:"date_created"`
	Direction string `json:"direction"`
	ErrorCode *int   `json:"error_code"`
}

// LookUp implements SMSTracker: by Twilio's own id, or among the newest messages
// to the recipient.
func (s *twilioSender) LookUp(ctx context.Context, sought Sought) (Report, error) {
	if sought.MessageID != "" {
		var one twilioListed
		found, err := s.fetch(ctx, "/Messages/"+url.PathEscape(sought.MessageID)+".json", &one)
		if err != nil || !found {
			return Report{}, err
		}
		return one.report(), nil
	}
	var page struct {
		Messages []twilioListed `json:"messages"`
	}
	if _, err := s.fetch(ctx, "/Messages.json?PageSize=100&To="+url.QueryEscape(sought.Phone), &page); err != nil {
		return Report{}, err
	}
	candidates := slices.DeleteFunc(page.Messages, func(m twilioListed) bool { return !m.maybe(sought) })
	if len(candidates) != 1 {
		return Report{}, nil
	}
	return candidates[0].report(), nil
}

// maybe reports whether a message may be the one that is sought.
func (m twilioListed) maybe(sought Sought) bool {
	created, err := time.Parse(time.RFC1123Z, m.Created)
	return err == nil && m.Body == sought.Text && strings.HasPrefix(m.Direction, "outbound") &&
		!slices.Contains(sought.Others, m.SID) &&
		// Twilio's clock is its own, and tells whole seconds.
		!created.Before(sought.From.Add(-time.Minute)) && !created.After(sought.To.Add(time.Minute))
}

func (m twilioListed) report() Report {
	r := Report{Provider: twilio, MessageID: messageID(m.SID), Status: twilioStatus[m.Status]}
	code := ""
	if m.ErrorCode != nil {
		code = strconv.Itoa(*m.ErrorCode)
	}
	r.Code = twilioCode(code, r.Status)
	return r
}

// fetch reads what is below the account, and reports whether it is there.
func (s *twilioSender) fetch(ctx context.Context, below string, target any) (bool, error) {
	reply, failure := s.exchange.do(ctx, s.request(http.MethodGet, below))
	switch {
	case failure != nil:
		return false, failure
	case reply.status == http.StatusNotFound:
		return false, nil
	case !reply.accepted():
		return false, s.exchange.refusal(reply)
	case !reply.decode(target):
		return false, s.exchange.malformed(reply)
	}
	return true, nil
}
