package console_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/devstack/browser/browsertest"
	"kibali/domain/actor"
)

// replacing replaces the list, presses j while the answer is under way, and tells
// where one is when the answer has come, and when it has settled.
const replacing = `(async () => {
	const place = () => [document.activeElement.closest("tr.at")?.id, document.querySelector("tr.at")?.id].join(" ");
	const before = document.querySelector("#results");
	const replaced = htmx.ajax("GET", location.href, { target: "#results", select: "#results", swap: "outerHTML", source: before });
	document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
	const pressed = place();
	let swapped;
	document.addEventListener("htmx:afterSwap", () => { swapped = place(); }, { once: true });
	await replaced;
	return [String(before.isConnected), pressed, swapped, place()];
})()`

// keepsPlace is about whoever moves in a list that is replaced under their hands.
func keepsPlace(t *testing.T, s stand) {
	s.inReview(t, nil)
	for _, path := range []string{"/console/pending", "/console/users"} {
		w := s.signIn(t, actor.Admin, browsertest.Look{})
		w.Go(path)
		w.Until(`document.querySelector("a.who") && window.htmx`)
		seen := browsertest.Eval[[]string](w, replacing)
		require.Equal(t, "false", seen[0], "the list was replaced")
		require.Regexp(t, `^row-([0-9a-f-]+) row-`, seen[1])
		require.Equal(t, seen[1], seen[2], "%s: Enter pressed at once opens what j had reached", path)
		require.Equal(t, seen[1], seen[3], path)
	}
}
