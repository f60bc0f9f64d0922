package console_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/process"
	"kibali/cmd/kibali/process/processtest"
	"kibali/console"
	"kibali/devstack/browser/browsertest"
	"kibali/domain/actor"
	"kibali/service"
	"kibali/sso"
	"kibali/sso/ssotest"
	"kibali/store"
)

// office is everything, with an identity provider beside it.
type office struct {
	*processtest.Stand
	at *ssotest.Provider
}

// TestSSO signs staff in through a real identity provider.
func TestSSO(t *testing.T) {
	t.Parallel()
	at := ssotest.Start(t)
	o := office{at: at, Stand: processtest.Start(t, func(b *process.Blueprint) {
		at.Redirect(b.BaseURL + console.SSOCallbackPath)
		b.SSO = &sso.Config{
			Issuer: at.URL, ClientID: ssotest.ClientID, ClientSecret: ssotest.ClientSecret, RedirectURL: b.BaseURL + console.SSOCallbackPath,
			Scopes: []string{"openid", "email", "profile"}, Label: "Ujumbe Accounts", RoleClaim: "roles", Key: b.SecretKey, Log: b.Log,
			Roles: sso.Roles{{Value: "chiefs", Role: actor.Admin}, {Value: "desk", Role: actor.Reviewer}, {Value: "help", Role: actor.Support}},
		}
	})}
	for name, step := range map[string]func(*testing.T, office){
		"adds whoever is new, and follows their role":          addsAndFollows,
		"shuts out whoever has no role any more":               shutsOut,
		"keeps the disabled out":                               keepsDisabledOut,
		"links staff with a password by a verified e-mail":     linksByEmail,
		"links nobody by an unverified e-mail":                 linksNobodyUnverified,
		"takes the place of the session that there was":        replacesSession,
		"is for the browser that began it, once":               onceInOneBrowser,
		"leads nowhere else":                                   leadsNowhereElse,
		"asks the person again for what asks for it":           asksAgain,
		"gives a password in place of it by an invitation":     unlinksByInvitation,
		"says when the person or the provider has refused":     saysRefused,
		"leaves the last admin an admin, and with a password":  leavesLastAdmin,
		"works in a browser, and goes on with what was typed":  worksInBrowser,
		"is not recent when the provider does not say how old": notRecentWithoutTime,
	} {
		t.Run(name, func(t *testing.T) { step(t, o) })
	}
}

// visitor is a browser without a window.
type visitor struct {
	*http.Client
	base string
}

func (o office) visitor(t *testing.T) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return visitor{&http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}, o.URL}
}

// page is what a visitor was answered with.
type page struct {
	status   int
	location string
	body     string
}

func (v visitor) get(t *testing.T, address string) page {
	return v.send(t, http.MethodGet, address, nil)
}

func (v visitor) send(t *testing.T, method, address string, form url.Values) page {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = v.base + address
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := v.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return page{answer.StatusCode, answer.Header.Get("Location"), string(body)}
}

// come goes to the provider by an address of ours, signs in there and returns
// what the way back leads to.
func (o office) come(t *testing.T, v visitor, by, email string) page {
	t.Helper()
	gone := v.get(t, by)
	require.Equal(t, http.StatusSeeOther, gone.status, gone.body)
	require.True(t, strings.HasPrefix(gone.location, o.at.URL), gone.location)
	return v.get(t, o.at.SignIn(t, gone.location, email).String())
}

const ssoStart = "/console/sign-in/sso"

// someone puts a new person at the provider.
func (o office) someone(roles ...string) ssotest.Person {
	subject := uuid.NewString()
	who := ssotest.Person{Subject: subject, Email: "p" + subject[:8] + "@example.co.tz", Name: "Upendo Shayo", Roles: roles}
	o.at.Put(who)
	return who
}

// member returns the staff member of an e-mail.
func (o office) member(t *testing.T, email string) store.StaffView {
	t.Helper()
	reader := o.Process.Store.Reader()
	id, err := reader.StaffIDByEmail(t.Context(), email)
	require.NoError(t, err)
	member, err := reader.StaffMember(t.Context(), id)
	require.NoError(t, err)
	return member
}

