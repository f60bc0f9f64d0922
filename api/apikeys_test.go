package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/identity"
	"kibali/store"
)

// activeUser registers a company whose account is active.
func (s *stand) activeUser(t *testing.T) user {
	t.Helper()
	u := s.register(t)
	s.setStatus(t, u, account.Active)
	return u
}

// apiKey makes a key of a user's account.
func (s *stand) apiKey(t *testing.T, u user) string {
	t.Helper()
	a := s.call(t, http.MethodPost, "/v1/me/api-keys", u.session, map[string]any{"name": "test"})
	require.Equal(t, http.StatusCreated, a.Code, a.Body)
	return decode[api.CreatedAPIKey](t, a).Key
}

func (s *stand) keys(t *testing.T, u user) []api.APIKey {
	t.Helper()
	a := s.call(t, http.MethodGet, "/v1/me/api-keys", u.session, nil)
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	return decode[api.APIKeysPage](t, a).Items
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	s := setup(t)

	t.Run("are shown once and kept as a hash", func(t *testing.T) {
		t.Parallel()
		u := s.activeUser(t)
		a := s.call(t, http.MethodPost, "/v1/me/api-keys", u.session, map[string]any{"name": "  Billing   system "})
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		created := decode[api.CreatedAPIKey](t, a)
		require.Equal(t, "Billing system", created.APIKey.Name)
		require.True(t, strings.HasPrefix(created.Key, created.APIKey.Prefix))
		require.Equal(t, identity.APIKey, identity.TokenKind(created.Key))
		require.Nil(t, created.APIKey.LastUsedAt)

		a = s.call(t, http.MethodGet, "/v1/me/api-keys", u.session, nil)
		require.Equal(t, []api.APIKey{created.APIKey}, decode[api.APIKeysPage](t, a).Items)
		require.NotContains(t, a.Body.String(), created.Key)
		var row string
		require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT k::text FROM api_keys k WHERE id = $1`, created.APIKey.ID).Scan(&row))
		require.NotContains(t, row, created.Key)
		require.NotContains(t, s.log.String(), created.Key)
		requireEvent(t, s, "api_key.created", created.APIKey.ID.String(), u.id)
	})
	t.Run("need a name that people can read", func(t *testing.T) {
		t.Parallel()
		u := s.activeUser(t)
		for name, want := range map[string]string{"": "required", "  ": "required", "a\nb": "invalid", strings.Repeat("x", 61): "too_long", "a\u202eb": "invalid"} {
			a := s.call(t, http.MethodPost, "/v1/me/api-keys", u.session, map[string]any{"name": name})
			require.Equal(t, http.StatusUnprocessableEntity, a.Code, name)
			require.Equal(t, map[string]string{"name": want}, a.fields(t), name)
		}
		for _, body := range []string{`{}`, `{"name": 7}`, `{"Name": "x"}`, `{"name": "x", "scopes": []}`, `[]`, `{"name": null}`} {
			require.GreaterOrEqual(t, s.call(t, http.MethodPost, "/v1/me/api-keys", u.session, body).Code, 400, body)
		}
		require.Empty(t, s.keys(t, u))
	})
	t.Run("are revoked at once, by their own account alone", func(t *testing.T) {
		t.Parallel()
		u, other := s.activeUser(t), s.activeUser(t)
		key := s.apiKey(t, u)
		hash := identity.HashToken(key)
		_, err := s.reader.PassByAPIKey(t.Context(), hash)
		require.NoError(t, err)
		path := "/v1/me/api-keys/" + s.keys(t, u)[0].ID.String()
		require.Equal(t, http.StatusNotFound, s.call(t, http.MethodDelete, path, other.session, nil).Code)
		require.Equal(t, http.StatusForbidden, s.call(t, http.MethodDelete, path, key, nil).Code, "a key does not revoke keys")
		require.Equal(t, http.StatusNoContent, s.call(t, http.MethodDelete, path, u.session, nil).Code)
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/me", key, nil).Code)
		require.Equal(t, http.StatusNotFound, s.call(t, http.MethodDelete, path, u.session, nil).Code)
		require.Empty(t, s.keys(t, u))
	})
	t.Run("are for active accounts", func(t *testing.T) {
		t.Parallel()
		for status, want := range map[account.Status]string{
			account.Pending: "account_pending", account.Rejected: "account_rejected", account.Suspended: "account_suspended",
		} {
			u := s.register(t)
			s.setStatus(t, u, status)
			a := s.call(t, http.MethodPost, "/v1/me/api-keys", u.session, map[string]any{"name": "x"})
			require.Equal(t, http.StatusForbidden, a.Code)
			require.Equal(t, want, a.code(t))
		}
	})
	t.Run("are bounded in number, also when many are asked for at once", func(t *testing.T) {
		t.Parallel()
		u := s.activeUser(t)
		var made sync.Map
		var group sync.WaitGroup
		for i := range 30 {
			group.Go(func() {
				made.Store(i, s.call(t, http.MethodPost, "/v1/me/api-keys", u.session, map[string]any{"name": strconv.Itoa(i)}).Code)
			})
		}
		group.Wait()
		codes := map[any]int{}
		made.Range(func(_, code any) bool {
			codes[code]++
			return true
		})
		require.Equal(t, map[any]int{http.StatusCreated: 20, http.StatusConflict: 10}, codes)
		require.Len(t, s.keys(t, u), 20)
	})
	t.Run("know when they were last used", func(t *testing.T) {
		t.Parallel()
		u := s.activeUser(t)
		s.apiKey(t, u)
		uses, at := store.NewUses(s.store), time.Now().UTC().Truncate(time.Microsecond)
		id := s.keys(t, u)[0].ID
		uses.APIKey(id, at)
		uses.APIKey(id, at.Add(-time.Minute))
		require.Nil(t, s.keys(t, u)[0].LastUsedAt)
		require.NoError(t, uses.Flush(t.Context()))
		require.Equal(t, at, *s.keys(t, u)[0].LastUsedAt)
	})
}

func requireEvent(t *testing.T, s *stand, action, subject, account string) {
	t.Helper()
	var n int
	require.NoError(t, s.owner.QueryRow(t.Context(),
		`SELECT count(*) FROM audit_events WHERE action = $1 AND subject_id = $2 AND coalesce(account_id::text, '') = $3`, action, subject, account).Scan(&n))
	require.Equal(t, 1, n, "%s of %s", action, subject)
}

// service adds a service with the scopes and returns its credential.
func (s *stand) service(t *testing.T, scopes ...actor.Scope) string {
	t.Helper()
	a := s.call(t, http.MethodPost, "/v1/services", s.tokens[actor.Admin], map[string]any{"name": "Gateway " + strconv.FormatInt(applicants.Add(1), 10), "scopes": scopes})
	require.Equal(t, http.StatusCreated, a.Code, a.Body)
	return decode[api.CreatedService](t, a).Token
}

func TestServices(t *testing.T) {
	t.Parallel()
	s := setup(t)
	admin := s.tokens[actor.Admin]
	add := func(t *testing.T, body any) answer { return s.call(t, http.MethodPost, "/v1/services", admin, body) }

	t.Run("are added with a credential that is shown once", func(t *testing.T) {
		a := add(t, map[string]any{"name": "SMPP", "scopes": []string{"refunds", "charges"}})
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		created := decode[api.CreatedService](t, a)
		require.Equal(t, []api.Scope{"charges", "refunds"}, created.Service.Scopes)
		require.True(t, strings.HasPrefix(created.Token, created.Service.Prefix))
		a = s.call(t, http.MethodGet, "/v1/services", admin, nil)
		require.Equal(t, []api.Service{created.Service}, decode[api.ServicesPage](t, a).Items)
		require.NotContains(t, a.Body.String(), created.Token)
		require.NotContains(t, s.log.String(), created.Token)
		requireEvent(t, s, "service.created", created.Service.ID.String(), "")

		a = add(t, map[string]any{"name": "SMPP", "scopes": []string{"authorize"}})
		require.Equal(t, http.StatusConflict, a.Code)
		require.Equal(t, map[string]string{"name": "taken"}, a.fields(t))

		path := "/v1/services/" + created.Service.ID.String()
		require.Equal(t, http.StatusForbidden, s.call(t, http.MethodDelete, path, created.Token, nil).Code)
		require.Equal(t, http.StatusNoContent, s.call(t, http.MethodDelete, path, admin, nil).Code)
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/services", created.Token, nil).Code)
		require.Equal(t, http.StatusNotFound, s.call(t, http.MethodDelete, path, admin, nil).Code)
		requireEvent(t, s, "service.revoked", created.Service.ID.String(), "")
		require.Equal(t, http.StatusCreated, add(t, map[string]any{"name": "SMPP", "scopes": []string{"authorize"}}).Code, "its name is free again")
	})
	t.Run("are added once for each key", func(t *testing.T) {
		body := map[string]any{"name": "Once", "scopes": []string{"charges"}}
		send := func(body any) answer {
			return s.call(t, http.MethodPost, "/v1/services", admin, body, "Idempotency-Key", "once")
		}
		first := send(body)
		require.Equal(t, http.StatusCreated, first.Code, first.Body)
		again := send(body)
		require.Equal(t, http.StatusCreated, again.Code)
		require.Equal(t, first.Body.String(), again.Body.String())
		require.Equal(t, "idempotency_key_reused", send(map[string]any{"name": "Twice", "scopes": []string{"charges"}}).code(t))
		var kept string
		require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT coalesce(string_agg(k::text, ''), '') FROM idempotency_keys k`).Scan(&kept))
		require.NotContains(t, kept, decode[api.CreatedService](t, first).Token)
	})
	t.Run("need a name and scopes that there are", func(t *testing.T) {
		for body, field := range map[string]string{
			`{"name": "", "scopes": ["charges"]}`: "name", `{"name": "x", "scopes": []}`: "scopes", `{"name": "x", "scopes": ["all"]}`: "scopes",
			`{"name": "x", "scopes": ["charges", "charges"]}`: "scopes", `{"name": "x"}`: "scopes", `{"name": "x", "scopes": null}`: "scopes",
			`{"name": "x", "scopes": "charges"}`: "scopes",
		} {
			a := add(t, body)
			require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, a.Code, body)
			require.Contains(t, a.fields(t), field, body)
		}
	})
}
