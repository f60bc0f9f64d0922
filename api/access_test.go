package api_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/identity"
)

// TestSpecification holds the contract against itself and against the code:
// the specification is valid, and its x-access is what the table in access.go
// says of each route.
func TestSpecification(t *testing.T) {
	t.Parallel()
	document := specification(t).document
	require.NoError(t, document.Validate(t.Context(), openapi3.EnableExamplesValidation()))

	// Read from the source, since a table that tests could import could be
	// changed by one.
	source, err := os.ReadFile("access.go")
	require.NoError(t, err)
	permissions := map[string]actor.Permission{
		"ReadAccounts": actor.ReadAccounts, "ReadLedger": actor.ReadLedger, "TopUp": actor.TopUp, "ReadDocuments": actor.ReadDocuments, "Review": actor.Review, "ManageAccess": actor.ManageAccess,
		"Administer": actor.Administer, "ReadAudit": actor.ReadAudit, "ForceReset": actor.ForceReset, "ManageData": actor.ManageData,
	}
	declared := map[string]string{}
	for _, line := range regexp.MustCompile(`"([\w*]+ \S+)":\s+web\.(Anyone|Pass|UploadOrSession|UserOrKey|User|Appellant|StaffMember|StaffSession|ActiveUser|KeyOrService|Service|Staff\(actor\.(\w+)\))(\S*),`).FindAllStringSubmatch(string(source), -1) {
		route := regexp.MustCompile(`:(\w+)`).ReplaceAllString(line[1], "{$1}")
		route = strings.Replace(route, "* ", "GET ", 1) // every method is specified as one
		switch line[2] {
		case "Pass":
			declared[route] = "pass"
		case "Anyone":
			declared[route] = "anyone"
		case "UploadOrSession":
			declared[route] = "applicant"
		case "User":
			declared[route] = "user"
			if strings.HasSuffix(line[4], ".EvenSuspended()") {
				declared[route] += ", even suspended"
			}
		case "Appellant":
			declared[route] = "appeal"
		case "StaffMember":
			declared[route] = "staff"
		case "StaffSession":
			declared[route] = "staff session"
		case "ActiveUser":
			declared[route] = "active user"
		case "UserOrKey":
			declared[route] = "active user or API key"
		case "KeyOrService":
			declared[route] = "API key or service:" + scopeOf(strings.TrimSuffix(line[4], ".ProvenByHandler()"))
		case "Service":
			declared[route] = "service:" + scopeOf(line[4])
		default:
			declared[route] = string(permissions[line[3]])
		}
	}
	for _, line := range regexp.MustCompile(`"(\w+ \S+)":\s+web\.\S+\.Recent\(\)`).FindAllStringSubmatch(string(source), -1) {
		declared[regexp.MustCompile(`:(\w+)`).ReplaceAllString(line[1], "{$1}")] += ", recent"
	}
	specified := map[string]string{}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			access, ok := operation.Extensions["x-access"].(string)
			require.True(t, ok, "%s %s", method, path)
			if recent, _ := operation.Extensions["x-recent"].(bool); recent {
				access += ", recent"
			}
			specified[method+" "+path] = access
		}
	}
	require.Equal(t, specified, declared)

	// Whoever moves credits has shown a short while ago who they are.
	for route, access := range declared {
		moves := strings.HasPrefix(access, string(actor.TopUp)) && !strings.HasSuffix(route, "/preview") && !strings.HasSuffix(route, "/decline")
		require.Equal(t, moves, access == string(actor.TopUp)+", recent", route)
	}
}

// scopeOf returns the scope that is written as "(actor.ScopeCharges)".
func scopeOf(source string) string {
	return strings.ToLower(strings.Trim(strings.TrimPrefix(source, "(actor.Scope"), ")"))
}