// events are the audit events about a staff member, the oldest first: their
// actions, with what was before and after.
func (o office) events(t *testing.T, id uuid.UUID) []string {
	t.Helper()
	rows, err := o.Owner.Query(t.Context(), `
		SELECT action || ' ' || coalesce(before->>'role', '') || '>' || coalesce(after->>'role', after->>'reason', '')
		FROM audit_events WHERE subject = 'staff' AND subject_id = $1 ORDER BY id`, id.String())
	require.NoError(t, err)
	var found []string
	for rows.Next() {
		var event string
		require.NoError(t, rows.Scan(&event))
		found = append(found, event)
	}
	require.NoError(t, rows.Err())
	return found
}

func addsAndFollows(t *testing.T, o office) {
	who, v := o.someone("desk"), o.visitor(t)
	require.Contains(t, v.get(t, "/console/sign-in").body, "Sign in with Ujumbe Accounts")
	back := o.come(t, v, ssoStart+"?next=/console/pending", who.Email)
	require.Equal(t, http.StatusSeeOther, back.status, back.body)
	require.Equal(t, "/console/pending", back.location)
	require.Equal(t, http.StatusOK, v.get(t, "/console/pending").status)
	self := v.get(t, "/console/self")
	require.Contains(t, self.body, "You sign in with Ujumbe Accounts")
	require.NotContains(t, self.body, `name="current_password"`)
	member := o.member(t, who.Email)
	require.Equal(t, actor.Reviewer, member.Role)
	require.Equal(t, who.Name, member.Name)
	require.True(t, member.SSO)
	require.False(t, member.HasPassword)

	who.Roles, who.Email, who.Name = []string{"help"}, "new-"+who.Email, "Upendo Mtei"
	o.at.Put(who)
	require.Equal(t, http.StatusSeeOther, o.come(t, o.visitor(t), ssoStart, who.Email).status)
	changed := o.member(t, who.Email)
	require.Equal(t, member.ID, changed.ID)
	require.Equal(t, actor.Support, changed.Role)
	require.Equal(t, "Upendo Mtei", changed.Name)
	require.Equal(t, []string{
		"staff.created >reviewer", "staff.sign_on_linked >", "staff.changed reviewer>support", "staff.changed >",
	}, o.events(t, member.ID))
}

func shutsOut(t *testing.T, o office) {
	who, v := o.someone("desk"), o.visitor(t)
	require.Equal(t, http.StatusSeeOther, o.come(t, v, ssoStart, who.Email).status)
	require.Equal(t, http.StatusOK, v.get(t, "/console/users").status)
	who.Roles = []string{"everyone"}
	o.at.Put(who)
	other := o.visitor(t)
	back := o.come(t, other, ssoStart, who.Email)
	require.Equal(t, http.StatusUnauthorized, back.status)
	require.Contains(t, back.body, "gives you no role here")
	require.Equal(t, http.StatusSeeOther, other.get(t, "/console/users").status, "nobody is signed in")
	require.Equal(t, http.StatusSeeOther, v.get(t, "/console/users").status, "the session that there was has ended")
	require.Contains(t, o.events(t, o.member(t, who.Email).ID), "staff.sign_on_refused >no_role")

	stranger := o.someone("everyone")
	require.Contains(t, o.come(t, o.visitor(t), ssoStart, stranger.Email).body, "gives you no role here")
	_, err := o.Process.Store.Reader().StaffIDByEmail(t.Context(), stranger.Email)
	require.Error(t, err, "nobody is added without a role")
}

func keepsDisabledOut(t *testing.T, o office) {
	who, v := o.someone("desk"), o.visitor(t)
	require.Equal(t, http.StatusSeeOther, o.come(t, v, ssoStart, who.Email).status)
	admin := o.Staff[actor.Admin]
	_, err := o.Process.Service.DisableStaff(t.Context(), actor.Actor{Kind: actor.Staff, ID: admin.ID, Role: admin.Role}, nil, o.member(t, who.Email).ID)
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, v.get(t, "/console/users").status)
	require.Contains(t, o.come(t, v, ssoStart, who.Email).body, "You may not sign in here any more.")
	require.Equal(t, http.StatusSeeOther, v.get(t, "/console/users").status)
}

