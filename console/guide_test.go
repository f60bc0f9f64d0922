package console_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/devstack/browser/browsertest"
	"kibali/domain/account"
	"kibali/domain/actor"
)

// TestConsole uses the console as staff do, against everything that runs in
// production.
func TestConsole(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, step := range map[string]func(*testing.T, stand){
		"finds and sorts users":                                 findsUsers,
		"approves, and tells what it showed before":             approves,
		"rejects with a canned reason, from the keyboard alone": rejectsByKeyboard,
		"suspends and reactivates":                              suspends,
		"tops credits up, with a second signature":              topsUp,
		"holds and restores credits":                            holdsCredits,
		"forces a password reset":                               forcesReset,
		"keeps up with colleagues":                              keepsUp,
		"invites staff, and shuts them out":                     invitesStaff,
		"changes the policy":                                    changesPolicy,
		"makes and revokes a service's credential":              makesService,
		"tops many accounts up at once":                         topsManyUp,
		"decides about several at once":                         decidesMany,
		"rejects several at once, each in their language":       rejectsMany,
		"takes keys that are pressed ahead of a dialog":         pressesAhead,
		"sorts and picks on a phone":                            sortsOnPhone,
		"shows no identity provider where there is none":        showsNoProvider,
		"asks for a second factor":                              asksForFactor,
		"works without JavaScript":                              worksWithoutScript,
		"grants one appeal and dismisses another":               answersAppeals,
		"saves a filter and sort under a name":                  savesViews,
		"erases what is held about a person":                    erasesData,
		"says how long personal data is kept":                   setsRetention,
		"approves on a phone":                                   approvesOnPhone,
		"keeps one's place in a list that is replaced":          keepsPlace,
	} {
		t.Run(name, func(t *testing.T) { step(t, s) })
	}
}

func findsUsers(t *testing.T, s stand) {
	a := s.Register(t, func(app *account.Application) { app.Company.Name = "Zanzibar Spice House" })
	w := s.signIn(t, actor.Support, browsertest.Look{})
	w.Fill("#q", "zanzibar "+a.Phone[5:])
	w.Read("1 user")
	w.Read("Zanzibar Spice House")
	w.At("q=zanzibar")
	w.Click(`th a[href*="sort=credits"]`)
	w.See(`th[aria-sort="descending"] a[href*="sort=credits"]`)
	w.At("sort=credits")
	w.Fill("#q", `%_\'";--`)
	w.Read("Nobody matches")
	w.Click("#results a")
	w.Click("a.who")
	w.See("#company")
	w.Back()
	w.At("/console/users")
	w.Go("/console/users?status=active")
	w.See(`.tabs a[aria-current="page"][href*="status=active"]`)
}

func approves(t *testing.T, s stand) {
	a := s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{})
	w.Go("/console/accounts/" + a.ID.String() + "/review")
	w.Until(`document.querySelector(".paper img").naturalWidth > 0`)
	w.Click(`.decide-bar a[data-key="a"]`)
	w.See("#dialog[open] pre")
	subject := browsertest.Eval[string](w, `document.querySelector("#dialog .letters strong").textContent`)
	text := browsertest.Eval[string](w, `document.querySelector("#dialog pre").textContent`)
	short := browsertest.Eval[string](w, `document.querySelector("#dialog .sms").textContent`)
	w.Click("#dialog button[data-go]")
	w.Read("Approved: " + a.Company.Name)
	email, sms := s.told(t, a, "approved")
	require.Equal(t, email.Subject, subject)
	require.Equal(t, email.Text, text)
	require.Equal(t, sms.Text, short)
	w.Go("/console/accounts/" + a.ID.String())
	w.Read("Active")
	w.Read(s.Staff[actor.Reviewer].Name)
}

