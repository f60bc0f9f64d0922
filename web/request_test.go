package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"kibali/domain/fault"
	"kibali/web"
)

func TestQuery_is_read_strictly(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, func(c *gin.Context) {
		query, err := web.ReadQuery(c, "q", "sort", "limit", "cursor")
		if err != nil {
			web.Fail(c, err)
			return
		}
		answer := map[string]any{"q": query.Text("q", 5), "sort": query.OneOf("sort", "a", "a", "b"), "limit": query.Limit()}
		if err := query.Err(); err != nil {
			web.Fail(c, err)
			return
		}
		web.JSON(c, http.StatusOK, answer)
	})
	for raw, c := range map[string]struct {
		status int
		fields string
		body   string
	}{
		"":                              {200, "", `{"q":"","sort":"a","limit":25}`},
		"q=&sort=&limit=":               {200, "", `{"q":"","sort":"a","limit":25}`},
		"q=%C3%A9+%25&sort=b&limit=100": {200, "", `{"q":"é %","sort":"b","limit":100}`},
		"&&limit=1&":                    {200, "", `{"q":"","sort":"a","limit":1}`},
		"x=1":                           {400, "x:unknown_field", ""},
		"Limit=1":                       {400, "Limit:unknown_field", ""},
		"limit=1&limit=1":               {400, "limit:duplicate_field", ""},
		"limit[]=1":                     {400, "limit[]:unknown_field", ""},
		"q=%00":                         {400, "q:invalid_character", ""},
		"q=%ff":                         {400, "q:invalid_character", ""},
		"q=%zz":                         {400, "q:invalid_character", ""},
		"limit=0":                       {422, "limit:invalid", ""},
		"limit=101":                     {422, "limit:invalid", ""},
		"limit=-1":                      {422, "limit:invalid", ""},
		"limit=1.5":                     {422, "limit:invalid", ""},
		"limit=abc":                     {422, "limit:invalid", ""},
		"limit=99999999999999999999":    {422, "limit:invalid", ""},
		"sort=c&q=123456&limit=0":       {422, "q:too_long sort:invalid limit:invalid", ""},
	} {
		t.Run(raw, func(t *testing.T) {
			t.Parallel()
			answer := get(t, engine, "/thing/1?"+raw)
			require.Equal(t, c.status, answer.Code, answer.Body)
			if c.status == 200 {
				require.JSONEq(t, c.body, answer.Body.String())
				return
			}
			var fields []string
			for _, f := range problemOf(t, answer).Errors {
				fields = append(fields, f.Field+":"+f.Code)
			}
			require.Equal(t, c.fields, strings.Join(fields, " "))
		})
	}
}

func TestIdempotencyKey_is_visible_ASCII_once(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, func(c *gin.Context) {
		key, err := web.IdempotencyKey(c)
		if err != nil {
			web.Fail(c, err)
			return
		}
		web.JSON(c, http.StatusOK, key)
	})
	for name, c := range map[string]struct {
		sent   []string
		status int
	}{
		"none":           {nil, 200},
		"one character":  {[]string{"k"}, 200},
		"255 characters": {[]string{strings.Repeat("~", 255)}, 200},
		"256 characters": {[]string{strings.Repeat("~", 256)}, 400},
		"empty":          {[]string{""}, 400},
		"a space":        {[]string{"a b"}, 400},
		"not ASCII":      {[]string{"ключ"}, 400},
		"a control":      {[]string{"a\x01"}, 400},
		"two":            {[]string{"a", "a"}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/thing", http.NoBody)
			request.Header["Idempotency-Key"] = c.sent
			if c.sent == nil {
				delete(request.Header, "Idempotency-Key")
			}
			recorder := httptest.NewRecorder()
			engine.ServeHTTP(recorder, request)
			require.Equal(t, c.status, recorder.Code)
			if c.status == 400 {
				require.Equal(t, "Idempotency-Key", problemOf(t, recorder).Errors[0].Field)
			}
		})
	}
}

