package api_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/account"
	"kibali/domain/actor"
)

const nextPassword = "river-candle-mustard-19"

func (s *stand) askReset(t *testing.T, body any, headers ...string) answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/password-resets", "", body, headers...)
}

func (s *stand) completeReset(t *testing.T, token, password string) answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/password-resets/complete", "", map[string]any{"token": token, "password": password})
}

func (s *stand) signInUser(t *testing.T, u user, password string) answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/sessions", "", map[string]any{"email": u.email, "password": password})
}

// mailed waits for the n-th link that is mailed to an address and returns it.
func (s *stand) mailed(t *testing.T, email string, n int) string {
	t.Helper()
	link := regexp.MustCompile(`(?m)\S+/reset-password/\S+$`)
	var found []string
	require.Eventually(t, func() bool {
		found = nil
		for _, item := range s.inbox.List() {
			if match := link.FindString(item.Text); match != "" && item.To == email {
				found = append(found, match)
			}
		}
		return len(found) == n
	}, 20*time.Second, 20*time.Millisecond)
	return found[0]
}

func tokenOf(link string) string { return link[strings.LastIndex(link, "/")+1:] }

// TestPasswordReset walks through it with everything running.
func TestPasswordReset(t *testing.T) {
	t.Parallel()
	s := setupWithCases(t)

	t.Run("is asked for, mailed, used once and told", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		a := s.askReset(t, map[string]any{"email": strings.ToUpper(u.email)})
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		link := s.mailed(t, u.email, 1)
		require.True(t, strings.HasPrefix(link, "https://id.example.co.tz/reset-password/kbr_"), link)

		a = s.completeReset(t, tokenOf(link), "qwerty123456")
		require.Equal(t, http.StatusUnprocessableEntity, a.Code)
		require.Equal(t, map[string]string{"password": "common"}, a.fields(t))
		a = s.completeReset(t, tokenOf(link), nextPassword)
		require.Equal(t, http.StatusNoContent, a.Code, a.Body)
		require.Empty(t, a.Body.String())
		a = s.completeReset(t, tokenOf(link), nextPassword)
		require.Equal(t, http.StatusUnprocessableEntity, a.Code)
		require.Equal(t, map[string]string{"token": "invalid"}, a.fields(t))

		for _, token := range []string{u.session, u.uploadToken} {
			require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/me", token, nil).Code)
		}
		require.Equal(t, http.StatusUnauthorized, s.signInUser(t, u, password).Code)
		require.Equal(t, http.StatusCreated, s.signInUser(t, u, nextPassword).Code)
		require.Eventually(t, func() bool {
			told := 0
			for _, item := range s.inbox.List() {
				if item.To == u.email && item.Subject == "Ujumbe: nenosiri lako limebadilishwa" {
					told++
				}
			}
			return told == 1
		}, 20*time.Second, 20*time.Millisecond)
		require.NotContains(t, s.log.String(), tokenOf(link))
		require.NotContains(t, s.log.String(), u.email)
	})

	t.Run("succeeds for one of fifty who use the link at once", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		require.Equal(t, http.StatusAccepted, s.askReset(t, map[string]any{"email": u.email}).Code)
		token := tokenOf(s.mailed(t, u.email, 1))
		codes := make(chan int, 50)
		var racing sync.WaitGroup
		for range cap(codes) {
			racing.Go(func() {
				recorded := httptest.NewRecorder()
				request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/password-resets/complete",
					strings.NewReader(`{"token":"`+token+`","password":"`+nextPassword+`"}`))
				request.Header.Set("Content-Type", "application/json")
				s.handler.ServeHTTP(recorded, request)
				codes <- recorded.Code
			})
		}
		racing.Wait()
		close(codes)
		count := map[int]int{}
		for code := range codes {
			count[code]++
		}
		require.Equal(t, map[int]int{http.StatusNoContent: 1, http.StatusUnprocessableEntity: 49}, count)
	})

	t.Run("is mailed with the configured address, whatever the request says", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		for i, headers := range [][]string{
			{"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "http"}, {"Forwarded", "host=evil.example;proto=http"},
			{"X-Host", "evil.example", "X-Original-Url", "https://evil.example/", "X-Rewrite-Url", "//evil.example"},
			{"Origin", "https://evil.example", "Referer", "https://evil.example/reset-password/"},
		} {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://evil.example/v1/password-resets",
				strings.NewReader(`{"email":"`+u.email+`"}`))
			request.Host = "evil.example"
			request.Header.Set("Content-Type", "application/json")
			for h := 0; h < len(headers); h += 2 {
				request.Header.Set(headers[h], headers[h+1])
			}
			recorded := httptest.NewRecorder()
			s.handler.ServeHTTP(recorded, request)
			require.Equal(t, http.StatusAccepted, recorded.Code)
			require.True(t, strings.HasPrefix(s.mailed(t, u.email, i+1), "https://id.example.co.tz/reset-password/"))
		}
		for _, item := range s.inbox.List() {
			require.NotContains(t, item.Text+item.HTML, "evil.example")
		}
	})

	t.Run("is not used up by looking at it", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		require.Equal(t, http.StatusAccepted, s.askReset(t, map[string]any{"email": u.email}).Code)
		link := s.mailed(t, u.email, 1)
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			for _, target := range []string{link, "/v1/password-resets/complete?token=" + tokenOf(link), "/v1/password-resets/complete"} {
				s.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody))
			}
		}
		require.NotContains(t, s.log.String(), tokenOf(link), "nor does it get into the log")
		require.Equal(t, http.StatusNoContent, s.completeReset(t, tokenOf(link), nextPassword).Code)
	})

	t.Run("is forced by staff, who see it carried out", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		key := []string{"Idempotency-Key", "force-1"}
		a := s.decide(t, u, "password-reset", s.tokens[actor.Support], map[string]any{"note": "phishing"}, key...)
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		decided := decode[api.Decided](t, a)
		require.Equal(t, "password_reset", string(decided.Decision.Kind))
		require.Equal(t, "applied", string(*decided.Decision.Outcome))
		require.Equal(t, "pending", string(decided.Account.Status))
		again := s.decide(t, u, "password-reset", s.tokens[actor.Support], map[string]any{"note": "phishing"}, key...)
		require.Equal(t, a.Body.String(), again.Body.String())
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/me", u.session, nil).Code)
		a = s.signInUser(t, u, password)
		require.Equal(t, http.StatusForbidden, a.Code)
		require.Equal(t, "password_reset_required", a.code(t))
		require.Equal(t, http.StatusUnauthorized, s.signInUser(t, u, "wrong-lorry-violet-42").Code)
		require.Equal(t, http.StatusNoContent, s.completeReset(t, tokenOf(s.mailed(t, u.email, 1)), nextPassword).Code)
		require.Equal(t, http.StatusCreated, s.signInUser(t, u, nextPassword).Code)
		timeline := s.call(t, http.MethodGet, "/v1/accounts/"+u.id+"/timeline?limit=100", s.tokens[actor.Auditor], nil).Body.String()
		for _, line := range []string{"password_reset.requested", "password_reset.issued", "password_reset.used", "password_reset_forced", "password_changed", "phishing"} {
			require.Contains(t, timeline, `"`+line+`"`)
		}
		require.NotContains(t, timeline, "kbr_")
	})
}

