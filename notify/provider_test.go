package notify

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }

// captured is a request that a fake provider received.
type captured struct {
	method, path, contentType string
	header                    http.Header
	form                      map[string][]string
	json                      map[string]any
}

// recorder answers every request with the same status and body and hands out
// what it received.
func recorder(t *testing.T, status int, body string, header map[string]string) (string, func() captured) {
	t.Helper()
	requests := make(chan captured, 1)
	base := provider(t, func(w http.ResponseWriter, r *http.Request) {
		got := captured{method: r.Method, path: r.URL.RequestURI(), contentType: r.Header.Get("Content-Type"), header: r.Header}
		if r.Header.Get("Content-Type") == "application/json" {
			_ = json.NewDecoder(r.Body).Decode(&got.json)
		} else if r.ParseForm() == nil {
			got.form = r.PostForm
		}
		requests <- got
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	return base, func() captured { return <-requests }
}

func TestSendGrid(t *testing.T) {
	t.Parallel()
	t.Run("sends the message with its notice id and without tracking", func(t *testing.T) {
		t.Parallel()
		base, request := recorder(t, 202, "", map[string]string{"X-Message-Id": "msg-1"})
		sender := newSendGrid(parsed(t, base), canarySecret, "no-reply@kibali.example", "Kibali", 0)
		receipt, err := sender.SendEmail(t.Context(), canaryMail)
		require.NoError(t, err)
		require.Equal(t, Receipt{Provider: "sendgrid", MessageID: "msg-1"}, receipt)
		got := request()
		require.Equal(t, "POST", got.method)
		require.Equal(t, "/v3/mail/send", got.path)
		require.Equal(t, "Bearer "+canarySecret, got.header.Get("Authorization"))
		body, err := json.Marshal(got.json)
		require.NoError(t, err)
		require.JSONEq(t, `{
			"from": {"email": "no-reply@kibali.example", "name": "Kibali"},
			"subject": "Canary subject",
			"personalizations": [{"to": [{"email": "canary.person@example.com", "name": "Canary Person"}],
				"custom_args": {"notice_id": "0192f0c1-7d1e-7c3a-9a3b-0a1b2c3d4e5f"}}],
			"content": [{"type": "text/plain", "value": "the canary sings at dawn"},
				{"type": "text/html", "value": "<p>the canary sings at dawn</p>"}],
			"headers": {"Auto-Submitted": "auto-generated"},
			"tracking_settings": {"click_tracking": {"enable": false, "enable_text": false},
				"open_tracking": {"enable": false}, "subscription_tracking": {"enable": false}}
		}`, string(body))
	})
	for name, test := range map[string]struct {
		body string
		kind ErrorKind
		code string
	}{
		"tells a sender that is not verified from the rest": {`{"errors":[{"field":"from.email","message":"canary.person@example.com"}]}`, Misconfigured, "invalid_sender"},
		"tells a recipient that is refused from the rest":   {`{"errors":[{"field":"personalizations.0.to.0.email","message":"canary.person@example.com"}]}`, Permanent, "invalid_recipient"},
		"gives up on a content that is refused":             {`{"errors":[{"field":"content","message":"the canary sings at dawn"}]}`, Permanent, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, _ := recorder(t, 400, test.body, nil)
			_, err := newSendGrid(parsed(t, base), canarySecret, "a@kibali.example", "", 0).SendEmail(t.Context(), canaryMail)
			require.Equal(t, test.code, requireFailure(t, err, test.kind).Code)
		})
	}
	t.Run("is checked by asking what the key may do", func(t *testing.T) {
		t.Parallel()
		base, request := recorder(t, 200, `{"scopes":["mail.send"]}`, nil)
		require.NoError(t, newSendGrid(parsed(t, base), canarySecret, "a@kibali.example", "", 0).Check(t.Context()))
		got := request()
		require.Equal(t, "GET /v3/scopes", got.method+" "+got.path)
	})
	t.Run("fails its check when the key may not send", func(t *testing.T) {
		t.Parallel()
		base, _ := recorder(t, 200, `{"scopes":["stats.read"]}`, nil)
		err := newSendGrid(parsed(t, base), canarySecret, "a@kibali.example", "", 0).Check(t.Context())
		require.Equal(t, "missing_scope", requireFailure(t, err, Misconfigured).Code)
	})
}

func TestAfricasTalking(t *testing.T) {
	t.Parallel()
	t.Run("posts one recipient and reads its message id", func(t *testing.T) {
		t.Parallel()
		base, request := recorder(t, 201, adapters()[1].success, nil)
		receipt, err := newAfricasTalking(parsed(t, base), "kibali", canarySecret, "KIBALI", 0).SendSMS(t.Context(), canarySMS)
		require.NoError(t, err)
		require.Equal(t, Receipt{Provider: "africastalking", MessageID: "ATXid_1"}, receipt)
		got := request()
		require.Equal(t, "POST /version1/messaging", got.method+" "+got.path)
		require.Equal(t, canarySecret, got.header.Get("apiKey"))
		require.Equal(t, map[string][]string{"username": {"kibali"}, "to": {canaryPhone}, "message": {canaryText}, "from": {"KIBALI"}, "bulkSMSMode": {"1"}}, got.form)
	})
	kinds := map[string]ErrorKind{
		"401": Unknown, "402": Misconfigured, "403": Permanent, "404": Permanent, "405": Misconfigured, "406": Permanent,
		"407": Permanent, "409": Permanent, "500": Temporary, "501": Temporary, "502": Permanent, "999": Unknown,
	}
	for code, kind := range kinds {
		t.Run("accepts the request and refuses its recipient with "+code, func(t *testing.T) {
			t.Parallel()
			base, _ := recorder(t, 201, `{"SMSMessageData":{"Message":"Sent to 0/1","Recipients":[{"statusCode":`+code+`,"number":"+255712345678",`+echoed+`}]}}`, nil)
			_, err := newAfricasTalking(parsed(t, base), "kibali", canarySecret, "", 0).SendSMS(t.Context(), canarySMS)
			require.Equal(t, code, requireFailure(t, err, kind).Code)
		})
	}
	for message, kind := range map[string]ErrorKind{"InvalidSenderId": Misconfigured, "InsufficientBalance": Misconfigured, "Sent to 0/1 Total Cost: 0": Permanent} {
		t.Run("names no recipient but "+message, func(t *testing.T) {
			t.Parallel()
			base, _ := recorder(t, 201, `{"SMSMessageData":{"Message":"`+message+`","Recipients":[]}}`, nil)
			_, err := newAfricasTalking(parsed(t, base), "kibali", canarySecret, "", 0).SendSMS(t.Context(), canarySMS)
			requireFailure(t, err, kind)
		})
	}
	t.Run("is checked by asking for the balance", func(t *testing.T) {
		t.Parallel()
		base, request := recorder(t, 200, `{"UserData":{"balance":"TZS 1"}}`, nil)
		require.NoError(t, newAfricasTalking(parsed(t, base), "kibali", canarySecret, "", 0).Check(t.Context()))
		require.Equal(t, "/version1/user?username=kibali", request().path)
	})
}

func TestBeem(t *testing.T) {
	t.Parallel()
	t.Run("posts one recipient without a plus and reads the request id", func(t *testing.T) {
		t.Parallel()
		base, request := recorder(t, 200, adapters()[2].success, nil)
		receipt, err := newBeem(parsed(t, base), "key", canarySecret, "KIBALI", 0).SendSMS(t.Context(), canarySMS)
		require.NoError(t, err)
		require.Equal(t, Receipt{Provider: "beem", MessageID: "84"}, receipt)
		got := request()
		require.Equal(t, "POST /v1/send", got.method+" "+got.path)
		require.Equal(t, basicAuthorization("key", canarySecret), got.header.Get("Authorization"))
		body, err := json.Marshal(got.json)
		require.NoError(t, err)
		require.JSONEq(t, `{"source_addr":"KIBALI","encoding":0,"message":"the canary sings at dawn","recipients":[{"recipient_id":"1","dest_addr":"255712345678"}]}`, string(body))
	})
	for name, test := range map[string]struct {
		status int
		body   string
		kind   ErrorKind
		code   string
	}{
		"accepts the request and finds its recipient invalid": {200, `{"code":100,"request_id":1,"valid":0,"invalid":1,` + echoed + `}`, Permanent, "invalid_recipient"},
		"refuses the phone":                           {400, `{"code":101,` + echoed + `}`, Permanent, "101"},
		"has no balance left":                         {400, `{"data":{"code":102,` + echoed + `}}`, Misconfigured, "102"},
		"lost its own network":                        {500, `{"code":103}`, Unknown, "103"},
		"does not know the sender":                    {400, `{"code":111}`, Misconfigured, "111"},
		"does not know the key":                       {401, `{"code":120,"message":"Invalid Authentication Parameters"}`, Misconfigured, "120"},
		"has a code of its own for too many requests": {429, `{"code":150}`, Temporary, "150"},
		"succeeds with a code that is not success":    {200, `{"code":150}`, Unknown, "150"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, _ := recorder(t, test.status, test.body, nil)
			_, err := newBeem(parsed(t, base), "key", canarySecret, "KIBALI", 0).SendSMS(t.Context(), canarySMS)
			require.Equal(t, test.code, requireFailure(t, err, test.kind).Code)
		})
	}
	t.Run("is checked by asking for the balance", func(t *testing.T) {
		t.Parallel()
		base, request := recorder(t, 200, `{"data":{"credit_balance":1}}`, nil)
		require.NoError(t, newBeem(parsed(t, base), "key", canarySecret, "KIBALI", 0).Check(t.Context()))
		require.Equal(t, "/public/v1/vendors/balance", request().path)
	})
}

