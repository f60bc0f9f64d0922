package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/account"
	"kibali/domain/actor"
)

// suspendedLogin signs in to a suspended account and returns what that was
// answered with.
func (s *stand) suspendedLogin(t *testing.T, u user) api.Problem {
	t.Helper()
	a := s.call(t, http.MethodPost, "/v1/sessions", "", map[string]any{"email": u.email, "password": password})
	require.Equal(t, http.StatusForbidden, a.Code, a.Body)
	require.Equal(t, "account_suspended", a.code(t))
	return decode[api.Problem](t, a)
}

func (s *stand) appeal(t *testing.T, token, text string) answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/me/appeal", token, map[string]any{"text": text})
}

func (s *stand) suspend(t *testing.T, u user) {
	t.Helper()
	a := s.decide(t, u, "suspend", s.tokens[actor.Admin], map[string]any{"reason_code": "terms", "reason": "Spam."})
	require.Contains(t, []int{http.StatusOK, http.StatusAccepted}, a.Code, a.Body)
}

func TestAppeals(t *testing.T) {
	t.Parallel()
	s := setupWithCases(t)
	admin := s.tokens[actor.Admin]
	u := s.active(t)
	s.suspend(t, u)
	appealsOf := "/v1/accounts/" + u.id + "/appeals"

	problem := s.suspendedLogin(t, u)
	token := *problem.AppealToken
	require.True(t, strings.HasPrefix(token, "kba_"))
	require.Nil(t, problem.AppealedAt)
	for body, fields := range map[string]map[string]string{
		`{}`: {"text": "required"}, `{"text":" "}`: {"text": "required"}, `{"text":7}`: {"text": "wrong_type"},
		`{"text":"` + strings.Repeat("x", 4001) + `"}`: {"text": "too_long"}, `{"text":"a","reason":"b"}`: {"reason": "unknown_field"},
	} {
		require.Equal(t, fields, s.call(t, http.MethodPost, "/v1/me/appeal", token, body).fields(t), body)
	}
	require.Equal(t, http.StatusForbidden, s.call(t, http.MethodGet, "/v1/me", token, nil).Code, "it is for one thing")
	require.Equal(t, http.StatusForbidden, s.appeal(t, u.session, "With a session.").Code)

	a := s.appeal(t, token, "It was not us.")
	require.Equal(t, http.StatusAccepted, a.Code, a.Body)
	made := decode[api.OwnAppealAnswer](t, a).Appeal
	second := s.appeal(t, token, "It was not us!")
	require.Equal(t, http.StatusConflict, second.Code)
	require.Equal(t, "suspend", *decode[api.Problem](t, second).Current.Action)
	require.WithinDuration(t, made.MadeAt, *s.suspendedLogin(t, u).AppealedAt, 0)
	require.Eventually(t, func() bool {
		var taken bool
		require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT accepted_at IS NOT NULL FROM appeals WHERE id = $1`, made.ID).Scan(&taken))
		return taken
	}, 20*time.Second, 20*time.Millisecond)

	listed := decode[api.AppealsPage](t, s.call(t, http.MethodGet, "/v1/appeals?state=open", admin, nil)).Items
	require.Len(t, listed, 1)
	require.Equal(t, "It was not us.", listed[0].Text)
	require.Equal(t, http.StatusForbidden, s.call(t, http.MethodGet, appealsOf, s.tokens[actor.Support], nil).Code)
	require.Equal(t, http.StatusNotFound, s.call(t, http.MethodGet, "/v1/accounts/"+uuid.NewString()+"/appeals", admin, nil).Code)
	other := s.active(t)
	s.suspend(t, other)
	foreign := "/v1/accounts/" + other.id + "/appeals/" + made.ID.String()
	require.Equal(t, http.StatusNotFound, s.call(t, http.MethodPost, foreign+"/grant", admin, nil).Code)
	require.Equal(t, http.StatusNotFound, s.call(t, http.MethodPost, appealsOf+"/"+uuid.NewString()+"/grant", admin, nil).Code)
	require.Equal(t, map[string]string{"reason": "required"}, s.call(t, http.MethodPost, appealsOf+"/"+made.ID.String()+"/dismiss", admin, `{}`).fields(t))

	a = s.call(t, http.MethodPost, appealsOf+"/"+made.ID.String()+"/dismiss", admin, map[string]any{"reason": "Nothing new."}, "Idempotency-Key", "d")
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	dismissed := decode[api.Decided](t, a)
	require.Equal(t, "suspended", string(dismissed.Account.Status))
	require.Equal(t, made.ID, *dismissed.Decision.AppealID)
	again := s.call(t, http.MethodPost, appealsOf+"/"+made.ID.String()+"/dismiss", admin, map[string]any{"reason": "Nothing new."}, "Idempotency-Key", "d")
	require.Equal(t, a.Body.String(), again.Body.String())
	late := s.call(t, http.MethodPost, appealsOf+"/"+made.ID.String()+"/grant", admin, nil)
	require.Equal(t, http.StatusConflict, late.Code)
	require.Equal(t, "dismiss_appeal", *decode[api.Problem](t, late).Current.Action)

	a = s.appeal(t, token, "But now there is this.")
	require.Equal(t, http.StatusAccepted, a.Code, "after a dismissal there may be another: %s", a.Body)
	made = decode[api.OwnAppealAnswer](t, a).Appeal
	answers := make([]answer, 6)
	var racers sync.WaitGroup
	for i := range answers {
		racers.Go(func() {
			answers[i] = s.call(t, http.MethodPost, appealsOf+"/"+made.ID.String()+"/grant", admin, nil)
		})
	}
	racers.Wait()
	won := 0
	for _, a := range answers {
		if a.Code == http.StatusOK {
			won++
			continue
		}
		require.Equal(t, http.StatusConflict, a.Code, a.Body)
	}
	require.Equal(t, 1, won)
	require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/me", u.session, nil).Code, "the session works again")
	require.Equal(t, http.StatusConflict, s.appeal(t, token, "Once more.").Code)
	history := decode[api.AppealsPage](t, s.call(t, http.MethodGet, appealsOf+"?limit=1", admin, nil))
	require.Equal(t, api.AppealState("granted"), history.Items[0].State)
	require.Equal(t, "Neema admin", history.Items[0].Staff.Name)
	history = decode[api.AppealsPage](t, s.call(t, http.MethodGet, appealsOf+"?limit=1&cursor="+*history.NextCursor, admin, nil))
	require.Equal(t, "Nothing new.", *history.Items[0].Reason)
	require.NotContains(t, s.log.String(), "It was not us")
}

func TestAppeals_without_a_worker(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.register(t)
	s.setStatus(t, u, account.Active)
	s.suspend(t, u)
	token := *s.suspendedLogin(t, u).AppealToken
	require.Equal(t, http.StatusAccepted, s.appeal(t, token, "Before it is carried out.").Code)
	require.Equal(t, http.StatusConflict, s.appeal(t, token, "Twice.").Code)
	_, err := s.owner.Exec(t.Context(), `UPDATE sessions SET expires_at = now() WHERE purpose = 'appeal'`)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, s.appeal(t, token, "Too late.").Code)
	var kept int
	require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE purpose = 'appeal' AND position($1::bytea in hash) > 0`, []byte(token)).Scan(&kept))
	require.Zero(t, kept, "only a hash is kept")
}
