package api_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/actor"
)

// idOf returns the id of the first staff member of a role.
func (s *stand) idOf(t *testing.T, role actor.Role) string {
	t.Helper()
	return decode[api.StaffMe](t, s.call(t, http.MethodGet, "/v1/staff/me", s.tokens[role], nil)).Staff.ID.String()
}

// hire adds a staff member who has chosen the password of all.
func (s *stand) hire(t *testing.T, email string, role actor.Role) api.StaffView {
	t.Helper()
	a := s.call(t, http.MethodPost, "/v1/staff", s.tokens[actor.Admin], map[string]any{"email": email, "name": "Baraka Mollel", "role": role})
	require.Equal(t, http.StatusCreated, a.Code, a.Body)
	invited := decode[api.InvitedStaff](t, a)
	a = s.call(t, http.MethodPost, "/v1/staff/invitations/accept", "", map[string]any{"token": invited.Invitation.Token, "password": staffPassword})
	require.Equal(t, http.StatusNoContent, a.Code, a.Body)
	return invited.Staff
}

func (s *stand) signInAs(t *testing.T, email string) answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/staff/sessions", "", map[string]any{"email": email, "password": staffPassword})
}

func (s *stand) count(t *testing.T, sql string, arguments ...any) (n int) {
	t.Helper()
	require.NoError(t, s.owner.QueryRow(t.Context(), sql, arguments...).Scan(&n))
	return n
}

func TestStaff_are_invited_once(t *testing.T) {
	t.Parallel()
	s := setup(t)
	admin := s.tokens[actor.Admin]
	create := func(body map[string]any, headers ...string) answer {
		return s.call(t, http.MethodPost, "/v1/staff", admin, body, headers...)
	}
	accept := func(token, password string) answer {
		return s.call(t, http.MethodPost, "/v1/staff/invitations/accept", "", map[string]any{"token": token, "password": password})
	}
	require.Equal(t, map[string]string{"email": "invalid", "name": "required", "role": "invalid"},
		create(map[string]any{"email": "x", "name": " ", "role": "king"}).fields(t))
	baraka := map[string]any{"email": "Baraka@Example.co.tz", "name": "Baraka Mollel", "role": "reviewer"}
	first := create(baraka, "Idempotency-Key", "hire-1")
	require.Equal(t, http.StatusCreated, first.Code, first.Body)
	again := create(baraka, "Idempotency-Key", "hire-1")
	require.Equal(t, first.Body.String(), again.Body.String(), "the same answer, with the same token")
	require.Equal(t, "idempotency_key_reused", create(map[string]any{"email": "other@example.co.tz", "name": "O", "role": "admin"}, "Idempotency-Key", "hire-1").code(t))
	require.Equal(t, map[string]string{"email": "taken"}, create(baraka).fields(t))
	invited := decode[api.InvitedStaff](t, first)
	require.Zero(t, s.count(t, `SELECT count(*) FROM idempotency_keys WHERE position($1::bytea IN result) > 0`, []byte(invited.Invitation.Token)), "sealed")
	require.False(t, invited.Staff.HasPassword)
	require.Equal(t, http.StatusUnauthorized, s.signInAs(t, "baraka@example.co.tz").Code)

	require.Equal(t, map[string]string{"password": "too_short"}, accept(invited.Invitation.Token, "short").fields(t))
	second := decode[api.InvitedStaff](t, s.call(t, http.MethodPost, "/v1/staff/"+invited.Staff.ID.String()+"/invitation", admin, nil))
	require.Equal(t, http.StatusUnauthorized, accept(invited.Invitation.Token, staffPassword).Code, "it was replaced")
	require.Equal(t, http.StatusUnauthorized, accept("kbi_made-up", staffPassword).Code)
	var accepted atomic.Int64
	race(10, func(int) {
		if accept(second.Invitation.Token, staffPassword).Code == http.StatusNoContent {
			accepted.Add(1)
		}
	})
	require.EqualValues(t, 1, accepted.Load())
	in := decode[api.StaffSignedIn](t, s.signInAs(t, "baraka@example.co.tz"))

	late := decode[api.InvitedStaff](t, s.call(t, http.MethodPost, "/v1/staff/"+invited.Staff.ID.String()+"/invitation", admin, nil))
	s.change(t, `UPDATE staff_invitations SET expires_at = now() - interval '1 second' WHERE ended_at IS NULL`)
	require.Equal(t, http.StatusUnauthorized, accept(late.Invitation.Token, staffPassword).Code)
	forgot := decode[api.InvitedStaff](t, s.call(t, http.MethodPost, "/v1/staff/"+invited.Staff.ID.String()+"/invitation", admin, nil))
	require.Equal(t, http.StatusNoContent, accept(forgot.Invitation.Token, "another-long-secret-42").Code)
	require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/staff/me", in.Token, nil).Code, "sessions end with a new password")
}