// rejectsByKeyboard signs in, finds the queue, opens an application and rejects
// it without a mouse: three keys of them are the rejection.
func rejectsByKeyboard(t *testing.T, s stand) {
	a := s.inReview(t, nil)
	w := browsertest.Open(t, s.URL, browsertest.Look{})
	w.Go("/console/sign-in")
	w.Until(`document.activeElement.id === "email"`)
	w.Press(s.Staff[actor.Reviewer].Email + browsertest.Tab + s.Staff[actor.Reviewer].Password + browsertest.Enter)
	w.At("/console/users")
	w.Until(`document.documentElement.classList.contains("js") && window.htmx`)
	w.Press("gp")
	w.At("/console/pending")
	w.See("a.who")
	w.Press("j")
	w.See("tr.at")
	w.Press("/")
	w.Until(`document.activeElement.id === "q"`)
	w.Fill("#q", a.Email) // the focus is there; this takes away what a driven browser typed too
	w.Until(`document.querySelectorAll("tr[data-row]").length === 1`)
	w.Press(browsertest.Escape + "j")
	w.Until(`document.activeElement.classList.contains("who")`)
	w.Press(browsertest.Enter)
	w.At("/review")
	w.See(".decide-bar")
	w.Press("?")
	w.See("#dialog[open]")
	w.Press(browsertest.Escape)
	w.Gone("#dialog")
	w.Press("r")
	w.See("#dialog[open] #reason")
	w.Press("3" + browsertest.Enter)
	w.Read("Rejected: " + a.Company.Name)
	email, _ := s.told(t, a, "not approved")
	require.Contains(t, email.Text, "The company in the documents is not the one that was registered.")

	// Three keys are a review: open it, approve, and say so.
	b := s.inReview(t, nil)
	w.Go("/console/pending?q=" + b.Email)
	w.Until(`document.querySelectorAll("tr[data-row]").length === 1`)
	w.Press("j")
	w.Until(`document.activeElement.classList.contains("who")`)
	w.Press(browsertest.Enter)
	w.At(b.ID.String() + "/review")
	w.See(".decide-bar")
	w.Press("a")
	w.Until(`document.activeElement.matches("#dialog button[data-go]")`)
	w.Press(browsertest.Enter)
	w.Read("Approved: " + b.Company.Name)
}

func suspends(t *testing.T, s stand) {
	a := s.active(t)
	w := s.signIn(t, actor.Admin, browsertest.Look{})
	w.Expected = []string{"status of 422"} // the console tells of an answer that a form was sent back with
	w.Go("/console/accounts/" + a.ID.String())
	w.Click(`.actions a[href$="/suspend"]`)
	w.See("#dialog[open] #reason")
	w.Click(`#dialog input[value="non_payment"]`)
	w.Until(`document.querySelector("#dialog .sms").textContent.includes("invoice")`)
	w.Fill("#dialog #reason", "Invoice 7 is open.")
	w.Until(`document.querySelector("#dialog .sms").textContent.includes("Invoice 7 is open.")`)
	w.Put("#dialog #until", "2001-01-01T10:00")
	w.Click("#dialog button[data-go]")
	w.See("#until-problem")
	require.Equal(t, "Invoice 7 is open.", browsertest.Eval[string](w, `document.querySelector("#reason").value`))
	w.Put("#dialog #until", "2099-01-01T10:00")
	w.Click("#dialog button[data-go]")
	w.Read("Suspended: " + a.Company.Name)
	w.Read("Invoice 7 is open.")
	email, _ := s.told(t, a, "suspended")
	require.Contains(t, email.Text, "Invoice 7 is open.")
	w.Click(`.actions a[href$="/change-until"]`)
	w.Put("#dialog #until", "")
	w.Click("#dialog button[data-go]")
	w.Read("End of suspension changed")
	w.Click(`.actions a[href$="/reactivate"]`)
	w.Click("#dialog button[data-go]")
	w.Read("Reactivated: " + a.Company.Name)
	s.told(t, a, "active again")
	w.Click(`.actions a[href$="/close"]`)
	w.Fill("#dialog #reason", "The company is wound up.")
	w.Click("#dialog button[data-go]")
	w.Read("Closed: " + a.Company.Name)
}

