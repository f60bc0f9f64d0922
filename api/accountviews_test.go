package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/actor"
	"kibali/store"
)

func TestLookingAtAnAccount(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.register(t)
	path := "/v1/accounts/" + u.id
	look := func(t *testing.T, handler http.Handler, role actor.Role) {
		t.Helper()
		on := *s
		on.handler = handler
		a := on.call(t, http.MethodGet, path, s.tokens[role], nil)
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		require.Equal(t, u.email, decode[api.AccountAnswer](t, a).Account.Email)
	}
	views := func() int { return s.audited(t, store.AccountViewed) }
	another := s.newHandler(t, s.store) // a replica

	race(16, func(n int) {
		handler := s.handler
		if n%2 == 0 {
			handler = another
		}
		look(t, handler, actor.Support)
	})
	require.Equal(t, 1, views(), "one look, however often and wherever somebody asks")
	look(t, s.handler, actor.Auditor)
	require.Equal(t, 2, views(), "another person's look is another one")
	require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/accounts", s.tokens[actor.Finance], nil).Code)
	require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/me", u.session, nil).Code)
	require.Equal(t, http.StatusNotFound, s.call(t, http.MethodGet, "/v1/accounts/0197a8a0-0000-7000-8000-000000000000", s.tokens[actor.Finance], nil).Code)
	require.Equal(t, 2, views(), "lists, one's own account and what is not there are none")

	page := decode[api.AuditPage](t, s.call(t, http.MethodGet, "/v1/audit?action=account.viewed&account_id="+u.id, s.tokens[actor.Auditor], nil))
	require.Len(t, page.Items, 2)
	require.Equal(t, "staff", string(page.Items[0].Actor.Kind))
	require.NotEmpty(t, page.Items[0].RequestID)
	timeline := decode[api.TimelinePage](t, s.call(t, http.MethodGet, path+"/timeline", s.tokens[actor.Support], nil))
	require.NotEmpty(t, timeline.Items)
	for _, item := range timeline.Items {
		require.NotEqual(t, store.AccountViewed, item.Action)
	}

	s.change(t, `UPDATE audit_events SET at = $1 WHERE action = 'account.viewed'`, time.Now().Add(-61*time.Minute))
	look(t, s.newHandler(t, s.store), actor.Support)
	require.Equal(t, 3, views(), "an hour later it is another look")
}

func TestLookingAtAnAccount_that_cannot_be_recorded_shows_nothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.register(t)
	s.change(t, `REVOKE INSERT ON audit_events FROM kibali_app`)
	a := s.call(t, http.MethodGet, "/v1/accounts/"+u.id, s.tokens[actor.Support], nil)
	require.Equal(t, http.StatusInternalServerError, a.Code)
	require.NotContains(t, a.Body.String(), u.email)
}
