package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What must never appear in an error: whom we wrote to, what, and with which
// key. The fake providers repeat all of it in their answers, as real ones do.
const (
	canaryPhone  = "+255712345678"
	canaryEmail  = "canary.person@example.com"
	canaryText   = "the canary sings at dawn"
	canarySecret = "canary-secret-key"
	echoed       = `"message":"number 255712345678 or +255712345678 canary.person@example.com the canary sings at dawn canary-secret-key"`
)

var (
	canaryMail = Email{ID: "0192f0c1-7d1e-7c3a-9a3b-0a1b2c3d4e5f", To: canaryEmail, ToName: "Canary Person", Subject: "Canary subject", Text: canaryText, HTML: "<p>" + canaryText + "</p>"}
	canarySMS  = SMS{ID: "0192f0c1-7d1e-7c3a-9a3b-0a1b2c3d4e60", To: canaryPhone, Text: canaryText}
)

// adapter is one HTTP provider, with what its success looks like.
type adapter struct {
	name    string
	success string // a body that means accepted
	status  int
	build   func(t *testing.T, base string, timeout time.Duration) (send func(context.Context) (Receipt, error), check func(context.Context) error)
}

func adapters() []adapter {
	sms := func(provider string) func(*testing.T, string, time.Duration) (func(context.Context) (Receipt, error), func(context.Context) error) {
		return func(t *testing.T, base string, timeout time.Duration) (func(context.Context) (Receipt, error), func(context.Context) error) {
			t.Helper()
			sender, err := SMSConfig{Provider: provider, BaseURL: base, Username: "AC123", Secret: canarySecret, SenderID: "KIBALI", Timeout: timeout}.Sender(nil)
			require.NoError(t, err)
			return func(ctx context.Context) (Receipt, error) { return sender.SendSMS(ctx, canarySMS) }, sender.Check
		}
	}
	return []adapter{
		{name: "sendgrid", status: 202, build: func(t *testing.T, base string, timeout time.Duration) (func(context.Context) (Receipt, error), func(context.Context) error) {
			t.Helper()
			sender, err := EmailConfig{Provider: "sendgrid", URL: base, APIKey: canarySecret, From: "no-reply@kibali.example", FromName: "Kibali", Timeout: timeout}.Sender(nil)
			require.NoError(t, err)
			return func(ctx context.Context) (Receipt, error) { return sender.SendEmail(ctx, canaryMail) }, sender.Check
		}},
		{name: "africastalking", status: 201, build: sms("africastalking"),
			success: `{"SMSMessageData":{"Message":"Sent to 1/1 Total Cost: TZS 22","Recipients":[{"statusCode":101,"number":"+255712345678","status":"Success","cost":"TZS 22","messageId":"ATXid_1"}]}}`},
		{name: "beem", status: 200, build: sms("beem"),
			success: `{"successful":true,"request_id":84,"code":100,"message":"Message Submitted Successfully","valid":1,"invalid":0,"duplicates":0}`},
		{name: "twilio", status: 201, build: sms("twilio"),
			success: `{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued","error_code":null,"to":"+255712345678"}`},
	}
}

// provider starts a fake provider and returns its address.
func provider(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// requireFailure checks the class of err and that nothing private is in it.
func requireFailure(t *testing.T, err error, kind ErrorKind) *Error {
	t.Helper()
	failure, ok := errors.AsType[*Error](err)
	require.True(t, ok, "every failure is an *Error, not %T", err)
	require.Equal(t, kind, failure.Kind, err.Error())
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", *failure)} {
		for _, private := range []string{canaryPhone, canaryPhone[1:], canaryEmail, canaryText, canarySecret, "Canary"} {
			require.NotContains(t, text, private)
		}
	}
	return failure
}

