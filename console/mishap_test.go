package console_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/devstack/browser/browsertest"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/service"
)

// TestMishaps does what goes wrong when people use pages.
func TestMishaps(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, step := range map[string]func(*testing.T, stand){
		"takes a form once, however often it is sent":               takesOnce,
		"says who decided first":                                    saysWhoWasFirst,
		"keeps what was typed when the session ends in the middle":  keepsTheForm,
		"keeps a policy when the session ends in the middle":        keepsThePolicy,
		"keeps ten thousand characters in each field":               keepsLongTexts,
		"refuses roles what they may not do, and shows them no way": refusesRoles,
		"shows on the way back what was decided":                    goesBack,
		"lets two windows of one browser disagree":                  twoWindows,
		"finds nobody by signs, and takes no search too long":       oddSearches,
	} {
		t.Run(name, func(t *testing.T) { step(t, s) })
	}
	// The last one: it takes the workers away.
	t.Run("shows a decision that waits for workers, and its end", func(t *testing.T) { waitsForWorkers(t, s) })
}

func takesOnce(t *testing.T, s stand) {
	a := s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{})
	w.Go("/console/accounts/" + a.ID.String() + "/review")
	w.Click(`.decide-bar a[data-key="a"]`)
	w.See("#dialog button[data-go]")
	browsertest.Eval[bool](w, `(b => { b.click(); b.click(); b.click(); return true; })(document.querySelector("#dialog button[data-go]"))`)
	w.Read("Approved: " + a.Company.Name)
	b := s.inReview(t, nil)
	w.Go("/console/accounts/" + b.ID.String() + "/approve")
	same := browsertest.Eval[[]int](w, `(f => Promise.all([1, 2, 3].map(() => fetch(f.action, {method: "POST", body: new URLSearchParams(new FormData(f)), redirect: "manual"}).then(r => r.type === "opaqueredirect" ? 303 : r.status))))(document.querySelector("form[data-decide]"))`)
	require.Equal(t, []int{303, 303, 303}, same)
	for _, of := range []account.Account{a, b} {
		var decisions int
		require.NoError(t, s.Owner.QueryRow(t.Context(), `SELECT count(*) FROM decisions WHERE account_id = $1`, of.ID).Scan(&decisions))
		require.Equal(t, 1, decisions)
	}
}

func saysWhoWasFirst(t *testing.T, s stand) {
	a := s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{})
	w.Expected = []string{"status of 409"}
	w.Go("/console/accounts/" + a.ID.String() + "/reject")
	w.Fill("#reason", "Typed while a colleague was quicker.")
	admin := s.Staff[actor.Admin]
	_, err := s.Process.Service.Approve(t.Context(), actor.Actor{Kind: actor.Staff, ID: admin.ID, Role: admin.Role}, service.Ask{AccountID: a.ID})
	require.NoError(t, err)
	w.Click("button[data-go]")
	w.Read("Approved by Neema Mushi")
	w.See(`.banner time[datetime]`)
	w.Click("footer a.button")
	w.Read("Active")
}

func keepsTheForm(t *testing.T, s stand) {
	a := s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{})
	w.Expected = []string{"status of 401"}
	w.Go("/console/accounts/" + a.ID.String() + "/review")
	w.Click(`.decide-bar a[data-key="r"]`)
	w.Fill("#dialog #reason", "Every word of this is kept.")
	_, err := s.Owner.Exec(t.Context(), `UPDATE staff_sessions SET expires_at = now() - interval '1 minute' WHERE staff_id = $1`, s.Staff[actor.Reviewer].ID)
	require.NoError(t, err)
	w.Click("#dialog button[data-go]")
	w.Read("Your session has ended.")
	w.Fill("#email", s.Staff[actor.Reviewer].Email)
	w.Fill("#password", s.Staff[actor.Reviewer].Password)
	w.Click("#sign-in button")
	w.Read("You are signed in again")
	w.Click("main form button")
	w.Read("Rejected: " + a.Company.Name)
	email, _ := s.told(t, a, "not approved")
	require.Contains(t, email.Text, "Every word of this is kept.")
}

