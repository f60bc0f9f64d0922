package api_test

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/api"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	s := setup(t)

	t.Run("answers with the account as it is stored", func(t *testing.T) {
		t.Parallel()
		a := s.call(t, http.MethodPost, "/v1/registrations", "", application(func(b map[string]any) {
			b["name"], b["email"], b["phone"], b["locale"] = "  Asha   Mushi ", "ASHA.Stored@Example.co.tz", "0712 999 001", nil
			b["company"] = map[string]any{"name": "Bora", "industry": "ngo", "website": "bora.example", "address": "A\r\nB", "tin": nil}
		}))
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		registered := decode[api.Registered](t, a)
		require.True(t, strings.HasPrefix(registered.UploadToken, "kbd_"))
		require.Equal(t, "Asha Mushi", registered.Account.Name)
		require.Equal(t, "asha.stored@example.co.tz", registered.Account.Email)
		require.Equal(t, "+255712999001", registered.Account.Phone)
		require.Equal(t, "en", string(registered.Account.Locale))
		require.Equal(t, api.Company{Name: "Bora", Industry: "ngo", Website: new("https://bora.example"), Address: new("A\nB")}, registered.Account.Company)
		require.Equal(t, "pending", string(registered.Account.Status))
		require.Equal(t, "awaiting_documents", string(*registered.Account.Stage))
		require.Nil(t, registered.Account.LastActiveAt)
		require.NotContains(t, a.Body.String(), password)
	})

	t.Run("names the e-mail or the phone that is taken, in any spelling", func(t *testing.T) {
		t.Parallel()
		taken := application()
		require.Equal(t, http.StatusCreated, s.call(t, http.MethodPost, "/v1/registrations", "", taken).Code)
		for field, value := range map[string]string{
			"email": " " + strings.ToUpper(taken["email"].(string)),
			"phone": "0" + strings.TrimPrefix(taken["phone"].(string), "+255"),
		} {
			a := s.call(t, http.MethodPost, "/v1/registrations", "", application(func(b map[string]any) { b[field] = value }))
			require.Equal(t, http.StatusConflict, a.Code, a.Body)
			require.Equal(t, "taken", a.code(t))
			require.Equal(t, map[string]string{field: "taken"}, a.fields(t))
		}
		a := s.call(t, http.MethodPost, "/v1/registrations", "", taken)
		require.Equal(t, http.StatusConflict, a.Code, a.Body)
		require.Equal(t, map[string]string{"email": "taken", "phone": "taken"}, a.fields(t))
	})
}