func worksWithoutScript(t *testing.T, s stand) {
	a, other := s.inReview(t, nil), s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{NoScript: true})
	w.Go("/console/users")
	w.Fill("#q", a.Email)
	w.Click(`.toolbar button`)
	w.At("q=asha")
	w.Read("1 user")
	w.Click("#views summary")
	w.Fill("#view-name", "Asha's")
	w.Click(`form[action^="/console/users/views?"] button`)
	w.Read("The view is saved.")
	w.Go("/console/users")
	w.Click("#views .chips a")
	w.At("q=asha")
	w.Click("#views summary")
	w.Click(`form[action$="/delete"] button`)
	w.Read("The view is deleted.")
	w.Gone("#views .chips a")
	w.Go("/console/accounts/" + a.ID.String() + "/review")
	w.Click(`.decide-bar a[href*="/reject"]`)
	w.Click(`input[value="not_eligible"]`)
	w.Click(`button[name="preview"]`)
	w.Read("registered in Tanzania")
	w.Click(`button[data-go]`)
	w.Read("Rejected: " + a.Company.Name)
	w.Go("/console/accounts/" + other.ID.String() + "/review")
	w.Click(`.decide-bar a[href*="/approve"]`)
	w.Click(`button[data-go]`)
	w.Read("Approved: " + other.Company.Name)
	w.Go(fmt.Sprintf("/console/accounts/%s", other.ID))
	w.Read("Active")

	finance := s.signIn(t, actor.Finance, browsertest.Look{NoScript: true})
	finance.Go(fmt.Sprintf("/console/accounts/%s/top-up", other.ID))
	finance.Fill("#amount", "1,250")
	finance.Click(`button[name="preview"]`)
	finance.Read("New balance: 0 → 1,250 credits.")
	finance.See(".letters")
	finance.Click(`button[data-go]`)
	finance.Read("1,250 available")
}

func answersAppeals(t *testing.T, s stand) {
	granted, dismissed := s.suspended(t, "Messages at night."), s.suspended(t, "Messages by day.")
	for _, a := range []account.Account{granted, dismissed} {
		_, err := s.Process.Service.Appeal(t.Context(), actor.Actor{Kind: actor.Account, ID: a.ID}, "It was "+a.Name+".")
		require.NoError(t, err)
	}
	w := s.signIn(t, actor.Admin, browsertest.Look{})
	w.Expected = []string{"status of 422"}
	w.Go("/console/appeals")
	w.Click(`a.who[href*="` + granted.ID.String() + `"]`)
	w.Read("It was " + granted.Name + ".")
	w.Click(`a[href$="/grant-appeal"]`)
	w.See("#dialog .letters pre")
	w.Click("#dialog button[data-go]")
	w.See(`h1 .status[data-status="active"]`)
	w.Gone(`a[href$="/grant-appeal"]`)
	s.told(t, granted, "was granted")

	w.Go("/console/accounts/" + dismissed.ID.String())
	w.Click(`a[href$="/dismiss-appeal"]`)
	w.Click("#dialog button[data-go]")
	w.See("#reason-problem")
	w.Fill("#dialog #reason", "The logs say otherwise.")
	w.Click("#dialog button[data-go]")
	w.Read("The logs say otherwise.")
	w.See(`h1 .status[data-status="suspended"]`)
	w.Gone(`a[href$="/dismiss-appeal"]`)
	email, _ := s.told(t, dismissed, "was dismissed")
	require.Contains(t, email.Text, "The logs say otherwise.")
	// Pages of all of them, of which there were many before.
	_, err := s.Owner.Exec(t.Context(), `INSERT INTO appeals (id, account_id, decision_id, text, made_at, remind_at, escalate_at, accepted_at, outcome, closed_at)
		SELECT gen_random_uuid(), account_id, decision_id, 'An earlier one.', made_at - interval '1 year', remind_at, escalate_at, accepted_at, 'moot', made_at
		FROM (SELECT * FROM appeals LIMIT 1) one, generate_series(1, 60)`)
	require.NoError(t, err)
	w.Go("/console/appeals?state=all")
	w.Click(`a[rel="next"]`)
	w.Read("An earlier one.")
	w.Go("/console/appeals?state=all")
	w.Read(dismissed.Company.Name)
}