func TestPasswordResets_without_cases(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.register(t)

	t.Run("answer every address alike", func(t *testing.T) {
		t.Parallel()
		closed, suspended := s.register(t), s.register(t)
		s.setStatus(t, closed, account.Closed)
		s.setStatus(t, suspended, account.Suspended)
		var first answer
		for i, email := range []string{"nobody@kilimobora.example", u.email, closed.email, suspended.email} {
			a := s.askReset(t, map[string]any{"email": email})
			require.Equal(t, http.StatusAccepted, a.Code)
			a.Header().Del("X-Request-Id")
			if i == 0 {
				first = a
				continue
			}
			require.Equal(t, first.Body.String(), a.Body.String())
			require.Equal(t, first.Header(), a.Header())
		}
	})
	t.Run("refuse bad input and record nothing", func(t *testing.T) {
		t.Parallel()
		for body, want := range map[string]struct {
			status int
			fields map[string]string
		}{
			``:                                 {400, nil},
			`[]`:                               {400, nil},
			`{"email":"a@b.co","x":1}`:         {400, map[string]string{"x": "unknown_field"}},
			`{"Email":"a@b.co"}`:               {400, map[string]string{"Email": "unknown_field"}},
			`{"email":"a@b.co","email":"a"}`:   {400, map[string]string{"email": "duplicate_field"}},
			`{"email":7}`:                      {400, map[string]string{"email": "wrong_type"}},
			`{"email":null}`:                   {400, map[string]string{"email": "wrong_type"}},
			`{"email":"a\u0000@b.co"}`:         {400, map[string]string{"email": "invalid_character"}},
			`{}`:                               {422, map[string]string{"email": "required"}},
			`{"email":""}`:                     {422, map[string]string{"email": "required"}},
			`{"email":"asha"}`:                 {422, map[string]string{"email": "invalid"}},
			`{"email":"a@b.co\r\nBcc: x@y.z"}`: {422, map[string]string{"email": "invalid"}},
		} {
			a := s.askReset(t, body)
			require.Equal(t, want.status, a.Code, "%s: %s", body, a.Body)
			if want.fields != nil {
				require.Equal(t, want.fields, a.fields(t), body)
			}
		}
		for body, want := range map[string]struct {
			status int
			fields map[string]string
		}{
			`{}`:                                   {422, map[string]string{"token": "required", "password": "required"}},
			`{"token":"x"}`:                        {422, map[string]string{"password": "required"}},
			`{"token":"x","password":"y"}`:         {422, map[string]string{"token": "invalid"}},
			`{"token":["x"],"password":"y"}`:       {400, map[string]string{"token": "wrong_type"}},
			`{"token":"x","password":"y","z":"z"}`: {400, map[string]string{"z": "unknown_field"}},
		} {
			a := s.call(t, http.MethodPost, "/v1/password-resets/complete", "", body)
			require.Equal(t, want.status, a.Code, "%s: %s", body, a.Body)
			require.Equal(t, want.fields, a.fields(t), body)
		}
		a := s.completeReset(t, "kbr_"+strings.Repeat("A", 43), nextPassword)
		require.Equal(t, map[string]string{"token": "invalid"}, a.fields(t))
	})
	t.Run("are forced with the answer, without a worker", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		a := s.decide(t, u, "password-reset", s.tokens[actor.Admin], nil)
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		decision := decode[api.DecisionAnswer](t, a).Decision
		require.Equal(t, "/v1/decisions/"+decision.ID.String(), a.Header().Get("Location"))
		require.Nil(t, decision.Outcome)
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/me", u.session, nil).Code)
		require.Equal(t, http.StatusForbidden, s.signInUser(t, u, password).Code)
		closed := s.register(t)
		s.setStatus(t, closed, account.Closed)
		a = s.decide(t, closed, "password-reset", s.tokens[actor.Admin], nil)
		require.Equal(t, http.StatusConflict, a.Code)
		require.Equal(t, "closed", string(*decode[api.Problem](t, a).Current.Status))
	})
}
