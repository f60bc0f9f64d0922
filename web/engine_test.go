package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/web"
)

// newEngine returns an engine with one route for anyone, in every method that
// tests use.
func newEngine(t *testing.T, handler gin.HandlerFunc) http.Handler {
	t.Helper()
	return newLoggingEngine(t, new(bytes.Buffer), handler)
}

func newLoggingEngine(t *testing.T, log *bytes.Buffer, handler gin.HandlerFunc) http.Handler {
	t.Helper()
	return web.New(web.Config{
		Log:    slog.New(slog.NewJSONHandler(log, nil)),
		Access: map[string]web.Access{"POST /thing": web.Anyone, "GET /thing/:id": web.Anyone},
	}, func(engine *gin.Engine) {
		engine.POST("/thing", handler)
		engine.GET("/thing/:id", handler)
	})
}

func get(t *testing.T, handler http.Handler, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

type problem struct {
	Type      string          `json:"type"`
	Title     string          `json:"title"`
	Status    int             `json:"status"`
	Detail    string          `json:"detail"`
	Code      string          `json:"code"`
	RequestID string          `json:"request_id"`
	Errors    []fault.Field   `json:"errors"`
	Current   json.RawMessage `json:"current"`
}

func problemOf(t *testing.T, answer *httptest.ResponseRecorder) problem {
	t.Helper()
	require.Equal(t, "application/problem+json", answer.Header().Get("Content-Type"), answer.Body)
	var p problem
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &p))
	require.Equal(t, answer.Code, p.Status)
	require.Equal(t, http.StatusText(answer.Code), p.Title)
	require.Equal(t, answer.Header().Get("X-Request-Id"), p.RequestID)
	require.NotEmpty(t, p.RequestID)
	return p
}

func TestFail_gives_every_error_its_status_and_document(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"malformed":          {fault.New(fault.Malformed, "x"), 400, "malformed_request"},
		"unauthenticated":    {fault.New(fault.Unauthenticated, "x"), 401, "unauthenticated"},
		"too few credits":    {fault.New(fault.InsufficientCredits, "x"), 402, "insufficient_credits"},
		"forbidden":          {fault.New(fault.Forbidden, "x"), 403, "forbidden"},
		"suspended":          {fault.New(fault.AccountSuspended, "x"), 403, "account_suspended"},
		"reset required":     {fault.New(fault.ResetRequired, "x"), 403, "password_reset_required"},
		"not found, wrapped": {fmt.Errorf("read: %w", fault.New(fault.NotFound, "x")), 404, "not_found"},
		"conflict":           {fault.New(fault.Conflict, "x"), 409, "conflict"},
		"taken":              {fault.New(fault.Taken, "x"), 409, "taken"},
		"key reused":         {fault.New(fault.KeyReused, "x"), 409, "idempotency_key_reused"},
		"too large":          {fault.New(fault.TooLarge, "x"), 413, "too_large"},
		"media type":         {fault.New(fault.UnsupportedMediaType, "x"), 415, "unsupported_media_type"},
		"invalid":            {fault.New(fault.Invalid, "x"), 422, "validation_failed"},
		"rate limited":       {fault.New(fault.RateLimited, "x"), 429, "rate_limited"},
		"internal":           {errors.New("x"), 500, "internal"},
		"an unknown fault":   {fault.New("made_up", "x"), 500, "internal"},
		"unavailable":        {fault.New(fault.Unavailable, "x"), 503, "unavailable"},
		"a refused connection": {
			fmt.Errorf("read: %w", &net.OpError{Op: "dial", Err: errors.New("connection refused")}), 503, "unavailable",
		},
		"a time-out":               {fmt.Errorf("read: %w", context.DeadlineExceeded), 503, "unavailable"},
		"a database shutting down": {&pgconn.PgError{Code: "57P01"}, 503, "unavailable"},
		"too many connections":     {&pgconn.PgError{Code: "53300"}, 503, "unavailable"},
		"a mistake in SQL":         {&pgconn.PgError{Code: "42601"}, 500, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := get(t, newEngine(t, func(ctx *gin.Context) { web.Fail(ctx, c.err) }), "/thing/1")
			require.Equal(t, c.status, answer.Code)
			require.Equal(t, c.code, problemOf(t, answer).Code)
			require.Equal(t, c.status == 401, answer.Header().Get("WWW-Authenticate") == "Bearer")
			require.Equal(t, c.status == 503, answer.Header().Get("Retry-After") != "")
			require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
		})
	}
}

