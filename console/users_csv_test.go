package console_test

import (
	"encoding/csv"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

func TestUsersCSV_keeps_a_spreadsheet_from_taking_a_cell_for_a_formula(t *testing.T) {
	t.Parallel()
	s := start(t)
	a := s.Register(t, func(app *account.Application) { app.Company.Name = "=1+1 Traders" })
	member := s.Staff[actor.Reviewer]
	in, err := s.Process.Service.StaffSignIn(t.Context(), actor.Actor{}, service.StaffSignIn{Email: member.Email, Password: member.Password})
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/console/users.csv", http.NoBody)
	require.NoError(t, err)
	request.AddCookie(&http.Cookie{Name: string(web.StaffCookie), Value: in.Token})
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	lines, err := csv.NewReader(response.Body).ReadAll()
	require.NoError(t, err)
	require.Equal(t, "company", lines[0][1])
	found := false
	for _, line := range lines[1:] {
		if line[0] == a.ID.String() {
			found = true
			require.Equal(t, "'=1+1 Traders", line[1])
			require.Equal(t, "0", line[8], "a number stays one")
		}
	}
	require.True(t, found)
	events, _, err := s.Process.Store.Reader().Audit(t.Context(), store.AuditQuery{Action: "users.exported", Limit: 10})
	require.NoError(t, err)
	require.Len(t, events, 1, "taking contacts away is on record")
	require.Equal(t, member.ID, *events[0].ActorID)
}
