package console_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/devstack/browser/browsertest"
	"kibali/domain/actor"
)

func topsUp(t *testing.T, s stand) {
	a := s.active(t)
	w := s.signIn(t, actor.Finance, browsertest.Look{})
	w.Expected = []string{"status of 422"}
	w.Go("/console/accounts/" + a.ID.String())
	w.Click(`.actions a[href$="/top-up"]`)
	w.Fill("#dialog #amount", "-5")
	w.Click("#dialog button[data-go]")
	w.See("#amount-problem")
	w.Fill("#dialog #amount", "1,500")
	w.Read("New balance: 0 → 1,500 credits.")
	short := browsertest.Eval[string](w, `document.querySelector("#dialog .sms").textContent`)
	w.Click("#dialog button[data-go]")
	w.Read("Credits topped up: " + a.Company.Name)
	w.Read("1,500")
	_, sms := s.told(t, a, "credits")
	require.Equal(t, sms.Text, short)

	w.Click(`.actions a[href$="/top-up"]`)
	w.Fill("#dialog #amount", "200000")
	w.Read("A second person has to sign")
	w.Click("#dialog button[data-go]")
	w.Read("It waits for a second signature.")
	w.Go("/console/top-ups")
	w.Read("+200,000")
	w.Gone(`a[href$="/countersign"]`) // nobody signs their own

	boss := s.signIn(t, actor.Admin, browsertest.Look{})
	boss.Go("/console/top-ups?state=awaiting_signature")
	boss.Click(`a[href$="/countersign"]`)
	boss.Click("#dialog button[data-go]")
	boss.Read("Credits topped up: " + a.Company.Name)
	boss.Go("/console/ledger?account=" + a.ID.String())
	boss.Read("+200,000")
	boss.Read("201,500")
	boss.Put("#kind", "charge")
	boss.Read("No transfer matches.")
	boss.At("kind=charge")

	w.Go("/console/accounts/" + a.ID.String() + "/top-up")
	w.Fill("#amount", "300000")
	w.Click("button[data-go]")
	w.Read("It waits for a second signature.")
	boss.Go("/console/top-ups?state=awaiting_signature")
	boss.Click(`a[href$="/decline"]`)
	boss.Click("#dialog button[data-go]")
	boss.Read("Declined: Top up credits, " + a.Company.Name)
}

func holdsCredits(t *testing.T, s stand) {
	a := s.active(t)
	s.topUp(t, a, 700)
	w := s.signIn(t, actor.Admin, browsertest.Look{})
	w.Go("/console/accounts/" + a.ID.String())
	w.Click(`.actions a[href$="/suspend"]`)
	w.Read("700 credits will be held.")
	w.Click("#dialog button[data-go]")
	w.Read("Suspended: " + a.Company.Name)
	w.Until(`document.querySelector(".figures").innerText.replace(/\s+/g, " ").includes("0 available 700 held")`)
	w.Click(`.actions a[href$="/reactivate"]`)
	w.Read("700 held credits become available again.")
	w.Click("#dialog button[data-go]")
	w.Until(`document.querySelector(".figures").innerText.replace(/\s+/g, " ").includes("700 available 0 held")`)
}

func forcesReset(t *testing.T, s stand) {
	a := s.active(t)
	w := s.signIn(t, actor.Support, browsertest.Look{})
	w.Expected = []string{"status of 403", "status of 422"}
	// The sign-in is not recent any more.
	_, err := s.Owner.Exec(t.Context(), `UPDATE staff_sessions SET recent_until = now() - interval '1 minute' WHERE staff_id = $1`, s.Staff[actor.Support].ID)
	require.NoError(t, err)
	w.Go("/console/accounts/" + a.ID.String())
	w.Click(`.actions a[href$="/password-reset"]`)
	w.Click("#dialog details summary")
	w.Fill("#dialog #note", "Asked for by phone.")
	w.Click("#dialog button[data-go]")
	w.See("#step-up #password")
	w.Fill("#step-up #password", "not this one")
	w.Click("#step-up button")
	w.See("#password-problem")
	w.Fill("#step-up #password", s.Staff[actor.Support].Password)
	w.Click("#step-up button")
	w.Click(`form[action$="/password-reset"] button`)
	w.Read("Password reset forced: " + a.Company.Name)
	w.Read("Asked for by phone.")
}

func asksForFactor(t *testing.T, s stand) {
	w := s.signIn(t, actor.Auditor, browsertest.Look{})
	w.Expected = []string{"status of 401", "status of 422"}
	w.Go("/console/self")
	w.Click(`form[action$="/second-factor"] button`)
	w.See("svg.qr")
	secret := browsertest.Eval[string](w, `document.querySelector("[name=secret]").value`)
	w.Accessible()
	w.Fill("#factor-code", "000000")
	w.Click(`form[action$="/confirm"] button`)
	w.See("#code-problem")
	w.Fill("#factor-code", codeOf(t, secret))
	w.Click(`form[action$="/confirm"] button`)
	w.See(".codes li")
	recovery := browsertest.Eval[string](w, `document.querySelector(".codes code").textContent`)

	again := browsertest.Open(t, s.URL, browsertest.Look{})
	again.Expected = []string{"status of 401"}
	again.Go("/console/sign-in")
	again.Fill("#email", s.Staff[actor.Auditor].Email)
	again.Fill("#password", s.Staff[actor.Auditor].Password)
	again.Click("#sign-in button")
	again.See("#code-problem")
	again.Fill("#password", s.Staff[actor.Auditor].Password)
	again.Fill("#code", recovery)
	again.Click("#sign-in button")
	again.At("/console/users")
}
