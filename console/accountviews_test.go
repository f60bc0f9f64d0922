package console_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/actor"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

func TestPagesOfAnAccount_put_on_record_who_looked(t *testing.T) {
	t.Parallel()
	s := start(t)
	views := func() int {
		events, _, err := s.Process.Store.Reader().Audit(t.Context(), store.AuditQuery{Action: store.AccountViewed, Limit: 50})
		require.NoError(t, err)
		return len(events)
	}
	member := s.Staff[actor.Admin]
	in, err := s.Process.Service.StaffSignIn(t.Context(), actor.Actor{}, service.StaffSignIn{Email: member.Email, Password: member.Password})
	require.NoError(t, err)
	get := func(path string) string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, http.NoBody)
		require.NoError(t, err)
		request.AddCookie(&http.Cookie{Name: string(web.StaffCookie), Value: in.Token})
		response, err := http.DefaultTransport.RoundTrip(request)
		require.NoError(t, err)
		defer response.Body.Close()
		require.Equal(t, http.StatusOK, response.StatusCode, path)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return string(body)
	}

	for n, page := range []string{"", "/review", "/approve"} {
		account := "/console/accounts/" + s.Register(t, nil).ID.String()
		before := views()
		require.Equal(t, n, before, "the list shows nobody by themselves")
		get("/console/users")
		get(account + page)
		require.Equal(t, before+1, views(), "of %q", page)
		looked := account + "/timeline"
		require.NotContains(t, get(looked), "Account looked at")
		get(account)
		require.Equal(t, before+1, views(), "once an hour")
	}
	account := s.Register(t, nil).ID.String()
	require.Contains(t, get("/console/accounts/"+account), "/console/audit?account="+account+"&amp;action=account.viewed")
	trail := get("/console/audit?account=" + account + "&action=account.viewed")
	require.Contains(t, trail, "Account looked at")
	require.Contains(t, trail, `name="account" value="`+account+`"`, "another filter keeps the account")
}
