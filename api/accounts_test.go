package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/account"
	"kibali/domain/actor"
)

func (s *stand) list(t *testing.T, query string) api.AccountsPage {
	t.Helper()
	a := s.call(t, http.MethodGet, "/v1/accounts"+query, s.tokens[actor.Support], nil)
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	return decode[api.AccountsPage](t, a)
}

func ids(page api.AccountsPage) []string {
	all := []string{}
	for _, a := range page.Items {
		all = append(all, a.ID.String())
	}
	return all
}

func TestListAccounts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	require.Equal(t, api.AccountsPage{Items: []api.Account{}, Matches: api.Matches{Exact: true}}, s.list(t, ""))
	var users []user
	var newestFirst []string
	for i := range 7 {
		u := s.register(t, func(b map[string]any) { b["name"] = fmt.Sprintf("Juma 100%% %d", i) })
		users = append(users, u)
		newestFirst = append([]string{u.id}, newestFirst...)
	}
	s.setStatus(t, users[2], account.Active)

	t.Run("shows the newest first, a page at a time, with exact counts", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, newestFirst, ids(s.list(t, "")))
		var walked []string
		cursor, pages := "", 0
		for {
			page := s.list(t, "?limit=3&cursor="+cursor)
			require.Equal(t, api.Counts{Pending: 6, Active: 1, All: 7}, page.Counts)
			require.Equal(t, api.Matches{Count: 7, Exact: true}, page.Matches)
			walked = append(walked, ids(page)...)
			pages++
			if page.NextCursor == nil {
				break
			}
			cursor = *page.NextCursor
		}
		require.Equal(t, newestFirst, walked)
		require.Equal(t, 3, pages)
	})

	t.Run("sorts, filters and searches as it is told", func(t *testing.T) {
		t.Parallel()
		oldestFirst := slices.Clone(newestFirst)
		slices.Reverse(oldestFirst)
		require.Equal(t, oldestFirst, ids(s.list(t, "?sort=registered_at&order=asc")))
		require.Len(t, s.list(t, "?sort=credits").Items, 7)
		require.Len(t, s.list(t, "?sort=last_active_at&order=asc").Items, 7)
		require.Equal(t, []string{users[2].id}, ids(s.list(t, "?status=active")))
		require.Equal(t, ids(s.list(t, "")), ids(s.list(t, "?status=all")))
		require.Equal(t, []string{users[3].id}, ids(s.list(t, "?q="+url.QueryEscape("JUMA 100% "+users[3].email))))
		require.Empty(t, s.list(t, "?q="+url.QueryEscape("100_")).Items)
	})

	t.Run("refuses parameters that are not its own, not valid or not whole", func(t *testing.T) {
		t.Parallel()
		next := *s.list(t, "?limit=3").NextCursor
		for query, c := range map[string]struct {
			status int
			fields map[string]string
		}{
			"?limit=0":   {422, map[string]string{"limit": "invalid"}},
			"?limit=101": {422, map[string]string{"limit": "invalid"}},
			"?limit=abc&sort=name&order=up&status=blocked": {422, map[string]string{"limit": "invalid", "sort": "invalid", "order": "invalid", "status": "invalid"}},
			"?q=" + strings.Repeat("a", 201):               {422, map[string]string{"q": "too_long"}},
			"?q=" + strings.Repeat("a+", 11):               {422, map[string]string{"q": "too_long"}},
			"?q=a&q=b":                                     {400, map[string]string{"q": "duplicate_field"}},
			"?Status=active":                               {400, map[string]string{"Status": "unknown_field"}},
			"?page=2":                                      {400, map[string]string{"page": "unknown_field"}},
			"?q=%00":                                       {400, map[string]string{"q": "invalid_character"}},
			"?q=%ff":                                       {400, map[string]string{"q": "invalid_character"}},
			"?cursor=x":                                    {400, map[string]string{"cursor": "invalid"}},
			"?cursor=" + next[:len(next)-2]:                {400, map[string]string{"cursor": "invalid"}},
			"?order=asc&cursor=" + next:                    {400, map[string]string{"cursor": "invalid"}},
			"?status=pending&cursor=" + next:               {400, map[string]string{"cursor": "invalid"}},
			"?q=juma&cursor=" + next:                       {400, map[string]string{"cursor": "invalid"}},
			"?sort=last_active_at&cursor=" + next:          {400, map[string]string{"cursor": "invalid"}},
			"?cursor=" + next + "&limit=100":               {200, nil},
		} {
			a := s.call(t, http.MethodGet, "/v1/accounts"+query, s.tokens[actor.Admin], nil)
			require.Equal(t, c.status, a.Code, "%s: %s", query, a.Body)
			if c.status != http.StatusOK {
				require.Equal(t, c.fields, a.fields(t), query)
			}
		}
	})
}

