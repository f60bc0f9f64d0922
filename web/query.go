package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/fault"
)

// Query is a request's query string, read as strictly as a body. Its getters
// note values that are not valid; Err returns them all at once.
type Query struct {
	values map[string]string
	bad    []fault.Field
}

// ReadQuery reads the query string. It returns fault.Malformed, naming the
// parameter, for one that is not in allowed, that is repeated, or that holds
// NUL or invalid UTF-8. An empty value counts as leaving the parameter out.
func ReadQuery(c *gin.Context, allowed ...string) (*Query, error) {
	q := &Query{values: map[string]string{}}
	rest := c.Request.URL.RawQuery
	for rest != "" {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		_, repeated := q.values[name]
		switch {
		case nameErr != nil || !slices.Contains(allowed, name):
			return nil, malformedParameter(printable(name), codeUnknown, "There is no such parameter.")
		case repeated:
			return nil, malformedParameter(name, codeDuplicate, "Must be given once.")
		case valueErr != nil || !utf8.ValidString(value) || strings.Contains(value, "\x00"):
			return nil, malformedParameter(name, codeCharacter, "Must be percent-encoded UTF-8 without NUL.")
		}
		q.values[name] = value
	}
	return q, nil
}

func malformedParameter(name, code, detail string) error {
	e := fault.New(fault.Malformed, "The query string cannot be read.")
	e.Fields = []fault.Field{{Field: name, Code: code, Detail: detail}}
	return e
}

// Text returns a parameter of at most most characters.
func (q *Query) Text(name string, most int) string {
	s := q.values[name]
	if utf8.RuneCountInString(s) > most {
		q.refuse(name, "too_long", "Must have at most "+strconv.Itoa(most)+" characters.")
	}
	return s
}

// OneOf returns a parameter that is one of allowed, or otherwise when it was
// left out.
func (q *Query) OneOf(name, otherwise string, allowed ...string) string {
	s := q.values[name]
	switch {
	case s == "":
		return otherwise
	case !slices.Contains(allowed, s):
		q.refuse(name, codeInvalid, "Must be one of: "+strings.Join(allowed, ", ")+".")
	}
	return s
}

// Limit returns the parameter limit: 1 to 100, 25 when it was left out.
func (q *Query) Limit() int {
	s := q.values["limit"]
	if s == "" {
		return 25
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 100 {
		q.refuse("limit", codeInvalid, "Must be a whole number from 1 to 100.")
	}
	return n
}

// ID returns a parameter that is an id, or the zero id when it was left out.
func (q *Query) ID(name string) uuid.UUID {
	s := q.values[name]
	if s == "" {
		return uuid.Nil
	}
	id, err := uuid.Parse(s)
	if err != nil || len(s) != len(id.String()) {
		q.refuse(name, codeInvalid, "Must be an id.")
		return uuid.Nil
	}
	return id
}

// Time returns a parameter that is a time after RFC 3339, or the zero time when
// it was left out.
func (q *Query) Time(name string) time.Time {
	s := q.values[name]
	if s == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		q.refuse(name, codeInvalid, "Must be a time such as 2026-11-23T09:00:00Z.")
	}
	return at.UTC()
}

// Cursor returns the parameter cursor as it was sent.
func (q *Query) Cursor() string { return q.values["cursor"] }

func (q *Query) refuse(name, code, detail string) {
	q.bad = append(q.bad, fault.Field{Field: name, Code: code, Detail: detail})
}

// Err returns fault.Invalid with every value that is not valid, or nil.
func (q *Query) Err() error {
	if len(q.bad) == 0 {
		return nil
	}
	return &fault.Error{Code: fault.Invalid, Message: "Some parameters are not valid.", Fields: q.bad}
}
