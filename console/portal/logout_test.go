package portal_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/process/processtest"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/web"
)

// logsOut logs a user out whose account was suspended since: a suspension only
// refuses a session, which would open everything again after it.
func logsOut(t *testing.T, s stand) {
	a := s.active(t)
	in, err := s.Process.Service.Login(t.Context(), actor.Actor{}, a.Email, processtest.Password)
	require.NoError(t, err)
	s.suspend(t, a, "Reported.")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/logout", http.NoBody)
	require.NoError(t, err)
	request.AddCookie(&http.Cookie{Name: string(web.UserCookie), Value: in.Token})
	answer, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
	_, err = s.Process.Store.Reader().SessionByToken(t.Context(), identity.HashToken(in.Token), time.Now())
	require.True(t, fault.Is(err, fault.NotFound), "the session has ended")
}
