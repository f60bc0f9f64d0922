package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgconn"

	"kibali/domain/fault"
)

// statuses is the one place where a fault becomes an HTTP status.
var statuses = map[fault.Code]int{
	fault.Malformed:            http.StatusBadRequest,
	fault.Unauthenticated:      http.StatusUnauthorized,
	fault.InsufficientCredits:  http.StatusPaymentRequired,
	fault.Forbidden:            http.StatusForbidden,
	fault.AccountSuspended:     http.StatusForbidden,
	fault.AccountPending:       http.StatusForbidden,
	fault.AccountRejected:      http.StatusForbidden,
	fault.AccountClosed:        http.StatusForbidden,
	fault.ResetRequired:        http.StatusForbidden,
	fault.SecondFactorRequired: http.StatusForbidden,
	fault.SecondFactorMissing:  http.StatusForbidden,
	fault.StepUpRequired:       http.StatusForbidden,
	fault.NotFound:             http.StatusNotFound,
	fault.MethodNotAllowed:     http.StatusMethodNotAllowed,
	fault.Conflict:             http.StatusConflict,
	fault.Taken:                http.StatusConflict,
	fault.KeyReused:            http.StatusConflict,
	fault.TooLarge:             http.StatusRequestEntityTooLarge,
	fault.UnsupportedMediaType: http.StatusUnsupportedMediaType,
	fault.Invalid:              http.StatusUnprocessableEntity,
	fault.RateLimited:          http.StatusTooManyRequests,
	fault.Internal:             http.StatusInternalServerError,
	fault.Unavailable:          http.StatusServiceUnavailable,
}

// retryAfter is how many seconds a client is asked to wait for what is
// unavailable.
const retryAfter = 2

// problem is the body of an error answer, after RFC 9457.
type problem struct {
	Type      string        `json:"type"`
	Title     string        `json:"title"`
	Status    int           `json:"status"`
	Detail    string        `json:"detail"`
	Code      fault.Code    `json:"code"`
	RequestID string        `json:"request_id"`
	Errors    []fault.Field `json:"errors,omitempty"`
}

// Fail ends the request with the problem document of err, or with the one that
// says why the caller may not use the route. It is the one funnel
// of errors: a *fault.Error becomes its status and is shown; a dependency that
// cannot be reached or does not answer in time becomes 503; anything else is
// 500, logged with the request's id and never shown.
func Fail(c *gin.Context, err error) {
	c.Abort()
	if refused := Prove(c); refused != nil {
		err = refused
	}
	s := stateOf(c)
	f := s.refusal(c.Request.Context(), err)
	if c.Writer.Written() {
		// The status is out already; only a broken connection can still tell.
		panic(http.ErrAbortHandler)
	}
	header := c.Writer.Header()
	for _, name := range []string{"Content-Disposition", "Content-Length", "Content-Security-Policy", "ETag", "Cache-Control"} {
		header.Del(name) // of an answer that was begun and is not given
	}
	secure(header, s.config.Site)
	advise(header, f)
	if s.config.Page != nil {
		header.Del("WWW-Authenticate")
		s.config.Page(c, statuses[f.Code], f)
		return
	}
	Send(c, statuses[f.Code], "application/problem+json", s.problem(c, f))
}

// problem returns the document of a refusal.
func (s *state) problem(ctx context.Context, f *fault.Error) []byte {
	body, err := problemBody(f, s.id)
	if err != nil {
		s.log.ErrorContext(ctx, "a problem document cannot be encoded", "request_id", s.id, "error", Describe(err))
	}
	return body
}

// advise sets the headers that say what to do about a refusal.
func advise(header http.Header, f *fault.Error) {
	switch f.Code {
	case fault.Unauthenticated:
		header.Set("WWW-Authenticate", "Bearer")
	case fault.Unavailable:
		header.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	if seconds, ok := f.Details[fault.RetryAfter].(int); ok {
		header.Set("Retry-After", strconv.Itoa(seconds))
	}
}

// refusal returns the fault that err is or that stands for it, and remembers
// its code.
func (s *state) refusal(ctx context.Context, err error) *fault.Error {
	f := fault.As(err)
	if f == nil || statuses[f.Code] == 0 {
		f = s.unexpected(ctx, err)
	}
	s.code = f.Code
	return f
}

// unexpected returns the fault that stands for an error that is none.
func (s *state) unexpected(ctx context.Context, err error) *fault.Error {
	if ctx.Err() == context.Canceled {
		s.gone = true
		return fault.New(fault.Unavailable, "The request was given up.")
	}
	if unavailable(err) {
		s.log.WarnContext(ctx, "a dependency cannot answer", "request_id", s.id, "error", Describe(err))
		return fault.New(fault.Unavailable, "The service cannot answer at the moment. Try again.")
	}
	s.log.ErrorContext(ctx, "request failed", "request_id", s.id, "error", Describe(err))
	return fault.New(fault.Internal, "Something went wrong. It has been recorded under this request_id.")
}

// problemBody writes the document by hand around its extra members, which
// follow the fixed ones and cannot replace them. After an error it returns the
// document without them.
func problemBody(f *fault.Error, requestID string) ([]byte, error) {
	status := statuses[f.Code]
	body, err := json.Marshal(problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: f.Message, Code: f.Code, RequestID: requestID, Errors: f.Fields,
	})
	if err != nil {
		return nil, err
	}
	extra := make(map[string]any, len(f.Details))
	for name, value := range f.Details {
		switch name {
		case "type", "title", "status", "detail", "code", "request_id", "errors", fault.RetryAfter:
		default:
			extra[name] = value
		}
	}
	if len(extra) == 0 {
		return body, nil
	}
	members, err := json.Marshal(extra)
	if err != nil {
		return body, err
	}
	body[len(body)-1] = ','
	return append(body, members[1:]...), nil
}

// unavailable reports whether err says that the database, or whatever else was
// asked over a network, cannot answer now but may later.
func unavailable(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		for _, class := range []string{
			"08", "53", "57", "58", // connection, resources, operator's intervention, system
			"40001", "40P01", "55P03", "25006", // serialization, deadlock, lock, read-only standby
		} {
			if strings.HasPrefix(pg.Code, class) {
				return true
			}
		}
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Contains(err.Error(), "closed pool")
}

// Describe returns what may be logged of an error. The text of a PostgreSQL
// error can quote a row, so only its code and the names of what it concerns
// are kept.
func Describe(err error) slog.Value {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return slog.StringValue(err.Error())
	}
	return slog.GroupValue(
		slog.String("sqlstate", pg.Code),
		slog.String("table", pg.TableName),
		slog.String("column", pg.ColumnName),
		slog.String("constraint", pg.ConstraintName),
		slog.String("routine", pg.Routine),
	)
}