func TestStaff_keep_one_admin(t *testing.T) {
	t.Parallel()
	s := setup(t)
	admin, id := s.tokens[actor.Admin], s.idOf(t, actor.Admin)
	role := func(token, id, role string) answer {
		return s.call(t, http.MethodPatch, "/v1/staff/"+id, token, map[string]any{"role": role})
	}
	require.Equal(t, "conflict", s.call(t, http.MethodPost, "/v1/staff/"+id+"/disable", admin, nil).code(t))
	require.Equal(t, "conflict", role(admin, id, "reviewer").code(t))
	second := s.hire(t, "second@example.co.tz", actor.Admin)
	other := decode[api.StaffSignedIn](t, s.signInAs(t, "second@example.co.tz"))

	// Each of two admins shuts the other out at the same time.
	var done atomic.Int64
	race(2, func(i int) {
		token, whom := admin, second.ID.String()
		if i == 1 {
			token, whom = other.Token, id
		}
		if s.call(t, http.MethodPost, "/v1/staff/"+whom+"/disable", token, nil).Code == http.StatusOK {
			done.Add(1)
		}
	})
	require.EqualValues(t, 1, done.Load())
	require.Equal(t, 1, s.count(t, `SELECT count(*) FROM staff WHERE role = 'admin' AND disabled_at IS NULL`))
	require.Equal(t, http.StatusOK, role(s.remainingAdmin(t, admin, other.Token), s.idOf(t, actor.Support), "admin").Code)
}

func (s *stand) remainingAdmin(t *testing.T, tokens ...string) string {
	t.Helper()
	for _, token := range tokens {
		if s.call(t, http.MethodGet, "/v1/staff", token, nil).Code == http.StatusOK {
			return token
		}
	}
	t.Fatal("no admin is left")
	return ""
}

