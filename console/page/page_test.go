package page_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/web"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// testFace is a face of two pages.
type testFace struct {
	*page.Face
	assets *page.Assets
	engine http.Handler
}

// open returns a face whose page "thing" shows main, and whose handler is given.
func open(t *testing.T, main string, handler func(f *page.Face) gin.HandlerFunc) testFace {
	t.Helper()
	site, err := web.NewSite("https://id.example.co.tz")
	require.NoError(t, err)
	assets, err := page.NewAssets(fstest.MapFS{"own.js": {Data: []byte("1;")}})
	require.NoError(t, err)
	face, err := page.NewFace(page.Options{
		Templates: fstest.MapFS{
			"layout.html": {Data: []byte(`{{define "layout"}}<html lang="{{.Locale}}">{{template "notice" .}}{{template "main" .}}</html>{{end}}{{define "fragment"}}{{template "main" .}}{{end}}`)},
			"thing.html":  {Data: []byte(`{{define "title"}}x{{end}}{{define "main"}}` + main + `{{end}}`)},
		},
		Messages: fstest.MapFS{
			"en.toml": {Data: []byte("\"notice.done\" = \"Done.\"\n\"field.thing.odd\" = \"Is odd, for a thing.\"")},
			"sw.toml": {Data: []byte(`"notice.done" = "Imefanyika."`)},
		},
		Assets: assets, Site: site, Now: func() time.Time { return noon },
		Locale: func(c *gin.Context) string { return c.GetHeader("X-Known") },
	})
	require.NoError(t, err)
	engine := web.New(web.Config{
		Log: slog.New(slog.DiscardHandler), Site: site, Cookies: true, Page: face.Problem,
		Access: map[string]web.Access{"GET /thing": web.Anyone, "POST /thing": web.Anyone, "GET " + page.AssetsRoute: web.Anyone},
	}, func(engine *gin.Engine) {
		engine.GET("/thing", handler(face))
		engine.POST("/thing", handler(face))
		engine.GET(page.AssetsRoute, assets.Serve)
	})
	return testFace{face, assets, engine}
}

// show returns a handler that shows the page with the data.
func show(data any) func(*page.Face) gin.HandlerFunc {
	return func(f *page.Face) gin.HandlerFunc {
		return func(c *gin.Context) { f.Render(c, http.StatusOK, "thing", data) }
	}
}

func (f testFace) get(t *testing.T, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return f.send(t, http.MethodGet, target, "", headers...)
}

func (f testFace) send(t *testing.T, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	f.engine.ServeHTTP(answer, request)
	return answer
}

func TestRender(t *testing.T) {
	t.Parallel()

	t.Run("tells times from now, with the whole time as a title", func(t *testing.T) {
		t.Parallel()
		for ago, said := range map[time.Duration]string{
			0: "just now", 3 * time.Minute: "3 min ago", time.Hour: "1 h ago", 25 * time.Hour: "25 h ago", 50 * time.Hour: "2 days ago",
			70 * 24 * time.Hour: "2 months ago", 400 * 24 * time.Hour: "1 year ago", -2 * time.Hour: "in 2 h",
		} {
			f := open(t, `{{ago .Data}}`, show(noon.Add(-ago)))
			require.Contains(t, f.get(t, "/thing").Body.String(), ">"+said+"</time>")
		}
		f := open(t, `{{due .Data}}`, show(noon.Add(-90*time.Minute)))
		body := f.get(t, "/thing").Body.String()
		require.Contains(t, body, `title="23 Nov 2026, 10:30 UTC" class="due over">1 h over</time>`)
		f = open(t, `{{ago .Data}}`, show(time.Time{}))
		require.Contains(t, f.get(t, "/thing").Body.String(), "never")
	})

	t.Run("answers in the language that was chosen, or that the browser asks for", func(t *testing.T) {
		t.Parallel()
		f := open(t, `{{t "time.never"}}`, show(nil))
		require.Contains(t, f.get(t, "/thing").Body.String(), `lang="en">never`)
		require.Contains(t, f.get(t, "/thing", "Accept-Language", "fr, sw-TZ;q=0.9, en;q=0.8").Body.String(), `lang="sw">kamwe`)
		require.Contains(t, f.get(t, "/thing", "Accept-Language", "sw", "Cookie", "__Host-kibali-locale=en").Body.String(), `lang="en">never`)
		require.Contains(t, f.get(t, "/thing", "Cookie", "__Host-kibali-locale=xx").Body.String(), `lang="en">never`)
	})

	t.Run("escapes what people wrote", func(t *testing.T) {
		t.Parallel()
		f := open(t, `<p title="{{.Data}}">{{.Data}}</p>`, show(`"><script>alert(1)</script>`))
		require.NotContains(t, f.get(t, "/thing").Body.String(), "<script")
	})

	t.Run("compresses for those who take it", func(t *testing.T) {
		t.Parallel()
		f := open(t, strings.Repeat("many words ", 200), show(nil))
		answer := f.get(t, "/thing", "Accept-Encoding", "br, gzip;q=0.5")
		require.Equal(t, "gzip", answer.Header().Get("Content-Encoding"))
		require.Equal(t, "Accept-Encoding", answer.Header().Get("Vary"))
		reader, err := gzip.NewReader(answer.Body)
		require.NoError(t, err)
		body, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.Contains(t, string(body), "many words")
		require.Empty(t, f.get(t, "/thing", "Accept-Encoding", "br, gzip;q=0").Header().Get("Content-Encoding"))
	})

	t.Run("sends no part of a page that fails", func(t *testing.T) {
		t.Parallel()
		f := open(t, `before {{.Data.Missing}}`, show(struct{}{}))
		answer := f.get(t, "/thing")
		require.Equal(t, http.StatusInternalServerError, answer.Code)
		require.NotContains(t, answer.Body.String(), "before")
		require.Contains(t, answer.Body.String(), answer.Header().Get("X-Request-Id"))
	})
}

