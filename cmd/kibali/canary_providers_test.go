package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// quotingProviders take e-mails and SMS and remember them. The first SMS to each
// phone and the first e-mail to each address are refused, with the recipient and
// the text in the answer, as some providers do; what is sent by customers is
// refused for good.
type quotingProviders struct {
	mu     sync.Mutex
	seen   map[string]int
	mailed []string // texts of e-mails, as they were sent
	sent   []sending
}

// sending is an e-mail or SMS that was taken.
type sending struct{ to, text string }

func (p *quotingProviders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/mail/send"):
		var mail struct {
			Personalizations []struct{ To []struct{ Email string } }
			Content          []struct{ Value string }
		}
		_ = json.Unmarshal(body, &mail)
		to := mail.Personalizations[0].To[0].Email
		if p.first("mail " + to) {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(w, `{"errors":[{"message":"cannot reach %s: %s"}]}`, to, body)
			return
		}
		p.mu.Lock()
		p.mailed = append(p.mailed, mail.Content[0].Value)
		p.sent = append(p.sent, sending{to, mail.Content[0].Value})
		p.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	case strings.HasSuffix(r.URL.Path, "/Messages.json") && r.Method == http.MethodPost:
		form, _ := url.ParseQuery(string(body))
		if strings.HasPrefix(form.Get("Body"), "Ofa") { // what a customer sends
			p.first("message")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"code":21211,"status":400,"message":"The 'To' number %s is not valid: %s"}`, form.Get("To"), form.Get("Body"))
			return
		}
		if p.first("sms " + form.Get("To")) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, `{"message":"queue of %s is full: %s"}`, form.Get("To"), form.Get("Body"))
			return
		}
		p.mu.Lock()
		p.sent = append(p.sent, sending{form.Get("To"), form.Get("Body")})
		p.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued"}`)
	default:
		_, _ = io.WriteString(w, `{"sid":"AC1","status":"active","scopes":["mail.send"]}`)
	}
}

func (p *quotingProviders) first(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[key]++
	return p.seen[key] == 1
}

// newest returns the last match in what was sent to somebody; "" without.
func (p *quotingProviders) newest(to string, pattern *regexp.Regexp) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range slices.Backward(p.sent) {
		if found := pattern.FindString(s.text); s.to == to && found != "" {
			return found
		}
	}
	return ""
}

func (p *quotingProviders) asked(key string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[key]
}

// mailedLink waits for an e-mail with a link to reset a password, and returns the
// newest token.
func (p *quotingProviders) mailedLink(t *testing.T, n int) string {
	t.Helper()
	var found []string
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		found = nil
		for _, text := range p.mailed {
			found = append(found, regexp.MustCompile(`kbr_[A-Za-z0-9_-]+`).FindAllString(text, 1)...)
		}
		return len(found) >= n
	}, time.Minute, 50*time.Millisecond)
	return found[n-1]
}
