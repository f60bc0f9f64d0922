package api_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/ledger"
	"kibali/domain/message"
	"kibali/notify"
	"kibali/service"
)

func (s *stand) write(t *testing.T, token, key string, body any) answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/messages", token, body, "Idempotency-Key", key)
}

func TestMessages(t *testing.T) {
	t.Parallel()
	s := setup(t)
	text := map[string]any{"to": []string{"0712 345 678", "+255 754 123 456"}, "text": strings.Repeat("a", 161), "sender_id": "KILIMO"}

	t.Run("cost a credit for each segment and recipient, once for each key", func(t *testing.T) {
		t.Parallel()
		u, key := s.customer(t, 10)
		first := s.write(t, key, "k1", text)
		require.Equal(t, http.StatusAccepted, first.Code, first.Body)
		m := decode[api.MessageAnswer](t, first).Message
		require.Equal(t, "/v1/messages/"+m.ID.String(), first.Header().Get("Location"))
		require.Equal(t, api.MessageStatus("queued"), m.Status)
		require.Equal(t, 2, m.Segments)
		require.Equal(t, int64(4), m.Credits)
		require.Equal(t, "+255712345678", m.Recipients[0].To)
		require.Equal(t, int64(6), s.balance(t, u).Available)

		a := s.call(t, http.MethodGet, "/v1/messages/"+m.ID.String(), u.session, nil)
		require.Equal(t, http.StatusOK, a.Code)
		require.Equal(t, m, decode[api.MessageAnswer](t, a).Message)

		_, err := s.owner.Exec(t.Context(), `UPDATE message_recipients SET status = 'sent' WHERE message_id = $1`, m.ID)
		require.NoError(t, err)
		again := s.write(t, u.session, "k1", text)
		require.Equal(t, http.StatusAccepted, again.Code)
		require.Equal(t, first.Body.String(), again.Body.String(), "as it was accepted")
		a = s.call(t, http.MethodGet, "/v1/messages/"+m.ID.String(), key, nil)
		require.Equal(t, api.MessageStatus("sent"), decode[api.MessageAnswer](t, a).Message.Status)

		other := map[string]any{"to": text["to"], "text": strings.Repeat("b", 161), "sender_id": "KILIMO"}
		require.Equal(t, "idempotency_key_reused", s.write(t, key, "k1", other).code(t), "another text of the same price")
		require.Equal(t, int64(6), s.balance(t, u).Available)
		require.Equal(t, http.StatusPaymentRequired, s.write(t, key, "k2", map[string]any{"to": []string{"0712345678"}, "text": strings.Repeat("ж", 500)}).Code)
	})
	t.Run("are read by their own account alone", func(t *testing.T) {
		t.Parallel()
		_, key := s.customer(t, 10)
		_, other := s.customer(t, 10)
		m := decode[api.MessageAnswer](t, s.write(t, key, "k", text)).Message
		for _, id := range []string{m.ID.String(), uuid.NewString()} {
			require.Equal(t, http.StatusNotFound, s.call(t, http.MethodGet, "/v1/messages/"+id, other, nil).Code)
		}
	})
	t.Run("name every bad field and cost nothing then", func(t *testing.T) {
		t.Parallel()
		u, key := s.customer(t, 10)
		for body, want := range map[string]map[string]string{
			`{"to": [], "text": "x"}`: {"to": "required"}, `{"to": ["x"], "text": ""}`: {"to[0]": "invalid", "text": "required"},
			`{"to": ["0712345678", "255712345678"], "text": "x"}`:                     {"to[1]": "duplicate"},
			`{"to": ["0712345678"], "text": "x", "sender_id": "a name that is long"}`: {"sender_id": "invalid"},
			`{"to": "0712345678", "text": "x"}`:                                       {"to": "wrong_type"},
			`{"to": ["0712345678", 7], "text": "x"}`:                                  {"to[1]": "wrong_type"},
			`{"to": ["0712345678"], "text": "\u0000"}`:                                {"text": "invalid_character"},
			`{"to": ["0712345678"], "text": "x", "account_id": "` + u.id + `"}`:       {"account_id": "unknown_field"},
			`{"to": ["0712345678"]}`:                                                  {"text": "required"},
			`{"to": ["0712345678"], "text": "` + strings.Repeat("a", 1531) + `"}`:     {"text": "too_long"},
			`{"to": [` + strings.Repeat(`"1",`, 1000) + `"1"], "text": "x"}`:          {"to": "too_long"},
		} {
			a := s.write(t, key, "bad", body)
			require.Contains(t, []int{400, 422}, a.Code, "%s", a.Body)
			require.Equal(t, want, a.fields(t), "%.100s", body)
		}
		a := s.call(t, http.MethodPost, "/v1/messages", key, text)
		require.Equal(t, http.StatusBadRequest, a.Code)
		require.Contains(t, a.fields(t), "Idempotency-Key")
		require.Equal(t, ledger.Balance{Available: 10}, s.balance(t, u))
	})
	t.Run("are accepted of active accounts alone", func(t *testing.T) {
		t.Parallel()
		for status, code := range map[account.Status]string{
			account.Pending: "account_pending", account.Rejected: "account_rejected", account.Suspended: "account_suspended",
		} {
			u, key := s.customer(t, 10)
			s.setStatus(t, u, status)
			for _, token := range []string{key, u.session} {
				a := s.write(t, token, "k", text)
				require.Equal(t, http.StatusForbidden, a.Code, status)
				require.Equal(t, code, a.code(t))
			}
		}
	})
	t.Run("are not refunded as charges are", func(t *testing.T) {
		t.Parallel()
		_, key := s.customer(t, 10)
		m := decode[api.MessageAnswer](t, s.write(t, key, "k", text)).Message
		stored, err := s.reader.Message(t.Context(), m.ID)
		require.NoError(t, err)
		a := s.call(t, http.MethodPost, "/v1/gate/charges/"+stored.ChargeID.String()+"/refund", s.service(t, actor.ScopeRefunds), nil, "Idempotency-Key", m.ID.String())
		require.Equal(t, http.StatusNotFound, a.Code, a.Body)
	})
	t.Run("are one when racers have one key", func(t *testing.T) {
		t.Parallel()
		u, key := s.customer(t, 100)
		won := s.race(t, func(int) int { return s.write(t, key, "same", text).Code })
		require.Equal(t, map[int]int{http.StatusAccepted: 64}, won)
		require.Equal(t, int64(96), s.balance(t, u).Available)
	})
}

