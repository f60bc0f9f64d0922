package api_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/actor"
)

func (s *stand) decide(t *testing.T, u user, action, token string, body any, headers ...string) answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/accounts/"+u.id+"/"+action, token, body, headers...)
}

func (s *stand) moveEnd(t *testing.T, u user, token string, body any, headers ...string) answer {
	t.Helper()
	return s.call(t, http.MethodPatch, "/v1/accounts/"+u.id+"/suspension", token, body, headers...)
}

// TestCase walks through the main job with everything running.
func TestCase(t *testing.T) {
	t.Parallel()
	s := setupWithCases(t)
	reviewer, admin := s.tokens[actor.Reviewer], s.tokens[actor.Admin]

	t.Run("is sent back, corrected, looked at and approved", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		reason := map[string]any{"reason_code": "documents_missing", "reason": "Send us the business licence.", "note": "second time"}
		a := s.decide(t, u, "request-changes", reviewer, reason)
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		decided := decode[api.Decided](t, a)
		require.Equal(t, "changes_requested", string(*decided.Account.Stage))
		require.Equal(t, "applied", string(*decided.Decision.Outcome))
		require.Equal(t, "Neema reviewer", decided.Decision.Staff.Name)
		require.Equal(t, "second time", *decided.Decision.Note)

		a = s.call(t, http.MethodGet, "/v1/me", u.session, nil)
		shown := decode[api.AccountAnswer](t, a).Account
		require.NotNil(t, shown.RequestedChanges)
		require.Equal(t, "Send us the business licence.", shown.RequestedChanges.Reason)
		require.NotContains(t, a.Body.String(), "second time")

		a = s.upload(t, u.id, u.uploadToken, file("licence.pdf", sample.PDF("Licence")), kind("business_licence"))
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		document := decode[api.DocumentAnswer](t, a).Document

		a = s.call(t, http.MethodPost, "/v1/me/resubmission", u.session, map[string]any{
			"name": "Asha J. Mushi", "company": map[string]any{"name": "Kilimo Bora Company Ltd", "industry": "agriculture"},
		})
		require.Contains(t, []int{http.StatusOK, http.StatusConflict}, a.Code, "the document may have been prepared first: %s", a.Body)

		page := "/v1/accounts/" + u.id + "/documents/" + document.ID.String() + "/pages/1"
		require.Eventually(t, func() bool { return s.call(t, http.MethodGet, page, reviewer, nil).Code == http.StatusOK }, 20*time.Second, 50*time.Millisecond)
		viewed := s.audited(t, "document.viewed")
		a = s.call(t, http.MethodGet, page, reviewer, nil)
		require.True(t, strings.HasPrefix(a.Header().Get("Content-Type"), "image/"))
		require.Equal(t, viewed+1, s.audited(t, "document.viewed"), "each view is on record")
		a = s.call(t, http.MethodGet, strings.TrimSuffix(page, "1")+"99", reviewer, nil)
		require.Equal(t, http.StatusNotFound, a.Code)
		require.Equal(t, viewed+1, s.audited(t, "document.viewed"), "what is not there is not viewed")
		require.Empty(t, a.Header().Get("Content-Disposition"))

		a = s.decide(t, u, "approve", reviewer, nil)
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		require.Equal(t, "active", string(decode[api.Decided](t, a).Account.Status))

		a = s.decide(t, u, "reject", admin, map[string]any{"reason_code": "other", "reason": "No."})
		require.Equal(t, http.StatusConflict, a.Code)
		current := decode[api.Problem](t, a).Current
		require.Equal(t, "active", string(*current.Status))
		require.Equal(t, "approve", *current.Action)
		require.Equal(t, "Neema reviewer", *current.Actor.Name)
		require.NotNil(t, current.DecidedAt)
	})

	t.Run("is rejected with a reason that the applicant sees", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		a := s.decide(t, u, "reject", reviewer, map[string]any{"reason_code": "not_eligible", "reason": "Line one.\nLine two."}, "Idempotency-Key", "r-1")
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		again := s.decide(t, u, "reject", reviewer, map[string]any{"reason_code": "not_eligible", "reason": "Line one.\nLine two."}, "Idempotency-Key", "r-1")
		require.Equal(t, a.Code, again.Code)
		require.Equal(t, a.Body.String(), again.Body.String(), "a replay is the original answer")
		shown := decode[api.AccountAnswer](t, s.call(t, http.MethodGet, "/v1/me", u.session, nil)).Account
		require.Equal(t, "Line one.\nLine two.", shown.Rejection.Reason)
		require.Equal(t, "not_eligible", shown.Rejection.ReasonCode)
	})

	t.Run("suspends, reactivates and closes", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		require.Equal(t, http.StatusOK, s.decide(t, u, "approve", reviewer, map[string]any{"note": nil}).Code)
		until := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
		a := s.decide(t, u, "suspend", admin, map[string]any{"reason_code": "terms", "reason": "Spam.", "until": until.In(time.FixedZone("", 3*3600))})
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		suspension := decode[api.Decided](t, a).Account.Suspension
		require.Equal(t, until, *suspension.Until)
		require.Equal(t, "Spam.", suspension.Reason)

		a = s.call(t, http.MethodGet, "/v1/me", u.session, nil)
		require.Equal(t, "account_suspended", a.code(t))
		a = s.call(t, http.MethodPost, "/v1/sessions", "", map[string]any{"email": u.email, "password": password})
		require.Equal(t, http.StatusForbidden, a.Code)
		p := decode[api.Problem](t, a)
		require.Equal(t, "Spam.", *p.Reason)
		require.Equal(t, until, *p.Until)

		later := until.Add(24 * time.Hour)
		a = s.moveEnd(t, u, admin, map[string]any{"until": later, "note": "Asked for time."}, "Idempotency-Key", "later")
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		moved := decode[api.Decided](t, a)
		require.Equal(t, "change_until", string(moved.Decision.Kind))
		require.Equal(t, later, *moved.Account.Suspension.Until)
		require.Equal(t, suspension.SuspendedAt, moved.Account.Suspension.SuspendedAt, "it is the same suspension")
		require.Equal(t, "Spam.", moved.Account.Suspension.Reason)
		again := s.moveEnd(t, u, admin, map[string]any{"until": later, "note": "Asked for time."}, "Idempotency-Key", "later")
		require.Equal(t, a.Body.String(), again.Body.String())
		a = s.moveEnd(t, u, admin, map[string]any{"until": nil})
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		require.Nil(t, decode[api.Decided](t, a).Account.Suspension.Until)

		require.Equal(t, http.StatusOK, s.decide(t, u, "reactivate", admin, map[string]any{}).Code)
		a = s.moveEnd(t, u, admin, map[string]any{"until": later})
		require.Equal(t, http.StatusConflict, a.Code)
		require.Equal(t, "reactivate", *decode[api.Problem](t, a).Current.Action)
		require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/me", u.session, nil).Code, "the same session works again")
		a = s.decide(t, u, "close", admin, map[string]any{"reason": "At their request."})
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/me", u.session, nil).Code)
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodPost, "/v1/sessions", "", map[string]any{"email": u.email, "password": password}).Code)

		a = s.call(t, http.MethodGet, "/v1/accounts/"+u.id+"/timeline?limit=100", s.tokens[actor.Support], nil)
		actions := map[string]bool{}
		for _, item := range decode[api.TimelinePage](t, a).Items {
			actions[item.Action] = true
		}
		for _, action := range []string{"register", "approve", "suspend", "reactivate", "close"} {
			require.Contains(t, actions, action)
		}
	})

	t.Run("is decided once by admins who race", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		answers := make([]answer, 8)
		var racers sync.WaitGroup
		for i := range answers {
			racers.Go(func() { answers[i] = s.decide(t, u, "approve", admin, nil) })
		}
		racers.Wait()
		won := 0
		for _, a := range answers {
			if a.Code == http.StatusOK {
				won++
				continue
			}
			require.Equal(t, http.StatusConflict, a.Code, a.Body)
			current := decode[api.Problem](t, a).Current
			require.Equal(t, "approve", *current.Action)
			require.Equal(t, "Neema admin", *current.Actor.Name)
			require.NotNil(t, current.DecidedAt)
		}
		require.Equal(t, 1, won)
	})
}