func keepsThePolicy(t *testing.T, s stand) {
	w := s.signIn(t, actor.Admin, browsertest.Look{})
	w.Expected = []string{"status of 401"}
	w.Go("/console/settings")
	w.Fill(`[name="passwords.user"]`, "14")
	w.Fill("#note", "Longer ones.")
	_, err := s.Owner.Exec(t.Context(), `UPDATE staff_sessions SET expires_at = now() - interval '1 minute' WHERE staff_id = $1`, s.Staff[actor.Admin].ID)
	require.NoError(t, err)
	w.Click(`form[action="/console/settings"] button`)
	w.Read("Your session has ended.")
	w.Fill("#email", s.Staff[actor.Admin].Email)
	w.Fill("#password", s.Staff[actor.Admin].Password)
	w.Click("#sign-in button")
	w.Click("main form button")
	w.At("/console/settings")
	p, _, err := s.Process.Store.Reader().Policy(t.Context())
	require.NoError(t, err)
	require.Equal(t, 14, p.Passwords.User)
}

func keepsLongTexts(t *testing.T, s stand) {
	a := s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{})
	w.Expected = []string{"status of 422"}
	w.Go("/console/accounts/" + a.ID.String() + "/reject")
	long := strings.Repeat("é", 10_000)
	w.Put("#reason", long)
	w.Click("details.more summary")
	w.Put("#note", long)
	w.Click("button[data-go]")
	w.See("#reason-problem")
	w.See("#note-problem")
	for _, field := range []string{"reason", "note"} {
		require.Equal(t, 10_000, browsertest.Eval[int](w, fmt.Sprintf(`document.querySelector("#%s").value.length`, field)))
	}

	active := s.active(t)
	boss := s.signIn(t, actor.Admin, browsertest.Look{})
	boss.Expected = []string{"status of 4", "The specified value"} // which a field for numbers does not take
	for _, form := range []struct{ path, action string }{
		{"/console/accounts/" + active.ID.String() + "/top-up", "/top-up"}, {"/console/accounts/" + active.ID.String() + "/suspend", "/suspend"},
		{"/console/accounts/" + active.ID.String() + "/close", "/close"}, {"/console/staff", "/console/staff"}, {"/console/services", "/console/services"},
		{"/console/settings", "/console/settings"}, {"/console/top-ups/new", "/console/top-ups/new"}, {"/console/self", "/password"},
		{"/console/users?q=kept", "/views?q=kept"},
	} {
		boss.Go(form.path)
		typed := browsertest.Eval[int](boss, fmt.Sprintf(`(f => {
			const fields = [...f.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio], [type=file], [type=datetime-local], [type=number]), textarea")];
			if (f.querySelector("#until")) f.querySelector("#until").type = "text", f.querySelector("#until").value = "one day";
			for (const field of fields) { field.removeAttribute("maxlength"); field.type && field.tagName === "INPUT" && (field.type = "text"); field.value = "é".repeat(10000); }
			for (const more of f.querySelectorAll("details")) more.open = true;
			f.noValidate = true;
			f.requestSubmit(f.querySelector("[data-go]") || f.querySelector("button:not([name=preview])"));
			return fields.length;
		})(document.querySelector('form[method=post][action$="%s"]'))`, form.action))
		require.Positive(t, typed, form.path)
		boss.Until(`document.readyState === "complete" && document.querySelector(".problem, #problem-page, #wrong, .banner[data-tone=danger]") !== null`)
		boss.See("header.top")
		if form.action == "/top-up" || form.action == "/suspend" || form.action == "/top-ups/new" || form.action == "/close" {
			boss.See("#note-problem") // beside what else is wrong
		}
		if form.action != "/password" { // which no page repeats
			require.Contains(t, browsertest.Eval[string](boss, `[...document.querySelectorAll("input, textarea")].map(f => f.value).join(" ")`), long, form.path)
		}
	}
}

func goesBack(t *testing.T, s stand) {
	a, b := s.inReview(t, nil), s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{})
	w.Go("/console/accounts/" + a.ID.String() + "/review")
	w.Click(`.decide-bar a[data-key="a"]`)
	w.Click("#dialog button[data-go]")
	w.Read("Approved: " + a.Company.Name)
	w.Back()
	w.At(a.ID.String() + "/review")
	w.Gone(`.decide-bar a[data-key="a"]`)
	w.See(`#standing .status[data-status="active"]`)

	// Without a script the form is a page: sent again, it decides nothing again.
	plain := s.signIn(t, actor.Reviewer, browsertest.Look{NoScript: true})
	plain.Go("/console/accounts/" + b.ID.String() + "/approve")
	plain.Click("button[data-go]")
	plain.Read("Approved: " + b.Company.Name)
	plain.Back()
	plain.At(b.ID.String() + "/approve")
	plain.Expected = []string{"status of 409"}
	plain.Click("button[data-go]")
	plain.Read("Approved")
	var decisions int
	require.NoError(t, s.Owner.QueryRow(t.Context(), `SELECT count(*) FROM decisions WHERE account_id = $1`, b.ID).Scan(&decisions))
	require.Equal(t, 1, decisions)
}

