package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/fault"
	"kibali/web"
)

type order struct {
	Name   string     `json:"name"`
	Amount int64      `json:"amount"`
	Urgent *bool      `json:"urgent,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	ID     *uuid.UUID `json:"id,omitempty"`
	Tags   []string   `json:"tags,omitempty"`
	Inner  inner      `json:"inner"`
	Level  *level     `json:"level,omitempty"`
	Hidden string     `json:"-"`
}

type inner struct {
	Code string  `json:"code"`
	Note *string `json:"note,omitempty"`
}

type level string

func TestDecodeJSON_takes_what_is_well_formed(t *testing.T) {
	t.Parallel()
	until := time.Date(2027, 1, 31, 21, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		body string
		want order
	}{
		"the required fields alone": {
			`{"name":"A","amount":5,"inner":{"code":"x"}}`,
			order{Name: "A", Amount: 5, Inner: inner{Code: "x"}},
		},
		"every field": {
			` {"inner":{"note":"n","code":"x"},"tags":["a","b"],"until":"2027-01-31T21:00:00Z","urgent":false,
			  "id":"019ab0a6-8d2b-7b6e-9d52-3c3c6f1a7e90","level":"high","amount":-9223372036854775808,"name":"A"}` + "\n",
			order{
				Name: "A", Amount: -9223372036854775808, Urgent: new(bool), Until: &until, Tags: []string{"a", "b"},
				ID: new(uuid.MustParse("019ab0a6-8d2b-7b6e-9d52-3c3c6f1a7e90")), Level: new(level("high")),
				Inner: inner{Code: "x", Note: new("n")},
			},
		},
		"null for what is optional": {
			`{"name":"A","amount":5,"until":null,"urgent":null,"inner":{"code":"x","note":null}}`,
			order{Name: "A", Amount: 5, Inner: inner{Code: "x"}},
		},
		"escapes, in names too, and a whole surrogate pair": {
			`{"n\u0061me":"\ud83d\ude00\n\\u0000","amount":0,"inner":{"code":"\u00e9"}}`,
			order{Name: "😀\n\\u0000", Inner: inner{Code: "é"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got order
			require.NoError(t, web.DecodeJSON([]byte(c.body), &got))
			require.Equal(t, c.want, got)
		})
	}
}

func TestDecodeJSON_refuses_what_cannot_be_read(t *testing.T) {
	t.Parallel()
	const rest = `,"amount":1,"inner":{"code":"x"}}`
	for name, c := range map[string]struct{ body, field, code string }{
		"nothing":                       {``, "", ""},
		"white space":                   {" \n", "", ""},
		"a syntax error":                {`{"name":}`, "name", "invalid"},
		"a trailing comma":              {`{"name":"A",}`, "name", "invalid"},
		"a comment":                     {`{/**/"name":"A"` + rest, "", ""},
		"single quotes":                 {`{'name':'A'}`, "", ""},
		"an unfinished object":          {`{"name":"A"`, "name", "invalid"},
		"trailing data":                 {`{"name":"A"` + rest + `{}`, "", ""},
		"a trailing word":               {`{"name":"A"` + rest + ` x`, "", ""},
		"a byte order mark":             {"\ufeff" + `{"name":"A"` + rest, "", ""},
		"null":                          {`null`, "", ""},
		"an array":                      {`[]`, "", ""},
		"a string":                      {`"name"`, "", ""},
		"deep arrays":                   {strings.Repeat("[", 30000) + strings.Repeat("]", 30000), "", ""},
		"a deep array in a field":       {`{"name":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + rest, "name", "wrong_type"},
		"a deep object in a field":      {`{"inner":` + strings.Repeat(`{"inner":`, 5000) + "1" + strings.Repeat("}", 5000) + "}", "inner.inner", "unknown_field"},
		"invalid UTF-8":                 {"{\"name\":\"A\xff\"" + rest, "", ""},
		"an encoded surrogate":          {"{\"name\":\"\xed\xa0\x80\"" + rest, "", ""},
		"an overlong NUL":               {"{\"name\":\"\xc0\x80\"" + rest, "", ""},
		"a raw NUL":                     {"{\"name\":\"\x00\"" + rest, "name", "invalid"},
		"a raw line break in a string":  {"{\"name\":\"a\nb\"" + rest, "name", "invalid"},
		"an unknown field":              {`{"name":"A","role":"admin"` + rest, "role", "unknown_field"},
		"an unknown field further in":   {`{"name":"A","amount":1,"inner":{"code":"x","x":1}}`, "inner.x", "unknown_field"},
		"a field in another case":       {`{"Name":"A"` + rest, "Name", "unknown_field"},
		"a field that folds to ours":    {`{"\u017fname":"A"` + rest, "ſname", "unknown_field"},
		"a field that is not in JSON":   {`{"Hidden":"A"` + rest, "Hidden", "unknown_field"},
		"a repeated field":              {`{"name":"A","name":"A"` + rest, "name", "duplicate_field"},
		"a repeated field, escaped":     {`{"name":"A","n\u0061me":"B"` + rest, "name", "duplicate_field"},
		"a repeated field further in":   {`{"name":"A","amount":1,"inner":{"code":"x","code":"y"}}`, "inner.code", "duplicate_field"},
		"a repeated optional null":      {`{"name":"A","until":null,"until":null` + rest, "until", "duplicate_field"},
		"null for a required string":    {`{"name":null` + rest, "name", "wrong_type"},
		"null for a required number":    {`{"name":"A","amount":null,"inner":{"code":"x"}}`, "amount", "wrong_type"},
		"null for a required object":    {`{"name":"A","amount":1,"inner":null}`, "inner", "wrong_type"},
		"a number for a string":         {`{"name":1` + rest, "name", "wrong_type"},
		"an object for a string":        {`{"name":{}` + rest, "name", "wrong_type"},
		"a string for a number":         {`{"name":"A","amount":"5","inner":{"code":"x"}}`, "amount", "wrong_type"},
		"a fraction":                    {`{"name":"A","amount":1.5,"inner":{"code":"x"}}`, "amount", "wrong_type"},
		"a whole number as a fraction":  {`{"name":"A","amount":1.0,"inner":{"code":"x"}}`, "amount", "wrong_type"},
		"an exponent":                   {`{"name":"A","amount":1e3,"inner":{"code":"x"}}`, "amount", "wrong_type"},
		"a number past 64 bits":         {`{"name":"A","amount":9223372036854775808,"inner":{"code":"x"}}`, "amount", "wrong_type"},
		"an enormous number":            {`{"name":"A","amount":` + strings.Repeat("9", 400) + `,"inner":{"code":"x"}}`, "amount", "wrong_type"},
		"no number":                     {`{"name":"A","amount":NaN,"inner":{"code":"x"}}`, "amount", "invalid"},
		"a number that is not decimal":  {`{"name":"A","amount":0x10,"inner":{"code":"x"}}`, "amount", "invalid"},
		"no number further in":          {`{"name":"A","amount":1,"inner":{"code":Infinity}}`, "inner.code", "invalid"},
		"no value in an array":          {`{"name":"A","tags":["a",` + "nope" + `]` + rest, "tags[1]", "invalid"},
		"a string for a bool":           {`{"name":"A","urgent":"true"` + rest, "urgent", "wrong_type"},
		"a number for a time":           {`{"name":"A","until":1800000000` + rest, "until", "wrong_type"},
		"an object for an array":        {`{"name":"A","tags":{}` + rest, "tags", "wrong_type"},
		"a wrong element":               {`{"name":"A","tags":["a",2]` + rest, "tags[1]", "wrong_type"},
		"an array for an object":        {`{"name":"A","amount":1,"inner":[]}`, "inner", "wrong_type"},
		"an escaped NUL":                {`{"name":"a\u0000b"` + rest, "name", "invalid_character"},
		"a high surrogate alone":        {`{"name":"\ud83d"` + rest, "name", "invalid_character"},
		"a high surrogate before text":  {`{"name":"\ud83dabcdef"` + rest, "name", "invalid_character"},
		"a high surrogate before a tab": {`{"name":"\ud83d\t00000"` + rest, "name", "invalid_character"},
		"two high surrogates":           {`{"name":"\ud83d\ud83d"` + rest, "name", "invalid_character"},
		"a low surrogate alone":         {`{"name":"\ude00"` + rest, "name", "invalid_character"},
		"a lone surrogate in an array":  {`{"name":"A","tags":["\ude00"]` + rest, "tags[0]", "invalid_character"},
		"a lone surrogate in a name":    {`{"name":"A","\ude00":1` + rest, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got order
			refused := fault.As(web.DecodeJSON([]byte(c.body), &got))
			require.NotNil(t, refused)
			require.Equal(t, fault.Malformed, refused.Code)
			if c.field == "" {
				require.Empty(t, refused.Fields)
				return
			}
			require.Len(t, refused.Fields, 1)
			require.Equal(t, c.field, refused.Fields[0].Field)
			require.Equal(t, c.code, refused.Fields[0].Code)
		})
	}
}

func TestDecodeJSON_names_every_field_that_is_missing_or_of_no_use(t *testing.T) {
	t.Parallel()
	var got order
	refused := fault.As(web.DecodeJSON([]byte(`{"until":"tomorrow","id":"x","inner":{}}`), &got))
	require.NotNil(t, refused)
	require.Equal(t, fault.Invalid, refused.Code)
	codes := map[string]string{}
	for _, f := range refused.Fields {
		codes[f.Field] = f.Code
	}
	require.Equal(t, map[string]string{
		"name": "required", "amount": "required", "inner.code": "required", "until": "invalid", "id": "invalid",
	}, codes)
}

func TestDecodeJSON_tells_which_spelling_was_meant_and_repeats_little_of_a_name(t *testing.T) {
	t.Parallel()
	var got order
	refused := fault.As(web.DecodeJSON([]byte(`{"AMOUNT":1}`), &got))
	require.NotNil(t, refused)
	require.Equal(t, `Must be spelled "amount".`, refused.Fields[0].Detail)

	refused = fault.As(web.DecodeJSON([]byte(`{"`+strings.Repeat("x", 60000)+`":1}`), &got))
	require.NotNil(t, refused)
	require.Less(t, len(refused.Fields[0].Field), 100)

	refused = fault.As(web.DecodeJSON([]byte(`{"a\u202eb\u0007":1}`), &got))
	require.NotNil(t, refused)
	require.Equal(t, "a?b?", refused.Fields[0].Field)
}

// decoding returns what a request to a handler that decodes an order answers.
func decoding(t *testing.T, decode func(*gin.Context, any) error, request *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	engine := newEngine(t, func(c *gin.Context) {
		var body order
		if err := decode(c, &body); err != nil {
			web.Fail(c, err)
			return
		}
		web.JSON(c, http.StatusOK, body)
	})
	recorder := httptest.NewRecorder()
	engine.ServeHTTP(recorder, request)
	return recorder
}

func TestDecode_wants_JSON_and_not_too_much_of_it(t *testing.T) {
	t.Parallel()
	const good = `{"name":"A","amount":5,"inner":{"code":"x"}}`
	for name, c := range map[string]struct {
		header map[string][]string
		body   string
		status int
	}{
		"application/json":        {map[string][]string{"Content-Type": {"application/json"}}, good, 200},
		"with the charset":        {map[string][]string{"Content-Type": {"Application/JSON; charset=UTF-8"}}, good, 200},
		"no content type":         {nil, good, 400},
		"a form":                  {map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}, good, 400},
		"plain text":              {map[string][]string{"Content-Type": {"text/plain"}}, good, 400},
		"a kind of JSON":          {map[string][]string{"Content-Type": {"application/problem+json"}}, good, 400},
		"another charset":         {map[string][]string{"Content-Type": {"application/json; charset=latin1"}}, good, 400},
		"an unknown parameter":    {map[string][]string{"Content-Type": {"application/json; x=y"}}, good, 400},
		"two content types":       {map[string][]string{"Content-Type": {"application/json", "text/plain"}}, good, 400},
		"a list of content types": {map[string][]string{"Content-Type": {"application/json, text/plain"}}, good, 400},
		"compressed":              {map[string][]string{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, good, 400},
		"no body":                 {map[string][]string{"Content-Type": {"application/json"}}, "", 400},
		"as much as is allowed":   {map[string][]string{"Content-Type": {"application/json"}}, good + strings.Repeat(" ", web.MaxJSON-len(good)), 200},
		"a byte more":             {map[string][]string{"Content-Type": {"application/json"}}, good + strings.Repeat(" ", web.MaxJSON-len(good)+1), 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/thing", strings.NewReader(c.body))
			for header, values := range c.header {
				request.Header[header] = values
			}
			answer := decoding(t, web.Decode, request)
			require.Equal(t, c.status, answer.Code, answer.Body)
		})
	}
}

func TestDecodeOptional_takes_no_body_for_an_empty_object(t *testing.T) {
	t.Parallel()
	answer := decoding(t, web.DecodeOptional, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/thing", http.NoBody))
	require.Equal(t, http.StatusUnprocessableEntity, answer.Code, "the fields are missing, the body is not")

	answer = decoding(t, web.DecodeOptional, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/thing", strings.NewReader("{}")))
	require.Equal(t, http.StatusBadRequest, answer.Code, "a body has a content type")

	for body, status := range map[string]int{"": http.StatusUnprocessableEntity, "{}": http.StatusBadRequest} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/thing", strings.NewReader(body))
		request.ContentLength = -1 // as of a body that is sent in chunks
		require.Equal(t, status, decoding(t, web.DecodeOptional, request).Code, "%q", body)
	}
}

// FuzzDecodeJSON holds the decoder against encoding/json: what it accepts, that
// one reads alike, and it never panics.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{
		`{"name":"A","amount":5,"inner":{"code":"x"}}`,
		`{"name":"\ud83d\ude00","amount":-1,"urgent":true,"until":"2027-01-31T21:00:00Z","tags":["a"],"inner":{"code":"x","note":null}}`,
		`{"name":"\ud83d","amount":5,"inner":{"code":"x"}}`,
		`{"Name":"A"}`, `[[[[`, `{"inner":{"inner":{}}}`, `null`, "\"\\u", `{"name":"\\u0000","amount":1,"inner":{"code":""}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, want order
		if err := web.DecodeJSON(body, &got); err != nil {
			require.NotNil(t, fault.As(err), "every refusal is a fault: %v", err)
			return
		}
		strict := json.NewDecoder(bytes.NewReader(body))
		strict.DisallowUnknownFields()
		require.NoError(t, strict.Decode(&want))
		require.Equal(t, want, got)
	})
}
