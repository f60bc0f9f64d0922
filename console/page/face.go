package page

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"text/template/parse"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/web"
)

//go:embed templates/*.html
var sharedTemplates embed.FS

// Options are what a Face is made of.
type Options struct {
	// Templates has layout.html, which defines "layout" and "fragment", parts
	// that begin with an underscore, and one file for each page, which defines
	// "title" and "main".
	Templates fs.FS
	// Messages has NAME.toml for every locale.
	Messages fs.FS
	Assets   *Assets
	// Site is where the pages are.
	Site *web.Site
	// Zone is where times are told for readers without JavaScript; UTC when nil.
	Zone func() *time.Location
	// Viewer returns what templates see as .Viewer; nil is nothing.
	Viewer func(*gin.Context) any
	// Locale returns the language that a reader is known to have, "" for none; it
	// may be nil.
	Locale func(*gin.Context) string
	Now    func() time.Time // time.Now when nil
}

// Face renders the pages of one face. It is safe for concurrent use.
type Face struct {
	assets   *Assets
	messages map[string]messages
	pages    map[string]map[string]*template.Template // by locale and name
	site     *web.Site
	viewer   func(*gin.Context) any
	locale   func(*gin.Context) string
}

// NewFace reads the templates and texts. It fails when one of them cannot be
// read; that all of them can be rendered is for tests to show.
func NewFace(o Options) (*Face, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = func() *time.Location { return time.UTC }
	}
	if o.Viewer == nil {
		o.Viewer = func(*gin.Context) any { return nil }
	}
	if o.Locale == nil {
		o.Locale = func(*gin.Context) string { return "" }
	}
	face := &Face{
		assets: o.Assets, pages: map[string]map[string]*template.Template{}, site: o.Site, viewer: o.Viewer, locale: o.Locale,
	}
	var err error
	if face.messages, err = readMessages(o.Messages); err != nil {
		return nil, err
	}
	for _, locale := range Locales() {
		own := functions{messages: face.messages[locale], assets: o.Assets, zone: o.Zone, now: o.Now}
		if face.pages[locale], err = readPages(o.Templates, own.table()); err != nil {
			return nil, err
		}
	}
	return face, nil
}

// readPages reads the pages of a folder, by name.
func readPages(folder fs.FS, functions template.FuncMap) (map[string]*template.Template, error) {
	base, err := template.New("").Funcs(functions).ParseFS(sharedTemplates, "templates/_*.html")
	if err != nil {
		return nil, fmt.Errorf("read the shared templates: %w", err)
	}
	if base, err = base.ParseFS(folder, "layout.html"); err != nil {
		return nil, fmt.Errorf("read the layout: %w", err)
	}
	names, err := fs.Glob(folder, "*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasPrefix(name, "_") {
			if base, err = base.ParseFS(folder, name); err != nil {
				return nil, fmt.Errorf("read a part of pages: %w", err)
			}
		}
	}
	pages := map[string]*template.Template{}
	add := func(from fs.FS, name string) error {
		page, err := base.Clone()
		if err == nil {
			page, err = page.ParseFS(from, name)
		}
		if err == nil {
			page, err = only(page, functions, "layout", "fragment")
		}
		if err != nil {
			return fmt.Errorf("read a page: %w", err)
		}
		pages[strings.TrimSuffix(path.Base(name), ".html")] = page
		return nil
	}
	if err := add(sharedTemplates, "templates/problem.html"); err != nil {
		return nil, err
	}
	for _, name := range names {
		if name == "layout.html" || strings.HasPrefix(name, "_") {
			continue
		}
		if err := add(folder, name); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// only returns the templates of a set that are used from those with the names.
// What a page does not use is most of what pages share, and would be kept, and
// looked at by the garbage collector, once for each page.
func only(set *template.Template, functions template.FuncMap, names ...string) (*template.Template, error) {
	used := template.New("").Funcs(functions)
	for ; len(names) > 0; names = names[1:] {
		if used.Lookup(names[0]) != nil {
			continue
		}
		found := set.Lookup(names[0])
		if found == nil || found.Tree == nil {
			return nil, fmt.Errorf("there is no template %q", names[0])
		}
		if _, err := used.AddParseTree(names[0], found.Tree); err != nil {
			return nil, err
		}
		names = append(names, usedBy(found.Tree.Root)...)
	}
	return used, nil
}

// usedBy returns the names of the templates that a part of one asks for.
func usedBy(node parse.Node) []string {
	switch n := node.(type) {
	case *parse.ListNode:
		var names []string
		if n != nil {
			for _, child := range n.Nodes {
				names = append(names, usedBy(child)...)
			}
		}
		return names
	case *parse.IfNode:
		return append(usedBy(n.List), usedBy(n.ElseList)...)
	case *parse.RangeNode:
		return append(usedBy(n.List), usedBy(n.ElseList)...)
	case *parse.WithNode:
		return append(usedBy(n.List), usedBy(n.ElseList)...)
	case *parse.TemplateNode:
		return []string{n.Name}
	default:
		return nil
	}
}

// View is what a template sees.
type View struct {
	Locale    string
	Theme     string // "light", "dark", or "" for what the system says
	Path      string // of this page, with its query: where to come back to
	RequestID string
	Notice    string // the id of a text to tell; "" for none
	Viewer    any
	Data      any
}

// In reports whether the page is at root or below it, for navigation.
func (v View) In(root string) bool {
	at, _, _ := strings.Cut(v.Path, "?")
	return at == root || strings.HasPrefix(at, root+"/")
}

// Render answers with a page. Of one that replaces a part of the page that a
// reader is on, only that part is sent.
func (f *Face) Render(c *gin.Context, status int, name string, data any) {
	body, err := f.execute(c, name, data)
	if err != nil {
		web.Fail(c, err)
		return
	}
	compressed, err := compress(body, gzip.BestSpeed)
	if err != nil {
		web.Fail(c, fmt.Errorf("compress a page: %w", err))
		return
	}
	web.SendPage(c, status, choose(c, body, compressed))
}

func (f *Face) execute(c *gin.Context, name string, data any) ([]byte, error) {
	locale := f.LocaleOf(c)
	page := f.pages[locale][name]
	if page == nil {
		return nil, fmt.Errorf("there is no page %q", name)
	}
	whole := "layout"
	if c.GetHeader("HX-Request") != "" {
		whole = "fragment"
	}
	var body bytes.Buffer
	if err := page.ExecuteTemplate(&body, whole, f.view(c, locale, data)); err != nil {
		return nil, fmt.Errorf("render a page: %w", err)
	}
	return body.Bytes(), nil
}

func (f *Face) view(c *gin.Context, locale string, data any) View {
	return View{
		Locale: locale, Theme: f.Preferred(c, ThemeCookie, Themes()[1:]), Path: c.Request.URL.RequestURI(), RequestID: web.RequestID(c),
		Notice: f.takeNotice(c), Viewer: f.viewer(c), Data: data,
	}
}

// Say returns a text in the reader's language, for what is no template.
func (f *Face) Say(c *gin.Context, id string, arguments ...any) (string, error) {
	return f.messages[f.LocaleOf(c)].say(id, arguments...)
}

// See sends the browser to a page of ours, as the answer to a form.
func See(c *gin.Context, address string) {
	if c.GetHeader("HX-Request") != "" {
		c.Header("HX-Redirect", address)
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()
		return
	}
	c.Header("Location", address)
	c.Status(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
}
