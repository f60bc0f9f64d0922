package page

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/web"
)

// ThemeCookie remembers whether a reader chose light or dark.
const ThemeCookie web.Cookie = "kibali-theme"

// Themes are what a reader may choose; the first one follows the system.
func Themes() []string { return []string{"system", "light", "dark"} }

// Prefer keeps a choice of the reader for a year. It counts from this request
// on.
func (f *Face) Prefer(c *gin.Context, cookie web.Cookie, value string) {
	c.Set(preferred(cookie), value)
	f.site.SetCookie(c, cookie, value, time.Now().AddDate(1, 0, 0))
}

// preferred is the key of a choice that was made in the request in hand.
type preferred web.Cookie

// Preferred returns what the reader chose of the values, "" for none of them.
func (f *Face) Preferred(c *gin.Context, cookie web.Cookie, values []string) string {
	chosen, _ := f.site.CookieValue(c.Request, cookie)
	if now, ok := c.Get(preferred(cookie)); ok {
		chosen = now.(string)
	}
	if slices.Contains(values, chosen) {
		return chosen
	}
	return ""
}

// Local returns an address to go back to when it is one of ours below root,
// and otherwise when it is not: it comes from a form or a query.
func Local(address, root, otherwise string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.IsAbs() || parsed.Host != "" || parsed.User != nil || strings.ContainsAny(address, "\\\r\n\t") {
		return otherwise
	}
	clean := path.Clean("/" + parsed.Path)
	if clean != parsed.Path && clean+"/" != parsed.Path || clean != path.Clean(root) && !strings.HasPrefix(clean, strings.TrimSuffix(root, "/")+"/") {
		return otherwise
	}
	return parsed.RequestURI()
}
