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

func invitesStaff(t *testing.T, s stand) {
	w := s.signIn(t, actor.Admin, browsertest.Look{})
	w.Expected = []string{"status of 422"}
	w.Go("/console/staff")
	w.Fill("#email", "not an address")
	browsertest.Eval[bool](w, `document.querySelector("#email").type = "text", true`) // past the browser's own check
	w.Fill("#name", "Upendo Shayo")
	w.Click(`form[action="/console/staff"] button`)
	w.See("#email-problem")
	w.Fill("#email", "upendo@example.co.tz")
	w.Click(`form[action="/console/staff"] button`)
	w.Read("Hand this link to Upendo Shayo")
	link := browsertest.Eval[string](w, `document.querySelector(".banner code").textContent`)
	require.Contains(t, link, s.URL+"/console/invitation/")

	guest := browsertest.Open(t, s.URL, browsertest.Look{})
	guest.Expected = []string{"status of 422"}
	guest.Go(link[len(s.URL):])
	guest.Fill("#password", "password")
	guest.Click("main button")
	guest.See("#password-problem")
	guest.Fill("#password", "four lorries beneath a violet moon")
	guest.Click("main button")
	guest.At("/console/sign-in")
	guest.Read("Your password is set.")
	guest.Fill("#email", "upendo@example.co.tz")
	guest.Fill("#password", "four lorries beneath a violet moon")
	guest.Click("#sign-in button")
	guest.At("/console/users")

	w.Go("/console/staff")
	w.Click(`tr[data-row] a.who[href="` + browsertest.Eval[string](w, `[...document.querySelectorAll("a.who")].find(a => a.textContent === "Upendo Shayo").getAttribute("href")`) + `"]`)
	w.Click(`form[action$="/disable"] button`)
	w.Read("The change is made.")
	guest.Go("/console/users")
	guest.At("/console/sign-in")
}

func changesPolicy(t *testing.T, s stand) {
	w := s.signIn(t, actor.Admin, browsertest.Look{})
	w.Expected = []string{"status of 422", "status of 409"}
	w.Go("/console/settings")
	field := func(name string) string { return fmt.Sprintf(`[name="%s"]`, name) }
	w.Fill(field("review.deadline"), "99")
	w.Click(`form[action="/console/settings"] button`)
	w.Read("Review deadline and escalation")
	require.Equal(t, "99", browsertest.Eval[string](w, `document.querySelector('[name="review.deadline"]').value`))
	w.Fill(field("review.deadline"), "9.5")
	w.Put(field("canned_reasons.3.en"), "We asked for papers, and none came.")
	w.Fill("#note", "Faster.")
	late := w.Beside()
	late.Expected = []string{"status of 409"}
	late.Go("/console/settings")
	w.Click(`form[action="/console/settings"] button`)
	w.Read("The new policy is in force.")
	late.Fill(field("review.deadline"), "7")
	late.Click(`form[action="/console/settings"] button`)
	late.Read("Somebody else has put another version in force")
	require.Equal(t, "7", browsertest.Eval[string](late, `document.querySelector('[name="review.deadline"]').value`), "nothing that was written is lost")
	w.Read("Faster.")
	require.Equal(t, "9.5", browsertest.Eval[string](w, `document.querySelector('[name="review.deadline"]').value`))
	a := s.inReview(t, nil)
	w.Go("/console/accounts/" + a.ID.String() + "/reject")
	w.Read("We asked for papers, and none came.")
}

func makesService(t *testing.T, s stand) {
	w := s.signIn(t, actor.Admin, browsertest.Look{})
	w.Expected = []string{"status of 422"}
	w.Go("/console/services")
	w.Fill("#name", "Gateway of Mbeya")
	w.Click(`form[action="/console/services"] button`)
	w.See("#scopes-problem")
	w.Click(`input[value="charges"]`)
	w.Click(`form[action="/console/services"] button`)
	w.Read("The credential of Gateway of Mbeya, shown this once")
	w.Go("/console/services")
	w.Click(`form[action$="/revoke"] button`)
	w.Read("The credential is revoked.")
}

