package routes_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/process/processtest"
	"kibali/cmd/kibali/routes"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/identity"
	"kibali/store"
	"kibali/web"
)

// browser is one kind of browser that asks for pages.
type browser struct {
	name   string
	holder web.Holder // what its cookies make it
	stale  bool       // its sign-in is not recent
	// cookies begins what it holds: a new session each time, since a page may end
	// it.
	cookies func(t *testing.T) map[web.Cookie]string
}

// TestPages_are_for_whom_they_are_declared asks every page of the console and the
// portal as everybody.
func TestPages_are_for_whom_they_are_declared(t *testing.T) {
	t.Parallel()
	s := crowd{processtest.Start(t)}
	browsers := s.browsers(t)
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	asked := 0
	for _, r := range routes.All() {
		if !r.Page {
			continue
		}
		for _, b := range browsers {
			status, to := s.ask(t, client, r, b)
			outsider := strings.HasSuffix(to, "/sign-in") || strings.HasPrefix(to, "/console/sign-in?") || strings.HasPrefix(to, "/login")
			about := []any{"%s asks %s %s (%s): %d %s", b.name, r.Method, r.Path, r.Access, status, to}
			asked++
			switch {
			case r.Access.ForAnyone(), r.Path == "/console/sign-out":
				require.Less(t, status, 500, about...)
			case !r.Access.AdmitsHolder(b.holder, true):
				if r.Path == "/console/live" { // a stream does not begin anew after that
					require.Equal(t, http.StatusNoContent, status, about...)
					continue
				}
				refused := status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusSeeOther && (outsider || to == "/status")
				require.True(t, refused, about...)
				if slices.Contains(actor.Roles(), actor.Role(b.holder)) && strings.HasPrefix(r.Path, "/console") {
					require.Equal(t, http.StatusForbidden, status, about...)
				}
			case r.Access.Recently() && b.stale:
				require.Equal(t, http.StatusForbidden, status, about...)
			default:
				require.Less(t, status, 500, about...)
				require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, status, about...)
				require.False(t, outsider, about...)
			}
		}
	}
	require.Greater(t, asked, 2000)
}

// crowd is everything, and everybody who may come.
type crowd struct{ *processtest.Stand }

func (s crowd) ask(t *testing.T, client *http.Client, r routes.Route, b browser) (status int, to string) {
	t.Helper()
	path := strings.NewReplacer(":id", uuid.NewString(), ":doc", uuid.NewString(), ":n", "1", ":what", "nothing", ":token", "none", "*file", "none").Replace(r.Path)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel() // of what is streamed the beginning is enough
	request, err := http.NewRequestWithContext(ctx, r.Method, s.URL+path, strings.NewReader("[]"))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json") // no form, so that nothing is done
	for name, value := range b.cookies(t) {
		request.AddCookie(&http.Cookie{Name: string(name), Value: value})
	}
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	location, err := url.Parse(answer.Header.Get("Location"))
	require.NoError(t, err)
	return answer.StatusCode, location.RequestURI()
}

