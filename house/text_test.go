package house_test

import (
	"go/ast"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unfinished matches what says that something is not done, and tests that do
// not test. The words are put together here so that they do not match.
var unfinished = regexp.MustCompile(strings.Join([]string{
	`\bTO` + `DO\b`, `\bFIX` + `ME\b`, `\bXX` + `X\b`, `\bHA` + `CK\b`, `\bnot imp` + `lemented\b`,
	`\bt\.Ski` + `p`, `\bb\.Ski` + `p`,
}, "|"))

// aMachine matches a path of somebody's own machine; Homebrew has its own user.
var aMachine = regexp.MustCompile(`(^|[\s"'(=:])(/wor` + `k|/roo` + `t|/hom` + `e/[a-z]+|/User` + `s/[A-Za-z]+)/`)

func TestText(t *testing.T) {
	t.Parallel()

	t.Run("says nothing of what is unfinished or of one machine", func(t *testing.T) {
		t.Parallel()
		for _, name := range files(t, ".go", ".md", ".sql", ".yml", ".yaml", ".sh", ".cfg", "Makefile", "Dockerfile", ".tmpl", ".html") {
			for number, line := range strings.Split(read(t, name), "\n") {
				require.NotRegexp(t, unfinished, line, "%s:%d", name, number+1)
				require.NotRegexp(t, aMachine, strings.ReplaceAll(line, "/home/linuxbrew/", ""), "%s:%d", name, number+1)
			}
		}
	})

	t.Run("names packages for what they are", func(t *testing.T) {
		t.Parallel()
		vague := []string{"util", "utils", "common", "helper", "helpers", "manager", "impl", "misc", "base", "shared", "types", "models"}
		for _, s := range goFiles(t) {
			name := strings.TrimSuffix(s.syntax.Name.Name, "_test")
			require.False(t, slices.Contains(vague, name), "%s: package %s says nothing", s.path, name)
		}
	})

	t.Run("keeps files short enough to read", func(t *testing.T) {
		t.Parallel()
		const limit = 400
		for _, s := range goFiles(t) {
			if s.test || ast.IsGenerated(s.syntax) {
				continue
			}
			require.LessOrEqual(t, strings.Count(read(t, s.path), "\n"), limit, "%s asks to be two files", s.path)
		}
	})
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestDocumentation(t *testing.T) {
	t.Parallel()

	t.Run("links to files that exist", func(t *testing.T) {
		t.Parallel()
		for _, name := range files(t, ".md") {
			for _, match := range link.FindAllStringSubmatch(read(t, name), -1) {
				target, err := url.Parse(match[1])
				require.NoError(t, err, "%s: %s", name, match[1])
				if target.Scheme != "" || target.Path == "" {
					continue
				}
				to := filepath.Join(root(t), filepath.FromSlash(path.Join(path.Dir(name), target.Path)))
				found, err := filepath.Glob(to)
				require.NoError(t, err)
				require.NotEmpty(t, found, "%s links to %s", name, match[1])
			}
		}
	})

	t.Run("numbers its decisions without a gap and gives each its parts", func(t *testing.T) {
		t.Parallel()
		records, err := filepath.Glob(filepath.Join(root(t), "docs", "adr", "[0-9]*.md"))
		require.NoError(t, err)
		require.NotEmpty(t, records)
		for i, record := range records {
			name := filepath.Base(record)
			require.Regexp(t, `^\d{4}-[a-z0-9-]+\.md$`, name)
			require.Equal(t, i+1, number(t, name[:4]), name)
			text := read(t, "docs/adr/"+name)
			for _, part := range []string{"# " + name[:4] + " ", "\n## Context\n", "\n## Decision\n", "\n## Consequences\n"} {
				require.Contains(t, text, part, name)
			}
		}
	})
}