func TestDecisions_without_a_worker(t *testing.T) {
	t.Parallel()
	s := setup(t)
	admin := s.tokens[actor.Admin]

	t.Run("are accepted, found under their address and in the way of others", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		a := s.decide(t, u, "approve", admin, map[string]any{"note": "ok"})
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		accepted := decode[api.DecisionAnswer](t, a).Decision
		require.Nil(t, accepted.Outcome)
		require.Equal(t, "/v1/decisions/"+accepted.ID.String(), a.Header().Get("Location"))
		read := s.call(t, http.MethodGet, a.Header().Get("Location"), s.tokens[actor.Support], nil)
		require.Equal(t, http.StatusOK, read.Code)
		require.JSONEq(t, a.Body.String(), read.Body.String())

		conflict := s.decide(t, u, "reject", admin, map[string]any{"reason_code": "other", "reason": "No."})
		require.Equal(t, http.StatusConflict, conflict.Code)
		require.True(t, *decode[api.Problem](t, conflict).Current.Pending)
	})

	t.Run("of a suspension keep the user out at once", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		s.setStatus(t, u, account.Active)
		require.Equal(t, http.StatusAccepted, s.decide(t, u, "suspend", admin, map[string]any{"reason_code": "fraud", "reason": "No."}).Code)
		a := s.call(t, http.MethodGet, "/v1/me", u.session, nil)
		require.Equal(t, http.StatusForbidden, a.Code, a.Body)
		require.Equal(t, "account_suspended", a.code(t))
		a = s.call(t, http.MethodPost, "/v1/sessions", "", map[string]any{"email": u.email, "password": password})
		require.Equal(t, http.StatusForbidden, a.Code, a.Body)
		require.Equal(t, "No.", *decode[api.Problem](t, a).Reason)
	})

	t.Run("of a suspension's end wait while it is on its way, and in the way of others", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		s.setStatus(t, u, account.Active)
		require.Equal(t, http.StatusAccepted, s.decide(t, u, "suspend", admin, map[string]any{"reason_code": "fraud", "reason": "No."}).Code)
		a := s.moveEnd(t, u, admin, map[string]any{"until": nil})
		require.Equal(t, http.StatusConflict, a.Code, a.Body)
		require.True(t, *decode[api.Problem](t, a).Current.Pending)

		u = s.register(t)
		s.setStatus(t, u, account.Suspended)
		a = s.moveEnd(t, u, admin, map[string]any{"until": time.Now().Add(time.Hour)})
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		require.NotEmpty(t, a.Header().Get("Location"))
		require.Equal(t, http.StatusConflict, s.decide(t, u, "reactivate", admin, nil).Code)
	})

	t.Run("are replayed by their key, whatever the spelling of the body", func(t *testing.T) {
		t.Parallel()
		u, other := s.register(t), s.register(t)
		first := s.decide(t, u, "approve", admin, `{"note":"é"}`, "Idempotency-Key", "k1")
		require.Equal(t, http.StatusAccepted, first.Code, first.Body)
		again := s.decide(t, u, "approve", admin, ` {"note" : "\u00e9"} `, "Idempotency-Key", "k1")
		require.Equal(t, first.Code, again.Code)
		require.Equal(t, first.Body.String(), again.Body.String())
		require.Equal(t, first.Header().Get("Location"), again.Header().Get("Location"))

		for name, reused := range map[string]answer{
			"another body":    s.decide(t, u, "approve", admin, `{"note":"x"}`, "Idempotency-Key", "k1"),
			"no body":         s.decide(t, u, "approve", admin, nil, "Idempotency-Key", "k1"),
			"another account": s.decide(t, other, "approve", admin, `{"note":"é"}`, "Idempotency-Key", "k1"),
		} {
			require.Equal(t, http.StatusConflict, reused.Code, name)
			require.Equal(t, "idempotency_key_reused", reused.code(t), name)
		}
		require.Equal(t, "conflict", s.decide(t, u, "approve", s.tokens[actor.Reviewer], `{"note":"é"}`, "Idempotency-Key", "k1").code(t), "a key is its sender's")
		require.Equal(t, "conflict", s.decide(t, u, "reject", admin, `{"reason_code":"other","reason":"é"}`, "Idempotency-Key", "k1").code(t), "and its route's")
	})

	t.Run("that are refused leave their key unused", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		refused := s.decide(t, u, "suspend", admin, map[string]any{"reason_code": "terms", "reason": "Spam."}, "Idempotency-Key", "k2")
		require.Equal(t, http.StatusConflict, refused.Code)
		s.setStatus(t, u, account.Active)
		require.Equal(t, http.StatusAccepted, s.decide(t, u, "suspend", admin, map[string]any{"reason_code": "terms", "reason": "Spam!"}, "Idempotency-Key", "k2").Code)
	})

	t.Run("on an account that is not there are not found", func(t *testing.T) {
		t.Parallel()
		for _, id := range []string{"019ab0a6-8d2b-7b6e-9d52-3c3c6f1a7e90", "x", "%00", "..", "019ab0a6"} {
			a := s.call(t, http.MethodPost, "/v1/accounts/"+id+"/approve", admin, nil)
			require.Equal(t, http.StatusNotFound, a.Code, id)
		}
	})
}

