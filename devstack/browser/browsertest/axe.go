package browsertest

import (
	_ "embed"
	"strings"

	"github.com/stretchr/testify/require"
)

// axe is axe-core 4.14.1, under the Mozilla Public License 2.0; see
// axe.LICENSE.txt.
//
//go:embed axe.min.js
var axe string

// Accessible fails the test unless axe-core finds nothing wrong with the page
// as it is.
func (w *Window) Accessible() {
	w.t.Helper()
	if !Eval[bool](w, "typeof window.axe === 'object'") {
		Eval[bool](w, axe+"\n;true")
	}
	found := Eval[[]string](w, `axe.run(document).then(r => r.violations.flatMap(v => v.nodes.map(n =>
		v.id + ": " + v.help + "\n  " + n.target.join(" ") + "\n  " + n.html.slice(0, 200) + "\n  " + (n.failureSummary || "").replaceAll("\n", " "))))`)
	if len(found) > 0 {
		w.t.Errorf("%s is not accessible:\n%s", w.Path(), strings.Join(found, "\n"))
	}
}

// Fits fails the test when the page is wider than the window.
func (w *Window) Fits() {
	w.t.Helper()
	require.LessOrEqual(w.t, Eval[float64](w, "document.documentElement.scrollWidth"), Eval[float64](w, "innerWidth"), "%s is wider than its window", w.Path())
}