func TestProblem_says_the_cause_the_remedy_and_the_request(t *testing.T) {
	t.Parallel()
	f := open(t, "", func(*page.Face) gin.HandlerFunc {
		return func(c *gin.Context) { web.Fail(c, fault.New(fault.Conflict, "Another decision is open.")) }
	})
	answer := f.get(t, "/thing")
	require.Equal(t, http.StatusConflict, answer.Code)
	for _, said := range []string{"Somebody was quicker", "Another decision is open.", "Nothing was done twice.", answer.Header().Get("X-Request-Id")} {
		require.Contains(t, answer.Body.String(), said)
	}
	require.Contains(t, f.get(t, "/thing", "Accept-Language", "sw").Body.String(), "Mwingine amekutangulia")
	require.Equal(t, "#problem", f.get(t, "/thing", "HX-Request", "true").Header().Get("HX-Retarget"))
}

func TestAssets_keep_their_address_as_long_as_their_content(t *testing.T) {
	t.Parallel()
	f := open(t, `{{asset "own.js"}}`, show(nil))
	address, err := f.assets.Address("own.js")
	require.NoError(t, err)
	require.Regexp(t, `^/static/own\.[0-9a-f]{12}\.js$`, address)
	answer := f.get(t, address)
	require.Equal(t, "1;", answer.Body.String())
	require.Equal(t, "text/javascript; charset=utf-8", answer.Header().Get("Content-Type"))
	require.Contains(t, answer.Header().Get("Cache-Control"), "immutable")
	require.Equal(t, http.StatusNotFound, f.get(t, "/static/own.js").Code)
	_, err = f.assets.Address("other.js")
	require.Error(t, err)
	_, err = page.NewAssets(fstest.MapFS{"page.css": {Data: []byte("x")}})
	require.Error(t, err, "a name is taken once")
	_, err = page.NewAssets(fstest.MapFS{"licences/x.txt": {Data: []byte("x")}, "y.css": {Mode: fs.ModePerm, Data: []byte("x")}})
	require.NoError(t, err)
}

func TestForm(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, body string, headers ...string) (form *page.Form, err error) {
		t.Helper()
		f := open(t, "", func(*page.Face) gin.HandlerFunc {
			return func(c *gin.Context) { form, err = page.ReadForm(c); web.JSON(c, 200, 1) }
		})
		f.send(t, http.MethodPost, "/thing", body, headers...)
		return form, err
	}

	t.Run("holds ten thousand characters in each field", func(t *testing.T) {
		t.Parallel()
		long := strings.Repeat("ﷺ", 10_000)
		form, err := read(t, url.Values{"a": {long}, "b": {long}, "c": {long}}.Encode())
		require.NoError(t, err)
		require.Equal(t, long, form.Value("c"))
	})

	t.Run("refuses what cannot be read", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			body, kind string
			code       fault.Code
		}{
			"NUL":            {"a=%00", "application/x-www-form-urlencoded", fault.Malformed},
			"half a rune":    {"a=%ff", "application/x-www-form-urlencoded", fault.Malformed},
			"half an escape": {"a=%f", "application/x-www-form-urlencoded", fault.Malformed},
			"JSON":           {"{}", "application/json", fault.UnsupportedMediaType},
			"too much":       {"a=" + strings.Repeat("a", 2<<20), "application/x-www-form-urlencoded", fault.TooLarge},
		} {
			_, err := read(t, c.body, "Content-Type", c.kind)
			require.True(t, fault.Is(err, c.code), "%s: %v", name, err)
		}
	})

	t.Run("is shown again with what was wrong", func(t *testing.T) {
		t.Parallel()
		form := page.NewForm("reason", "typed")
		require.False(t, form.Refused(fault.New(fault.Conflict, "no")))
		require.True(t, form.Refused(fault.InvalidFields(fault.Field{Field: "reason", Code: "too_long", Detail: "Is too long."})))
		require.Equal(t, "typed", form.Value("reason"))
		require.Equal(t, "too_long", form.Problem("reason").Code)
		require.Nil(t, form.Problem("note"))
	})
}