// browsers are everybody: nobody, whose credential is none any more or is another
// one, each kind of user, each role.
func (s crowd) browsers(t *testing.T) []browser {
	t.Helper()
	active, pending, suspended, closed := s.Register(t, nil), s.Register(t, nil), s.Register(t, nil), s.Register(t, nil)
	for of, status := range map[uuid.UUID]account.Status{active.ID: account.Active, suspended.ID: account.Suspended, closed.ID: account.Closed} {
		_, err := s.Owner.Exec(t.Context(), `UPDATE accounts SET status = $2, stage = '' WHERE id = $1`, of, status)
		require.NoError(t, err)
	}
	_, err := s.Owner.Exec(t.Context(), `INSERT INTO staff (id, email, name, role, created_at, disabled_at) VALUES ($1, 'gone@example.co.tz', 'Gone', 'admin', now(), now())`, gone)
	require.NoError(t, err)
	admin := s.Staff[actor.Admin].ID
	unknown, _ := identity.NewToken(identity.StaffSessionToken)
	unknownUser, _ := identity.NewToken(identity.SessionToken)
	fixed := func(cookies map[web.Cookie]string) func(*testing.T) map[web.Cookie]string {
		return func(*testing.T) map[web.Cookie]string { return cookies }
	}
	all := []browser{
		{name: "nobody", holder: web.Nobody, cookies: fixed(nil)},
		{name: "unknown sessions", holder: web.Nobody, cookies: fixed(map[web.Cookie]string{web.StaffCookie: unknown, web.UserCookie: unknownUser})},
		{name: "an admin whose session has expired", holder: web.Nobody, cookies: s.staff(web.StaffCookie, admin, `expires_at = now()`)},
		{name: "an admin who did nothing for long", holder: web.Nobody, cookies: s.staff(web.StaffCookie, admin, `last_used_at = now() - idle`)},
		{name: "an admin whose session was ended", holder: web.Nobody, cookies: s.staff(web.StaffCookie, admin, `ended_at = now()`)},
		{name: "a disabled admin", holder: web.Nobody, cookies: s.staff(web.StaffCookie, gone, "")},
		{name: "an admin with a user's cookie", holder: web.Nobody, cookies: s.staff(web.UserCookie, admin, "")},
		{name: "a user with the staff's cookie", holder: web.Nobody, cookies: s.user(web.StaffCookie, active.ID, store.PurposeSession, "")},
		{name: "a user whose session has expired", holder: web.Nobody, cookies: s.user(web.UserCookie, active.ID, store.PurposeSession, `expires_at = now()`)},
		{name: "the user of a closed account", holder: web.Nobody, cookies: s.user(web.UserCookie, closed.ID, store.PurposeSession, "")},
		{name: "an applicant with the user's cookie", holder: web.Nobody, cookies: s.user(web.UserCookie, pending.ID, store.PurposeUpload, "")},
		{name: "an applicant", holder: web.Applicant, cookies: s.user(web.UploadCookie, pending.ID, store.PurposeUpload, "")},
		{name: "a pending user", holder: web.PendingUser, cookies: s.user(web.UserCookie, pending.ID, store.PurposeSession, "")},
		{name: "an active user", holder: web.ActiveOne, cookies: s.user(web.UserCookie, active.ID, store.PurposeSession, "")},
		{name: "a suspended user", holder: web.SuspendedUser, cookies: s.user(web.UserCookie, suspended.ID, store.PurposeSession, "")},
		{name: "who may appeal", holder: web.AppealHolder, cookies: s.user(web.AppealCookie, suspended.ID, store.PurposeAppeal, "")},
	}
	for _, role := range actor.Roles() {
		all = append(all,
			browser{name: "the " + string(role), holder: web.Holder(role), cookies: s.staff(web.StaffCookie, s.Staff[role].ID, "")},
			browser{name: "the " + string(role) + " of this morning", holder: web.Holder(role), stale: true, cookies: s.staff(web.StaffCookie, s.Staff[role].ID, `recent_until = now()`)})
	}
	return all
}

var gone = uuid.New()

// staff returns what begins a session of a staff member and then spoils it.
func (s crowd) staff(cookie web.Cookie, id uuid.UUID, spoil string) func(t *testing.T) map[web.Cookie]string {
	return func(t *testing.T) map[web.Cookie]string {
		t.Helper()
		prefix := identity.StaffSessionToken
		token, hash := identity.NewToken(prefix)
		now := time.Now()
		session := store.StaffSession{
			ID: uuid.New(), StaffID: id, Hash: hash, Method: store.MethodPassword, SecondFactor: true, CreatedAt: now, AuthenticatedAt: now,
			RecentUntil: now.Add(time.Hour), LastUsedAt: now, Idle: time.Hour, ExpiresAt: now.Add(time.Hour),
		}
		require.NoError(t, s.Process.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.InsertStaffSession(ctx, session) }))
		s.spoil(t, "staff_sessions", session.ID, spoil)
		return map[web.Cookie]string{cookie: token}
	}
}

// user is staff for a token of an account.
func (s crowd) user(cookie web.Cookie, id uuid.UUID, purpose, spoil string) func(t *testing.T) map[web.Cookie]string {
	kinds := map[string]string{store.PurposeSession: identity.SessionToken, store.PurposeUpload: identity.UploadToken, store.PurposeAppeal: identity.AppealToken}
	return func(t *testing.T) map[web.Cookie]string {
		t.Helper()
		token, hash := identity.NewToken(kinds[purpose])
		session := store.Session{ID: uuid.New(), AccountID: id, Purpose: purpose, Hash: hash, CreatedAt: time.Now(), Idle: time.Hour, ExpiresAt: time.Now().Add(time.Hour)}
		require.NoError(t, s.Process.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.InsertSession(ctx, session) }))
		s.spoil(t, "sessions", session.ID, spoil)
		return map[web.Cookie]string{cookie: token}
	}
}

func (s crowd) spoil(t *testing.T, table string, id uuid.UUID, spoil string) {
	t.Helper()
	if spoil == "" {
		return
	}
	require.True(t, slices.Contains([]string{"sessions", "staff_sessions"}, table))
	_, err := s.Owner.Exec(t.Context(), `UPDATE `+table+` SET `+spoil+` WHERE id = $1`, id)
	require.NoError(t, err)
}