func TestAdapters(t *testing.T) {
	t.Parallel()
	refusals := []struct {
		name   string
		status int
		header map[string]string
		kind   ErrorKind
		least  time.Duration
		most   time.Duration
	}{
		{name: "waits as many seconds as a 429 asks for", status: 429, header: map[string]string{"Retry-After": "7"}, kind: Temporary, least: 7 * time.Second, most: 7 * time.Second},
		{name: "waits until the date that a 429 gives", status: 429, header: map[string]string{"Retry-After": time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat)}, kind: Temporary, least: 8 * time.Minute, most: 10 * time.Minute},
		{name: "does not wait for a date that has passed", status: 429, header: map[string]string{"Retry-After": "Mon, 02 Jan 2006 15:04:05 GMT"}, kind: Temporary},
		{name: "waits until the rate limit is reset", status: 429, header: map[string]string{"X-RateLimit-Reset": fmt.Sprint(time.Now().Add(10 * time.Minute).Unix())}, kind: Temporary, least: 8 * time.Minute, most: 10 * time.Minute},
		{name: "never waits more than an hour", status: 429, header: map[string]string{"Retry-After": "99999999"}, kind: Temporary, least: time.Hour, most: time.Hour},
		{name: "ignores a Retry-After that makes no sense", status: 429, header: map[string]string{"Retry-After": "-soon"}, kind: Temporary},
		{name: "takes a 503 for not sent", status: 503, header: map[string]string{"Retry-After": "3"}, kind: Temporary, least: 3 * time.Second, most: 3 * time.Second},
		{name: "takes a 500 for an unknown outcome", status: 500, kind: Unknown},
		{name: "takes a 502 for an unknown outcome", status: 502, kind: Unknown},
		{name: "retries slowly when the credentials are refused", status: 401, kind: Misconfigured, least: 15 * time.Minute, most: 15 * time.Minute},
		{name: "retries slowly when the path does not exist", status: 404, kind: Misconfigured, least: 15 * time.Minute, most: 15 * time.Minute},
		{name: "gives up on a message that is refused", status: 400, kind: Permanent},
		{name: "gives up on a message that is too large", status: 413, kind: Permanent},
	}
	for _, a := range adapters() {
		for _, test := range refusals {
			t.Run(a.name+" "+test.name, func(t *testing.T) {
				t.Parallel()
				base := provider(t, func(w http.ResponseWriter, _ *http.Request) {
					for name, value := range test.header {
						w.Header().Set(name, value)
					}
					w.WriteHeader(test.status)
					_, _ = io.WriteString(w, "{"+echoed+"}")
				})
				send, check := a.build(t, base, 0)
				receipt, err := send(t.Context())
				failure := requireFailure(t, err, test.kind)
				require.Zero(t, receipt)
				require.Equal(t, test.status, failure.Status)
				require.Equal(t, a.name, failure.Provider)
				require.GreaterOrEqual(t, failure.RetryAfter, test.least)
				require.LessOrEqual(t, failure.RetryAfter, test.most)
				requireFailure(t, check(t.Context()), test.kind)
			})
		}
	}
}