// TestAccess asks every route of the specification as everyone: nobody, each
// kind of user, each role.
func TestAccess(t *testing.T) {
	t.Parallel()
	s := setup(t)
	own, other := s.register(t), s.register(t)
	suspended, closed := s.register(t), s.register(t)
	s.setStatus(t, suspended, account.Suspended)
	s.setStatus(t, closed, account.Closed)
	unknownStaff, _ := identity.NewToken(identity.StaffToken)
	unknownUser, _ := identity.NewToken(identity.SessionToken)
	unknownService, _ := identity.NewToken(identity.ServiceToken)
	unknownKey, _ := identity.NewAPIKey()
	active, banned := s.activeUser(t), s.activeUser(t)
	key, bannedKey := s.apiKey(t, active), s.apiKey(t, banned)
	s.setStatus(t, banned, account.Suspended)
	ended := s.endedCredentials(t, active)

	type caller struct {
		name, token string
		// expect returns the status that access must give; 0 stands for
		// anything but a refusal of access.
		expect func(access string) int
	}
	always := func(status int) func(string) int { return func(string) int { return status } }
	forUsers := func(status int) func(string) int {
		return func(access string) int {
			if access == "user, even suspended" {
				return 0
			}
			if access == "user" || (strings.HasPrefix(access, "active user") || access == "pass") && status != 0 {
				return status
			}
			return http.StatusForbidden
		}
	}
	callers := []caller{
		{"nobody", "", always(http.StatusUnauthorized)},
		{"a made-up token", "letmein", always(http.StatusUnauthorized)},
		{"an unknown staff token", unknownStaff, always(http.StatusUnauthorized)},
		{"an unknown session", unknownUser, always(http.StatusUnauthorized)},
		{"an unknown service", unknownService, always(http.StatusUnauthorized)},
		{"an unknown API key", unknownKey, always(http.StatusUnauthorized)},
		{"a mistyped API key", key[:len(key)-1] + "~", always(http.StatusUnauthorized)},
		{"a service", s.service(t, actor.Scopes()...), func(access string) int {
			if strings.Contains(access, "service:") {
				return 0
			}
			return http.StatusForbidden
		}},
		{"a service for refunds alone", s.service(t, actor.ScopeRefunds), func(access string) int {
			if access == "service:refunds" {
				return 0
			}
			return http.StatusForbidden
		}},
		{"an API key", key, func(access string) int {
			if access == "pass" || strings.Contains(access, "API key") {
				return 0
			}
			return http.StatusForbidden
		}},
		{"an API key of a suspended account", bannedKey, always(http.StatusForbidden)},
		{"an active user", active.session, func(access string) int {
			if strings.HasPrefix(access, "user") || strings.HasPrefix(access, "active user") || access == "pass" {
				return 0
			}
			return http.StatusForbidden
		}},
		{"the user of a closed account", closed.session, func(access string) int {
			if access == "pass" {
				return http.StatusForbidden
			}
			return http.StatusUnauthorized
		}},
		{"another user", other.session, forUsers(0)},
		{"another applicant", other.uploadToken, always(http.StatusForbidden)},
		{"a suspended user", suspended.session, forUsers(http.StatusForbidden)},
		{"the applicant", own.uploadToken, func(access string) int {
			if access == "applicant" {
				return 0
			}
			return http.StatusForbidden
		}},
		{"the user", own.session, func(access string) int {
			if access == "applicant" || strings.HasPrefix(access, "user") {
				return 0
			}
			return http.StatusForbidden
		}},
	}
	for _, role := range actor.Roles() {
		callers = append(callers, caller{"the " + string(role), s.tokens[role], func(access string) int {
			if access == "staff" || (actor.Actor{Kind: actor.Staff, Role: role}).May(actor.Permission(access)) {
				return 0
			}
			return http.StatusForbidden
		}})
	}
	callers = append(callers, caller{"the support that signed in", s.signIn(t, actor.Support).Token, func(access string) int {
		if access == "staff" || access == "staff session" || (actor.Actor{Kind: actor.Staff, Role: actor.Support}).May(actor.Permission(access)) {
			return 0
		}
		return http.StatusForbidden
	}})
	for name, token := range ended {
		callers = append(callers, caller{name, token, always(http.StatusUnauthorized)})
	}
	target := strings.NewReplacer("{id}", own.id, "{doc}", own.id, "{appeal}", own.id, "{n}", "1")
	for path, item := range specification(t).document.Paths.Map() {
		for method, operation := range item.Operations() {
			access := operation.Extensions["x-access"].(string)
			if strings.HasPrefix(path, "/v1/delivery-reports/") {
				continue // a signature and no credential opens it
			}
			for _, c := range callers {
				if method == http.MethodDelete && c.expect(access) == 0 {
					continue // it would end the session that others need
				}
				a := s.call(t, method, target.Replace(path), c.token, "[]") // no body that is accepted, so nothing changes
				want := 0
				if access != "anyone" {
					want = c.expect(access)
				}
				if kind := identity.TokenKind(c.token); access == "pass" &&
					(kind == identity.StaffToken || kind == identity.StaffSessionToken || kind == identity.UploadToken) {
					want = http.StatusUnauthorized // they open nothing at the gate
				}
				if want != 0 {
					require.Equal(t, want, a.Code, "%s asks %s %s", c.name, method, path)
					continue
				}
				refusals := []int{401, 403, 405}
				if !strings.Contains(path, "{doc}") && !strings.HasPrefix(path, "/v1/decisions") && path != "/v1/top-ups/{id}" && !strings.HasPrefix(path, "/v1/staff/{id}") && !strings.HasPrefix(path, "/v1/messages/") {
					refusals = append(refusals, 404)
				}
				require.NotContains(t, refusals, a.Code, "%s asks %s %s: %s", c.name, method, path, a.Body)
			}
		}
	}
}