func TestFail_adds_fields_and_details_and_lets_no_detail_replace_a_member(t *testing.T) {
	t.Parallel()
	refused := fault.New(fault.RateLimited, "Slowly.").With("current", map[string]string{"status": "active"}).
		With("status", 200).With(fault.RetryAfter, 60)
	refused.Fields = []fault.Field{{Field: "email", Code: "taken", Detail: "Is in use."}}
	answer := get(t, newEngine(t, func(c *gin.Context) { web.Fail(c, refused) }), "/thing/1")
	p := problemOf(t, answer)
	require.Equal(t, 429, p.Status)
	require.Equal(t, refused.Fields, p.Errors)
	require.JSONEq(t, `{"status":"active"}`, string(p.Current))
	require.Equal(t, "60", answer.Header().Get("Retry-After"))
	require.NotContains(t, answer.Body.String(), "retry_after")
}

func TestFail_logs_what_it_does_not_show_without_the_rows_that_a_driver_quotes(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"a plain error": errors.New("the widget is bent"),
		"a database's":  fmt.Errorf("insert: %w", &pgconn.PgError{Code: "22P02", Message: `invalid input: "asha@example.com"`, TableName: "accounts", Detail: "asha@example.com"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			answer := get(t, newLoggingEngine(t, &log, func(c *gin.Context) { web.Fail(c, err) }), "/thing/1")
			require.Equal(t, 500, answer.Code)
			require.NotContains(t, answer.Body.String(), "widget")
			require.NotContains(t, answer.Body.String()+log.String(), "asha")
			require.Contains(t, log.String(), problemOf(t, answer).RequestID)
			require.True(t, strings.Contains(log.String(), "widget") || strings.Contains(log.String(), "22P02"))
		})
	}
}

func TestEngine_answers_a_panic_with_500_and_keeps_its_text_to_itself(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	answer := get(t, newLoggingEngine(t, &log, func(*gin.Context) { panic("asha@example.com") }), "/thing/1")
	require.Equal(t, "internal", problemOf(t, answer).Code)
	require.NotContains(t, log.String(), "asha")
	require.Contains(t, log.String(), "engine_test.go")
}

func TestEngine_breaks_the_connection_when_an_answer_fails_halfway(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*gin.Context){
		"by an error": func(c *gin.Context) { web.Fail(c, errors.New("bent")) },
		"by a panic":  func(*gin.Context) { panic("bent") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(newEngine(t, func(c *gin.Context) {
				c.Header("Content-Length", "10")
				_, _ = c.Writer.WriteString("half")
				c.Writer.Flush()
				fail(c)
			}))
			defer server.Close()
			response, err := server.Client().Get(server.URL + "/thing/1")
			require.NoError(t, err)
			defer response.Body.Close()
			_, err = new(bytes.Buffer).ReadFrom(response.Body)
			require.Error(t, err)
		})
	}
}

func TestEngine_gives_each_request_an_id(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, func(c *gin.Context) { web.JSON(c, 200, map[string]string{"id": web.RequestID(c)}) })
	for name, c := range map[string]struct {
		sent string
		kept bool
	}{
		"none":           {"", false},
		"a UUID":         {"019ab0a7-1f6d-7c55-9d4e-0c2f4ab0e6d1", true},
		"a trace id":     {"4bf92f3577b34da6a3ce929d0e0e4736", true},
		"words":          {"asha-at-example-com", false},
		"a phone number": {"255712345678", false},
		"a line break":   {"019ab0a7-1f6d-7c55\n9d4e-0c2f4ab0e6d1", false},
		"far too much":   {strings.Repeat("a", 65), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			headers := []string{}
			if c.sent != "" {
				headers = []string{"X-Request-Id", c.sent}
			}
			answer := get(t, engine, "/thing/1", headers...)
			id := answer.Header().Get("X-Request-Id")
			require.JSONEq(t, `{"id":"`+id+`"}`, answer.Body.String())
			if c.kept {
				require.Equal(t, c.sent, id)
				return
			}
			parsed, err := uuid.Parse(id)
			require.NoError(t, err)
			require.Equal(t, uuid.Version(7), parsed.Version())
		})
	}
}

