package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// module is the path of the project's module.
const module = "kibali"

// rule says what a package and those below it may import.
type rule struct {
	pkg string
	// ours are the project's packages that it may import, with those below them.
	ours []string
	// never are foreign packages that it may not import, with those below them.
	never []string
	// only, unless nil, are the only foreign packages outside the standard
	// library that it may import.
	only []string
}

const (
	gin      = "github.com/gin-gonic"
	pgx      = "github.com/jackc"
	temporal = "go.temporal.io"
	blob     = "gocloud.dev"
)

// pureLibraries are what parsing names, addresses and phones takes.
var pureLibraries = []string{"github.com/google/uuid", "github.com/nyaruka/phonenumbers", "golang.org/x/net", "golang.org/x/text"}

// outside is what a pure package stays away from.
var outside = []string{"net/http", "database/sql", "os", "log", "log/slog", "io/fs", "context"}

// rules is the whole table of who may import whom; docs/architecture.md
// explains it. The most specific rule counts. A package that has none fails.
var rules = []rule{
	{pkg: "domain/fault", only: []string{}, never: outside},
	{pkg: "domain/calendar", ours: []string{"domain/fault"}, only: []string{}, never: outside},
	{pkg: "domain/actor", ours: []string{"domain/fault"}, only: pureLibraries, never: outside},
	{pkg: "domain/account", ours: []string{"domain/fault", "domain/calendar"}, only: pureLibraries, never: outside},
	{
		pkg: "domain/ledger", ours: []string{"domain/fault", "domain/calendar", "domain/actor", "domain/account"},
		only: pureLibraries, never: outside,
	},
	{
		pkg: "domain/policy", ours: []string{"domain/fault", "domain/calendar", "domain/account"},
		only: pureLibraries, never: outside,
	},
	{pkg: "domain/message", ours: []string{"domain/fault", "domain/account"}, only: pureLibraries, never: outside},
	{
		pkg: "domain/cases", ours: []string{"domain/fault", "domain/calendar", "domain/actor", "domain/account"},
		only: pureLibraries, never: outside,
	},

	{pkg: "migrations", ours: []string{"domain"}, never: []string{gin, temporal, blob}},
	{pkg: "store", ours: []string{"domain"}, never: []string{gin, temporal, blob, "net/http"}},
	{pkg: "notify", ours: []string{"domain/fault", "domain/message"}, never: []string{gin, pgx, temporal, blob, "database/sql"}},
	{pkg: "documents", ours: []string{"domain/fault"}, never: []string{gin, pgx, temporal, "database/sql"}},
	{pkg: "identity", ours: []string{"domain/fault"}, never: []string{gin, pgx, temporal, blob, "database/sql", "net/http"}},
	{pkg: "sso", ours: []string{"domain/actor", "domain/fault", "identity"}, never: []string{gin, pgx, temporal, blob, "database/sql"}},
	{pkg: "letters", ours: []string{"domain", "store", "notify"}, never: []string{gin, pgx, temporal, blob, "database/sql", "net/http"}},

	{
		pkg: "activities", ours: []string{"domain", "store", "notify", "letters", "identity", "documents"},
		never: []string{gin, pgx, "database/sql", "net/http"},
	},
	{
		pkg: "workflows", ours: []string{"domain", "activities"},
		never: []string{gin, pgx, blob, "database/sql", "net/http", "os", "math/rand", "math/rand/v2", "crypto/rand"},
	},
	{
		pkg: "service", ours: []string{"domain", "store", "letters", "identity", "documents", "sso"},
		never: []string{gin, pgx, "database/sql", "net/http", temporal + "/sdk/workflow", temporal + "/sdk/activity", temporal + "/sdk/worker"},
	},
	{pkg: "web", ours: []string{"domain", "identity", "store"}, never: []string{temporal, blob, "database/sql"}},
	{pkg: "api", ours: []string{"service", "domain", "web", "store"}, never: []string{temporal, pgx, blob, "database/sql"}},
	{pkg: "console", ours: []string{"service", "domain", "web", "store", "sso"}, never: []string{temporal, pgx, blob, "database/sql"}},
	{
		pkg: "console/portal", ours: []string{"console/page", "service", "domain", "identity", "web", "store"},
		never: []string{temporal, pgx, blob, "database/sql"},
	},
	{pkg: "console/page", ours: []string{"domain/fault", "web"}, never: []string{temporal, pgx, blob, "database/sql"}},
	{pkg: "worker", ours: []string{"domain", "workflows", "activities"}, never: []string{gin, pgx, "database/sql"}},
	{pkg: "devstack", ours: []string{"domain", "migrations"}, never: []string{gin}},

	{pkg: "cmd", ours: []string{""}},
	{pkg: "house", ours: []string{""}},
}