// endedCredentials returns one of each kind that was good before: revoked, expired,
// not used for too long, ended, or of somebody who is disabled.
func (s *stand) endedCredentials(t *testing.T, of user) map[string]string {
	t.Helper()
	tokens := map[string]string{"a revoked API key": s.apiKey(t, of), "a revoked service": s.service(t, actor.Scopes()...)}
	end := func(table, token, change string) {
		hash := identity.HashToken(token)
		s.change(t, `UPDATE `+table+` SET `+change+` WHERE hash = $1`, hash[:])
	}
	end("api_keys", tokens["a revoked API key"], `revoked_at = now()`)
	end("services", tokens["a revoked service"], `revoked_at = now()`)
	for how, change := range map[string]string{"expired": `expires_at = now()`, "idle": `last_used_at = now() - idle`, "ended": `ended_at = now()`} {
		user, staff := decode[api.LoggedIn](t, s.signInUser(t, of, password)).Token, s.signIn(t, actor.Admin).Token
		end("sessions", user, change)
		end("staff_sessions", staff, change)
		tokens["a user's session: "+how], tokens["a staff session: "+how] = user, staff
	}
	s.change(t, `INSERT INTO staff (id, email, name, role, created_at, disabled_at) VALUES (gen_random_uuid(), 'gone@example.co.tz', 'Gone', 'admin', now(), now())`)
	for name, of := range map[string][2]string{
		"an expired staff token": {"admin@example.co.tz", `expires_at = now()`}, "a revoked staff token": {"admin@example.co.tz", `revoked_at = now()`},
		"the token of somebody disabled": {"gone@example.co.tz", `expires_at = NULL`},
	} {
		token, hash := identity.NewToken(identity.StaffToken)
		s.change(t, `INSERT INTO staff_tokens (id, staff_id, hash, name, created_at) SELECT gen_random_uuid(), id, $1, 'test', now() FROM staff WHERE email = $2`, hash[:], of[0])
		end("staff_tokens", token, of[1])
		tokens[name] = token
	}
	return tokens
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.register(t)
	admin := s.tokens[actor.Admin]

	t.Run("are one Authorization header with one Bearer token", func(t *testing.T) {
		t.Parallel()
		for _, values := range [][]string{
			{""}, {"Bearer"}, {"Bearer "}, {admin}, {"Basic " + admin}, {"Bearer " + admin + "x"}, {"Bearer " + admin, "Bearer " + admin},
			{"Bearer " + strings.ToUpper(admin)}, {"Bearer " + admin + ", Bearer " + admin}, {"Bearer kbs_" + strings.Repeat("A", 5000)},
		} {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/stats", http.NoBody)
			request.Header["Authorization"] = values
			a := s.send(t, request)
			require.Equal(t, http.StatusUnauthorized, a.Code, values)
			require.Equal(t, "Bearer", a.Header().Get("WWW-Authenticate"))
		}
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/stats?token="+admin, http.NoBody)
		require.Equal(t, http.StatusUnauthorized, s.send(t, request).Code)
		require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/stats", "", nil, "Authorization", "bearer "+admin).Code)
	})

	t.Run("end with their time, their holder and their revocation", func(t *testing.T) {
		t.Parallel()
		for _, role := range []actor.Role{actor.Finance, actor.Support, actor.Auditor} {
			require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/stats", s.tokens[role], nil).Code)
		}
		s.change(t, `UPDATE staff_tokens SET expires_at = $1 FROM staff s WHERE s.id = staff_id AND s.role = 'finance'`, time.Now().Add(-time.Second))
		s.change(t, `UPDATE staff_tokens SET revoked_at = $1 FROM staff s WHERE s.id = staff_id AND s.role = 'support'`, time.Now())
		s.change(t, `UPDATE staff SET disabled_at = $1 WHERE role = 'auditor'`, time.Now())
		for _, role := range []actor.Role{actor.Finance, actor.Support, actor.Auditor} {
			require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/stats", s.tokens[role], nil).Code, role)
		}
		require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/v1/me", u.session, nil).Code)
		s.change(t, `UPDATE sessions SET expires_at = $1 WHERE purpose = 'session'`, time.Now().Add(-time.Second))
		require.Equal(t, http.StatusUnauthorized, s.call(t, http.MethodGet, "/v1/me", u.session, nil).Code)
	})
}

func (s *stand) change(t *testing.T, sql string, arguments ...any) {
	t.Helper()
	_, err := s.owner.Exec(t.Context(), sql, arguments...)
	require.NoError(t, err)
}
