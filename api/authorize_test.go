package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/identity"
	"kibali/store"
)

const authorizePath = "/v1/gate/authorize"

// ask asks the gate, in a method and at a path that the specification may not
// name.
func (s *stand) ask(t *testing.T, method, target string, headers ...string) answer {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	a := answer{httptest.NewRecorder()}
	s.handler.ServeHTTP(a, request)
	require.NotEmpty(t, a.Header().Get("X-Request-Id"))
	require.Equal(t, "no-store", a.Header().Get("Cache-Control"))
	return a
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.activeUser(t)
	key := s.apiKey(t, u)

	t.Run("answers in every method and for every path below it", func(t *testing.T) {
		t.Parallel()
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "M-SEARCH", "BREW", "x"} {
			for _, target := range []string{
				authorizePath, authorizePath + "/", authorizePath + "/v2/send", authorizePath + "/a%2Fb/../..//?q=%zz&key=" + key, authorizePath + "?x",
			} {
				a := s.ask(t, method, target, "Authorization", "Bearer "+key)
				require.Equal(t, http.StatusOK, a.Code, "%s %s: %s", method, target, a.Body)
				require.Equal(t, u.id, a.Header().Get("X-Account-Id"))
				require.Empty(t, a.Body.String())
				require.Equal(t, http.StatusUnauthorized, s.ask(t, method, target).Code, "%s %s", method, target)
			}
		}
		require.Equal(t, http.StatusNotFound, s.call(t, http.MethodGet, authorizePath+"d", key, nil).Code)
	})
	t.Run("takes the credential from where gateways put it", func(t *testing.T) {
		t.Parallel()
		for _, headers := range [][]string{
			{"Authorization", "Bearer " + key}, {"Authorization", "bearer  " + key}, {"X-Api-Key", key},
			{"X-Api-Key", key, "Authorization", "Basic c29tZWJvZHk6ZWxzZQ=="},
			{"Authorization", "Bearer " + u.session}, {"Authorization", "Bearer " + key, "X-Account-Id", uuid.NewString()},
		} {
			a := s.ask(t, http.MethodGet, authorizePath, headers...)
			require.Equal(t, http.StatusOK, a.Code, "%v: %s", headers, a.Body)
			require.Equal(t, []string{u.id}, a.Header()["X-Account-Id"], "whatever the client says of itself")
		}
	})
	t.Run("is 401 without one good credential", func(t *testing.T) {
		t.Parallel()
		unknown, _ := identity.NewAPIKey()
		expired, _ := identity.NewToken(identity.SessionToken)
		for _, headers := range [][]string{
			{}, {"Authorization", ""}, {"Authorization", key}, {"Authorization", "Basic " + key}, {"Authorization", "Bearer " + unknown},
			{"Authorization", "Bearer " + key[:len(key)-1] + "-"}, {"Authorization", "Bearer " + key + " "}, {"Authorization", "Bearer " + expired},
			{"Authorization", "Bearer " + key, "Authorization", "Bearer " + key}, {"X-Api-Key", key, "X-Api-Key", key},
			{"Authorization", "Bearer " + s.tokens[actor.Admin]}, {"Authorization", "Bearer " + u.uploadToken},
			{"X-Api-Key", ""}, {"X-Api-Key", u.session}, {"X-Api-Key", "nonsense", "Authorization", "Bearer " + key},
			{"Authorization", "Bearer " + strings.Repeat("k", 8000)}, {"Authorization", "Bearer kbk_\xff\x00"},
		} {
			a := s.ask(t, http.MethodGet, authorizePath, headers...)
			require.Equal(t, http.StatusUnauthorized, a.Code, headers)
			require.Equal(t, "unauthenticated", a.code(t))
			require.Equal(t, "Bearer", a.Header().Get("WWW-Authenticate"))
			require.Empty(t, a.Header().Get("X-Account-Id"))
		}
	})
	t.Run("asks nobody about a key that was mistyped", func(t *testing.T) {
		t.Parallel()
		away, err := store.Open(t.Context(), "postgres://kibali_app@"+nowhere(t)+"/kibali?connect_timeout=5")
		require.NoError(t, err)
		t.Cleanup(away.Close)
		cut := &stand{handler: s.newHandler(t, away), log: s.log, newService: s.newService}
		require.Equal(t, http.StatusUnauthorized, cut.ask(t, http.MethodGet, authorizePath, "X-Api-Key", key[:len(key)-2]+"zz").Code)
		a := cut.ask(t, http.MethodGet, authorizePath, "X-Api-Key", key)
		require.Equal(t, http.StatusServiceUnavailable, a.Code, "it fails closed")
		require.NotEmpty(t, a.Header().Get("Retry-After"))
		require.Empty(t, a.Header().Get("X-Account-Id"))
	})
	t.Run("says why an account may not pass", func(t *testing.T) {
		t.Parallel()
		for status, reason := range map[account.Status]string{
			account.Pending: "account_pending", account.Suspended: "account_suspended", account.Rejected: "account_rejected", account.Closed: "account_closed",
		} {
			u := s.activeUser(t)
			key := s.apiKey(t, u)
			s.setStatus(t, u, status)
			for _, credential := range []string{key, u.session} {
				for _, method := range []string{http.MethodPost, http.MethodHead} {
					a := s.ask(t, method, authorizePath+"/x", "Authorization", "Bearer "+credential)
					require.Equal(t, http.StatusForbidden, a.Code, status)
					require.Equal(t, reason, a.Header().Get("X-Kibali-Reason"))
					require.Empty(t, a.Header().Get("X-Account-Id"))
				}
			}
			s.setStatus(t, u, account.Active)
			require.Equal(t, http.StatusOK, s.ask(t, http.MethodGet, authorizePath, "X-Api-Key", key).Code, "the same key works again")
		}
	})
	t.Run("keeps out whom a recorded decision blocks", func(t *testing.T) {
		t.Parallel()
		u := s.activeUser(t)
		key := s.apiKey(t, u)
		a := s.call(t, http.MethodPost, "/v1/accounts/"+u.id+"/suspend", s.tokens[actor.Admin], map[string]any{"reason_code": "terms", "reason": "Spam."})
		require.Equal(t, http.StatusAccepted, a.Code, "there is no worker: %s", a.Body)
		a = s.ask(t, http.MethodGet, authorizePath, "X-Api-Key", key)
		require.Equal(t, http.StatusForbidden, a.Code)
		require.Equal(t, "account_suspended", a.Header().Get("X-Kibali-Reason"))
	})
	t.Run("answers a service for the account that it names", func(t *testing.T) {
		t.Parallel()
		may, mayNot := s.service(t, actor.ScopeAuthorize), s.service(t, actor.ScopeCharges, actor.ScopeRefunds)
		banned := s.activeUser(t)
		s.setStatus(t, banned, account.Suspended)
		for _, c := range []struct {
			token, account string
			status         int
			reason         string
		}{
			{may, u.id, http.StatusOK, ""}, {may, banned.id, http.StatusForbidden, "account_suspended"},
			{may, uuid.NewString(), http.StatusForbidden, "forbidden"}, {may, "", http.StatusForbidden, "forbidden"},
			{may, "nonsense", http.StatusForbidden, "forbidden"}, {mayNot, u.id, http.StatusForbidden, "forbidden"},
		} {
			a := s.ask(t, http.MethodGet, authorizePath, "Authorization", "Bearer "+c.token, "X-Account-Id", c.account)
			require.Equal(t, c.status, a.Code, "%s", a.Body)
			require.Equal(t, c.reason, a.Header().Get("X-Kibali-Reason"))
		}
	})
	t.Run("logs the route and no path, key or method of the client's own", func(t *testing.T) {
		t.Parallel()
		s.ask(t, "SECRET-METHOD", authorizePath+"/path-of-asha?q=query-of-asha", "X-Api-Key", key)
		log := s.log.String()
		require.Contains(t, log, `"route":"/v1/gate/authorize"`)
		for _, canary := range []string{"SECRET-METHOD", "of-asha", key} {
			require.NotContains(t, log, canary)
		}
	})
	t.Run("is a use of the account and the key", func(t *testing.T) {
		t.Parallel()
		u := s.activeUser(t)
		key := s.apiKey(t, u)
		var before, after time.Time
		require.NoError(t, s.owner.QueryRow(t.Context(), `UPDATE account_activity SET last_active_at = '-infinity' WHERE account_id = $1 RETURNING now()`, u.id).Scan(&before))
		require.Equal(t, http.StatusOK, s.ask(t, http.MethodGet, authorizePath, "X-Api-Key", key).Code)
		require.NoError(t, s.uses.Flush(t.Context()))
		require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT last_active_at FROM account_activity WHERE account_id = $1`, u.id).Scan(&after))
		require.WithinDuration(t, before, after, time.Minute)
		used := s.keys(t, u)[0].LastUsedAt
		require.NotNil(t, used)

		// Within a minute the key is not written to again, after it it is.
		require.Equal(t, http.StatusOK, s.ask(t, http.MethodGet, authorizePath, "X-Api-Key", key).Code)
		require.NoError(t, s.uses.Flush(t.Context()))
		require.Equal(t, used, s.keys(t, u)[0].LastUsedAt)
		s.change(t, `UPDATE api_keys SET last_used_at = now() - interval '1 minute' WHERE account_id = $1`, u.id)
		require.Equal(t, http.StatusOK, s.ask(t, http.MethodGet, authorizePath, "X-Api-Key", key).Code)
		require.NoError(t, s.uses.Flush(t.Context()))
		require.WithinDuration(t, *used, *s.keys(t, u)[0].LastUsedAt, 10*time.Second)
	})
}

// TestAuthorizeDoesNotWaitForABody asks over a real connection, announces a
// body and does not send it.
func TestAuthorizeDoesNotWaitForABody(t *testing.T) {
	t.Parallel()
	s := setup(t)
	key := s.apiKey(t, s.activeUser(t))
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	for _, announced := range []string{"Content-Length: 1000", "Content-Length: 100000000", "Transfer-Encoding: chunked"} {
		for credential, want := range map[string]int{key: http.StatusOK, "none": http.StatusUnauthorized} {
			connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			t.Cleanup(func() { _ = connection.Close() })
			require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
			_, err = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\n%s\r\n\r\n", authorizePath, credential, announced)
			require.NoError(t, err)
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			require.NoError(t, err, announced)
			require.Equal(t, want, response.StatusCode)
			_, err = io.Copy(io.Discard, response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
		}
	}
}