// withPassword adds a staff member with a password, who is signed in.
func (o office) withPassword(t *testing.T, role actor.Role) (email string, in visitor) {
	t.Helper()
	const password = "a quiet lake behind the hills"
	hash, err := o.Process.Hasher.Hash(t.Context(), password)
	require.NoError(t, err)
	email = "m" + uuid.NewString()[:8] + "@example.co.tz"
	require.NoError(t, o.Process.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.InsertStaff(ctx, store.Staff{ID: uuid.New(), Email: email, Name: "Juma Kileo", Role: role}, hash, time.Now())
	}))
	in = o.visitor(t)
	require.Equal(t, http.StatusSeeOther, in.password(t, email, password).status)
	return email, in
}

func (v visitor) password(t *testing.T, email, password string) page {
	t.Helper()
	return v.send(t, http.MethodPost, "/console/sign-in", url.Values{"email": {email}, "password": {password}})
}

func linksByEmail(t *testing.T, o office) {
	email, in := o.withPassword(t, actor.Finance)
	before := o.member(t, email)
	o.at.Put(ssotest.Person{Subject: "linked-" + email, Email: email, Name: "Juma Kileo", Roles: []string{"desk"}})
	back := o.come(t, o.visitor(t), ssoStart, email)
	require.Equal(t, http.StatusSeeOther, back.status, back.body)
	after := o.member(t, email)
	require.Equal(t, before.ID, after.ID)
	require.True(t, after.SSO)
	require.False(t, after.HasPassword)
	require.Equal(t, actor.Reviewer, after.Role)
	require.Equal(t, http.StatusSeeOther, in.get(t, "/console/users").status, "the session with the password has ended")
	require.Equal(t, http.StatusUnauthorized, o.visitor(t).password(t, email, "a quiet lake behind the hills").status)
	require.Equal(t, []string{"staff.sign_on_linked >", "staff.changed finance>reviewer"}, o.events(t, after.ID))

	// Somebody else with the address later on is not the same person.
	o.at.Put(ssotest.Person{Subject: "linked-" + email, Email: "moved-" + email, Roles: []string{"desk"}})
	o.at.Put(ssotest.Person{Subject: "heir", Email: email, Name: "Another Juma", Roles: []string{"chiefs"}})
	require.Contains(t, o.come(t, o.visitor(t), ssoStart, email).body, "belongs to another member of staff")
	require.Equal(t, actor.Reviewer, o.member(t, email).Role)
}

func linksNobodyUnverified(t *testing.T, o office) {
	email, in := o.withPassword(t, actor.Finance)
	o.at.Put(ssotest.Person{Subject: "thief", Email: email, Unverified: true, Name: "Juma Kileo", Roles: []string{"chiefs"}})
	thief := o.visitor(t)
	require.Contains(t, o.come(t, thief, ssoStart, email).body, "does not vouch for your e-mail")
	require.Equal(t, http.StatusSeeOther, thief.get(t, "/console/users").status)
	require.Equal(t, http.StatusOK, in.get(t, "/console/users").status)
	require.True(t, o.member(t, email).HasPassword)
}

func onceInOneBrowser(t *testing.T, o office) {
	who, v, victim := o.someone("desk"), o.visitor(t), o.visitor(t)
	gone := v.get(t, ssoStart)
	back := o.at.SignIn(t, gone.location, who.Email).String()
	require.Contains(t, victim.get(t, back).body, "was not begun in this browser")
	require.NotEmpty(t, victim.get(t, ssoStart).location) // they begin one of their own
	require.Contains(t, victim.get(t, back).body, "was not begun in this browser")
	base, err := url.Parse(o.URL)
	require.NoError(t, err)
	kept := v.Jar.Cookies(base)
	require.Equal(t, http.StatusSeeOther, v.get(t, back).status)

	// The same browser, and everything that it had, once more; also with a code
	// that the provider takes.
	again := o.visitor(t)
	again.Jar.SetCookies(base, kept)
	require.Contains(t, again.get(t, back).body, "could not be trusted", "the code was used")
	require.Equal(t, http.StatusSeeOther, again.get(t, "/console/users").status)
}

