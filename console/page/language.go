package page

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/gin-gonic/gin"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"kibali/domain/fault"
	"kibali/web"
)

//go:embed locales/*.toml
var sharedMessages embed.FS

// Locales returns the languages that pages are written in; the first one is for
// readers of any other.
func Locales() []string { return []string{"en", "sw"} }

// LocaleCookie remembers the language that a reader chose.
const LocaleCookie web.Cookie = "kibali-locale"

var matcher = language.NewMatcher([]language.Tag{language.English, language.Swahili})

// LocaleOf returns the language that a request is answered in: the chosen one,
// else the one that the reader is known to have, else the best of those that the
// browser asks for.
func (f *Face) LocaleOf(c *gin.Context) string {
	if chosen := f.Preferred(c, LocaleCookie, Locales()); chosen != "" {
		return chosen
	}
	if known := f.locale(c); slices.Contains(Locales(), known) {
		return known
	}
	_, index := language.MatchStrings(matcher, c.GetHeader("Accept-Language"))
	return Locales()[index]
}

// messages are the texts of pages in one language.
type messages struct {
	localizer *i18n.Localizer
}

// readMessages reads NAME.toml of each folder for every locale.
func readMessages(folders ...fs.FS) (map[string]messages, error) {
	shared, err := fs.Sub(sharedMessages, "locales")
	if err != nil {
		return nil, err
	}
	byLocale := map[string]messages{}
	for _, locale := range Locales() {
		// A bundle of its own: a text that is missing is an error, not another
		// language's.
		tag := language.Make(locale)
		bundle := i18n.NewBundle(tag)
		bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
		for _, folder := range append([]fs.FS{shared}, folders...) {
			if _, err := bundle.LoadMessageFileFS(folder, locale+".toml"); err != nil {
				return nil, fmt.Errorf("read the texts in %s: %w", locale, err)
			}
		}
		byLocale[locale] = messages{i18n.NewLocalizer(bundle, locale)}
	}
	return byLocale, nil
}

// say returns a text by its id. arguments are names and values in turn; the one
// named Count also chooses between singular and plural.
func (m messages) say(id string, arguments ...any) (string, error) {
	values, err := pairs(arguments)
	if err != nil {
		return "", fmt.Errorf("text %q: %w", id, err)
	}
	said, err := m.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: values, PluralCount: values["Count"]})
	if err != nil {
		return "", fmt.Errorf("text %q: %w", id, err)
	}
	return said, nil
}

// sayCode returns the text of a code, or its own words where it has none: a
// newer release may have written it.
func (m messages) sayCode(prefix string, code any) string {
	name := fmt.Sprint(code)
	said, err := m.say(prefix + "." + name)
	if err != nil {
		return words.Replace(name)
	}
	return said
}

var words = strings.NewReplacer("_", " ", ".", " ")

// sayField returns what is wrong with a field: the text of its code with this
// field, else the one of the code with its limit, where there is one, else that
// of the code alone, else what the fault says itself.
func (m messages) sayField(f fault.Field) string {
	ids := []string{"field." + f.Field + "." + f.Code, "field." + f.Code}
	if f.Limit != 0 {
		ids = slices.Insert(ids, 1, "field."+f.Code+".limit")
	}
	for _, id := range ids {
		if said, err := m.say(id, "Limit", f.Limit); err == nil {
			return said
		}
	}
	return f.Detail
}

// pairs makes a map of names and values in turn.
func pairs(arguments []any) (map[string]any, error) {
	if len(arguments)%2 != 0 {
		return nil, fmt.Errorf("a name without a value")
	}
	values := make(map[string]any, len(arguments)/2)
	for i := 0; i < len(arguments); i += 2 {
		name, ok := arguments[i].(string)
		if !ok {
			return nil, fmt.Errorf("%v is not a name", arguments[i])
		}
		values[name] = arguments[i+1]
	}
	return values, nil
}
