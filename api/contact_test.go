package api_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/actor"
	"kibali/notify"
)

// inboxOf waits for the n-th message to an address or phone that holds what is
// looked for, and returns what the newest holds.
func (s *stand) inboxOf(t *testing.T, to, pattern string, n int) string {
	t.Helper()
	looked := regexp.MustCompile(pattern)
	var found []string
	require.Eventually(t, func() bool {
		found = nil
		for _, item := range s.inbox.List() {
			if match := looked.FindString(item.Text); match != "" && item.To == to {
				found = append(found, match)
			}
		}
		return len(found) == n
	}, 20*time.Second, 20*time.Millisecond)
	return found[0]
}

const (
	proofLink = `(?m)\S+/verify-email/kbe_\S+$`
	proofCode = `\b[0-9]{6}\b`
)

func (s *stand) me(t *testing.T, u user) api.Account {
	t.Helper()
	a := s.call(t, http.MethodGet, "/v1/me", u.session, nil)
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	return decode[api.AccountAnswer](t, a).Account
}

func (s *stand) completeProof(t *testing.T, token string) answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/email-proofs/complete", "", map[string]any{"token": token})
}

// TestContact walks through proofs and changes with everything running.
func TestContact(t *testing.T) {
	t.Parallel()
	s := setupWithCases(t)
	post := func(t *testing.T, u user, path string, body any) answer {
		t.Helper()
		return s.call(t, http.MethodPost, "/v1/me/"+path, u.session, body)
	}

	t.Run("of a new account is proved by the link of the first e-mail and by a code", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		me := s.me(t, u)
		require.False(t, me.EmailVerified)
		require.False(t, me.PhoneVerified)
		link := s.inboxOf(t, u.email, proofLink, 1)
		require.True(t, strings.HasPrefix(link, "https://id.example.co.tz/verify-email/"), link)
		require.Equal(t, http.StatusNoContent, s.completeProof(t, tokenOf(link)).Code)
		again := s.completeProof(t, tokenOf(link))
		require.Equal(t, http.StatusUnprocessableEntity, again.Code)
		require.Equal(t, map[string]string{"token": "invalid"}, again.fields(t))
		require.True(t, s.me(t, u).EmailVerified)
		a := post(t, u, "email/proof", nil)
		require.Equal(t, http.StatusConflict, a.Code)

		a = post(t, u, "phone/proof", nil)
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		require.False(t, decode[api.ProofAsked](t, a).Change)
		code := s.inboxOf(t, me.Phone, proofCode, 1)
		a = post(t, u, "phone/proof/confirm", map[string]any{"code": "000000"})
		require.Equal(t, http.StatusUnprocessableEntity, a.Code)
		require.Equal(t, map[string]string{"code": "wrong"}, a.fields(t))
		a = post(t, u, "phone/proof/confirm", map[string]any{"code": code})
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		require.True(t, decode[api.AccountAnswer](t, a).Account.PhoneVerified)
		a = s.call(t, http.MethodGet, "/v1/accounts/"+u.id, s.tokens[actor.Reviewer], nil)
		require.True(t, decode[api.AccountAnswer](t, a).Account.EmailVerified, "reviewers see it")
		require.NotContains(t, s.log.String(), "kbe_")
		require.NotRegexp(t, `\b`+code+`\b`, s.log.String())
	})
	t.Run("is changed when the new one is proved, and the old one is told", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		me := s.me(t, u)
		next := "next." + u.email
		a := post(t, u, "email", map[string]any{"email": next, "current_password": "wrong"})
		require.Equal(t, map[string]string{"current_password": "wrong"}, a.fields(t))
		a = post(t, u, "email", map[string]any{"email": next, "current_password": password})
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		require.True(t, decode[api.ProofAsked](t, a).Change)
		link := s.inboxOf(t, next, proofLink, 1)
		require.Equal(t, u.email, s.me(t, u).Email)
		require.Equal(t, http.StatusNoContent, s.completeProof(t, tokenOf(link)).Code)
		require.Equal(t, next, s.me(t, u).Email, "the session that asked goes on")
		require.Equal(t, http.StatusUnauthorized, s.signInUser(t, u, password).Code)
		s.inboxOf(t, u.email, "anwani nyingine ya barua pepe", 1)

		a = post(t, u, "phone", map[string]any{"phone": "0754 321 000", "current_password": password})
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		code := s.inboxOf(t, "+255754321000", proofCode, 1)
		require.Equal(t, http.StatusOK, post(t, u, "phone/proof/confirm", map[string]any{"code": code}).Code)
		require.Equal(t, "+255754321000", s.me(t, u).Phone)
		s.inboxOf(t, me.Phone, "simu ya Kilimo Bora", 1)
		s.inboxOf(t, next, "namba nyingine ya simu", 1)
		for _, item := range s.inbox.List() {
			if item.To == me.Phone && item.Channel == notify.ChannelSMS {
				require.NotRegexp(t, proofCode, item.Text)
			}
		}
	})
	t.Run("is refused where it is taken, malformed or too much", func(t *testing.T) {
		t.Parallel()
		u, other := s.register(t), s.register(t)
		a := post(t, u, "email", map[string]any{"email": other.email, "current_password": password})
		require.Equal(t, http.StatusConflict, a.Code)
		require.Equal(t, map[string]string{"email": "taken"}, a.fields(t))
		a = post(t, u, "phone", map[string]any{"phone": s.me(t, other).Phone, "current_password": password})
		require.Equal(t, map[string]string{"phone": "taken"}, a.fields(t))
		a = post(t, u, "phone", map[string]any{"phone": "x", "current_password": password})
		require.Equal(t, map[string]string{"phone": "invalid"}, a.fields(t))
		for path, body := range map[string]any{
			"email": map[string]any{"email": 1, "current_password": password}, "phone": map[string]any{"phone": "0754 321 000", "current_password": password, "more": 1},
			"phone/proof/confirm": map[string]any{"code": 123456}, "email/proof": map[string]any{"email": "a@b.example"},
		} {
			require.Equal(t, http.StatusBadRequest, post(t, u, path, body).Code, path)
		}
		require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodPost, "/v1/email-proofs/complete", "", map[string]any{"link": "x"}).Code)
	})
	t.Run("must be proved before an approval where the policy says so", func(t *testing.T) {
		t.Parallel()
		s := setupWithCases(t)
		u := s.register(t)
		s.change(t, `INSERT INTO policies (content) SELECT content || '{"contacts": {"email_required": true}}' FROM policies ORDER BY version DESC LIMIT 1`)
		a := s.decide(t, u, "approve", s.tokens[actor.Reviewer], nil)
		require.Equal(t, http.StatusConflict, a.Code, a.Body)
		require.Equal(t, map[string]string{"email": "unverified"}, a.fields(t))
		require.Equal(t, http.StatusNoContent, s.completeProof(t, tokenOf(s.inboxOf(t, u.email, proofLink, 1))).Code)
		require.Equal(t, http.StatusOK, s.decide(t, u, "approve", s.tokens[actor.Reviewer], nil).Code)
	})
}