func leadsNowhereElse(t *testing.T, o office) {
	who := o.someone("desk")
	for _, next := range []string{"//evil.example/console", "https://evil.example/console", "/console/../login", `/console\..\evil`} {
		back := o.come(t, o.visitor(t), ssoStart+"?next="+url.QueryEscape(next), who.Email)
		require.Equal(t, "/console", back.location, next)
	}
}

func asksAgain(t *testing.T, o office) {
	who, v := o.someone("help"), o.visitor(t)
	require.Equal(t, http.StatusSeeOther, o.come(t, v, ssoStart, who.Email).status)
	id := o.member(t, who.Email).ID
	account := o.Register(t, nil)
	force := "/console/accounts/" + account.ID.String() + "/password-reset"
	form := url.Values{"token": {uuid.NewString()}, "note": {"Asked for on the phone."}}
	age := func() {
		_, err := o.Owner.Exec(t.Context(), `UPDATE staff_sessions SET recent_until = created_at WHERE staff_id = $1`, id)
		require.NoError(t, err)
	}
	age()
	asked := v.send(t, http.MethodPost, force, form)
	require.Equal(t, http.StatusForbidden, asked.status)
	require.Contains(t, asked.body, `href="/console/step-up/sso"`)
	require.Contains(t, asked.body, "Asked for on the phone.", "what was typed is kept")
	require.NotContains(t, asked.body, `type="password"`)

	another := o.someone("help")
	require.Contains(t, o.come(t, v, "/console/step-up/sso", another.Email).body, "somebody else than you are here")
	o.at.Spoil(func(c map[string]any) { c["auth_time"] = time.Now().Add(-time.Hour).Unix() })
	require.Contains(t, o.come(t, v, "/console/step-up/sso", who.Email).body, "did not ask you again")
	o.at.Spoil(nil)
	require.Equal(t, http.StatusForbidden, v.send(t, http.MethodPost, force, form).status)

	back := o.come(t, v, "/console/step-up/sso", who.Email)
	require.Equal(t, "/console/step-up/done", back.location)
	require.Contains(t, v.get(t, back.location).body, "go on where you were")
	require.Equal(t, http.StatusSeeOther, v.send(t, http.MethodPost, force, form).status)

	// What was begun to step up signs nobody in.
	age()
	gone := v.get(t, "/console/step-up/sso")
	back2 := o.at.SignIn(t, gone.location, who.Email).String()
	require.Equal(t, http.StatusSeeOther, v.send(t, http.MethodPost, "/console/sign-out", url.Values{}).status)
	require.Contains(t, v.get(t, back2).body, "was not begun in this browser")
	require.Equal(t, http.StatusSeeOther, v.get(t, "/console/users").status)
}

func unlinksByInvitation(t *testing.T, o office) {
	who, v := o.someone("desk"), o.visitor(t)
	require.Equal(t, http.StatusSeeOther, o.come(t, v, ssoStart, who.Email).status)
	admin := o.Staff[actor.Admin]
	invited, err := o.Process.Service.InviteStaff(t.Context(), actor.Actor{Kind: actor.Staff, ID: admin.ID, Role: admin.Role}, nil, o.member(t, who.Email).ID)
	require.NoError(t, err)
	const password = "four lorries beneath a violet moon"
	require.NoError(t, o.Process.Service.AcceptInvitation(t.Context(), actor.Actor{}, invited.Invitation.Token, password))
	member := o.member(t, who.Email)
	require.False(t, member.SSO)
	require.True(t, member.HasPassword)
	require.Equal(t, http.StatusSeeOther, v.get(t, "/console/users").status, "the session has ended")
	require.Equal(t, http.StatusSeeOther, o.visitor(t).password(t, who.Email, password).status)
}