func TestTell_tells_once(t *testing.T) {
	t.Parallel()
	f := open(t, "", func(f *page.Face) gin.HandlerFunc {
		return func(c *gin.Context) {
			if c.Request.Method == http.MethodPost {
				f.Tell(c, "notice.done")
				page.See(c, "/thing")
				return
			}
			f.Render(c, http.StatusOK, "thing", nil)
		}
	})
	sent := f.send(t, http.MethodPost, "/thing", "a=b")
	require.Equal(t, http.StatusSeeOther, sent.Code)
	cookie := sent.Result().Cookies()[0]
	shown := f.get(t, "/thing", "Cookie", cookie.Name+"="+cookie.Value)
	require.Contains(t, shown.Body.String(), "Done.")
	require.Negative(t, shown.Result().Cookies()[0].MaxAge)
	require.NotContains(t, f.get(t, "/thing", "Cookie", cookie.Name+"=notice.<b>").Body.String(), "notice")
}

func TestForm_from_another_site_is_refused(t *testing.T) {
	t.Parallel()
	f := open(t, "", show(nil))
	require.Equal(t, http.StatusForbidden, f.send(t, http.MethodPost, "/thing", "a=b", "Sec-Fetch-Site", "cross-site").Code)
	require.Equal(t, http.StatusForbidden, f.send(t, http.MethodPost, "/thing", "a=b", "Origin", "https://evil.example").Code)
	require.Equal(t, http.StatusOK, f.send(t, http.MethodPost, "/thing", "a=b", "Sec-Fetch-Site", "same-origin").Code)
}

func TestLocal_leads_nowhere_else(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"/console/users?q=a%20b": "/console/users?q=a%20b", "/console": "/console", "/console/": "/console/",
		"https://evil.example/console": "", "//evil.example/console": "", `/\evil.example`: "", "/login": "", "/consolex": "",
		"/console/../login": "", "javascript:alert(1)": "", "": "", "/console\r\nX: y": "", "console/users": "",
	} {
		require.Equal(t, want, page.Local(address, "/console", ""), address)
	}
	require.Equal(t, "/login", page.Local("/login", "/", ""))
}

func TestNumber_groups_digits(t *testing.T) {
	t.Parallel()
	for n, said := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "−1,000", -999: "−999"} {
		require.Equal(t, said, page.Number(n))
	}
}

func TestLocale_is_the_readers_own_unless_they_chose(t *testing.T) {
	t.Parallel()
	f := open(t, `{{t "time.never"}}`, func(f *page.Face) gin.HandlerFunc {
		return func(c *gin.Context) {
			if chosen := c.Query("choose"); chosen != "" {
				f.Prefer(c, page.LocaleCookie, chosen)
			}
			f.Render(c, http.StatusOK, "thing", nil)
		}
	})
	require.Contains(t, f.get(t, "/thing", "Accept-Language", "en", "X-Known", "sw").Body.String(), `lang="sw"`)
	require.Contains(t, f.get(t, "/thing", "X-Known", "xx").Body.String(), `lang="en"`)
	require.Contains(t, f.get(t, "/thing?choose=en", "X-Known", "sw").Body.String(), `lang="en"`, "a choice counts at once")
}

func TestField_says_what_is_wrong_with_this_one(t *testing.T) {
	t.Parallel()
	said := func(field fault.Field) string {
		return open(t, `{{fieldText .Data}}`, show(field)).get(t, "/thing").Body.String()
	}
	require.Contains(t, said(fault.Field{Field: "phone", Code: "not_mobile"}), "Must be a mobile number that receives SMS.")
	require.Contains(t, said(fault.Field{Field: "thing", Code: "odd"}), "Is odd, for a thing.")
	require.Contains(t, said(fault.Field{Field: "other", Code: "odd", Detail: "Said by the fault."}), "Said by the fault.")
}

func TestKept_forms_come_back_without_secrets(t *testing.T) {
	t.Parallel()
	var kept *page.Kept
	f := open(t, "", func(*page.Face) gin.HandlerFunc {
		return func(c *gin.Context) {
			if kept = page.Keep(c); kept != nil {
				c.Header("X-Reader-At", page.ReaderAt(c))
			}
			web.JSON(c, 200, 1)
		}
	})
	sent := f.send(t, http.MethodPost, "/thing?a=b", "text=%3Cb%3E&password=secret&code=123456&reason_code=other", "HX-Current-URL", "https://id.example.co.tz/there?x=y")
	require.Equal(t, "/there?x=y", sent.Header().Get("X-Reader-At"))
	require.Equal(t, url.Values{"text": {"<b>"}, "reason_code": {"other"}}, kept.Fields())
	form := page.NewForm("resume_path", kept.Path, "resume_body", kept.Body)
	require.Equal(t, kept, page.KeptIn(form, "/thing"))
	require.Nil(t, page.KeptIn(form, "/console"), "it leads where it came from")
	require.Nil(t, page.KeptIn(page.NewForm("resume_path", "https://evil.example/thing"), "/"))

	f.send(t, http.MethodPost, "/thing", "{}", "Content-Type", "application/json")
	require.Nil(t, kept)
}
