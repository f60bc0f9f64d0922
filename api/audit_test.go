package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/actor"
)

func TestAudit(t *testing.T) {
	t.Parallel()
	s := setup(t)
	auditor := s.tokens[actor.Auditor]
	u, other := s.register(t), s.register(t)
	s.setStatus(t, u, "active")
	a := s.call(t, http.MethodPost, "/v1/accounts/"+u.id+"/suspend", s.tokens[actor.Admin], map[string]any{"reason_code": "fraud", "reason": "Under investigation."})
	require.Equal(t, http.StatusAccepted, a.Code, a.Body)
	decision := decode[api.DecisionAnswer](t, a).Decision
	read := func(t *testing.T, query url.Values) api.AuditPage {
		t.Helper()
		a := s.call(t, http.MethodGet, "/v1/audit?"+query.Encode(), auditor, nil)
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		return decode[api.AuditPage](t, a)
	}

	t.Run("tells who did what, to what, from where and by which request", func(t *testing.T) {
		t.Parallel()
		page := read(t, url.Values{"action": {"suspend.requested"}})
		require.Len(t, page.Items, 1)
		e := page.Items[0]
		require.Equal(t, decision.Staff.ID, *e.Actor.ID)
		require.Equal(t, "Neema admin", *e.Actor.Name)
		require.Equal(t, api.Role("admin"), *e.Role)
		require.Equal(t, u.id, e.AccountID.String())
		require.Equal(t, decision.ID, *e.DecisionID)
		require.Equal(t, "fraud", *e.ReasonCode)
		require.NotEmpty(t, *e.RequestID)
		require.Equal(t, "192.0.2.1", *e.Address)
	})
	t.Run("is filtered by each of its fields", func(t *testing.T) {
		t.Parallel()
		for _, item := range read(t, url.Values{"account_id": {other.id}, "subject": {"session"}}).Items {
			require.Equal(t, other.id, item.AccountID.String())
			require.Equal(t, "session", item.Subject)
		}
		require.NotEmpty(t, read(t, url.Values{"account_id": {other.id}}).Items)
		require.Len(t, read(t, url.Values{"subject_id": {decision.ID.String()}}).Items, 1)
		require.Len(t, read(t, url.Values{"actor_id": {decision.Staff.ID.String()}}).Items, 1)
		require.Empty(t, read(t, url.Values{"from": {time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}}).Items)
		require.Empty(t, read(t, url.Values{"to": {time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}}).Items)
		require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodGet, "/v1/audit?who=me", auditor, nil).Code)
		require.Equal(t, http.StatusUnprocessableEntity, s.call(t, http.MethodGet, "/v1/audit?actor_id=me", auditor, nil).Code)
	})
	t.Run("tells the head of its chain once there is one", func(t *testing.T) {
		t.Parallel()
		other := setup(t)
		none := other.call(t, http.MethodGet, "/v1/audit/head", other.tokens[actor.Auditor], nil)
		require.Equal(t, http.StatusOK, none.Code)
		require.JSONEq(t, `{}`, none.Body.String())
		require.Eventually(t, func() bool {
			seals, err := s.store.SealAudit(t.Context(), time.Now())
			require.NoError(t, err)
			return len(seals) > 0
		}, 30*time.Second, 20*time.Millisecond)
		last, err := s.reader.LastAuditSeal(t.Context())
		require.NoError(t, err)
		a := s.call(t, http.MethodGet, "/v1/audit/head", auditor, nil)
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		head := decode[api.AuditHeadAnswer](t, a).Head
		require.Equal(t, last.Name(), fmt.Sprintf("%d:%s", head.Number, head.Hash))
		require.Equal(t, last.To, head.EventID)
		require.Equal(t, http.StatusForbidden, s.call(t, http.MethodGet, "/v1/audit/head", s.tokens[actor.Reviewer], nil).Code)
	})
	t.Run("has pages and a file with the same events", func(t *testing.T) {
		t.Parallel()
		query := url.Values{"account_id": {u.id}, "limit": {"1"}}
		var ids []int64
		for {
			page := read(t, query)
			require.Len(t, page.Items, 1)
			ids = append(ids, page.Items[0].ID)
			if page.NextCursor == nil {
				break
			}
			query.Set("cursor", *page.NextCursor)
		}
		a := s.call(t, http.MethodGet, "/v1/audit/export.jsonl?account_id="+u.id, auditor, nil)
		require.Equal(t, http.StatusOK, a.Code)
		require.Contains(t, a.Header().Get("Content-Disposition"), ".jsonl")
		var exported []int64
		for line := range strings.Lines(a.Body.String()) {
			var e api.AuditEvent
			require.NoError(t, json.Unmarshal([]byte(line), &e))
			exported = append(exported, e.ID)
		}
		require.Equal(t, ids, exported)
		none := s.call(t, http.MethodGet, "/v1/audit/export.jsonl?action=nothing", auditor, nil)
		require.Equal(t, http.StatusOK, none.Code)
		require.Empty(t, none.Body.String())
	})
}
