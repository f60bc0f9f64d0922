package notify

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/fault"
	"kibali/domain/message"
)

const (
	reportsAt = "https://id.example.co.tz/v1/delivery-reports/twilio"
	smsID     = "019ab0aa-3c4d-7d5e-8b62-7c8d9e0f1a2b.12"
)

// sign signs as Twilio does, written down apart from what is tested: the
// address, and the form's pairs in the order that they are given in.
func sign(token, address string, pairs ...string) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	for _, s := range pairs {
		mac.Write([]byte(s))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestTwilioSignsAsItsDocumentationSays(t *testing.T) {
	t.Parallel()
	reports := NewTwilioReports("12345", "https://mycompany.com/myapp.php")
	form := url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"}, "From": {"+14158675309"}, "To": {"+18005551212"},
	}
	require.True(t, reports.signed("foo=1&bar=2", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", form))
}

func TestTwilioReports(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	reports := NewTwilioReports(canarySecret, reportsAt)
	const body = "MessageStatus=delivered&ErrorCode=&MessageSid=SM0123456789abcdef0123456789abcdef&To=%2B255712345678"
	pairs := []string{"ErrorCode", "", "MessageSid", "SM0123456789abcdef0123456789abcdef", "MessageStatus", "delivered", "To", "+255712345678"}
	query := func(at time.Time) string { return reports.Address(smsID, at)[len(reportsAt)+1:] }
	good := query(now)
	signature := sign(canarySecret, reportsAt+"?"+good, pairs...)

	t.Run("are believed when Twilio has signed them", func(t *testing.T) {
		t.Parallel()
		report, err := reports.Read(good, signature, []byte(body), now.Add(ReportWindow))
		require.NoError(t, err)
		require.Equal(t, Report{Provider: "twilio", MessageID: "SM0123456789abcdef0123456789abcdef", Status: message.Delivered, ID: smsID, HandedAt: now}, report)
	})
	t.Run("are not when anything of them was changed", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct{ query, signature, body string }{
			"no signature":          {good, "", body},
			"no base64":             {good, "~", body},
			"another key's":         {good, sign("other", reportsAt+"?"+good, pairs...), body},
			"another address":       {good, sign(canarySecret, "http://id.example.co.tz/v1/delivery-reports/twilio?"+good, pairs...), body},
			"another time":          {query(now.Add(time.Second)), signature, body},
			"a parameter more":      {good + "&x=1", signature, body},
			"another status":        {good, signature, "MessageStatus=failed&ErrorCode=&MessageSid=SM0123456789abcdef0123456789abcdef&To=%2B255712345678"},
			"another SMS":           {good, signature, "MessageStatus=delivered&ErrorCode=&MessageSid=SM1123456789abcdef0123456789abcdef&To=%2B255712345678"},
			"a field more":          {good, signature, body + "&Extra=1"},
			"a field less":          {good, signature, "MessageStatus=delivered&ErrorCode=&MessageSid=SM0123456789abcdef0123456789abcdef"},
			"a field twice":         {good, signature, body + "&MessageStatus=failed"},
			"a body that is broken": {good, signature, body + "&%zz"},
			"no body":               {good, signature, ""},
		} {
			_, err := reports.Read(c.query, c.signature, []byte(c.body), now)
			require.Equal(t, fault.Forbidden, fault.CodeOf(err), name)
		}
	})
	t.Run("are of a window of time", func(t *testing.T) {
		t.Parallel()
		for _, at := range []time.Time{now.Add(ReportWindow + time.Second), now.Add(-2 * time.Minute)} {
			_, err := reports.Read(good, signature, []byte(body), at)
			require.Equal(t, fault.Forbidden, fault.CodeOf(err), at)
		}
	})
	t.Run("are refused when they report nothing", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			query string
			pairs []string
			body  string
		}{
			{good, []string{"MessageSid", "SM1", "MessageStatus", "dancing"}, "MessageSid=SM1&MessageStatus=dancing"},
			{good, []string{"MessageStatus", "sent"}, "MessageStatus=sent"},
			{"at=now&id=x", pairs, body}, {"id=x", pairs, body}, {"at=" + good[3:13] + "&id=%2F..%2F", pairs, body}, {"at=1%zz", pairs, body},
		} {
			_, err := reports.Read(c.query, sign(canarySecret, reportsAt+"?"+c.query, c.pairs...), []byte(c.body), now)
			require.Equal(t, fault.Malformed, fault.CodeOf(err), "%v", c)
		}
	})
	t.Run("say why an SMS failed", func(t *testing.T) {
		t.Parallel()
		for code, want := range map[string]string{"30003": "30003", "": "undelivered", "0": "undelivered", "+255712345678": "undelivered"} {
			body := url.Values{"MessageStatus": {"undelivered"}, "MessageSid": {"SM1"}, "ErrorCode": {code}}.Encode()
			report, err := reports.Read(good, sign(canarySecret, reportsAt+"?"+good, "ErrorCode", code, "MessageSid", "SM1", "MessageStatus", "undelivered"), []byte(body), now)
			require.NoError(t, err)
			require.Equal(t, message.Failed, report.Status)
			require.Equal(t, want, report.Code)
		}
	})
}