func TestStaff_who_are_disabled_are_out_at_once(t *testing.T) {
	t.Parallel()
	s := setup(t)
	second := s.hire(t, "second@example.co.tz", actor.Admin)
	in := decode[api.StaffSignedIn](t, s.signInAs(t, "second@example.co.tz"))
	a := s.call(t, http.MethodPost, "/v1/staff/me/tokens", in.Token, map[string]any{"name": "cli", "expires_at": time.Now().Add(time.Hour)})
	require.Equal(t, http.StatusCreated, a.Code, a.Body)
	token := decode[api.CreatedStaffToken](t, a).Token

	// What they asked for waits, since no worker runs.
	suspected, applicant := s.register(t), s.register(t)
	s.setStatus(t, suspected, "active")
	a = s.call(t, http.MethodPost, "/v1/accounts/"+suspected.id+"/suspend", token, map[string]any{"reason_code": "fraud", "reason": "Under investigation."})
	require.Equal(t, http.StatusAccepted, a.Code, a.Body)
	suspend := decode[api.DecisionAnswer](t, a).Decision
	a = s.call(t, http.MethodPost, "/v1/accounts/"+applicant.id+"/approve", in.Token, map[string]any{})
	require.Equal(t, http.StatusAccepted, a.Code, a.Body)
	approve := decode[api.DecisionAnswer](t, a).Decision
	require.Equal(t, http.StatusForbidden, s.call(t, http.MethodGet, "/v1/me", suspected.session, nil).Code, "blocked")

	disable := func(headers ...string) answer {
		return s.call(t, http.MethodPost, "/v1/staff/"+second.ID.String()+"/disable", s.tokens[actor.Admin], nil, headers...)
	}
	a = disable("Idempotency-Key", "off-1")
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	require.NotNil(t, decode[api.StaffAnswer](t, a).Staff.DisabledAt)
	require.Equal(t, a.Body.String(), disable("Idempotency-Key", "off-1").Body.String())
	require.Equal(t, http.StatusConflict, disable().Code)
	for _, credential := range []string{in.Token, token} {
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/staff/me", credential, nil).Code)
	}
	require.Equal(t, http.StatusUnauthorized, s.signInAs(t, "second@example.co.tz").Code)
	for _, decision := range []api.Decision{suspend, approve} {
		ended := decode[api.DecisionAnswer](t, s.call(t, http.MethodGet, "/v1/decisions/"+decision.ID.String(), s.tokens[actor.Auditor], nil)).Decision
		require.Equal(t, api.Outcome("lapsed"), *ended.Outcome)
		require.Equal(t, 1, s.count(t, `SELECT count(*) FROM audit_events WHERE decision_id = $1 AND action = $2`, decision.ID, string(decision.Kind)+".lapsed"))
	}
	require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/me", suspected.session, nil).Code, "the block is lifted")

	a = s.call(t, http.MethodPost, "/v1/staff/"+second.ID.String()+"/enable", s.tokens[actor.Admin], nil)
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/staff/me", token, nil).Code, "what ended stays ended")
	require.Equal(t, http.StatusCreated, s.signInAs(t, "second@example.co.tz").Code)
	require.Equal(t, 1, s.count(t, `SELECT count(*) FROM audit_events WHERE action = 'staff.disabled' AND subject_id = $1`, second.ID.String()))
}

func TestStaff_who_lose_a_role_lose_what_it_permitted(t *testing.T) {
	t.Parallel()
	s := setup(t)
	applicant := s.register(t)
	a := s.call(t, http.MethodPost, "/v1/accounts/"+applicant.id+"/approve", s.tokens[actor.Reviewer], map[string]any{})
	require.Equal(t, http.StatusAccepted, a.Code, a.Body)
	decision := decode[api.DecisionAnswer](t, a).Decision
	change := map[string]any{"role": "finance", "name": "  Juma   Kileo "}
	a = s.call(t, http.MethodPatch, "/v1/staff/"+s.idOf(t, actor.Reviewer), s.tokens[actor.Admin], change)
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	require.Equal(t, "Juma Kileo", decode[api.StaffAnswer](t, a).Staff.Name)
	ended := decode[api.DecisionAnswer](t, s.call(t, http.MethodGet, "/v1/decisions/"+decision.ID.String(), s.tokens[actor.Admin], nil)).Decision
	require.Equal(t, api.Outcome("lapsed"), *ended.Outcome)
	require.Equal(t, http.StatusForbidden, s.call(t, http.MethodPost, "/v1/accounts/"+applicant.id+"/approve", s.tokens[actor.Reviewer], nil).Code)
	require.Zero(t, s.count(t, `SELECT count(*) FROM audit_events WHERE before::text || after::text LIKE '%Kileo%'`), "names are not in the audit trail")
	a = s.call(t, http.MethodPatch, "/v1/staff/"+s.idOf(t, actor.Admin), s.tokens[actor.Admin], map[string]any{})
	require.Equal(t, http.StatusOK, a.Code, a.Body)
}

func TestStaff_do_not_approve_themselves(t *testing.T) {
	t.Parallel()
	s := setup(t)
	own := s.register(t, func(body map[string]any) { body["email"] = "Reviewer@EXAMPLE.co.tz" })
	a := s.call(t, http.MethodPost, "/v1/accounts/"+own.id+"/approve", s.tokens[actor.Reviewer], map[string]any{})
	require.Equal(t, http.StatusForbidden, a.Code)
	require.Zero(t, s.count(t, `SELECT count(*) FROM decisions`))
	require.Equal(t, http.StatusAccepted, s.call(t, http.MethodPost, "/v1/accounts/"+own.id+"/approve", s.tokens[actor.Admin], map[string]any{}).Code)
}

