package routes_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/process/processtest"
	"kibali/cmd/kibali/routes"
	"kibali/devstack/devtest"
	"kibali/domain/actor"
	"kibali/web"
)

func TestMain(m *testing.M) { devtest.Main(m) }

func TestPrint(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, routes.Print(&out, routes.All()))
	rows := map[string][]string{}
	for line := range strings.Lines(out.String()) {
		fields := strings.Fields(line)
		rows[fields[0]+" "+fields[1]] = fields[2:]
	}
	require.Len(t, rows, len(routes.All())+1, "a line for each route, and the heading")
	// Nobody, applicant, pending, active, suspended, appeal, key, service; admin, reviewer, finance, support, auditor.
	for route, cells := range map[string]string{
		"POST /v1/accounts/:id/approve":             "accounts.review - - - - - - - - yes yes - - -",
		"POST /v1/accounts/:id/top-ups":             "credits.top_up, recently - - - - - - - - recent - recent - -",
		"GET /v1/me":                                "user - - yes yes - - - - - - - - -",
		"GET /v1/staff/sessions":                    "staff, signed in - - - - - - - - session session session session session",
		"* /v1/gate/authorize":                      "active user or API key - - - yes - - yes - - - - - -",
		"POST /v1/sessions":                         "anyone yes yes yes yes yes yes yes yes yes yes yes yes yes",
		"GET /console/audit":                        "audit.read - - - - - - - - yes - - - yes",
		"POST /console/decisions/:id/countersign":   "credits.top_up, recently - - - - - - - - recent - recent - -",
		"POST /v1/registrations/:id/documents":      "applicant of the account - yes yes - - - - - - - - - -",
		"GET /api-keys":                             "active user - - - yes - - - - - - - - -",
		"POST /v1/gate/charges/:id/refund":          "service: refunds - - - - - - - yes - - - - -",
		"DELETE /v1/sessions/current":               "user, suspended too - - yes yes yes - - - - - - - -",
		"POST /console/self/second-factor/confirm":  "staff, signed in - - - - - - - - yes yes yes yes yes",
		"GET /console/sign-in/sso/callback":         "anyone yes yes yes yes yes yes yes yes yes yes yes yes yes",
		"POST /console/accounts/:id/password-reset": "passwords.reset, recently - - - - - - - - recent - - recent -",
	} {
		require.Equal(t, strings.Fields(cells), rows[route], route)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := processtest.Start(t)
	holders := []routes.Holder{{Name: web.Nobody}, {Name: web.Nobody, Token: "made-up"}}
	for _, role := range actor.Roles() {
		holders = append(holders, routes.Holder{Name: web.Holder(role), Token: s.Token(t, role)})
	}
	changes := func() (n int) {
		require.NoError(t, s.Owner.QueryRow(t.Context(), `SELECT count(*) FROM audit_events`).Scan(&n))
		return n
	}
	before := changes()

	var out bytes.Buffer
	differences, err := routes.Check(t.Context(), &out, s.URL, routes.All(), holders)
	require.NoError(t, err)
	require.Zero(t, differences, &out)
	require.NotContains(t, out.String(), "!")
	require.Equal(t, len(routes.All())+1, strings.Count(out.String(), "\n"))
	require.Equal(t, before, changes(), "it changes nothing")

	for name, answer := range map[string]int{"lets everybody in": http.StatusOK, "lets nobody in": http.StatusForbidden, "fails": http.StatusInternalServerError} {
		planted := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(answer) }))
		defer planted.Close()
		out.Reset()
		differences, err := routes.Check(t.Context(), &out, planted.URL, routes.All(), holders)
		require.NoError(t, err)
		require.Positive(t, differences, name)
		require.Contains(t, out.String(), "expected", name)
	}
}
