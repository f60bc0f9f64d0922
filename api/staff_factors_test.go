package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/actor"
)

// codeAt returns the code of a secret some time from now.
func codeAt(t *testing.T, secret string, ahead time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now().Add(ahead))
	require.NoError(t, err)
	return code
}

// enrol sets a second factor up in a session.
func (s *stand) enrol(t *testing.T, session string) (secret string, recovery []string) {
	t.Helper()
	a := s.call(t, http.MethodPost, "/v1/staff/me/second-factor", session, nil)
	require.Equal(t, http.StatusCreated, a.Code, a.Body)
	made := decode[api.NewSecondFactor](t, a)
	a = s.call(t, http.MethodPost, "/v1/staff/me/second-factor/confirm", session, map[string]any{"code": codeAt(t, made.Secret, 0)})
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	return made.Secret, decode[api.RecoveryCodes](t, a).RecoveryCodes
}

// forgetSteps lets codes that were used be used again.
func (s *stand) forgetSteps(t *testing.T) {
	t.Helper()
	s.change(t, `UPDATE staff_factors SET last_step = 0, tries = 0`)
}

func (s *stand) tryStaff(t *testing.T, role actor.Role, password, code string) answer {
	t.Helper()
	body := map[string]any{"email": string(role) + "@example.co.tz", "password": password}
	if code != "" {
		body["code"] = code
	}
	return s.call(t, http.MethodPost, "/v1/staff/sessions", "", body)
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.factor = true
	s.handler = s.newHandler(t, s.store)

	t.Run("is the one thing that a session without it can set up", func(t *testing.T) {
		t.Parallel()
		in := s.signIn(t, actor.Auditor)
		require.False(t, in.Session.SecondFactor)
		refused := s.call(t, http.MethodGet, "/v1/accounts", in.Token, nil)
		require.Equal(t, http.StatusForbidden, refused.Code)
		require.Equal(t, "second_factor_missing", refused.code(t))
		require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/accounts", s.tokens[actor.Auditor], nil).Code, "tokens need none")
		me := decode[api.StaffMe](t, s.call(t, http.MethodGet, "/v1/staff/me", in.Token, nil))
		require.Equal(t, api.SecondFactor{Required: true}, me.SecondFactor)

		other := s.signIn(t, actor.Auditor)
		secret, recovery := s.enrol(t, in.Token)
		require.Len(t, recovery, 10)
		require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/accounts", in.Token, nil).Code)
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/staff/me", other.Token, nil).Code, "other sessions end")
		me = decode[api.StaffMe](t, s.call(t, http.MethodGet, "/v1/staff/me", in.Token, nil))
		require.Equal(t, 10, me.SecondFactor.RecoveryCodesLeft)
		require.NotNil(t, me.SecondFactor.ConfirmedAt)

		var kept string
		require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT encode(secret, 'escape') FROM staff_factors f JOIN staff s ON s.id = f.staff_id WHERE s.role = 'auditor'`).Scan(&kept))
		require.NotContains(t, kept, secret, "it is sealed")
	})

	t.Run("is asked for after the right password only", func(t *testing.T) {
		t.Parallel()
		secret, recovery := s.enrol(t, s.signIn(t, actor.Support).Token)
		require.Equal(t, "unauthenticated", s.tryStaff(t, actor.Support, "wrong", "").code(t))
		a := s.tryStaff(t, actor.Support, staffPassword, "")
		require.Equal(t, http.StatusForbidden, a.Code)
		require.Equal(t, "second_factor_required", a.code(t))
		a = s.tryStaff(t, actor.Support, staffPassword, "12345")
		require.Equal(t, http.StatusUnauthorized, a.Code)
		require.Equal(t, map[string]string{"code": "wrong"}, a.fields(t))

		code := codeAt(t, secret, 30*time.Second)
		a = s.tryStaff(t, actor.Support, staffPassword, code)
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		in := decode[api.StaffSignedIn](t, a)
		require.True(t, in.Session.SecondFactor)
		require.Equal(t, http.StatusUnauthorized, s.tryStaff(t, actor.Support, staffPassword, code).Code, "a code works once")
		require.Equal(t, http.StatusUnauthorized, s.tryStaff(t, actor.Support, staffPassword, codeAt(t, secret, 0)).Code, "and none before it afterwards")

		for _, typed := range []string{recovery[0], strings.ToUpper(strings.ReplaceAll(recovery[1], "-", " "))} {
			require.Equal(t, http.StatusCreated, s.tryStaff(t, actor.Support, staffPassword, typed).Code)
			require.Equal(t, http.StatusUnauthorized, s.tryStaff(t, actor.Support, staffPassword, typed).Code, "so does a recovery code")
		}

		a = s.call(t, http.MethodPost, "/v1/staff/me/recovery-codes", in.Token, nil)
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		require.Equal(t, http.StatusUnauthorized, s.tryStaff(t, actor.Support, staffPassword, recovery[2]).Code, "older ones are gone")
		require.Equal(t, http.StatusCreated, s.tryStaff(t, actor.Support, staffPassword, decode[api.RecoveryCodes](t, a).RecoveryCodes[0]).Code)

		stepUp := func(code string) answer {
			return s.call(t, http.MethodPost, "/v1/staff/sessions/current/step-up", in.Token, map[string]any{"password": staffPassword, "code": code})
		}
		require.Equal(t, map[string]string{"code": "wrong"}, stepUp("000000").fields(t))
		s.forgetSteps(t)
		require.Equal(t, http.StatusOK, stepUp(codeAt(t, secret, 0)).Code)
	})

	t.Run("of another person, or under another key, opens nothing", func(t *testing.T) {
		t.Parallel()
		secret, _ := s.enrol(t, s.signIn(t, actor.Finance).Token)
		s.change(t, `INSERT INTO staff_factors (staff_id, secret, confirmed_at, tries_since)
			SELECT r.id, f.secret, now(), now() FROM staff r, staff_factors f JOIN staff s ON s.id = f.staff_id WHERE r.role = 'reviewer' AND s.role = 'finance'`)
		require.Equal(t, http.StatusUnauthorized, s.tryStaff(t, actor.Reviewer, staffPassword, codeAt(t, secret, 30*time.Second)).Code)
		require.Equal(t, http.StatusCreated, s.tryStaff(t, actor.Finance, staffPassword, codeAt(t, secret, 30*time.Second)).Code)
	})
}

func TestSecondFactor_lets_nobody_guess(t *testing.T) {
	t.Parallel()
	s := setup(t)
	secret, recovery := s.enrol(t, s.signIn(t, actor.Admin).Token)
	var wrong, limited atomic.Int64
	race(30, func(int) {
		switch a := s.tryStaff(t, actor.Admin, staffPassword, "zzzzzz"); a.Code {
		case http.StatusUnauthorized:
			wrong.Add(1)
		case http.StatusTooManyRequests:
			limited.Add(1)
		}
	})
	require.EqualValues(t, 10, wrong.Load(), "however many try at once")
	require.EqualValues(t, 20, limited.Load())
	a := s.tryStaff(t, actor.Admin, staffPassword, codeAt(t, secret, 30*time.Second))
	require.Equal(t, http.StatusTooManyRequests, a.Code, "a right one is not tried either")
	require.NotEmpty(t, a.Header().Get("Retry-After"))
	require.Equal(t, "unauthenticated", s.tryStaff(t, actor.Admin, "wrong", "").code(t), "who lacks the password learns nothing of it")
	s.change(t, `UPDATE staff_factors SET tries_since = now() - interval '15 minutes'`)
	require.Equal(t, http.StatusCreated, s.tryStaff(t, actor.Admin, staffPassword, recovery[0]).Code)

	var events int
	require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE action = 'staff.code_refused'`).Scan(&events))
	require.Equal(t, 10, events)
}