// TestAMessageArrives sends one with Temporal and a worker.
func TestAMessageArrives(t *testing.T) {
	t.Parallel()
	s := setupWithCases(t)
	u, key := s.customer(t, 10)
	a := s.write(t, key, "k", map[string]any{"to": []string{"0712 345 678"}, "text": "Habari za leo"})
	require.Equal(t, http.StatusAccepted, a.Code, a.Body)
	path := "/v1/messages/" + decode[api.MessageAnswer](t, a).Message.ID.String()
	require.Eventually(t, func() bool {
		return decode[api.MessageAnswer](t, s.call(t, http.MethodGet, path, key, nil)).Message.Status == "sent"
	}, time.Minute, 50*time.Millisecond)
	found := slices.ContainsFunc(s.inbox.List(), func(item notify.Item) bool {
		return item.Channel == notify.ChannelSMS && item.To == "+255712345678" && item.Text == "Habari za leo"
	})
	require.True(t, found)
	require.Equal(t, int64(9), s.balance(t, u).Available)
	require.NotContains(t, s.log.String(), "Habari")
	require.NotContains(t, s.log.String(), "255712345678")
}

const reportsAt = "https://id.example.co.tz/v1/delivery-reports/twilio"

func TestDeliveryReports(t *testing.T) {
	t.Parallel()
	s := setup(t)
	reports := notify.NewTwilioReports("auth token", reportsAt)
	s.readReport = func(query, signature string, body []byte) (service.DeliveryReport, error) {
		r, err := reports.Read(query, signature, body, time.Now())
		return service.DeliveryReport{ID: r.ID, Provider: r.Provider, ProviderMessageID: r.MessageID, Status: r.Status, Failure: r.Failure()}, err
	}
	s.handler = s.newHandler(t, s.store)
	u, key := s.customer(t, 10)
	m := decode[api.MessageAnswer](t, s.write(t, key, "k", map[string]any{"to": []string{"0712345678"}, "text": "x"})).Message
	_, err := s.owner.Exec(t.Context(), `UPDATE message_recipients SET status = 'unknown', attempted_at = now() WHERE message_id = $1`, m.ID)
	require.NoError(t, err)

	report := func(query string, form url.Values, changes ...func(*http.Request)) answer {
		body := form.Encode()
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/delivery-reports/twilio?"+query, strings.NewReader(body))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		mac := hmac.New(sha1.New, []byte("auth token"))
		mac.Write([]byte(reportsAt + "?" + query))
		for _, name := range []string{"ErrorCode", "MessageSid", "MessageStatus"} {
			if form.Has(name) {
				mac.Write([]byte(name + form.Get(name)))
			}
		}
		request.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		for _, change := range changes {
			change(request)
		}
		return s.send(t, request)
	}
	query := func(at time.Time) string {
		return strings.TrimPrefix(reports.Address(message.RecipientID(m.ID, 0), at), reportsAt+"?")
	}
	status := func() api.Message {
		return decode[api.MessageAnswer](t, s.call(t, http.MethodGet, "/v1/messages/"+m.ID.String(), key, nil)).Message
	}
	good := query(time.Now())
	undelivered := url.Values{"MessageSid": {"SM1"}, "MessageStatus": {"undelivered"}, "ErrorCode": {"30003"}}
	sent := url.Values{"MessageSid": {"SM1"}, "MessageStatus": {"sent"}}

	require.Equal(t, "unknown", string(status().Status))
	require.Equal(t, 1, status().Unknown)
	for name, a := range map[string]answer{
		"without a signature": report(good, sent, func(r *http.Request) { r.Header.Del("X-Twilio-Signature") }),
		"with two":            report(good, sent, func(r *http.Request) { r.Header.Add("X-Twilio-Signature", r.Header.Get("X-Twilio-Signature")) }),
		"with another body":   report(good, sent, func(r *http.Request) { r.Body = http.NoBody }),
		"of long ago":         report(query(time.Now().Add(-5*24*time.Hour)), sent),
		"of the future":       report(query(time.Now().Add(time.Hour)), sent),
	} {
		require.Equal(t, http.StatusForbidden, a.Code, name)
	}
	require.Equal(t, http.StatusBadRequest, report(good, url.Values{"MessageSid": {"SM1"}, "MessageStatus": {"dancing"}}).Code)
	require.Equal(t, "unknown", string(status().Status))

	require.Equal(t, http.StatusNoContent, report(good, sent).Code, "it settles what was unknown")
	require.Equal(t, "sent", string(status().Status))
	require.Equal(t, http.StatusNoContent, report(good, undelivered).Code)
	require.Equal(t, "failed", string(status().Status))
	require.Equal(t, "twilio_30003", *status().Recipients[0].Failure)
	require.Equal(t, int64(10), s.balance(t, u).Available)
	for _, again := range []url.Values{undelivered, sent, {"MessageSid": {"SM1"}, "MessageStatus": {"delivered"}}} {
		require.Equal(t, http.StatusNoContent, report(good, again).Code, "replayed, or in another order")
	}
	require.Equal(t, "failed", string(status().Status))
	require.Equal(t, int64(10), s.balance(t, u).Available, "once")

	notOurs := strings.Replace(good, m.ID.String()+".0", uuid.NewString(), 1)
	require.Equal(t, http.StatusNoContent, report(notOurs, sent).Code, "of a notice")

	s.readReport = nil
	s.handler = s.newHandler(t, s.store)
	require.Equal(t, http.StatusNotFound, report(good, sent).Code, "of a provider that signs nothing")
}