func TestTwilio(t *testing.T) {
	t.Parallel()
	t.Run("posts to the account's messages with the notice id as token", func(t *testing.T) {
		t.Parallel()
		base, request := recorder(t, 201, adapters()[3].success, nil)
		receipt, err := newTwilio(parsed(t, base), "AC123", canarySecret, "KIBALI", 0).SendSMS(t.Context(), canarySMS)
		require.NoError(t, err)
		require.Equal(t, Receipt{Provider: "twilio", MessageID: "SM0123456789abcdef0123456789abcdef"}, receipt)
		got := request()
		require.Equal(t, "POST /2010-04-01/Accounts/AC123/Messages.json", got.method+" "+got.path)
		require.Equal(t, basicAuthorization("AC123", canarySecret), got.header.Get("Authorization"))
		require.Equal(t, canarySMS.ID, got.header.Get("I-Twilio-Idempotency-Token"))
		require.Equal(t, map[string][]string{"To": {canaryPhone}, "From": {"KIBALI"}, "Body": {canaryText}}, got.form)
	})
	t.Run("names a messaging service as such", func(t *testing.T) {
		t.Parallel()
		base, request := recorder(t, 201, adapters()[3].success, nil)
		service := "MG0123456789abcdef0123456789abcdef"
		_, err := newTwilio(parsed(t, base), "AC123", canarySecret, service, 0).SendSMS(t.Context(), canarySMS)
		require.NoError(t, err)
		form := request().form
		require.Equal(t, []string{service}, form["MessagingServiceSid"])
		require.NotContains(t, form, "From")
	})
	for name, test := range map[string]struct {
		status int
		body   string
		kind   ErrorKind
		code   string
	}{
		"refuses the number":                {400, `{"code":21211,"status":400,` + echoed + `}`, Permanent, "21211"},
		"respects who unsubscribed":         {400, `{"code":21610,` + echoed + `}`, Permanent, "21610"},
		"does not own the sender":           {400, `{"code":21606,` + echoed + `}`, Misconfigured, "21606"},
		"does not know the account":         {401, `{"code":20003,"message":"Authenticate"}`, Misconfigured, "20003"},
		"has a full queue":                  {429, `{"code":21611}`, Temporary, "21611"},
		"has a code that is not listed":     {400, `{"code":29999}`, Permanent, "29999"},
		"takes the message and drops it":    {201, `{"sid":"SM1","status":"failed","error_code":30006}`, Permanent, "30006"},
		"drops it and does not know why":    {201, `{"sid":"SM1","status":"undelivered","error_code":30008}`, Unknown, "30008"},
		"drops it because the phone is off": {201, `{"sid":"SM1","status":"failed","error_code":30003}`, Temporary, "30003"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, _ := recorder(t, test.status, test.body, nil)
			_, err := newTwilio(parsed(t, base), "AC123", canarySecret, "KIBALI", 0).SendSMS(t.Context(), canarySMS)
			require.Equal(t, test.code, requireFailure(t, err, test.kind).Code)
		})
	}
	t.Run("is checked by reading the account", func(t *testing.T) {
		t.Parallel()
		base, request := recorder(t, 200, `{"status":"active"}`, nil)
		require.NoError(t, newTwilio(parsed(t, base), "AC123", canarySecret, "KIBALI", 0).Check(t.Context()))
		require.Equal(t, "/2010-04-01/Accounts/AC123.json", request().path)
	})
}
