package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/actor"
	"kibali/identity"
	"kibali/store"
)

// TestOutage cuts the API off from its database: everything that needs it says
// so and lets nobody in.
func TestOutage(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.register(t)
	away, err := store.Open(t.Context(), "postgres://kibali_app@"+nowhere(t)+"/kibali?connect_timeout=5")
	require.NoError(t, err)
	t.Cleanup(away.Close)
	s.handler = s.newHandler(t, away)

	unknown, _ := identity.NewToken(identity.StaffToken)
	for _, c := range []struct {
		method, target, token string
		body                  any
	}{
		{http.MethodPost, "/v1/registrations", "", application()},
		{http.MethodPost, "/v1/sessions", "", map[string]any{"email": u.email, "password": password}},
		{http.MethodPost, "/v1/sessions", "", map[string]any{"email": "nobody@example.co.tz", "password": password}},
		{http.MethodGet, "/v1/me", u.session, nil},
		{http.MethodGet, "/v1/accounts", s.tokens[actor.Admin], nil},
		{http.MethodGet, "/v1/accounts", unknown, nil},
		{http.MethodPost, "/v1/accounts/" + u.id + "/approve", s.tokens[actor.Admin], nil},
		{http.MethodPost, "/v1/registrations/" + u.id + "/documents", u.uploadToken, nil},
	} {
		a := s.call(t, c.method, c.target, c.token, c.body)
		require.Equal(t, http.StatusServiceUnavailable, a.Code, "%s %s: %s", c.method, c.target, a.Body)
		require.Equal(t, "unavailable", string(decode[api.Problem](t, a).Code))
		require.NotEmpty(t, a.Header().Get("Retry-After"))
	}
	require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/openapi.json", "", nil).Code)
	require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/accounts", "", nil).Code)
}
