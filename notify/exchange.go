package notify

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	defaultTimeout  = 10 * time.Second
	maxAnswer       = 64 << 10
	maxAnswerHeader = 64 << 10
)

// exchange makes one bounded HTTP request to a provider: a deadline for the
// whole of it, a limit on the answer, no redirects, ordinary TLS.
type exchange struct {
	provider string
	base     *url.URL
	timeout  time.Duration
	client   *http.Client
	now      func() time.Time
}

// newExchange speaks to the API below base. A timeout of 0 is ten seconds.
func newExchange(provider string, base *url.URL, timeout time.Duration) *exchange {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxAnswerHeader
	return &exchange{
		provider: provider,
		base:     base,
		timeout:  timeout,
		now:      time.Now,
		client: &http.Client{
			Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
	}
}

// answer is what a provider replied with, whatever its status.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// request is one call of a provider's API. target is a path below the base URL,
// or a whole URL.
type request struct {
	method  string
	target  string
	headers map[string]string
	body    string
}

// do performs the request. Its error is of kind Temporary or Misconfigured when
// the request cannot have reached the provider, and Unknown from the moment its
// first byte may have.
func (x *exchange) do(ctx context.Context, call request) (answer, *Error) {
	bounded, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()

	var written atomic.Bool
	traced := httptrace.WithClientTrace(bounded, &httptrace.ClientTrace{
		WroteHeaders: func() { written.Store(true) },
	})
	target := call.target
	if strings.HasPrefix(target, "/") {
		target = strings.TrimSuffix(x.base.String(), "/") + target
	}
	req, err := http.NewRequestWithContext(traced, call.method, target, strings.NewReader(call.body))
	if err != nil {
		return answer{}, misconfigured(x.provider, "invalid_url", 0)
	}
	for name, value := range call.headers {
		req.Header.Set(name, value)
	}

	res, err := x.client.Do(req)
	if err != nil {
		return answer{}, x.broken(ctx, err, written.Load())
	}
	defer func() { _ = res.Body.Close() }() // the answer has been read, or given up on
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	reply := answer{status: res.StatusCode, header: res.Header, body: body}
	switch {
	case err != nil && !reply.accepted():
		return reply, nil // the status alone says that it was refused, and why
	case err != nil:
		failure := x.broken(ctx, err, true)
		failure.Status = res.StatusCode
		return reply, failure
	case len(body) > maxAnswer:
		reply.body = nil
		if reply.accepted() {
			return reply, &Error{Kind: Unknown, Provider: x.provider, Code: "answer_too_large", Status: res.StatusCode}
		}
	}
	return reply, nil
}

// broken classifies an exchange that ended without a complete answer.
func (x *exchange) broken(caller context.Context, err error, written bool) *Error {
	failure := &Error{Kind: Temporary, Provider: x.provider, Code: "unreachable", cause: contextCause(caller)}
	if written {
		failure.Kind, failure.Code = Unknown, "connection_lost"
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		failure.Code = "timeout"
	}
	if failure.cause != nil {
		failure.Code = "interrupted"
	}
	if !written && untrusted(err) {
		return misconfigured(x.provider, "tls", 0)
	}
	return failure
}

// untrusted reports whether err is a TLS handshake that no retry will repair.
func untrusted(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok
}

func (a answer) accepted() bool { return a.status >= 200 && a.status < 300 }

// decode reads the answer's JSON into target and reports whether it was JSON.
func (a answer) decode(target any) bool { return json.Unmarshal(a.body, target) == nil }

// refusal is what an HTTP status means when the provider's body adds nothing.
// A 5xx is Unknown, because a provider may fail after it has queued a message;
// only 503 says that the request was turned away.
func (x *exchange) refusal(reply answer) *Error {
	failure := &Error{Kind: Permanent, Provider: x.provider, Status: reply.status}
	switch status := reply.status; {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		failure.Kind, failure.RetryAfter = Temporary, retryAfter(reply.header, x.now())
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		failure.Kind = Temporary
	case status >= 500:
		failure.Kind = Unknown
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden,
		status == http.StatusNotFound, status == http.StatusMethodNotAllowed, status == http.StatusNotAcceptable,
		status == http.StatusProxyAuthRequired, status >= 300 && status < 400:
		return misconfigured(x.provider, "", status)
	case status < 300:
		failure.Kind, failure.Code = Unknown, "unexpected_answer"
	}
	return failure
}

// malformed is an answer that says "accepted" in a form that we cannot read.
func (x *exchange) malformed(reply answer) *Error {
	return &Error{Kind: Unknown, Provider: x.provider, Code: "malformed_answer", Status: reply.status}
}

// probe makes a harmless request and is content with any 2xx answer.
func (x *exchange) probe(ctx context.Context, call request) error {
	reply, failure := x.do(ctx, call)
	if failure != nil {
		return failure
	}
	if !reply.accepted() {
		return x.refusal(reply)
	}
	return nil
}

// retryAfter reads Retry-After (seconds or an HTTP date), else X-RateLimit-Reset
// (seconds since 1970). It is 0 when neither says anything.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return boundedRetry(time.Duration(seconds) * time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return boundedRetry(at.Sub(now))
	}
	if reset, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		return boundedRetry(time.Unix(reset, 0).Sub(now))
	}
	return 0
}

// messageID keeps a provider's id of a message when it looks like one: visible
// ASCII, at most 128 characters.
func messageID(id string) string {
	if len(id) > 128 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return id
}