func TestTimeline_pages_and_keeps_its_cursors_to_itself(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u, other := s.register(t), s.register(t)
	read := func(id, query string) answer {
		return s.call(t, http.MethodGet, "/v1/accounts/"+id+"/timeline"+query, s.tokens[actor.Finance], nil)
	}
	all := decode[api.TimelinePage](t, read(u.id, ""))
	require.GreaterOrEqual(t, len(all.Items), 4, "a registration, a session, two notices")
	require.Nil(t, all.NextCursor)
	var walked []api.TimelineItem
	query := "?limit=1"
	for {
		page := decode[api.TimelinePage](t, read(u.id, query))
		walked = append(walked, page.Items...)
		if page.NextCursor == nil {
			break
		}
		query = "?limit=1&cursor=" + *page.NextCursor
	}
	require.Equal(t, all.Items, walked)
	require.Equal(t, http.StatusBadRequest, read(other.id, query).Code)
	require.Equal(t, http.StatusNotFound, read("019ab0a6-8d2b-7b6e-9d52-3c3c6f1a7e90", "").Code)
}

func TestStats(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.register(t)
	s.register(t)
	s.setStatus(t, u, account.Active)
	stats := decode[api.Stats](t, s.call(t, http.MethodGet, "/v1/stats", s.tokens[actor.Auditor], nil))
	require.Equal(t, api.Counts{Pending: 1, Active: 1, All: 2}, stats.Accounts)
	require.Equal(t, int64(1), stats.Queue.AwaitingDocuments)
	require.Equal(t, 30*24*time.Hour, stats.Activity.To.Sub(stats.Activity.From))
	require.Nil(t, stats.Activity.MedianDecisionSeconds)
}

// TestPersonalData looks for what people wrote where it must not be.
func TestPersonalData_is_not_in_the_log(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const canary = "zanzibarcanary"
	u := s.register(t, func(b map[string]any) {
		b["name"], b["email"] = canary, canary+"@example.co.tz"
		b["company"] = map[string]any{"name": canary, "industry": "ngo", "address": canary}
	})
	s.call(t, http.MethodPost, "/v1/registrations", "", application(func(b map[string]any) { b["email"] = canary + "@example.co.tz" }))
	s.call(t, http.MethodPost, "/v1/registrations", "", application(func(b map[string]any) { b[canary] = 1 }))
	s.call(t, http.MethodGet, "/v1/accounts?q="+canary, s.tokens[actor.Admin], nil)
	s.call(t, http.MethodGet, "/v1/"+canary, s.tokens[actor.Admin], nil)
	s.call(t, http.MethodGet, "/v1/accounts/"+canary, s.tokens[actor.Admin], nil)
	s.decide(t, u, "reject", s.tokens[actor.Admin], map[string]any{"reason_code": "other", "reason": canary, "note": canary}, "Idempotency-Key", canary)
	s.upload(t, u.id, u.session, kind("other"), file(canary+".jpg", []byte(canary)))
	require.Contains(t, s.log.String(), "/v1/registrations/:id/documents")
	require.NotContains(t, strings.ToLower(s.log.String()), canary)
	require.NotContains(t, s.log.String(), password)
	require.NotContains(t, s.log.String(), u.session)
}