func TestCursors_know_their_own(t *testing.T) {
	t.Parallel()
	key := []byte(strings.Repeat("k", 32))
	cursors, err := web.NewCursors(key)
	require.NoError(t, err)
	other, err := web.NewCursors([]byte(strings.Repeat("o", 32)))
	require.NoError(t, err)
	_, err = web.NewCursors(key[:31])
	require.Error(t, err)

	type position struct{ ID string }
	cursor, err := cursors.Seal("accounts", "q=a", position{"7"})
	require.NoError(t, err)
	require.Regexp(t, `^[A-Za-z0-9_-]+$`, cursor)
	var got position
	require.NoError(t, cursors.Open("accounts", "q=a", cursor, &got))
	require.Equal(t, position{"7"}, got)

	refused := func(err error) {
		t.Helper()
		require.True(t, fault.Is(err, fault.Malformed), "%v", err)
		require.Equal(t, "cursor", fault.As(err).Fields[0].Field)
	}
	refused(cursors.Open("timeline", "q=a", cursor, &got))
	refused(cursors.Open("accounts", "q=b", cursor, &got))
	refused(cursors.Open("accountsq", "=a", cursor, &got))
	refused(other.Open("accounts", "q=a", cursor, &got))
	refused(cursors.Open("accounts", "q=a", "", &got))
	refused(cursors.Open("accounts", "q=a", "!", &got))
	refused(cursors.Open("accounts", "q=a", cursor+"A", &got))
	refused(cursors.Open("accounts", "q=a", strings.Repeat("A", 2000), &got))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range cursor {
		// The next character of the alphabet differs in a bit that counts.
		at := strings.IndexByte(alphabet, cursor[i])
		tampered := cursor[:i] + string(alphabet[(at+32)%64]) + cursor[i+1:]
		refused(cursors.Open("accounts", "q=a", tampered, &got))
	}
}

func TestClientAddress_believes_trusted_proxies_only(t *testing.T) {
	t.Parallel()
	proxies, err := web.ParseProxies("10.0.0.0/8", "192.0.2.7", "fd00::/8")
	require.NoError(t, err)
	_, err = web.ParseProxies("everyone")
	require.Error(t, err)
	for name, c := range map[string]struct {
		proxies   web.Proxies
		peer      string
		forwarded []string
		want      string
	}{
		"a direct client":                   {proxies, "203.0.113.9:4000", nil, "203.0.113.9"},
		"a client that makes one up":        {proxies, "203.0.113.9:4000", []string{"198.51.100.1"}, "203.0.113.9"},
		"one proxy":                         {proxies, "10.1.1.1:4000", []string{"203.0.113.9"}, "203.0.113.9"},
		"one proxy, and a client that lies": {proxies, "10.1.1.1:4000", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		"two proxies":                       {proxies, "10.1.1.1:4000", []string{"198.51.100.1, 203.0.113.9", "192.0.2.7"}, "203.0.113.9"},
		"with a port":                       {proxies, "10.1.1.1:4000", []string{"203.0.113.9:5000"}, "203.0.113.9"},
		"version 6":                         {proxies, "[fd00::1]:4000", []string{"[2001:db8::9]:5000"}, "2001:db8::9"},
		"version 4 within 6":                {proxies, "[::ffff:10.1.1.1]:4000", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"nonsense":                          {proxies, "10.1.1.1:4000", []string{"203.0.113.9, unknown"}, "10.1.1.1"},
		"nothing forwarded":                 {proxies, "10.1.1.1:4000", nil, "10.1.1.1"},
		"nobody is trusted":                 {nil, "10.1.1.1:4000", []string{"203.0.113.9"}, "10.1.1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			request.RemoteAddr = c.peer
			request.Header["X-Forwarded-For"] = c.forwarded
			require.Equal(t, netip.MustParseAddr(c.want), c.proxies.ClientAddress(request))
		})
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	request.RemoteAddr = "@"
	require.False(t, proxies.ClientAddress(request).IsValid())
}

func TestSendFile_is_nothing_that_a_browser_runs_or_keeps(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, func(c *gin.Context) {
		web.SendFile(c, web.File{ContentType: "application/pdf", Size: 4, Name: `a"b` + "\r\n" + `é.pdf`}, strings.NewReader("%PDF and more"))
	})
	answer := get(t, engine, "/thing/1")
	require.Equal(t, "%PDF", answer.Body.String())
	header := answer.Header()
	require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
	require.Equal(t, "default-src 'none'; frame-ancestors 'none'; sandbox", header.Get("Content-Security-Policy"))
	require.Equal(t, "private, no-store", header.Get("Cache-Control"))
	require.True(t, strings.HasPrefix(header.Get("Content-Disposition"), "attachment; filename*="), header.Get("Content-Disposition"))
	require.NotContains(t, header.Get("Content-Disposition"), "\n")

	broken := newEngine(t, func(c *gin.Context) {
		web.SendFile(c, web.File{ContentType: "application/pdf", Size: 4, Name: "a"}, failing{})
	})
	answer = get(t, broken, "/thing/1")
	require.Equal(t, "internal", problemOf(t, answer).Code, "nothing was sent yet")
	require.Empty(t, answer.Header().Get("Content-Disposition"))
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, http.ErrBodyNotAllowed }
