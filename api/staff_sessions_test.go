package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/actor"
	"kibali/identity"
	"kibali/service"
)

func TestStaffSignIn(t *testing.T) {
	t.Parallel()
	s := setup(t)
	try := func(t *testing.T, email, password string) answer {
		t.Helper()
		return s.call(t, http.MethodPost, "/v1/staff/sessions", "", map[string]any{"email": email, "password": password})
	}

	t.Run("begins a session that does what the role may", func(t *testing.T) {
		t.Parallel()
		in := s.signIn(t, actor.Reviewer)
		require.Equal(t, identity.StaffSessionToken, identity.TokenKind(in.Token))
		require.Equal(t, api.Role("reviewer"), in.Staff.Role)
		require.True(t, in.Session.Current)
		require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/accounts", in.Token, nil).Code)
		me := decode[api.StaffMe](t, s.call(t, http.MethodGet, "/v1/staff/me", in.Token, nil))
		require.Equal(t, in.Session.ID, me.Session.ID)
		require.Equal(t, []string{"accounts.read", "documents.read", "accounts.review"}, me.Permissions)
		withToken := decode[api.StaffMe](t, s.call(t, http.MethodGet, "/v1/staff/me", s.tokens[actor.Reviewer], nil))
		require.Nil(t, withToken.Session)
	})
	t.Run("tells nobody whether the e-mail, the password or the member is the reason", func(t *testing.T) {
		t.Parallel()
		s.change(t, `UPDATE staff SET disabled_at = now() WHERE role = 'auditor'`)
		first := try(t, "nobody@example.co.tz", staffPassword)
		for _, other := range []answer{
			try(t, "not an address", staffPassword), try(t, "support@example.co.tz", "wrong"), try(t, "auditor@example.co.tz", staffPassword),
			try(t, "support@example.co.tz", ""),
		} {
			require.Equal(t, http.StatusUnauthorized, other.Code)
			a, b := decode[api.Problem](t, first), decode[api.Problem](t, other)
			a.RequestID, b.RequestID = "", ""
			require.Equal(t, a, b)
		}
	})
	t.Run("ends by signing out, by its time and by not being used", func(t *testing.T) {
		t.Parallel()
		out, late, idle, other := s.signIn(t, actor.Support), s.signIn(t, actor.Support), s.signIn(t, actor.Support), s.signIn(t, actor.Support)
		require.Equal(t, http.StatusNoContent, s.call(t, http.MethodDelete, "/v1/staff/sessions/current", out.Token, nil).Code)
		s.change(t, `UPDATE staff_sessions SET expires_at = $2 WHERE id = $1`, late.Session.ID, time.Now().Add(-time.Second))
		s.change(t, `UPDATE staff_sessions SET last_used_at = now() - idle WHERE id = $1`, idle.Session.ID)
		for _, ended := range []api.StaffSignedIn{out, late, idle} {
			require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/staff/me", ended.Token, nil).Code)
			require.Equal(t, http.StatusNotFound, s.call(t, http.MethodDelete, "/v1/staff/sessions/"+ended.Session.ID.String(), other.Token, nil).Code)
		}
	})
	t.Run("takes the place of the session that it was sent with", func(t *testing.T) {
		t.Parallel()
		before, other := s.signIn(t, actor.Support), s.signIn(t, actor.Support)
		a := s.call(t, http.MethodPost, "/v1/staff/sessions", before.Token, map[string]any{"email": "support@example.co.tz", "password": "wrong"})
		require.Equal(t, http.StatusUnauthorized, a.Code)
		require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/staff/me", before.Token, nil).Code, "a wrong password ends nothing")
		a = s.call(t, http.MethodPost, "/v1/staff/sessions", before.Token, map[string]any{"email": "support@example.co.tz", "password": staffPassword})
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		for token, status := range map[string]int{before.Token: 401, other.Token: 200, decode[api.StaffSignedIn](t, a).Token: 200} {
			require.Equal(t, status, s.call(t, http.MethodGet, "/v1/staff/me", token, nil).Code)
		}
	})
	t.Run("lists one's own sessions and ends them, and not those of others", func(t *testing.T) {
		t.Parallel()
		mine, other, foreign := s.signIn(t, actor.Admin), s.signIn(t, actor.Admin), s.signIn(t, actor.Finance)
		page := decode[api.StaffSessionsPage](t, s.call(t, http.MethodGet, "/v1/staff/sessions", mine.Token, nil))
		current := map[string]bool{}
		for _, session := range page.Items {
			current[session.ID.String()] = session.Current
		}
		require.True(t, current[mine.Session.ID.String()])
		require.Contains(t, current, other.Session.ID.String())
		require.False(t, current[other.Session.ID.String()])
		require.NotContains(t, current, foreign.Session.ID.String())
		require.Equal(t, http.StatusNotFound, s.call(t, http.MethodDelete, "/v1/staff/sessions/"+foreign.Session.ID.String(), mine.Token, nil).Code)
		require.Equal(t, http.StatusNoContent, s.call(t, http.MethodDelete, "/v1/staff/sessions/"+other.Session.ID.String(), mine.Token, nil).Code)
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/staff/me", other.Token, nil).Code)
		require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/staff/me", foreign.Token, nil).Code)
	})
}

