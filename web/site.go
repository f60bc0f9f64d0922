package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
)

// Site is where people reach the pages, and what follows from it: whether
// cookies are for TLS alone, whether browsers are told to stay with TLS, and
// which origin is ours. All of it is decided here.
//
// A cookie is __Host-..., which a browser sends back to this host alone, over
// TLS alone, and lets no subdomain set. Browsers refuse such a cookie over plain
// HTTP, so that on a loopback address without TLS, which development is, the
// names are without the prefix.
type Site struct {
	origin string
	tls    bool
	local  bool // plain HTTP on a loopback address
}

// NewSite returns the site at a base URL, such as "https://id.example.co.tz".
func NewSite(baseURL string) (*Site, error) {
	base, err := url.Parse(baseURL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("the base URL is no http or https address")
	}
	return &Site{
		origin: base.Scheme + "://" + base.Host, tls: base.Scheme == "https",
		local: base.Scheme == "http" && loopback(base.Hostname()),
	}, nil
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// Cookie is the name of a cookie without its prefix.
type Cookie string

// The cookies that hold a credential: a session, the right to add documents to
// one application, or to appeal against one suspension.
const (
	StaffCookie  Cookie = "kibali-staff"
	UserCookie   Cookie = "kibali-user"
	UploadCookie Cookie = "kibali-upload"
	AppealCookie Cookie = "kibali-appeal"
)

// SignOnCookie holds, sealed, a sign-in that the identity provider of staff has
// been asked about, until the browser comes back from there.
const SignOnCookie Cookie = "kibali-sign-on"

// maxSealed is above the length of anything sealed that a cookie holds.
const maxSealed = 3500

// most is how long the value of the cookie may be.
func (c Cookie) most() int {
	if c == SignOnCookie {
		return maxSealed
	}
	return maxToken
}

// Address returns the address of a page of the site, by its path.
func (s *Site) Address(path string) string { return s.origin + path }

// CookieName returns the name under which a browser has the cookie.
func (s *Site) CookieName(cookie Cookie) string {
	if s.local {
		return string(cookie)
	}
	return "__Host-" + string(cookie)
}

// SetCookie gives the browser a cookie until the given time.
func (s *Site) SetCookie(c *gin.Context, cookie Cookie, value string, until time.Time) {
	http.SetCookie(c.Writer, s.cookie(cookie, value, max(1, int(time.Until(until).Seconds()))))
}

// ClearCookie takes the cookie from the browser.
func (s *Site) ClearCookie(c *gin.Context, cookie Cookie) {
	http.SetCookie(c.Writer, s.cookie(cookie, "", -1))
}

func (s *Site) cookie(cookie Cookie, value string, age int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // without Secure on a loopback address only, where browsers refuse it
		Name: s.CookieName(cookie), Value: value, Path: "/", MaxAge: age,
		// Lax, so that a link in an e-mail finds its reader signed in; what
		// another site makes a browser send is refused by where it comes from.
		Secure: !s.local, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// CookieValue returns what the request has in the cookie. Two of one name are
// none: one of them was set by somebody else.
func (s *Site) CookieValue(r *http.Request, cookie Cookie) (string, bool) {
	found := r.CookiesNamed(s.CookieName(cookie))
	if len(found) != 1 || found[0].Value == "" || len(found[0].Value) > cookie.most() {
		return "", false
	}
	return found[0].Value, true
}

// protection refuses what another site makes a browser send. A request that
// says nothing of where it comes from was sent by no browser that has cookies.
func (s *Site) protection() *http.CrossOriginProtection {
	p := http.NewCrossOriginProtection()
	if err := p.AddTrustedOrigin(s.origin); err != nil {
		panic(fmt.Sprintf("the site's origin: %v", err)) // NewSite lets no other one through
	}
	return p
}