func TestLookUps(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	sought := Sought{Phone: canaryPhone, Text: canaryText, From: now, To: now.Add(10 * time.Second), Others: []string{"SM9"}}
	entry := func(sid, body, created string) string {
		return `{"sid":"` + sid + `","status":"undelivered","error_code":30005,"direction":"outbound-api","body":"` + body + `","date_created":"` + created + `"}`
	}
	mine := entry("SM1", canaryText, "Mon, 23 Nov 2026 09:00:05 +0000")
	for name, c := range map[string]struct {
		messages string
		want     Report
	}{
		"find the one SMS with the recipient, text and time": {mine + "," +
			entry("SM2", "another text", "Mon, 23 Nov 2026 09:00:05 +0000") + "," +
			entry("SM3", canaryText, "Mon, 23 Nov 2026 08:30:00 +0000") + "," +
			entry("SM9", canaryText, "Mon, 23 Nov 2026 09:00:04 +0000"),
			Report{Provider: "twilio", MessageID: "SM1", Status: message.Failed, Code: "30005"}},
		"find none of two that could be it": {mine + "," + entry("SM4", canaryText, "Mon, 23 Nov 2026 09:00:07 +0000"), Report{}},
		"find nothing":                      {"", Report{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, request := recorder(t, 200, `{"messages":[`+c.messages+`]}`, nil)
			report, err := newTwilio(parsed(t, base), "AC123", canarySecret, "KIBALI", 0).LookUp(t.Context(), sought)
			require.NoError(t, err)
			require.Equal(t, c.want, report)
			require.Equal(t, "/2010-04-01/Accounts/AC123/Messages.json?PageSize=100&To=%2B255712345678", request().path)
		})
	}
	t.Run("ask Twilio for an SMS by its id", func(t *testing.T) {
		t.Parallel()
		base, request := recorder(t, 200, entry("SM5", "", ""), nil)
		report, err := newTwilio(parsed(t, base), "AC123", canarySecret, "KIBALI", 0).LookUp(t.Context(), Sought{MessageID: "SM5", Phone: canaryPhone})
		require.NoError(t, err)
		require.Equal(t, Report{Provider: "twilio", MessageID: "SM5", Status: message.Failed, Code: "30005"}, report)
		require.Equal(t, "/2010-04-01/Accounts/AC123/Messages/SM5.json", request().path)
	})
	t.Run("ask Beem by request and recipient", func(t *testing.T) {
		t.Parallel()
		for body, want := range map[string]Report{
			`{"dest_addr":"255712345678","request_id":84,"status":"DELIVERED"}`: {Provider: "beem", MessageID: "84", Status: message.Delivered},
			`[{"status":"UNDELIVERED"}]`:                                        {Provider: "beem", MessageID: "84", Status: message.Failed, Code: "undelivered"},
			`{"data":{"status":"PENDING"}}`:                                     {Provider: "beem", MessageID: "84", Status: message.Sent},
			`{"status":"WONDERFUL"}`:                                            {Provider: "beem", MessageID: "84"},
		} {
			base, request := recorder(t, 200, body, nil)
			report, err := newBeem(parsed(t, base), "key", canarySecret, "KIBALI", 0).LookUp(t.Context(), Sought{MessageID: "84", Phone: canaryPhone})
			require.NoError(t, err, body)
			require.Equal(t, want, report)
			require.Equal(t, "/public/v1/delivery-reports?dest_addr=255712345678&request_id=84", request().path)
		}
		report, err := newBeem(parsed(t, "http://127.0.0.1:1"), "key", canarySecret, "KIBALI", 0).LookUp(t.Context(), sought)
		require.NoError(t, err)
		require.Equal(t, Report{}, report, "without an id there is nothing to ask")
	})
	t.Run("fail as everything else does", func(t *testing.T) {
		t.Parallel()
		for status, kind := range map[int]ErrorKind{401: Misconfigured, 429: Temporary, 500: Unknown} {
			base, _ := recorder(t, status, `{`+echoed+`}`, nil)
			_, err := newTwilio(parsed(t, base), "AC123", canarySecret, "KIBALI", 0).LookUp(t.Context(), sought)
			requireFailure(t, err, kind)
			base, _ = recorder(t, status, `{`+echoed+`}`, nil)
			_, err = newBeem(parsed(t, base), "key", canarySecret, "KIBALI", 0).LookUp(t.Context(), Sought{MessageID: "84", Phone: canaryPhone})
			requireFailure(t, err, kind)
		}
		base, _ := recorder(t, 404, `{}`, nil)
		report, err := newTwilio(parsed(t, base), "AC123", canarySecret, "KIBALI", 0).LookUp(t.Context(), Sought{MessageID: "SM5"})
		require.NoError(t, err)
		require.Equal(t, Report{}, report)
	})
}

