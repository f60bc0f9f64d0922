package web_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"kibali/domain/fault"
	"kibali/web"
)

func siteAt(t *testing.T, baseURL string) *web.Site {
	t.Helper()
	site, err := web.NewSite(baseURL)
	require.NoError(t, err)
	return site
}

func TestSite_gives_cookies_that_no_other_host_sees(t *testing.T) {
	t.Parallel()
	for base, c := range map[string]struct{ name, attributes string }{
		"https://id.example.co.tz":  {"__Host-kibali-staff", "; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		"http://id.example.co.tz":   {"__Host-kibali-staff", "; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		"http://127.0.0.1:8080":     {"kibali-staff", "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		"http://localhost:8080":     {"kibali-staff", "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		"http://[::1]:8080":         {"kibali-staff", "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		"http://localhost.evil.com": {"__Host-kibali-staff", "; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
	} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			site := siteAt(t, base)
			answer := get(t, newEngine(t, func(c *gin.Context) {
				site.SetCookie(c, web.StaffCookie, "kbt_x", time.Now().Add(time.Hour+time.Second/2))
				web.JSON(c, 200, 1)
			}), "/thing/1")
			require.Equal(t, c.name+"=kbt_x"+c.attributes, answer.Header().Get("Set-Cookie"))
			answer = get(t, newEngine(t, func(c *gin.Context) {
				site.ClearCookie(c, web.StaffCookie)
				web.JSON(c, 200, 1)
			}), "/thing/1")
			require.Equal(t, c.name+"="+strings.Replace(c.attributes, "3600", "0", 1), answer.Header().Get("Set-Cookie"))

			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			request.Header.Set("Cookie", c.name+"=kbt_x")
			value, ok := site.CookieValue(request, web.StaffCookie)
			require.True(t, ok)
			require.Equal(t, "kbt_x", value)
			request.Header.Set("Cookie", c.name+"=kbt_x; "+c.name+"=kbt_y")
			_, ok = site.CookieValue(request, web.StaffCookie)
			require.False(t, ok, "two of one name")
		})
	}
	for _, base := range []string{"", "id.example.co.tz", "ftp://id.example.co.tz", "https://", "::"} {
		_, err := web.NewSite(base)
		require.Error(t, err, base)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	engine := web.New(web.Config{
		Log: slog.New(slog.DiscardHandler), Site: siteAt(t, "https://id.example.co.tz"), Cookies: true,
		Access: map[string]web.Access{"GET /page": web.Anyone, "POST /page": web.Anyone, "GET /console": web.StaffMember},
		Page: func(c *gin.Context, status int, f *fault.Error) {
			web.SendPage(c, status, []byte("<p>"+string(f.Code)))
		},
	}, func(engine *gin.Engine) {
		show := func(c *gin.Context) { web.SendPage(c, 200, []byte("<p>well")) }
		engine.GET("/page", show)
		engine.POST("/page", show)
		engine.GET("/console", show)
	})

	t.Run("run nothing but what is ours, over TLS alone", func(t *testing.T) {
		t.Parallel()
		header := get(t, engine, "/page").Header()
		policy := header.Get("Content-Security-Policy")
		require.NotContains(t, policy, "unsafe")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			require.Contains(t, policy, part)
		}
		require.Equal(t, "text/html; charset=utf-8", header.Get("Content-Type"))
		require.Equal(t, "same-origin", header.Get("Cross-Origin-Opener-Policy"))
		require.Equal(t, "max-age=31536000", header.Get("Strict-Transport-Security"))
		require.Contains(t, header.Get("Permissions-Policy"), "geolocation=()")
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
		require.Empty(t, get(t, newEngine(t, func(c *gin.Context) { web.SendPage(c, 200, nil) }), "/thing/1").Header().Get("Strict-Transport-Security"))
	})
	t.Run("take no credential but the cookie, and answer people", func(t *testing.T) {
		t.Parallel()
		answer := get(t, engine, "/console", "Authorization", "Bearer kbt_"+strings.Repeat("x", 43), "Cookie", "__Host-kibali-staff=kbs_a-personal-access-token")
		require.Equal(t, 401, answer.Code)
		require.Equal(t, "<p>unauthenticated", answer.Body.String())
		require.Empty(t, answer.Header().Get("WWW-Authenticate"))
	})
	t.Run("refuse what another site makes a browser send", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			name, value string
			status      int
		}{
			{"Sec-Fetch-Site", "same-origin", 200},
			{"Sec-Fetch-Site", "none", 200},
			{"Sec-Fetch-Site", "cross-site", 403},
			{"Sec-Fetch-Site", "same-site", 403},
			{"Origin", "https://id.example.co.tz", 200}, // also where a proxy writes another Host
			{"Origin", "https://evil.example", 403},
			{"Origin", "null", 403},
			{"X-None", "x", 200}, // no browser
		} {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/page", http.NoBody)
			request.Header.Set(c.name, c.value)
			recorder := httptest.NewRecorder()
			engine.ServeHTTP(recorder, request)
			require.Equal(t, c.status, recorder.Code, "%s: %s", c.name, c.value)
		}
		require.Equal(t, 200, get(t, engine, "/page", "Sec-Fetch-Site", "cross-site").Code, "a link from elsewhere")
	})
}
