package notify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// setupInbox opens an inbox in a folder of the test's own.
func setupInbox(t *testing.T) (*Inbox, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "inbox.jsonl")
	return openInbox(t, path), path
}

func openInbox(t *testing.T, path string) *Inbox {
	t.Helper()
	inbox, err := OpenInbox(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = inbox.Close() })
	return inbox
}

func TestInbox(t *testing.T) {
	t.Parallel()
	t.Run("lists e-mails and SMS, newest first", func(t *testing.T) {
		t.Parallel()
		inbox, _ := setupInbox(t)
		inbox.now = func() time.Time { return time.Date(2026, 11, 23, 14, 2, 0, 0, time.FixedZone("EAT", 3*3600)) }
		require.Equal(t, []Item{}, inbox.List())
		receipt, err := inbox.SendEmail(t.Context(), canaryMail)
		require.NoError(t, err)
		require.Equal(t, Receipt{Provider: "inbox", MessageID: canaryMail.ID}, receipt)
		_, err = inbox.SendSMS(t.Context(), canarySMS)
		require.NoError(t, err)
		at := time.Date(2026, 11, 23, 11, 2, 0, 0, time.UTC)
		require.Equal(t, []Item{
			{Channel: ChannelSMS, To: canaryPhone, Text: canaryText, CreatedAt: at},
			{Channel: ChannelEmail, To: canaryEmail, Subject: canaryMail.Subject, Text: canaryText, HTML: canaryMail.HTML, CreatedAt: at},
		}, inbox.List())
	})
	t.Run("keeps the first message of each channel and id", func(t *testing.T) {
		t.Parallel()
		inbox, path := setupInbox(t)
		again := canaryMail
		again.Text = "second attempt"
		for _, email := range []Email{canaryMail, again, canaryMail} {
			_, err := inbox.SendEmail(t.Context(), email)
			require.NoError(t, err)
		}
		sms := canarySMS
		sms.ID = canaryMail.ID
		_, err := inbox.SendSMS(t.Context(), sms)
		require.NoError(t, err)
		require.NoError(t, inbox.Close())
		reopened := openInbox(t, path)
		_, err = reopened.SendEmail(t.Context(), again)
		require.NoError(t, err)
		require.Len(t, reopened.List(), 2)
		require.Equal(t, canaryText, reopened.List()[1].Text)
	})
	t.Run("finds its messages again after a restart", func(t *testing.T) {
		t.Parallel()
		inbox, path := setupInbox(t)
		for i := range 5 {
			sms := canarySMS
			sms.ID, sms.Text = fmt.Sprint(i), fmt.Sprintf("line %d\nhttps://kibali.example/?a=1&b=<2>", i)
			_, err := inbox.SendSMS(t.Context(), sms)
			require.NoError(t, err)
		}
		before := inbox.List()
		require.NoError(t, inbox.Close())
		require.Equal(t, before, openInbox(t, path).List())
	})
	t.Run("drops a last line that a crash tore and writes on", func(t *testing.T) {
		t.Parallel()
		inbox, path := setupInbox(t)
		for _, id := range []string{"1", "2"} {
			sms := canarySMS
			sms.ID = id
			_, err := inbox.SendSMS(t.Context(), sms)
			require.NoError(t, err)
		}
		require.NoError(t, inbox.Close())
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		for cut := 1; cut < len(whole)/2; cut += 7 {
			require.NoError(t, os.WriteFile(path, whole[:len(whole)-cut], 0o600))
			torn, err := OpenInbox(path)
			require.NoError(t, err)
			require.Len(t, torn.List(), 1)
			sms := canarySMS
			sms.ID = "3"
			_, err = torn.SendSMS(t.Context(), sms)
			require.NoError(t, err)
			require.NoError(t, torn.Close())
			reopened, err := OpenInbox(path)
			require.NoError(t, err)
			require.Len(t, reopened.List(), 2)
			require.NoError(t, reopened.Close())
		}
	})
	t.Run("names a line in the middle that is damaged", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "inbox.jsonl")
		require.NoError(t, os.WriteFile(path, []byte("{\"id\":\"1\"}\nrubbish\n{\"id\":\"2\"}\n"), 0o600))
		_, err := OpenInbox(path)
		require.ErrorContains(t, err, "line 2 of the inbox")
	})
	t.Run("says temporary when it cannot write", func(t *testing.T) {
		t.Parallel()
		inbox, _ := setupInbox(t)
		require.NoError(t, inbox.Check(t.Context()))
		require.NoError(t, inbox.Close())
		_, err := inbox.SendEmail(t.Context(), canaryMail)
		requireFailure(t, err, Temporary)
		require.Empty(t, inbox.List(), "what is not kept is not listed")
		requireFailure(t, inbox.Check(t.Context()), Misconfigured)
	})
	t.Run("refuses what no provider would deliver", func(t *testing.T) {
		t.Parallel()
		inbox, _ := setupInbox(t)
		_, err := inbox.SendSMS(t.Context(), SMS{ID: "1", To: "0712", Text: "x"})
		requireFailure(t, err, Permanent)
		_, err = inbox.SendEmail(t.Context(), Email{ID: "1", To: "nobody", Subject: "x", Text: "x"})
		requireFailure(t, err, Permanent)
	})
}

func TestInboxServesJSON(t *testing.T) {
	t.Parallel()
	inbox, _ := setupInbox(t)
	get := func(method string) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		inbox.ServeHTTP(recorder, httptest.NewRequest(method, "/dev/inbox.json", nil))
		return recorder
	}
	require.Equal(t, "[]\n", get(http.MethodGet).Body.String())
	_, err := inbox.SendSMS(t.Context(), canarySMS)
	require.NoError(t, err)
	_, err = inbox.SendEmail(t.Context(), canaryMail)
	require.NoError(t, err)

	answer := get(http.MethodGet)
	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
	require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
	var items []map[string]any
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &items))
	require.Len(t, items, 2)
	for _, item := range items {
		require.Len(t, item, 6)
		for _, member := range []string{"channel", "to", "subject", "text", "html", "created_at"} {
			require.Contains(t, item, member)
		}
		_, err := time.Parse(time.RFC3339, item["created_at"].(string))
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(item["created_at"].(string), "Z"))
	}
	require.Equal(t, "email", items[0]["channel"])
	require.Equal(t, http.StatusMethodNotAllowed, get(http.MethodPost).Code)
}

func TestInboxTakesMessagesFromManyAtOnce(t *testing.T) {
	t.Parallel()
	const senders, messages = 16, 25
	inbox, path := setupInbox(t)
	var sending sync.WaitGroup
	errs := make(chan error, senders*messages)
	for range senders {
		sending.Go(func() {
			for i := range messages {
				sms := canarySMS
				sms.ID = fmt.Sprint("message-", i) // every sender sends the same messages
				_, err := inbox.SendSMS(t.Context(), sms)
				errs <- err
				inbox.List()
			}
		})
	}
	sending.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, inbox.List(), messages)
	require.NoError(t, inbox.Close())
	require.Len(t, openInbox(t, path).List(), messages)
}
