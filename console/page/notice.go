package page

import (
	"regexp"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/web"
)

// noticeCookie holds the id of a text, so nothing of anybody.
const noticeCookie web.Cookie = "kibali-notice"

var noticeID = regexp.MustCompile(`^notice\.[a-z_]{1,60}$`)

// Tell keeps a text, by an id that begins with "notice.", for the page that
// follows a form.
func (f *Face) Tell(c *gin.Context, text string) {
	f.site.SetCookie(c, noticeCookie, text, time.Now().Add(time.Minute))
}

// takeNotice returns what was to be told, once; "" when there is nothing.
func (f *Face) takeNotice(c *gin.Context) string {
	text, ok := f.site.CookieValue(c.Request, noticeCookie)
	if !ok || !noticeID.MatchString(text) {
		return ""
	}
	f.site.ClearCookie(c, noticeCookie)
	return text
}