func TestSecondFactor_of_one_code_begins_one_session(t *testing.T) {
	t.Parallel()
	s := setup(t)
	secret, _ := s.enrol(t, s.signIn(t, actor.Admin).Token)
	code := codeAt(t, secret, 30*time.Second)
	var begun atomic.Int64
	race(8, func(int) {
		if s.tryStaff(t, actor.Admin, staffPassword, code).Code == http.StatusCreated {
			begun.Add(1)
		}
	})
	require.EqualValues(t, 1, begun.Load())
}

func TestSecondFactor_is_begun_and_confirmed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	in := s.signIn(t, actor.Admin)
	confirm := func(code string) answer {
		return s.call(t, http.MethodPost, "/v1/staff/me/second-factor/confirm", in.Token, map[string]any{"code": code})
	}
	require.Equal(t, "conflict", confirm("123456").code(t), "nothing waits")
	made := decode[api.NewSecondFactor](t, s.call(t, http.MethodPost, "/v1/staff/me/second-factor", in.Token, nil))
	address, err := url.Parse(made.OtpauthURL)
	require.NoError(t, err)
	require.Equal(t, "/Ujumbe:admin@example.co.tz", address.Path)
	require.Equal(t, url.Values{
		"secret": {made.Secret}, "issuer": {"Ujumbe"}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"},
	}, address.Query())
	require.Equal(t, map[string]string{"code": "wrong"}, confirm("12345").fields(t))
	require.Equal(t, http.StatusCreated, s.tryStaff(t, actor.Admin, staffPassword, "").Code, "it does not count yet")
	s.change(t, `UPDATE staff_factors SET pending_since = now() - interval '16 minutes'`)
	require.Equal(t, "conflict", confirm(codeAt(t, made.Secret, 0)).code(t))
	s.change(t, `UPDATE staff_sessions SET recent_until = now() - interval '1 second'`)
	require.Equal(t, "step_up_required", s.call(t, http.MethodPost, "/v1/staff/me/second-factor", in.Token, nil).code(t))
	require.Equal(t, http.StatusConflict, s.call(t, http.MethodPost, "/v1/staff/me/recovery-codes", s.signIn(t, actor.Admin).Token, nil).Code, "without a factor")
}