func TestASenderOfTheMessagesOwn(t *testing.T) {
	t.Parallel()
	sms := canarySMS
	sms.Sender, sms.ReportTo = "KILIMO", reportsAt+"?at=1&id=x"

	t.Run("takes the place of the platform's", func(t *testing.T) {
		t.Parallel()
		base, request := recorder(t, 201, adapters()[3].success, nil)
		_, err := newTwilio(parsed(t, base), "AC123", canarySecret, "MG0123456789abcdef0123456789abcdef", 0).SendSMS(t.Context(), sms)
		require.NoError(t, err)
		got := url.Values(request().form)
		require.Equal(t, "KILIMO", got.Get("From"))
		require.Empty(t, got.Get("MessagingServiceSid"))
		require.Equal(t, sms.ReportTo, got.Get("StatusCallback"))

		base, request = recorder(t, 201, adapters()[1].success, nil)
		_, err = newAfricasTalking(parsed(t, base), "kibali", canarySecret, "KIBALI", 0).SendSMS(t.Context(), sms)
		require.NoError(t, err)
		require.Equal(t, "KILIMO", url.Values(request().form).Get("from"))
	})
	t.Run("that nobody knows is the message's own fault", func(t *testing.T) {
		t.Parallel()
		base, _ := recorder(t, 400, `{"code":111}`, nil)
		_, err := newBeem(parsed(t, base), "key", canarySecret, "KIBALI", 0).SendSMS(t.Context(), sms)
		requireFailure(t, err, Permanent)
		base, _ = recorder(t, 400, `{"code":111}`, nil)
		_, err = newBeem(parsed(t, base), "key", canarySecret, "KIBALI", 0).SendSMS(t.Context(), canarySMS)
		requireFailure(t, err, Misconfigured)
		base, _ = recorder(t, 400, `{"code":102}`, nil)
		_, err = newBeem(parsed(t, base), "key", canarySecret, "KIBALI", 0).SendSMS(t.Context(), sms)
		requireFailure(t, err, Misconfigured)
	})
}