func savesViews(t *testing.T, s stand) {
	a := s.Register(t, func(app *account.Application) { app.Company.Name = "Mbeya Coffee Growers" })
	w := s.signIn(t, actor.Support, browsertest.Look{})
	w.Expected = []string{"status of 422"}
	w.Fill("#q", "mbeya coffee")
	w.Until(`document.querySelectorAll("tr[data-row]").length === 1`)
	w.At("q=mbeya")
	w.Click(`th a[href*="sort=credits"]`)
	w.At("sort=credits")
	w.Click("#views summary")
	w.Fill("#view-name", "  ")
	browsertest.Eval[bool](w, `document.querySelector("#view-name").required = false, true`) // past the browser's own check
	w.Click(`form[action^="/console/users/views?"] button`)
	w.See("#name-problem")
	w.Accessible()
	w.Fill("#view-name", "Coffee <b>by</b> credits")
	w.Click(`form[action^="/console/users/views?"] button`)
	w.Read("The view is saved.")
	w.See(`#views .chips a[aria-current="page"]`)
	w.Click("#views summary")
	w.Accessible()
	w.Gone("#view-name") // it has a name

	w.Go("/console/users")
	w.Click("#views .chips a")
	w.At("sort=credits")
	w.Read("Mbeya Coffee Growers")
	file := browsertest.Eval[string](w, `fetch(document.querySelector("#export").href).then(r => r.text())`)
	require.Contains(t, file, a.Email)
	require.Len(t, strings.Split(strings.TrimSpace(file), "\n"), 2, "the file has what the view has")

	other := s.signIn(t, actor.Reviewer, browsertest.Look{})
	other.Go("/console/users")
	other.Gone("#views .chips a")
}

func approvesOnPhone(t *testing.T, s stand) {
	a := s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{Width: 360, Height: 740})
	w.Click(".drawer summary")
	w.Click(`.drawer a[href="/console/pending"]`)
	w.At("/console/pending")
	w.Fill("#q", a.Email)
	w.Until(`document.querySelectorAll("tr[data-row]").length === 1`)
	w.Fits()
	w.Click("a.who")
	w.At("/review")
	w.Fits()
	w.Click(`.decide-bar a[data-key="a"]`)
	w.See("#dialog[open] pre")
	w.Fits()
	w.Click("#dialog button[data-go]")
	w.Read("Approved: " + a.Company.Name)
}

func pressesAhead(t *testing.T, s stand) {
	a := s.active(t)
	b := s.inReview(t, nil)
	w := s.signIn(t, actor.Admin, browsertest.Look{})
	w.Go("/console/accounts/" + b.ID.String() + "/review")
	browsertest.Eval[bool](w, `["r", "3"].map(key => document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}))), true`)
	w.See("#dialog[open] button[data-go]")
	w.Until(`document.querySelector("#dialog [name=reason_code]:checked").value === "details_mismatch"`)
	w.Until(`document.querySelector("#dialog #reason").value === document.querySelector("#dialog [name=reason_code]:checked").dataset.text`)

	w.Go("/console/accounts/" + a.ID.String() + "/top-up")
	w.Fill("#amount", "7")
	browsertest.Eval[bool](w, `document.querySelector("[name=reason]:checked").focus(), true`)
	w.Press("3")
	w.Until(`document.querySelector("[name=reason]:checked").value === "refund"`)
	require.Equal(t, "7", browsertest.Eval[string](w, `document.querySelector("#amount").value`))
}

func sortsOnPhone(t *testing.T, s stand) {
	s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{Width: 360, Height: 740})
	w.Go("/console/users")
	w.Until(`(tab => tab.left >= 0 && tab.right <= innerWidth)(document.querySelector(".tabs [aria-current]").getBoundingClientRect())`)
	w.Click(`th a[href*="sort=credits"]`)
	w.See(`th[aria-sort="descending"] a[href*="sort=credits"]`)
	w.Fits()
	w.Accessible()
	w.Go("/console/pending")
	w.Click("[data-pick-all]")
	w.Until(`document.querySelector("input[name=id]").checked`)
	w.Fits()
	w.Accessible()
}