func TestStaff_whose_second_factor_is_lost_set_up_another(t *testing.T) {
	t.Parallel()
	s := setup(t)
	in := s.signIn(t, actor.Support)
	s.enrol(t, in.Token)
	require.Equal(t, "second_factor_required", s.tryStaff(t, actor.Support, staffPassword, "").code(t))
	a := s.call(t, http.MethodPost, "/v1/staff/"+in.Staff.ID.String()+"/second-factor-reset", s.tokens[actor.Admin], nil)
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	require.False(t, decode[api.StaffAnswer](t, a).Staff.SecondFactor)
	require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/staff/me", in.Token, nil).Code)
	require.Equal(t, http.StatusCreated, s.tryStaff(t, actor.Support, staffPassword, "").Code)
	require.Zero(t, s.count(t, `SELECT count(*) FROM staff_recovery_codes`))
}

func TestStaffTokens(t *testing.T) {
	t.Parallel()
	s := setup(t)
	in := s.signIn(t, actor.Admin)
	create := func(body map[string]any, headers ...string) answer {
		return s.call(t, http.MethodPost, "/v1/staff/me/tokens", in.Token, body, headers...)
	}
	soon := time.Now().Add(time.Hour)
	require.Equal(t, map[string]string{"name": "required", "scopes": "invalid", "expires_at": "invalid"},
		create(map[string]any{"name": "", "scopes": []string{"everything"}, "expires_at": time.Now().Add(-time.Hour)}).fields(t))
	require.Equal(t, map[string]string{"expires_at": "invalid"}, create(map[string]any{"name": "x", "expires_at": time.Now().Add(400 * 24 * time.Hour)}).fields(t))
	support := s.signIn(t, actor.Support)
	beyond := s.call(t, http.MethodPost, "/v1/staff/me/tokens", support.Token, map[string]any{"name": "x", "scopes": []string{"audit.read"}, "expires_at": soon})
	require.Equal(t, map[string]string{"scopes": "invalid"}, beyond.fields(t), "beyond one's role")

	wanted := map[string]any{"name": "nightly export", "scopes": []string{"accounts.read"}, "expires_at": soon}
	a := create(wanted, "Idempotency-Key", "t1")
	require.Equal(t, http.StatusCreated, a.Code, a.Body)
	require.Equal(t, a.Body.String(), create(wanted, "Idempotency-Key", "t1").Body.String())
	made := decode[api.CreatedStaffToken](t, a)
	require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/accounts", made.Token, nil).Code)
	require.Equal(t, http.StatusForbidden, s.call(t, http.MethodGet, "/v1/staff", made.Token, nil).Code, "it is limited")
	me := decode[api.StaffMe](t, s.call(t, http.MethodGet, "/v1/staff/me", made.Token, nil))
	require.Equal(t, []string{"accounts.read"}, me.Permissions)
	require.Equal(t, http.StatusForbidden, s.call(t, http.MethodPost, "/v1/staff/me/tokens", made.Token, wanted).Code, "a token makes no token")

	all := decode[api.CreatedStaffToken](t, create(map[string]any{"name": "everything", "expires_at": soon}))
	require.Nil(t, all.StaffToken.Scopes)
	require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/staff", all.Token, nil).Code)
	page := decode[api.StaffTokensPage](t, s.call(t, http.MethodGet, "/v1/staff/me/tokens", in.Token, nil))
	require.Len(t, page.Items, 3, "with the one that the test began with")

	other := "/v1/staff/me/tokens/" + made.StaffToken.ID.String()
	require.Equal(t, http.StatusNotFound, s.call(t, http.MethodDelete, other, support.Token, nil).Code)
	require.Equal(t, http.StatusNoContent, s.call(t, http.MethodDelete, other, in.Token, nil).Code)
	require.Equal(t, http.StatusNotFound, s.call(t, http.MethodDelete, other, in.Token, nil).Code)
	require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/accounts", made.Token, nil).Code)
	s.change(t, `UPDATE staff_tokens SET expires_at = now() WHERE id = $1`, all.StaffToken.ID)
	require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/accounts", all.Token, nil).Code)
	s.change(t, `UPDATE staff_sessions SET recent_until = now()`)
	require.Equal(t, "step_up_required", create(wanted).code(t))
}