func twoWindows(t *testing.T, s stand) {
	a := s.inReview(t, nil)
	w := s.signIn(t, actor.Reviewer, browsertest.Look{})
	other := w.Beside()
	w.Expected, other.Expected = []string{"status of 409"}, []string{"status of 409", "status of 401"}
	w.Go("/console/accounts/" + a.ID.String() + "/approve")
	other.Go("/console/accounts/" + a.ID.String() + "/reject")
	other.Fill("#reason", "Typed in the other window.")
	w.Click("button[data-go]")
	w.Read("Approved: " + a.Company.Name)
	other.Click("button[data-go]")
	other.Read("Approved by " + s.Staff[actor.Reviewer].Name)

	// One signs out: the other is asked to sign in, and keeps what it was doing.
	b := s.inReview(t, nil)
	other.Go("/console/accounts/" + b.ID.String() + "/reject")
	other.Fill("#reason", "Typed before the other window signed out.")
	w.Click(".self summary")
	w.Click(`form[action="/console/sign-out"] button`)
	w.At("/console/sign-in")
	other.Click("button[data-go]")
	other.Read("Your session has ended.")
	other.Fill("#email", s.Staff[actor.Reviewer].Email)
	other.Fill("#password", s.Staff[actor.Reviewer].Password)
	other.Click("#sign-in button")
	other.Click("main form button")
	other.Read("Rejected: " + b.Company.Name)
}

func oddSearches(t *testing.T, s stand) {
	w := s.signIn(t, actor.Support, browsertest.Look{})
	w.Expected = []string{"status of 4"}
	for _, page := range []string{"/console/users", "/console/pending"} {
		for _, q := range []string{`%_\'";--`, `%`, `_`, `\`, `<script>alert(1)</script>`, `' OR 1=1 --`} {
			w.Go(page + "?q=" + url.QueryEscape(q))
			w.Read("Nobody matches “" + q + "”")
			require.Equal(t, q, browsertest.Eval[string](w, `document.querySelector("#q").value`))
		}
		w.Go(page + "?q=" + strings.Repeat("a", 10_000))
		w.See("#problem-page")
		w.See("header.top")
	}
}

func refusesRoles(t *testing.T, s stand) {
	a := s.inReview(t, nil)
	w := s.signIn(t, actor.Support, browsertest.Look{})
	w.Expected = []string{"status of 403"}
	w.Go("/console/accounts/" + a.ID.String())
	w.See("#company")
	require.Zero(t, browsertest.Eval[int](w, `document.querySelectorAll('a[href$="/review"], a[href$="/top-up"], a[href$="/suspend"], #documents, a[href="/console/ledger"]').length`))
	for _, path := range []string{"/review", "/approve", "/top-up", "/suspend"} {
		w.Go("/console/accounts/" + a.ID.String() + path)
		w.Read("Not permitted")
		w.See("header.top") // where to go from here
	}
	for _, path := range []string{"/console/ledger", "/console/audit", "/console/staff", "/console/settings"} {
		w.Go(path)
		w.Read("Not permitted")
	}
}

func waitsForWorkers(t *testing.T, s stand) {
	a, b := s.active(t), s.inReview(t, nil)
	w := s.signIn(t, actor.Admin, browsertest.Look{})
	s.StopWorker()
	w.Go("/console/bulk?action=approve&id=" + b.ID.String())
	w.Click("button[data-go]")
	w.Read("1 of them is recorded, and waits to be carried out")
	w.Go("/console/accounts/" + a.ID.String())
	w.Click(`.actions a[href$="/suspend"]`)
	w.Click("#dialog button[data-go]")
	w.Read("recorded, and waiting to be carried out")
	s.StartWorker(t)
	w.Read("Suspended: " + a.Company.Name)
	w.Until(`document.querySelector("h1 .status").dataset.status === "suspended"`)
}