func topsManyUp(t *testing.T, s stand) {
	a, b := s.active(t), s.active(t)
	w := s.signIn(t, actor.Finance, browsertest.Look{})
	w.Go("/console/top-ups/new")
	w.Put("#csv", a.Email+",300\n"+b.ID.String()+",40\nnobody@example.org,1")
	w.Click("main form button")
	w.Read("1 line is not good.")
	w.Gone(`button[name="go"]`)
	w.Put("#csv", a.Email+",300\n"+b.ID.String()+",40")
	w.Click("main form button")
	w.See(`button[name="go"]`) // the page before names the same total
	w.Read("+340 credits in all.")
	w.Put("#csv", a.Email+",300\n"+b.ID.String()+",41") // nobody has seen that yet
	w.Click(`button[name="go"]`)
	w.Read("+341 credits in all.")
	w.Click(`button[name="go"]`)
	w.Read("Credits topped up: Many accounts.")
	w.Go("/console/accounts/" + b.ID.String())
	w.Until(`document.querySelector(".figures").innerText.replace(/\s+/g, " ").includes("41 available")`)
}

func decidesMany(t *testing.T, s stand) {
	a, b := s.inReview(t, nil), s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{})
	w.Go("/console/pending")
	w.Click(fmt.Sprintf(`input[value="%s"]`, a.ID))
	w.Click(fmt.Sprintf(`input[value="%s"]`, b.ID))
	w.Click(`button[value="approve"]`)
	w.Read("2 applications")
	w.Read(b.Company.Name)
	w.Click("button[data-go]")
	w.Read("2 of 2 decided.")
	w.Back()
	w.Click("button[data-go]") // the form anew decides nothing twice
	w.Read("0 of 2 decided.")
	w.Read("Approved by Baraka Mollel")
	s.told(t, a, "approved")
}

func rejectsMany(t *testing.T, s stand) {
	a := s.inReview(t, func(application *account.Application) { application.Locale = "sw" })
	b := s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{})
	w.Expected = []string{"status of 422", "status of 401"}
	form := "/console/bulk?action=reject&id=" + a.ID.String() + "&id=" + b.ID.String()
	w.Go(form)
	w.Press("2")
	w.Until(`document.querySelector("[name=reason_code]:checked").value === "documents_unreadable"`)
	require.Empty(t, browsertest.Eval[string](w, `document.querySelector("#reason").value`), "each reads the canned text in their own language")
	w.Press("5") // which has none
	w.Click("button[data-go]")
	w.See("#reason-problem")
	w.Put("#reason", "Kept while the session ends.")
	w.Put("#note", strings.Repeat("é", 10_000))
	w.Click("button[data-go]")
	w.See("#note-problem")
	require.Equal(t, 10_000, browsertest.Eval[int](w, `document.querySelector("#note").value.length`))
	w.Put("#note", "Two of a kind.")
	_, err := s.Owner.Exec(t.Context(), `UPDATE staff_sessions SET expires_at = now() - interval '1 minute' WHERE staff_id = $1`, s.Staff[actor.Reviewer].ID)
	require.NoError(t, err)
	w.Click("button[data-go]")
	w.Read("Your session has ended.")
	w.Fill("#email", s.Staff[actor.Reviewer].Email)
	w.Fill("#password", s.Staff[actor.Reviewer].Password)
	w.Click("#sign-in button")
	w.Click("main form button")
	w.Read("2 of 2 decided.")
	email, _ := s.told(t, b, "not approved")
	require.Contains(t, email.Text, "Kept while the session ends.")

	w.Go("/console/bulk?action=approve&id=" + s.inReview(t, nil).ID.String())
	w.Put("#note", strings.Repeat("é", 10_000))
	w.Click("button[data-go]")
	w.See("#note-problem")

	c := s.inReview(t, func(application *account.Application) { application.Locale = "sw" })
	w.Go("/console/bulk?action=reject&id=" + c.ID.String())
	w.Click("button[data-go]")
	w.Read("1 of 1 decided.")
	email, _ = s.told(t, c, "hayakuidhinishwa")
	require.Contains(t, email.Text, "Hati tulizoomba hazikuletwa.")
}
