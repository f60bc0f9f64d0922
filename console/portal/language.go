package portal

import (
	"slices"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/web"
)

// languageField is the field of the buttons that choose a language. They stand
// in a form of their own, or belong to the form of the page, so that what was
// typed into that comes back in the other language.
const languageField = "language"

// chooseLanguage keeps the language that a reader chose, and goes back.
func (s *server) chooseLanguage(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.takeLanguage(c, form)
	page.See(c, page.Local(form.Value("return"), "/", "/"))
}

// takeLanguage keeps the language that a form chooses, and reports whether that
// is what it was sent for.
func (s *server) takeLanguage(c *gin.Context, form *page.Form) bool {
	chosen := form.Value(languageField)
	if !slices.Contains(page.Locales(), chosen) {
		return false
	}
	s.face.Prefer(c, page.LocaleCookie, chosen)
	return true
}
