// Package pagetest checks what every face of page must hold: here, that no text
// is missing in any language. It is for tests.
package pagetest

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/require"

	"kibali/console/page"
)

// Catalogue is what a face says and where.
type Catalogue struct {
	// Messages and Templates are the face's folders.
	Messages, Templates fs.FS
	// Shared is the folder of package page.
	Shared string
	// Code is the folder of the face's Go files; texts that they name count as
	// used.
	Code string
	// Codes are closed lists whose members must have a text, by its prefix.
	Codes map[string][]string
}

var (
	used        = regexp.MustCompile(`\bt \(?"([^"]+)"`)
	named       = regexp.MustCompile(`"([a-z_]+(?:\.[a-z_]+)+)"`)
	coded       = regexp.MustCompile(`\bcode "([^"]+)"`)
	placeholder = regexp.MustCompile(`{{\.[A-Za-z]+}}`)
)

// Check fails the test when a text that a template or handler names is missing
// in a language, when one is there that nothing names, or when the languages
// differ in what they put into a text.
func (c Catalogue) Check(t *testing.T) {
	t.Helper()
	texts := map[string]map[string][]string{} // by locale and id: its forms
	for _, locale := range page.Locales() {
		texts[locale] = map[string][]string{}
		for _, folder := range []fs.FS{os.DirFS(filepath.Join(c.Shared, "locales")), c.Messages} {
			for id, forms := range read(t, folder, locale) {
				require.NotContains(t, texts[locale], id, "%s is there twice in %s", id, locale)
				texts[locale][id] = forms
			}
		}
	}
	english := texts["en"]
	for _, locale := range page.Locales() {
		require.ElementsMatch(t, slices.Collect(maps.Keys(english)), slices.Collect(maps.Keys(texts[locale])), "the texts in en and %s", locale)
		for id, forms := range texts[locale] {
			require.Len(t, forms, len(english[id]), "the forms of %s in %s", id, locale)
			for _, form := range forms {
				require.NotEmpty(t, strings.TrimSpace(form), "%s in %s", id, locale)
				require.NotContains(t, form, "<", "%s in %s: texts are no HTML", id, locale)
				require.ElementsMatch(t, placeholders(english[id]), placeholders(forms), "what is put into %s in %s", id, locale)
			}
		}
	}
	c.checkUse(t, english)
}

func placeholders(forms []string) []string {
	found := slices.Compact(slices.Sorted(slices.Values(placeholder.FindAllString(strings.Join(forms, " "), -1))))
	return found
}

// read returns the texts of a folder in a language, by id.
func read(t *testing.T, folder fs.FS, locale string) map[string][]string {
	t.Helper()
	content, err := fs.ReadFile(folder, locale+".toml")
	require.NoError(t, err)
	var raw map[string]any
	require.NoError(t, toml.Unmarshal(content, &raw))
	texts := map[string][]string{}
	for id, value := range raw {
		switch value := value.(type) {
		case string:
			texts[id] = []string{value}
		case map[string]any:
			require.ElementsMatch(t, []string{"one", "other"}, slices.Collect(maps.Keys(value)), "the forms of %s in %s", id, locale)
			texts[id] = []string{value["one"].(string), value["other"].(string)}
		default:
			require.Fail(t, "not a text", "%s in %s", id, locale)
		}
	}
	return texts
}

// checkUse compares the texts with what names them.
func (c Catalogue) checkUse(t *testing.T, texts map[string][]string) {
	t.Helper()
	mentioned := map[string]bool{}
	prefixes := map[string]bool{}
	for _, folder := range []fs.FS{os.DirFS(filepath.Join(c.Shared, "templates")), c.Templates} {
		for name, content := range files(t, folder, ".html") {
			for _, match := range used.FindAllStringSubmatch(content, -1) {
				require.NotNil(t, texts[match[1]], "%s says %s, which no catalogue has", name, match[1])
				mentioned[match[1]] = true
			}
			for _, match := range coded.FindAllStringSubmatch(content, -1) {
				prefixes[match[1]] = true
			}
			for _, match := range named.FindAllStringSubmatch(content, -1) {
				mentioned[match[1]] = true
			}
		}
	}
	for _, folder := range []string{c.Shared, c.Code} {
		for _, content := range files(t, os.DirFS(folder), ".go") {
			for _, match := range named.FindAllStringSubmatch(content, -1) {
				mentioned[match[1]] = true
			}
		}
	}
	for prefix, codes := range c.Codes {
		for _, code := range codes {
			require.NotNil(t, texts[prefix+"."+code], "%s.%s has no text", prefix, code)
			mentioned[prefix+"."+code] = true
		}
	}
	for prefix := range prefixes {
		require.NotEmpty(t, c.Codes[prefix], "codes of %q are shown; say which there are", prefix)
	}
	for id := range texts {
		prefix := id[:strings.LastIndex(id, ".")+1]
		shared := strings.HasPrefix(prefix, "field.")
		require.True(t, mentioned[id] || shared, "nothing says %s", id)
	}
}

func files(t *testing.T, folder fs.FS, extension string) map[string]string {
	t.Helper()
	names, err := fs.Glob(folder, "*"+extension)
	require.NoError(t, err)
	found := map[string]string{}
	for _, name := range names {
		content, err := fs.ReadFile(folder, name)
		require.NoError(t, err)
		found[name] = string(content)
	}
	return found
}
