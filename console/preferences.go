package console

import (
	"slices"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/web"
)

// keysCookie remembers whether a reader turned the keyboard's shortcuts off.
const keysCookie web.Cookie = "kibali-keys"

// prefer keeps what a reader chose of how pages look and listen, and goes back.
func (s *server) prefer(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	for _, choice := range []struct {
		field  string
		cookie web.Cookie
		values []string
	}{
		{"theme", page.ThemeCookie, page.Themes()},
		{"locale", page.LocaleCookie, page.Locales()},
		{"keys", keysCookie, []string{"on", "off"}},
	} {
		if value := form.Value(choice.field); slices.Contains(choice.values, value) {
			s.face.Prefer(c, choice.cookie, value)
		}
	}
	page.See(c, page.Local(form.Value("return"), Root, Root))
}
