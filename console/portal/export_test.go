package portal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/devstack/browser/browsertest"
)

// takesData downloads what is held about a user, from where it is offered.
func takesData(t *testing.T, s stand) {
	w := s.logIn(t, s.active(t), browsertest.Look{Width: 360, Height: 740})
	w.Go("/home")
	w.See(`a[href="/account/export"]`)
	w.Accessible()
	w.Go("/account")
	w.See(`a[href="/account/export"]`)
	w.Accessible()
	w.Fits()
	require.Equal(t, "200 application/zip", browsertest.Eval[string](w, `(() => {
		const request = new XMLHttpRequest();
		request.open("GET", document.querySelector('a[href="/account/export"]').href, false);
		request.send();
		return request.status + " " + request.getResponseHeader("Content-Type");
	})()`))
}
