package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrorKind says what a failed attempt means for the next one.
type ErrorKind string

const (
	// Permanent: this message will never be accepted. Give up.
	Permanent ErrorKind = "permanent"
	// Temporary: certainly not sent. Try again, after RetryAfter when it is set.
	Temporary ErrorKind = "temporary"
	// Misconfigured: certainly not sent, and no attempt will succeed until a
	// person changes credentials, sender or balance. Retry slowly; RetryAfter is
	// always set.
	Misconfigured ErrorKind = "misconfigured"
	// Unknown: it may have been sent. A notice is sent again, since delivery is
	// at least once; a message that somebody pays for never is.
	Unknown ErrorKind = "unknown"
)

const (
	slowRetry     = 15 * time.Minute
	maxRetryAfter = time.Hour
)

// Error is a failed attempt to send. Its text is made of our own words and
// numbers only: providers repeat phone numbers, addresses and keys in their
// answers, so nothing that they wrote is kept.
type Error struct {
	Kind     ErrorKind
	Provider string
	// Code is a code of the provider's ("21211", "5.1.1") or a word of ours
	// ("timeout", "malformed_answer").
	Code string
	// Status is the HTTP status or the SMTP reply code, 0 when there was none.
	Status int
	// RetryAfter is how long to wait at least, 0 when the caller may choose. It
	// is never more than an hour.
	RetryAfter time.Duration

	cause error
}

func (e *Error) Error() string {
	var details []string
	if e.Code != "" {
		details = append(details, "code "+e.Code)
	}
	if e.Status != 0 {
		details = append(details, fmt.Sprintf("status %d", e.Status))
	}
	if len(details) == 0 {
		return fmt.Sprintf("%s: %s", e.Provider, e.Kind)
	}
	return fmt.Sprintf("%s: %s (%s)", e.Provider, e.Kind, strings.Join(details, ", "))
}

// Unwrap returns context.Canceled or context.DeadlineExceeded when the
// caller's context ended the attempt, else nil. Other causes are not kept, for
// their text may hold personal data.
func (e *Error) Unwrap() error { return e.cause }

func misconfigured(provider, code string, status int) *Error {
	return &Error{Kind: Misconfigured, Provider: provider, Code: code, Status: status, RetryAfter: slowRetry}
}

// contextCause returns the context error that ended ctx, or nil while it lives.
func contextCause(ctx context.Context) error {
	switch err := ctx.Err(); {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	}
	return nil
}

// boundedRetry keeps a provider's wish within reason.
func boundedRetry(wait time.Duration) time.Duration {
	return min(max(wait, 0), maxRetryAfter)
}