func TestStaffPassword(t *testing.T) {
	t.Parallel()
	s := setup(t)
	in, other := s.signIn(t, actor.Admin), s.signIn(t, actor.Admin)
	change := func(token, current, password string) answer {
		return s.call(t, http.MethodPost, "/v1/staff/me/password", token, map[string]any{"current_password": current, "password": password})
	}
	require.Equal(t, map[string]string{"current_password": "wrong"}, change(in.Token, "wrong", "a-new-and-long-secret").fields(t))
	require.Equal(t, map[string]string{"password": "too_short"}, change(in.Token, staffPassword, "fourteen-chars").fields(t))
	require.Equal(t, http.StatusForbidden, change(s.tokens[actor.Admin], staffPassword, "a-new-and-long-secret").Code, "a token cannot change it")

	a := change(in.Token, staffPassword, "a-new-and-long-secret")
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	renewed := decode[api.StaffSignedIn](t, a)
	for token, status := range map[string]int{in.Token: 401, other.Token: 401, renewed.Token: 200, s.tokens[actor.Admin]: 200} {
		require.Equal(t, status, s.call(t, http.MethodGet, "/v1/staff/me", token, nil).Code)
	}
	old := s.call(t, http.MethodPost, "/v1/staff/sessions", "", map[string]any{"email": "admin@example.co.tz", "password": staffPassword})
	require.Equal(t, http.StatusUnauthorized, old.Code)
	var events int
	require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE action = 'staff.password_changed' AND actor_id = $1`, renewed.Staff.ID).Scan(&events))
	require.Equal(t, 1, events)
}

func TestStaffStepUp(t *testing.T) {
	t.Parallel()
	s := setup(t)
	in := s.signIn(t, actor.Finance)
	stepUp := func(password string) answer {
		return s.call(t, http.MethodPost, "/v1/staff/sessions/current/step-up", in.Token, map[string]any{"password": password})
	}
	s.change(t, `UPDATE staff_sessions SET recent_until = now() - interval '1 second' WHERE id = $1`, in.Session.ID)
	require.Equal(t, map[string]string{"password": "wrong"}, stepUp("wrong").fields(t))
	me := decode[api.StaffMe](t, s.call(t, http.MethodGet, "/v1/staff/me", in.Token, nil))
	require.True(t, me.Session.RecentUntil.Before(time.Now()), "a wrong password proves nothing")
	a := stepUp(staffPassword)
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	require.True(t, decode[api.StaffSessionAnswer](t, a).Session.RecentUntil.After(time.Now().Add(14*time.Minute)))
}

func TestStaffStepUp_is_not_got_around(t *testing.T) {
	t.Parallel()
	s := setup(t)
	old := func(in api.StaffSignedIn) {
		s.change(t, `UPDATE staff_sessions SET recent_until = now() - interval '1 second' WHERE id = $1`, in.Session.ID)
	}

	t.Run("by another password, which takes no second factor", func(t *testing.T) {
		t.Parallel()
		in := s.signIn(t, actor.Support)
		s.enrol(t, in.Token)
		old(in)
		a := s.call(t, http.MethodPost, "/v1/staff/me/password", in.Token, map[string]any{"current_password": staffPassword, "password": "a-new-and-long-secret"})
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		renewed := decode[api.StaffSignedIn](t, a)
		require.True(t, renewed.Session.RecentUntil.Before(time.Now()))
		require.Equal(t, "step_up_required", s.call(t, http.MethodPost, "/v1/staff/me/recovery-codes", renewed.Token, nil).code(t))
	})
	t.Run("by a service, whose credential charges every account", func(t *testing.T) {
		t.Parallel()
		in := s.signIn(t, actor.Admin)
		old(in)
		a := s.call(t, http.MethodPost, "/v1/services", in.Token, map[string]any{"name": "Gateway of a thief", "scopes": []string{"charges"}})
		require.Equal(t, "step_up_required", a.code(t))
	})
}

func TestStaffPassword_is_not_guessed_with_a_session(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.limits = service.DefaultLimits()
	s.handler = s.newHandler(t, s.store)
	in, other := s.signIn(t, actor.Finance), s.signIn(t, actor.Admin)
	stepUp := func(token, password string) answer {
		return s.call(t, http.MethodPost, "/v1/staff/sessions/current/step-up", token, map[string]any{"password": password})
	}
	for range 5 {
		require.Equal(t, map[string]string{"password": "wrong"}, stepUp(in.Token, "wrong").fields(t))
		a := s.call(t, http.MethodPost, "/v1/staff/me/password", in.Token, map[string]any{"current_password": "wrong", "password": "a-new-and-long-secret"})
		require.Equal(t, map[string]string{"current_password": "wrong"}, a.fields(t))
	}
	a := stepUp(in.Token, staffPassword)
	require.Equal(t, http.StatusTooManyRequests, a.Code, "the right one is not tried either")
	require.NotEmpty(t, a.Header().Get("Retry-After"))
	require.Equal(t, http.StatusOK, stepUp(other.Token, staffPassword).Code, "others go on")
	s.signIn(t, actor.Finance) // and who has the password signs in elsewhere
}