func TestAdaptersMeetBrokenProviders(t *testing.T) {
	t.Parallel()
	for _, a := range adapters() {
		t.Run(a.name+" says unknown when no answer comes in time", func(t *testing.T) {
			t.Parallel()
			base := provider(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			send, check := a.build(t, base, 100*time.Millisecond)
			_, err := send(t.Context())
			require.Equal(t, "timeout", requireFailure(t, err, Unknown).Code)
			require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's own deadline did not pass")
			requireFailure(t, check(t.Context()), Unknown)
		})
		t.Run(a.name+" says unknown when the caller gives up after the request was written", func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			base := provider(t, func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
			})
			send, _ := a.build(t, base, 0)
			_, err := send(ctx)
			requireFailure(t, err, Unknown)
			require.ErrorIs(t, err, context.Canceled)
		})
		t.Run(a.name+" says temporary when the caller gave up before", func(t *testing.T) {
			t.Parallel()
			base := provider(t, func(http.ResponseWriter, *http.Request) {})
			send, _ := a.build(t, base, 0)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := send(ctx)
			requireFailure(t, err, Temporary)
			require.ErrorIs(t, err, context.Canceled)
		})
		t.Run(a.name+" says unknown when the connection is dropped without an answer", func(t *testing.T) {
			t.Parallel()
			base := provider(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			send, _ := a.build(t, base, 0)
			_, err := send(t.Context())
			require.Equal(t, "connection_lost", requireFailure(t, err, Unknown).Code)
		})
		t.Run(a.name+" says temporary when nobody listens", func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.NotFoundHandler())
			server.Close()
			send, _ := a.build(t, server.URL, 0)
			_, err := send(t.Context())
			require.Equal(t, "unreachable", requireFailure(t, err, Temporary).Code)
		})
		t.Run(a.name+" follows no redirect", func(t *testing.T) {
			t.Parallel()
			base := provider(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					t.Error("the redirect was followed, with the message and the key")
				}
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			})
			send, _ := a.build(t, base, 0)
			_, err := send(t.Context())
			requireFailure(t, err, Misconfigured)
		})
		t.Run(a.name+" refuses a certificate that it does not trust", func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = quietLog()
			server.StartTLS()
			t.Cleanup(server.Close)
			send, _ := a.build(t, server.URL, 0)
			_, err := send(t.Context())
			require.Equal(t, "tls", requireFailure(t, err, Misconfigured).Code)
		})
	}
}

func TestAdaptersMeetStrangeSuccesses(t *testing.T) {
	t.Parallel()
	strange := map[string]func(w http.ResponseWriter, status int, body string){
		"malformed": func(w http.ResponseWriter, status int, _ string) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"sid": "SM1", `+echoed)
		},
		"empty": func(w http.ResponseWriter, status int, _ string) { w.WriteHeader(status) },
		"endless": func(w http.ResponseWriter, status int, body string) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body+strings.Repeat(" ", 4*maxAnswer))
		},
		"broken off": func(w http.ResponseWriter, status int, body string) {
			w.Header().Set("Content-Length", "100000")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	}
	for _, a := range adapters() {
		for name, answer := range strange {
			t.Run(a.name+" meets one that is "+name, func(t *testing.T) {
				t.Parallel()
				base := provider(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, a.status, a.success) })
				send, _ := a.build(t, base, 0)
				receipt, err := send(t.Context())
				if a.name == "sendgrid" { // its 202 alone is the acceptance
					require.NoError(t, err)
					require.Equal(t, "sendgrid", receipt.Provider)
					return
				}
				requireFailure(t, err, Unknown)
			})
		}
		t.Run(a.name+" refuses what nobody could deliver without asking the provider", func(t *testing.T) {
			t.Parallel()
			base := provider(t, func(http.ResponseWriter, *http.Request) { t.Error("the provider was asked") })
			if a.name == "sendgrid" {
				sender := newSendGrid(parsed(t, base), canarySecret, "a@kibali.example", "", 0)
				for _, to := range []string{"", "nobody", "Canary <canary.person@example.com>", "a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com"} {
					bad := canaryMail
					bad.To = to
					_, err := sender.SendEmail(t.Context(), bad)
					requireFailure(t, err, Permanent)
				}
				return
			}
			sender, err := SMSConfig{Provider: a.name, BaseURL: base, Username: "u", Secret: "s", SenderID: "K"}.Sender(nil)
			require.NoError(t, err)
			for _, bad := range []SMS{
				{ID: "1", To: "0712345678", Text: "x"}, {ID: "1", To: "+255712345678,+255712345679", Text: "x"},
				{ID: "", To: canaryPhone, Text: "x"}, {ID: "1\r\nX: y", To: canaryPhone, Text: "x"}, {ID: "1", To: canaryPhone},
			} {
				_, err := sender.SendSMS(t.Context(), bad)
				requireFailure(t, err, Permanent)
			}
		})
	}
}

func parsed(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}
