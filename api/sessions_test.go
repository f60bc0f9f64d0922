package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/policy"
	"kibali/store"
)

func (s *stand) opens(t *testing.T, token string) bool {
	t.Helper()
	a := s.call(t, http.MethodGet, "/v1/me", token, nil)
	require.Contains(t, []int{http.StatusOK, http.StatusUnauthorized}, a.Code)
	return a.Code == http.StatusOK
}

func TestUserSessions(t *testing.T) {
	t.Parallel()
	s := setup(t)

	t.Run("are listed, and ended one by one", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		second := decode[api.LoggedIn](t, s.signInUser(t, u, password)).Token
		page := decode[api.SessionsPage](t, s.call(t, http.MethodGet, "/v1/me/sessions", second, nil))
		require.Len(t, page.Items, 2)
		require.True(t, page.Items[0].Current)
		require.False(t, page.Items[1].Current)
		require.Equal(t, "192.0.2.1", *page.Items[0].Address)
		require.EqualValues(t, 7200, page.Items[0].IdleSeconds)

		other := s.register(t)
		target := "/v1/me/sessions/" + page.Items[1].ID.String()
		require.Equal(t, http.StatusNotFound, s.call(t, http.MethodDelete, target, other.session, nil).Code)
		require.True(t, s.opens(t, u.session))
		require.Equal(t, http.StatusNoContent, s.call(t, http.MethodDelete, target, second, nil).Code)
		require.Equal(t, http.StatusNotFound, s.call(t, http.MethodDelete, target, second, nil).Code)
		require.False(t, s.opens(t, u.session))
		require.True(t, s.opens(t, second))
	})

	t.Run("last as long as the policy says when they begin", func(t *testing.T) {
		t.Parallel()
		s := setup(t) // a policy of its own
		u := s.register(t)
		p, _, err := s.reader.Policy(t.Context())
		require.NoError(t, err)
		p.Sessions.User = policy.Session{Idle: policy.Duration(30 * time.Minute), Life: policy.Duration(time.Hour)}
		p.Sessions.Staff = policy.Session{Idle: policy.Duration(10 * time.Minute), Life: policy.Duration(2 * time.Hour)}
		require.NoError(t, s.store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.InsertPolicy(ctx, p, actor.Actor{Kind: actor.System}, "", time.Now())
			return err
		}))
		token := decode[api.LoggedIn](t, s.signInUser(t, u, password)).Token
		page := decode[api.SessionsPage](t, s.call(t, http.MethodGet, "/v1/me/sessions", token, nil))
		require.EqualValues(t, 1800, page.Items[0].IdleSeconds)
		require.WithinDuration(t, time.Now().Add(time.Hour), page.Items[0].ExpiresAt, time.Minute)
		require.EqualValues(t, 7200, page.Items[1].IdleSeconds, "the one that was there stays as it began")
		in := s.signIn(t, actor.Support)
		require.EqualValues(t, 600, in.Session.IdleSeconds)
		require.WithinDuration(t, time.Now().Add(2*time.Hour), in.Session.ExpiresAt, time.Minute)

		s.change(t, `UPDATE sessions SET last_used_at = now() - interval '31 minutes' WHERE idle = interval '30 minutes'`)
		require.False(t, s.opens(t, token))
		require.True(t, s.opens(t, u.session))
	})

	t.Run("have a new token with each sign-in, and the old one is refused for good", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		seen := map[string]bool{u.session: true}
		now := u.session
		for range 3 {
			a := s.call(t, http.MethodPost, "/v1/sessions", now, map[string]any{"email": u.email, "password": password})
			require.Equal(t, http.StatusCreated, a.Code)
			next := decode[api.LoggedIn](t, a).Token
			require.False(t, seen[next])
			seen[next] = true
			require.False(t, s.opens(t, now), "a sign-in takes the place of the session that it was sent with")
			now = next
		}
		require.Equal(t, http.StatusNoContent, s.call(t, http.MethodDelete, "/v1/sessions/current", now, nil).Code)
		for token := range seen {
			require.False(t, s.opens(t, token))
		}
		a := s.call(t, http.MethodPost, "/v1/sessions", u.session, map[string]any{"email": u.email, "password": "wrong-lorry-violet-42"})
		require.Equal(t, http.StatusUnauthorized, a.Code)
	})

	t.Run("end with a change of the password, which begins another", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		change := func(current, next string) answer {
			return s.call(t, http.MethodPost, "/v1/me/password", u.session, map[string]any{"current_password": current, "password": next})
		}
		a := change("wrong-lorry-violet-42", nextPassword)
		require.Equal(t, map[string]string{"current_password": "wrong"}, a.fields(t))
		a = change(password, "qwerty123456")
		require.Equal(t, map[string]string{"password": "common"}, a.fields(t))
		a = s.call(t, http.MethodPost, "/v1/me/password", u.session, map[string]any{"password": nextPassword})
		require.Equal(t, map[string]string{"current_password": "required"}, a.fields(t))
		a = change(password, nextPassword)
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		require.True(t, s.opens(t, decode[api.LoggedIn](t, a).Token))
		require.False(t, s.opens(t, u.session))
		require.Equal(t, http.StatusUnauthorized, s.signInUser(t, u, password).Code)
		require.Equal(t, http.StatusCreated, s.signInUser(t, u, nextPassword).Code)
	})

	t.Run("of a suspended account are refused and come back with it", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		s.setStatus(t, u, account.Suspended)
		require.Equal(t, "account_suspended", s.call(t, http.MethodGet, "/v1/me/sessions", u.session, nil).code(t))
		s.setStatus(t, u, account.Active)
		require.True(t, s.opens(t, u.session))
	})

	t.Run("of a suspended account can be ended by whoever has them", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		s.setStatus(t, u, account.Suspended)
		require.Equal(t, http.StatusNoContent, s.call(t, http.MethodDelete, "/v1/sessions/current", u.session, nil).Code)
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodDelete, "/v1/sessions/current", u.session, nil).Code)
		s.setStatus(t, u, account.Active)
		require.False(t, s.opens(t, u.session))
	})

	t.Run("are for the rejected too, who see why", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		s.setStatus(t, u, account.Rejected)
		a := s.signInUser(t, u, password)
		require.Equal(t, http.StatusCreated, a.Code)
		require.Equal(t, "expired", decode[api.LoggedIn](t, a).Account.Rejection.ReasonCode)
	})
}