func TestRegister_refuses_bad_fields_and_stores_nothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, c := range map[string]struct {
		change func(map[string]any)
		status int
		fields map[string]string
	}{
		"nothing":          {func(b map[string]any) { clear(b) }, 422, map[string]string{"name": "required", "email": "required", "phone": "required", "password": "required", "company": "required"}},
		"empty fields":     {func(b map[string]any) { b["name"], b["email"], b["phone"] = "", " ", "\t" }, 422, map[string]string{"name": "required", "email": "required", "phone": "required"}},
		"an empty company": {func(b map[string]any) { b["company"] = map[string]any{} }, 422, map[string]string{"company.name": "required", "company.industry": "required"}},
		"all of it wrong": {func(b map[string]any) {
			b["name"], b["email"], b["phone"], b["locale"], b["password"] = strings.Repeat("n", 121), "a@b", "123", "fr", "short"
			b["company"] = map[string]any{"name": "!", "industry": "mining", "tin": "12", "website": "javascript:alert(1)", "address": strings.Repeat("a", 301), "registration_number": strings.Repeat("1", 41)}
		}, 422, map[string]string{
			"name": "too_long", "email": "invalid", "phone": "invalid", "locale": "invalid", "password": "too_short",
			"company.name": "invalid", "company.industry": "invalid", "company.tin": "invalid", "company.website": "invalid",
			"company.address": "too_long", "company.registration_number": "too_long",
		}},
		"a common password":       {func(b map[string]any) { b["password"] = "Qwerty123456" }, 422, map[string]string{"password": "common"}},
		"a guessable password":    {func(b map[string]any) { b["password"] = "margaretsmith" }, 422, map[string]string{"password": "guessable"}},
		"a password of one's own": {func(b map[string]any) { b["password"] = "Asha.Mushi.1990" }, 422, map[string]string{"password": "personal"}},
		"a landline":              {func(b map[string]any) { b["phone"] = "+255222110000" }, 422, map[string]string{"phone": "not_mobile"}},
		"an unknown field":        {func(b map[string]any) { b["status"] = "active" }, 400, map[string]string{"status": "unknown_field"}},
		"a field in capitals":     {func(b map[string]any) { b["EMAIL"] = "x" }, 400, map[string]string{"EMAIL": "unknown_field"}},
		"a number for a phone":    {func(b map[string]any) { b["phone"] = 255712345678 }, 400, map[string]string{"phone": "wrong_type"}},
		"null for a company":      {func(b map[string]any) { b["company"] = nil }, 400, map[string]string{"company": "wrong_type"}},
		"NUL":                     {func(b map[string]any) { b["name"] = "a\x00b" }, 400, map[string]string{"name": "invalid_character"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := s.call(t, http.MethodPost, "/v1/registrations", "", application(c.change))
			require.Equal(t, c.status, a.Code, a.Body)
			require.Equal(t, c.fields, a.fields(t))
		})
	}
	t.Cleanup(func() { // after the parallel subtests
		var rows int
		err := s.owner.QueryRow(context.Background(), `SELECT (SELECT count(*) FROM accounts) + (SELECT count(*) FROM notices) + (SELECT count(*) FROM audit_events WHERE account_id IS NOT NULL)`).Scan(&rows)
		require.NoError(t, err)
		require.Zero(t, rows)
	})
	t.Run("and what is no JSON", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{"", "{", "null", "[]", `{}{}`, `{"name":"a","name":"b"}`, strings.Repeat("[", 60000), `{"name":"\ud800"}`, "{\"name\":\"\xff\"}"} {
			a := s.call(t, http.MethodPost, "/v1/registrations", "", body)
			require.Equal(t, http.StatusBadRequest, a.Code, body)
		}
		for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json, text/html"} {
			a := s.call(t, http.MethodPost, "/v1/registrations", "", application(), "Content-Type", contentType)
			require.Equal(t, http.StatusBadRequest, a.Code, contentType)
		}
		a := s.call(t, http.MethodPost, "/v1/registrations", "", `{"name":"`+strings.Repeat("a", 70000)+`"}`)
		require.Equal(t, http.StatusRequestEntityTooLarge, a.Code)
	})
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := setup(t)

	t.Run("begin with the right password and end for good", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		me := s.call(t, http.MethodGet, "/v1/me", u.session, nil)
		require.Equal(t, http.StatusOK, me.Code)
		shown := decode[api.AccountAnswer](t, me).Account
		require.Equal(t, u.id, shown.ID.String())
		require.NotNil(t, shown.LastActiveAt)

		ended := s.call(t, http.MethodDelete, "/v1/sessions/current", u.session, nil)
		require.Equal(t, http.StatusNoContent, ended.Code)
		require.Empty(t, ended.Body.Bytes())
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/me", u.session, nil).Code)
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodDelete, "/v1/sessions/current", u.session, nil).Code)
	})

	t.Run("tell nobody whether an e-mail is registered", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		var answers []string
		var headers []http.Header
		for _, email := range []string{u.email, "nobody@example.co.tz", "not an e-mail", ""} {
			a := s.call(t, http.MethodPost, "/v1/sessions", "", map[string]any{"email": email, "password": "wrong-lorry-violet-42"})
			require.Equal(t, http.StatusUnauthorized, a.Code, a.Body)
			h := maps.Clone(map[string][]string(a.Header()))
			id := a.Header().Get("X-Request-Id")
			delete(h, "X-Request-Id")
			headers = append(headers, h)
			answers = append(answers, strings.ReplaceAll(a.Body.String(), id, ""))
		}
		for i := range answers {
			require.Equal(t, answers[0], answers[i])
			require.Equal(t, headers[0], headers[i])
		}
	})

	t.Run("tell of a suspension after the right password only", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		s.setStatus(t, u, "suspended")
		a := s.call(t, http.MethodPost, "/v1/sessions", "", map[string]any{"email": u.email, "password": "wrong-lorry-violet-42"})
		require.Equal(t, http.StatusUnauthorized, a.Code)
		a = s.call(t, http.MethodPost, "/v1/sessions", "", map[string]any{"email": u.email, "password": password})
		require.Equal(t, http.StatusForbidden, a.Code)
		p := decode[map[string]any](t, a)
		require.Equal(t, "account_suspended", p["code"])
		for _, member := range []string{"reason", "suspended_at", "until"} {
			require.Contains(t, p, member)
		}
	})

	t.Run("want both fields", func(t *testing.T) {
		t.Parallel()
		a := s.call(t, http.MethodPost, "/v1/sessions", "", map[string]any{})
		require.Equal(t, http.StatusUnprocessableEntity, a.Code)
		require.Equal(t, map[string]string{"email": "required", "password": "required"}, a.fields(t))
	})
}

func TestResubmit(t *testing.T) {
	t.Parallel()
	s := setup(t)
	correction := map[string]any{"name": "Asha Mushi", "company": map[string]any{"name": "Kilimo Bora Company Ltd", "industry": "agriculture"}}

	t.Run("is a conflict that says why, unless changes were asked for or the account was rejected", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		a := s.call(t, http.MethodPost, "/v1/me/resubmission", u.session, correction)
		require.Equal(t, http.StatusConflict, a.Code)
		require.Equal(t, "pending", string(*decode[api.Problem](t, a).Current.Status))
	})

	t.Run("is accepted while its case cannot be reached", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		s.setStatus(t, u, "rejected")
		s.change(t, `UPDATE applications SET accepted_at = submitted_at WHERE account_id = $1`, u.id)
		a := s.call(t, http.MethodPost, "/v1/me/resubmission", u.session, correction)
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		require.Equal(t, u.id, decode[api.AccountAnswer](t, a).Account.ID.String())
	})

	t.Run("leaves e-mail and phone alone", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		for _, field := range []string{"email", "phone", "password"} {
			body := maps.Clone(correction)
			body[field] = "x"
			a := s.call(t, http.MethodPost, "/v1/me/resubmission", u.session, body)
			require.Equal(t, http.StatusBadRequest, a.Code)
			require.Equal(t, map[string]string{field: "unknown_field"}, a.fields(t))
		}
	})
}
