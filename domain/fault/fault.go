// Package fault is the one error type that crosses layers: store, service,
// activities and the HTTP faces all speak it. It imports nothing of ours.
//
// Anything that is not a *fault.Error is internal: it is logged where it
// surfaces and never shown to a caller or written into a workflow history.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code says what kind of refusal an error is. The HTTP layer maps each code to
// one status; activities use it as the type of a Temporal application error.
type Code string

// The codes that every layer shares. The comment gives the HTTP status.
const (
	Malformed            Code = "malformed_request"       // 400: the request cannot be read
	Unauthenticated      Code = "unauthenticated"         // 401
	InsufficientCredits  Code = "insufficient_credits"    // 402
	Forbidden            Code = "forbidden"               // 403
	AccountSuspended     Code = "account_suspended"       // 403
	AccountPending       Code = "account_pending"         // 403: not approved yet
	AccountRejected      Code = "account_rejected"        // 403
	AccountClosed        Code = "account_closed"          // 403
	ResetRequired        Code = "password_reset_required" // 403
	SecondFactorRequired Code = "second_factor_required"  // 403: a code is needed to sign in
	SecondFactorMissing  Code = "second_factor_missing"   // 403: none is set up, and without one this session does nothing else
	StepUpRequired       Code = "step_up_required"        // 403: sign in again, recently enough
	NotFound             Code = "not_found"               // 404
	MethodNotAllowed     Code = "method_not_allowed"      // 405
	Conflict             Code = "conflict"                // 409: the state does not permit the action
	Taken                Code = "taken"                   // 409: a unique value is in use; Fields name it
	KeyReused            Code = "idempotency_key_reused"  // 409: same key, other payload
	TooLarge             Code = "too_large"               // 413
	UnsupportedMediaType Code = "unsupported_media_type"  // 415
	Invalid              Code = "validation_failed"       // 422: Fields name what is wrong
	RateLimited          Code = "rate_limited"            // 429
	Internal             Code = "internal"                // 500: never made on purpose
	Unavailable          Code = "unavailable"             // 503: a dependency cannot answer
)

// Codes returns every code, in the order of their statuses.
func Codes() []Code {
	return []Code{
		Malformed, Unauthenticated, InsufficientCredits, Forbidden, AccountSuspended, AccountPending, AccountRejected, AccountClosed,
		ResetRequired, SecondFactorRequired, SecondFactorMissing, StepUpRequired, NotFound, MethodNotAllowed, Conflict, Taken, KeyReused, TooLarge, UnsupportedMediaType,
		Invalid, RateLimited, Internal, Unavailable,
	}
}

// RetryAfter is the name of the detail of a RateLimited or Unavailable error that
// says how many whole seconds to wait, an int. It is no member of the problem
// document, but its Retry-After header.
const RetryAfter = "retry_after"

// Field says what is wrong with one field of the input. Field is its JSON path
// ("company.industry"), Code is stable for machines, Detail is for people and
// never repeats the value.
type Field struct {
	Field  string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// Limit is the number in Detail that was not kept to, for those who say it in
	// another language; zero where there is none.
	Limit int `json:"-"`
}

// Error is an expected refusal. Message is shown to the caller, so it holds no
// personal data and no internals.
type Error struct {
	Code    Code
	Message string
	Fields  []Field
	// Details are extra members of the problem document, such as "current" of
	// a conflict. Values must encode to JSON.
	Details map[string]any
}

func (e *Error) Error() string {
	if len(e.Fields) == 0 {
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	}
	names := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		names[i] = f.Field + " " + f.Code
	}
	return fmt.Sprintf("%s: %s (%s)", e.Code, e.Message, strings.Join(names, ", "))
}

// New returns an error with a formatted message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// InvalidFields returns an Invalid error for the given fields, or nil when
// there are none, so that a validator can return it as it stands.
func InvalidFields(fields ...Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Message: "Some fields are not valid.", Fields: fields}
}

// With returns e after setting one detail of its problem document.
func (e *Error) With(key string, value any) *Error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	e.Details[key] = value
	return e
}

// As returns the *Error in err's chain, or nil when there is none.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// CodeOf returns the code of err: "" for nil, Internal for an error that is
// not a fault.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e := As(err); e != nil {
		return e.Code
	}
	return Internal
}

// Is reports whether err is a fault with the given code.
func Is(err error, code Code) bool {
	e := As(err)
	return e != nil && e.Code == code
}