func TestEngine_logs_the_route_and_never_what_a_client_wrote(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	engine := newLoggingEngine(t, &log, func(c *gin.Context) { web.JSON(c, 200, c.Param("id")) })
	get(t, engine, "/thing/canary?q=canary", "Authorization", "Bearer canary", "User-Agent", "canary", "Referer", "canary")
	get(t, engine, "/canary")
	require.NotContains(t, log.String(), "canary")
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 2)
	var line struct {
		Msg, Method, Route string
		Status, Bytes      int
		Duration           int64
		RequestID          string `json:"request_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &line))
	require.Equal(t, "/thing/:id", line.Route)
	require.Equal(t, "GET", line.Method)
	require.Equal(t, 200, line.Status)
	require.Equal(t, len(`"canary"`), line.Bytes)
	require.Positive(t, line.Duration)
	require.NotEmpty(t, line.RequestID)
}

func TestEngine_answers_unknown_paths_and_methods_with_problem_documents(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, func(c *gin.Context) { web.JSON(c, 200, 1) })
	for _, target := range []string{"/", "/thing", "/thing/", "/thing/1/", "/THING/1", "//thing/1", "/thing/../thing/1/x"} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		request.URL.Path = target
		recorder := httptest.NewRecorder()
		engine.ServeHTTP(recorder, request)
		require.Contains(t, []int{404, 405}, recorder.Code, target)
		problemOf(t, recorder)
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "/thing/1", http.NoBody)
	recorder := httptest.NewRecorder()
	engine.ServeHTTP(recorder, request)
	require.Equal(t, "method_not_allowed", problemOf(t, recorder).Code)
	require.Equal(t, "GET, HEAD", recorder.Header().Get("Allow"))
}

func TestEngine_answers_HEAD_as_GET_without_the_body(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newEngine(t, func(c *gin.Context) { web.JSON(c, 200, "something") }))
	t.Cleanup(server.Close)
	ask := func(method, path string) (*http.Response, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, http.NoBody)
		require.NoError(t, err)
		response, err := server.Client().Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response, string(body)
	}
	for path, status := range map[string]int{"/thing/1": 200, "/nothing": 404} {
		full, text := ask(http.MethodGet, path)
		require.NotEmpty(t, text)
		head, nothing := ask(http.MethodHead, path)
		require.Empty(t, nothing)
		require.Equal(t, status, head.StatusCode)
		for _, name := range []string{"Content-Type", "Cache-Control", "X-Content-Type-Options"} {
			require.Equal(t, full.Header.Get(name), head.Header.Get(name), name)
		}
	}
}

func TestEngine_sends_safe_headers_with_every_answer(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, func(c *gin.Context) { web.JSON(c, 200, 1) })
	for _, target := range []string{"/thing/1", "/nothing"} {
		header := get(t, engine, target).Header()
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-referrer", header.Get("Referrer-Policy"))
		require.Equal(t, "default-src 'none'; frame-ancestors 'none'", header.Get("Content-Security-Policy"))
		require.Equal(t, "no-store", header.Get("Cache-Control"))
	}
}

func TestEngine_has_no_route_that_is_open_by_omission(t *testing.T) {
	t.Parallel()
	build := func(access map[string]web.Access) func() {
		return func() {
			web.New(web.Config{Log: slog.New(slog.DiscardHandler), Access: access}, func(engine *gin.Engine) {
				engine.GET("/thing", func(c *gin.Context) { web.JSON(c, 200, 1) })
			})
		}
	}
	require.NotPanics(t, build(map[string]web.Access{"GET /thing": web.Staff(actor.ReadAccounts)}))
	require.PanicsWithValue(t, "nothing says who may use GET /thing", build(nil))
	require.PanicsWithValue(t, "nothing says who may use GET /thing", build(map[string]web.Access{"GET /thing": {}}))
	require.PanicsWithValue(t, "access to POST /thing is declared, but there is no such route",
		build(map[string]web.Access{"GET /thing": web.Anyone, "POST /thing": web.Anyone}))
}