func TestImports(t *testing.T) {
	t.Parallel()
	sources := goFiles(t)

	t.Run("follow the table", func(t *testing.T) {
		t.Parallel()
		for _, source := range sources {
			if source.test {
				continue
			}
			r := ruleOf(t, source.pkg)
			for _, imported := range source.imports {
				require.True(t, r.permits(imported), "%s imports %s, which the rule of %s does not permit", source.path, imported, r.pkg)
			}
		}
	})

	t.Run("keep the development stack out of the product", func(t *testing.T) {
		t.Parallel()
		for _, source := range sources {
			if source.test || below(source.pkg, "cmd") || below(source.pkg, "house") || below(source.pkg, "devstack") {
				continue
			}
			require.NotContains(t, source.imports, module+"/devstack", source.path)
		}
	})

	t.Run("keep the identity provider of tests out of the product", func(t *testing.T) {
		t.Parallel()
		for _, source := range sources {
			if source.test || source.pkg == "sso/ssotest" {
				continue
			}
			for _, imported := range source.imports {
				require.False(t, below(imported, "github.com/zitadel") || imported == module+"/sso/ssotest", "%s imports %s", source.path, imported)
			}
		}
	})

	t.Run("let those who show things read only", func(t *testing.T) {
		t.Parallel()
		for _, source := range sources {
			shows := below(source.pkg, "web") || below(source.pkg, "api") || below(source.pkg, "console")
			if source.test || !shows {
				continue
			}
			for _, name := range []string{"Open", "Store", "Tx"} {
				require.False(t, source.mentions("store", name), "%s uses store.%s; only store.Reader is for it", source.path, name)
			}
		}
	})
}

// permits reports whether the rule lets its package import the other.
func (r rule) permits(imported string) bool {
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		return below(own, r.pkg) || slices.ContainsFunc(r.ours, func(p string) bool { return below(own, p) })
	}
	if slices.ContainsFunc(r.never, func(p string) bool { return below(imported, p) }) {
		return false
	}
	first, _, _ := strings.Cut(imported, "/")
	standard := !strings.Contains(first, ".")
	return standard || r.only == nil || slices.ContainsFunc(r.only, func(p string) bool { return below(imported, p) })
}

// ruleOf returns the most specific rule for a package.
func ruleOf(t *testing.T, pkg string) rule {
	t.Helper()
	var found rule
	for _, r := range rules {
		if below(pkg, r.pkg) && len(r.pkg) > len(found.pkg) {
			found = r
		}
	}
	require.NotEmpty(t, found.pkg, "package %s has no rule: say in house/imports_test.go what it may import", pkg)
	return found
}

// below reports whether pkg is parent or below it; all are below "".
func below(pkg, parent string) bool {
	return parent == "" || pkg == parent || strings.HasPrefix(pkg, parent+"/")
}

// source is one Go file.
type source struct {
	path, pkg string
	test      bool
	imports   []string
	syntax    *ast.File
}

// goFiles parses every Go file of the module, which tools/ is not part of.
func goFiles(t *testing.T) []source {
	t.Helper()
	var sources []source
	set := token.NewFileSet()
	for _, name := range files(t, ".go") {
		if below(name, "tools") {
			continue
		}
		syntax, err := parser.ParseFile(set, filepath.Join(root(t), filepath.FromSlash(name)), nil, parser.ParseComments)
		require.NoError(t, err)
		s := source{path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), syntax: syntax}
		for _, spec := range syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			s.imports = append(s.imports, imported)
		}
		sources = append(sources, s)
	}
	return sources
}

// mentions reports whether the file uses the name of the package.
func (s source) mentions(pkg, name string) bool {
	found := false
	ast.Inspect(s.syntax, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if x, ok := selector.X.(*ast.Ident); ok && x.Name == pkg && x.Obj == nil && selector.Sel.Name == name {
				found = true
			}
		}
		return !found
	})
	return found
}
