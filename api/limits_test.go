package api_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/service"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.activeUser(t)
	key := s.apiKey(t, u)
	s.limits = service.DefaultLimits()
	s.limits.ResetAddress.Most, s.limits.RegistrationAddress.Most = 3, 2
	s.handler = s.newHandler(t, s.store)

	requireTold := func(t *testing.T, a answer) {
		t.Helper()
		require.Equal(t, http.StatusTooManyRequests, a.Code, a.Body)
		require.Equal(t, "rate_limited", a.code(t))
		seconds, err := strconv.Atoi(a.Header().Get("Retry-After"))
		require.NoError(t, err)
		require.Positive(t, seconds)
		require.NotContains(t, a.Body.String(), "retry_after")
	}
	login := func(t *testing.T, email, pass string) answer {
		t.Helper()
		return s.call(t, http.MethodPost, "/v1/sessions", "", map[string]any{"email": email, "password": pass})
	}

	t.Run("of sign-ins are told alike for every e-mail", func(t *testing.T) {
		t.Parallel()
		for _, email := range []string{u.email, "nobody@kilimobora.example"} {
			for range 10 {
				require.Equal(t, http.StatusUnauthorized, login(t, email, "wrong-lorry-violet-42").Code)
			}
		}
		known, unknown := login(t, u.email, password), login(t, "nobody@kilimobora.example", password)
		requireTold(t, known)
		requireTold(t, unknown)
		require.Len(t, unknown.Header(), len(known.Header()))
	})
	t.Run("are there for resets and registrations", func(t *testing.T) {
		t.Parallel()
		for range 3 {
			require.Equal(t, http.StatusAccepted, s.askReset(t, map[string]any{"email": u.email}).Code)
		}
		requireTold(t, s.askReset(t, map[string]any{"email": "nobody@kilimobora.example"}))
		var last answer
		for range 3 {
			last = s.call(t, http.MethodPost, "/v1/registrations", "", application())
		}
		requireTold(t, last)
	})
	t.Run("are not there for the gate", func(t *testing.T) {
		t.Parallel()
		for range 300 {
			require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/gate/authorize", key, nil).Code)
		}
	})
}
