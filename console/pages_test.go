package console_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/devstack/browser/browsertest"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/service"
	"kibali/store"
)

// TestPages opens every page in every look. What a page must never do fails its
// window: an error in the console, or what its Content-Security-Policy forbids.
func TestPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	probe := `"><img src=x onerror=alert(1)><script>alert(2)</script>`
	pending := s.inReview(t, func(a *account.Application) {
		a.Name, a.Company.Name = `Asha`+probe, `Kilimo`+probe
		a.Company.Address, a.Company.RegistrationNumber = "<svg onload=alert(3)>\n'\"--", `1"><b>`
		a.Company.Website = "https://example.co.tz/%22%3E%3Cscript%3Ealert(4)%3C/script%3E"
	})
	active := s.active(t)
	s.topUp(t, active, 1234)
	s.probeStaff(t, active, probe)
	suspended := s.suspended(t, `"><script>alert(5)</script> {{7*7}} ${7*7}`)
	_, err := s.Process.Service.Appeal(t.Context(), actor.Actor{Kind: actor.Account, ID: suspended.ID}, probe)
	require.NoError(t, err)
	of := func(a account.Account, more string) string { return "/console/accounts/" + a.ID.String() + more }
	pages := []string{
		"/console/users", "/console/users?q=kilimo", "/console/users?q=nobodyatall", "/console/users?status=suspended&sort=credits&order=asc",
		"/console/pending", "/console/pending?stage=awaiting_documents", "/console/pending?q=kilimo",
		of(pending, ""), of(pending, "/review"), of(pending, "/approve"), of(pending, "/reject"), of(pending, "/request-changes"), of(pending, "/timeline"),
		of(active, ""), of(active, "/suspend"), of(active, "/close"), of(active, "/billing"),
		of(suspended, ""), of(suspended, "/reactivate"), of(suspended, "/change-until"),
		"/console/bulk?action=reject&id=" + pending.ID.String(), "/console/bulk?action=approve",
		of(active, "/top-up"), of(suspended, "/password-reset"), "/console/ledger", "/console/ledger?account=" + active.ID.String(), "/console/top-ups", "/console/self",
		"/console/dashboard", "/console/audit", "/console/audit?action=approve", "/console/staff", "/console/staff/" + s.Staff[actor.Support].ID.String(),
		"/console/services", "/console/settings", "/console/settings/notices?kind=suspended&locale=sw", "/console/top-ups/new", "/console/invitation/nothing",
		"/console/appeals", of(suspended, "/grant-appeal"), of(suspended, "/dismiss-appeal"),
		"/console/appeals?state=all", "/console/ledger?staff=" + s.Staff[actor.Finance].ID.String(), of(active, "/timeline"),
		"/console/users?status=nothing", "/console/accounts/nothing",
	}
	for name, look := range map[string]browsertest.Look{
		"light": {}, "dark": {Dark: true}, "phone": {Width: 360, Height: 740}, "phone, dark": {Width: 360, Height: 740, Dark: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.signIn(t, actor.Admin, look)
			w.Expected = []string{"status of 404", "status of 422"} // the last two pages
			for _, path := range pages {
				w.Go(path)
				w.See("main")
				w.Accessible()
				w.Fits()
				require.Zero(t, browsertest.Eval[int](w, `document.querySelectorAll("script:not([src]), main script, main img[onerror], main svg[onload], main b").length`), path)
			}
		})
	}
	t.Run("signed out", func(t *testing.T) {
		for _, look := range []browsertest.Look{{}, {Dark: true}, {Width: 360, Height: 740}} {
			w := browsertest.Open(t, s.URL, look)
			w.Go("/console/sign-in")
			w.Accessible()
			w.Fits()
		}
	})
	t.Run("in Swahili", func(t *testing.T) {
		w := s.signIn(t, actor.Admin, browsertest.Look{})
		w.Click(".self summary")
		w.Put("#locale", "sw")
		w.Click(`.self form[action="/console/preferences"] button`)
		w.Read("Watumiaji")
		require.Equal(t, "sw", browsertest.Eval[string](w, "document.documentElement.lang"))
		for _, path := range pages[:len(pages)-2] {
			w.Go(path)
			w.See("main")
			require.NotContains(t, browsertest.Eval[string](w, "document.body.innerText"), "%!", path)
		}
	})
}

// suspended returns an account that was approved and suspended for a reason.
func (s stand) suspended(t *testing.T, reason string) account.Account {
	t.Helper()
	a := s.active(t)
	admin := s.Staff[actor.Admin]
	decided, err := s.Process.Service.Suspend(t.Context(), actor.Actor{Kind: actor.Staff, ID: admin.ID, Role: admin.Role},
		service.Ask{AccountID: a.ID, ReasonCode: string(account.ReasonTerms), Reason: reason, Note: strings.ToUpper(reason)})
	require.NoError(t, err)
	require.True(t, decided.Done)
	return decided.Account.Account
}

// probeStaff puts a probe wherever staff, and the user of an account, write.
func (s stand) probeStaff(t *testing.T, a account.Account, probe string) {
	t.Helper()
	admin := actor.Actor{Kind: actor.Staff, ID: s.Staff[actor.Admin].ID, Role: actor.Admin}
	for role, member := range s.Staff {
		_, err := s.Owner.Exec(t.Context(), `UPDATE staff SET name = $2 WHERE id = $1`, member.ID, string(role)+probe)
		require.NoError(t, err)
	}
	_, err := s.Process.Service.CreateService(t.Context(), admin, nil, probe[:40], []actor.Scope{actor.ScopeCharges})
	require.NoError(t, err)
	err = s.Process.Service.SaveView(t.Context(), admin, store.SavedView{Name: probe[:40], Q: probe, Sort: store.SortRegistered})
	require.NoError(t, err)
	user := actor.Actor{Kind: actor.Account, ID: a.ID}
	_, _, err = s.Process.Service.CreateAPIKey(t.Context(), user, uuid.New(), probe[:40])
	require.NoError(t, err)
	_, err = s.Process.Service.TopUp(t.Context(), admin, service.TopUp{
		AccountID: a.ID, Amount: 200_000, Reason: "complimentary", Note: probe, Key: &store.IdempotencyKey{Scope: "test", Route: "probe", Key: a.ID.String()},
	})
	require.NoError(t, err)
	p, version, err := s.Process.Store.Reader().Policy(t.Context())
	require.NoError(t, err)
	p.Canned = slices.Clone(p.Canned)
	for i, c := range p.Canned {
		p.Canned[i].Text = map[string]string{"en": c.In("en") + probe, "sw": c.In("sw") + probe}
	}
	_, err = s.Process.Service.ChangePolicy(t.Context(), admin, p, probe, version)
	require.NoError(t, err)
}
