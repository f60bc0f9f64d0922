package console_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/actor"
)

// replayed asks for the list with what the browser has now, whatever it gets
// afterwards.
func (v visitor) replayed(t *testing.T) func() int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.base+"/console/users", http.NoBody)
	require.NoError(t, err)
	for _, cookie := range v.Jar.Cookies(request.URL) {
		request.AddCookie(cookie)
	}
	return func() int {
		answer, err := http.DefaultTransport.RoundTrip(request.Clone(t.Context()))
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
}

// replacesSession signs somebody on twice in one browser: the first cookie is
// worth nothing then, and that of another browser is.
func replacesSession(t *testing.T, o office) {
	who := o.someone("desk")
	v, elsewhere := o.visitor(t), o.visitor(t)
	o.come(t, v, ssoStart, who.Email)
	o.come(t, elsewhere, ssoStart, who.Email)
	first, other := v.replayed(t), elsewhere.replayed(t)
	require.Equal(t, http.StatusOK, first())
	o.come(t, v, ssoStart, who.Email)
	require.Equal(t, http.StatusOK, v.replayed(t)())
	require.Equal(t, http.StatusSeeOther, first(), "an old cookie")
	require.Equal(t, http.StatusOK, other())
}

func TestSignIn_takes_the_place_of_what_the_browser_had(t *testing.T) {
	t.Parallel()
	o := office{Stand: start(t).Stand}
	v := o.visitor(t)
	signIn := func() {
		member := o.Staff[actor.Finance]
		in := v.send(t, http.MethodPost, "/console/sign-in", map[string][]string{"email": {member.Email}, "password": {member.Password}})
		require.Equal(t, http.StatusSeeOther, in.status, in.body)
	}
	signIn()
	first := v.replayed(t)
	require.Equal(t, http.StatusOK, first())
	signIn()
	require.Equal(t, http.StatusOK, v.replayed(t)())
	require.Equal(t, http.StatusSeeOther, first(), "an old cookie")
}