func TestDecisions_refuse_bad_input(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.register(t)
	admin := s.tokens[actor.Admin]
	for name, c := range map[string]struct {
		action string
		body   string
		status int
		fields map[string]string
	}{
		"a reject without a reason":     {"reject", `{}`, 422, map[string]string{"reason_code": "required", "reason": "required"}},
		"a reject with an empty reason": {"reject", `{"reason_code":"other","reason":" "}`, 422, map[string]string{"reason": "required"}},
		"a reject with suspend's code":  {"reject", `{"reason_code":"fraud","reason":"x"}`, 422, map[string]string{"reason_code": "invalid"}},
		"a suspend with reject's code":  {"suspend", `{"reason_code":"not_eligible","reason":"x"}`, 422, map[string]string{"reason_code": "invalid"}},
		"a reason too long":             {"suspend", `{"reason_code":"terms","reason":"` + strings.Repeat("x", 1001) + `"}`, 422, map[string]string{"reason": "too_long"}},
		"a note too long":               {"approve", `{"note":"` + strings.Repeat("x", 2001) + `"}`, 422, map[string]string{"note": "too_long"}},
		"an end in the past":            {"suspend", `{"reason_code":"terms","reason":"x","until":"2020-01-01T00:00:00Z"}`, 422, map[string]string{"until": "not_future"}},
		"an end that is no time":        {"suspend", `{"reason_code":"terms","reason":"x","until":"tomorrow"}`, 422, map[string]string{"until": "invalid"}},
		"an end that is a date":         {"suspend", `{"reason_code":"terms","reason":"x","until":"2030-01-01"}`, 422, map[string]string{"until": "invalid"}},
		"an end that is a number":       {"suspend", `{"reason_code":"terms","reason":"x","until":1}`, 400, map[string]string{"until": "wrong_type"}},
		"a reason where there is none":  {"approve", `{"reason":"x"}`, 400, map[string]string{"reason": "unknown_field"}},
		"an end of a rejection":         {"reject", `{"reason_code":"other","reason":"x","until":null}`, 400, map[string]string{"until": "unknown_field"}},
		"null for a reason":             {"close", `{"reason":null}`, 400, map[string]string{"reason": "wrong_type"}},
		"a lone surrogate":              {"approve", `{"note":"\ud83d"}`, 400, map[string]string{"note": "invalid_character"}},
		"a close without a reason":      {"close", `{}`, 422, map[string]string{"reason": "required"}},
		"no body where one is needed":   {"reject", ``, 400, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := s.decide(t, u, c.action, admin, c.body)
			require.Equal(t, c.status, a.Code, a.Body)
			require.Equal(t, c.fields, a.fields(t))
		})
	}
	for body, field := range map[string]string{
		`{}`: "required", `{"until":"2020-01-01T00:00:00Z"}`: "not_future", `{"until":"soon"}`: "invalid", `{"until":7}`: "wrong_type",
	} {
		require.Equal(t, map[string]string{"until": field}, s.moveEnd(t, u, admin, body).fields(t), body)
	}
	t.Run("a bad key", func(t *testing.T) {
		t.Parallel()
		for _, key := range []string{"", " ", "a b", strings.Repeat("k", 256), "é"} {
			a := s.decide(t, u, "approve", admin, nil, "Idempotency-Key", key)
			require.Equal(t, http.StatusBadRequest, a.Code, key)
			require.Equal(t, map[string]string{"Idempotency-Key": "invalid"}, a.fields(t))
		}
	})
	t.Run("a query string", func(t *testing.T) {
		t.Parallel()
		a := s.call(t, http.MethodPost, "/v1/accounts/"+u.id+"/approve?force=1", admin, nil)
		require.Equal(t, http.StatusBadRequest, a.Code)
		require.Equal(t, map[string]string{"force": "unknown_field"}, a.fields(t))
	})
	t.Cleanup(func() { // after the parallel subtests
		var rows int
		require.NoError(t, s.owner.QueryRow(context.Background(), `SELECT count(*) FROM decisions`).Scan(&rows))
		require.Zero(t, rows)
	})
}