func saysRefused(t *testing.T, o office) {
	v := o.visitor(t)
	gone, err := url.Parse(v.get(t, ssoStart).location)
	require.NoError(t, err)
	answer := url.Values{"state": {gone.Query().Get("state")}, "error": {"access_denied"}, "error_description": {"<script>alert(1)</script>"}}
	refused := v.get(t, console.SSOCallbackPath+"?"+answer.Encode())
	require.Equal(t, http.StatusUnauthorized, refused.status)
	require.Contains(t, refused.body, "cancelled or refused where you sign in")
	require.NotContains(t, refused.body, "alert(1)")
}

func leavesLastAdmin(t *testing.T, o office) {
	last := o.Staff[actor.Admin]
	o.at.Put(ssotest.Person{Subject: "last", Email: last.Email, Name: last.Name, Roles: []string{"desk"}})
	require.Contains(t, o.come(t, o.visitor(t), ssoStart, last.Email).body, "You are the last admin here")
	member := o.member(t, last.Email)
	require.Equal(t, actor.Admin, member.Role)
	require.False(t, member.SSO)
	require.Equal(t, http.StatusSeeOther, o.visitor(t).password(t, last.Email, last.Password).status)
}

func notRecentWithoutTime(t *testing.T, o office) {
	who, v := o.someone("help"), o.visitor(t)
	o.at.Spoil(func(c map[string]any) { delete(c, "auth_time") })
	defer o.at.Spoil(nil)
	require.Equal(t, http.StatusSeeOther, o.come(t, v, ssoStart, who.Email).status)
	var recent bool
	require.NoError(t, o.Owner.QueryRow(t.Context(), `SELECT recent_until > created_at FROM staff_sessions WHERE staff_id = $1`, o.member(t, who.Email).ID).Scan(&recent))
	require.False(t, recent)
	_, err := o.Process.Service.StaffSignIn(t.Context(), actor.Actor{}, service.StaffSignIn{Email: who.Email, Password: ""})
	require.Error(t, err, "no password is no password that opens")
}

func showsNoProvider(t *testing.T, s stand) {
	v := office{Stand: s.Stand}.visitor(t)
	require.NotContains(t, v.get(t, "/console/sign-in").body, "/console/sign-in/sso")
	require.Equal(t, http.StatusNotFound, v.get(t, ssoStart).status)
	require.Equal(t, http.StatusNotFound, v.get(t, console.SSOCallbackPath+"?state=a&code=b").status)
}

func worksInBrowser(t *testing.T, o office) {
	who := o.someone("help")
	account := o.Register(t, nil)
	for _, look := range []browsertest.Look{{}, {Width: 360, Height: 740, Dark: true}} {
		w := browsertest.Open(t, o.URL, look)
		w.Go("/console/sign-in")
		w.Accessible()
		w.Fits()
		w.Click("#sso")
		w.Fill("#email", who.Email)
		w.Fill("#password", ssotest.Password)
		w.Click("button")
		w.At("/console/users")
		w.Go("/console/self")
		w.Read("You sign in with Ujumbe Accounts")
		w.Accessible()
		w.Fits()
		w.Expected = []string{"status of 403"}
		_, err := o.Owner.Exec(t.Context(), `UPDATE staff_sessions SET recent_until = created_at WHERE staff_id = $1`, o.member(t, who.Email).ID)
		require.NoError(t, err)
		w.Go("/console/accounts/" + account.ID.String() + "/password-reset")
		w.Click("main form button")
		w.See("#step-up")
		w.Accessible()
		w.Fits()
		_, err = o.Owner.Exec(t.Context(), `UPDATE staff_sessions SET recent_until = now() + interval '1 minute' WHERE staff_id = $1`, o.member(t, who.Email).ID)
		require.NoError(t, err, "the other window has proved it")
		w.Click("#step-up form button")
		w.Gone("#step-up")
	}
}
