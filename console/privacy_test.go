package console_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/devstack/browser/browsertest"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/policy"
	"kibali/service"
)

// fetched returns the status and the type of what is at an address.
func fetched(w *browsertest.Window, address string) string {
	return browsertest.Eval[string](w, fmt.Sprintf(`(() => {
		const request = new XMLHttpRequest();
		request.open("GET", %q, false);
		request.send();
		return request.status + " " + request.getResponseHeader("Content-Type");
	})()`, address))
}

// erasesData downloads what is held about a person, erases it, and looks at what
// is left.
func erasesData(t *testing.T, s stand) {
	a := s.inReview(t, nil)
	admin := actor.Actor{Kind: actor.Staff, ID: s.Staff[actor.Admin].ID, Role: actor.Admin}
	_, err := s.Process.Service.Reject(t.Context(), admin, service.Ask{AccountID: a.ID, ReasonCode: string(account.ReasonNotEligible), Reason: "Not for " + a.Name})
	require.NoError(t, err)
	closed, err := s.Process.Service.Close(t.Context(), admin, service.Ask{AccountID: a.ID, Reason: "Asked by " + a.Name})
	require.NoError(t, err)
	require.True(t, closed.Done)
	profile := "/console/accounts/" + a.ID.String()

	support := s.signIn(t, actor.Support, browsertest.Look{})
	support.Expected = []string{"status of 403"}
	support.Go(profile)
	support.See("#profile")
	support.Gone(`.actions a[href$="/erase"]`)
	support.Gone(`a[href$="/export"]`)
	require.Equal(t, "403 text/html; charset=utf-8", fetched(support, profile+"/export"))

	w := s.signIn(t, actor.Admin, browsertest.Look{})
	w.Go(profile)
	w.Read(a.Name)
	w.See(`a[href$="/export"]`)
	require.Equal(t, "200 application/zip", fetched(w, profile+"/export"))
	w.Click(`.actions a[href$="/erase"]`)
	w.Read("This cannot be undone, by anyone.")
	w.Accessible()
	w.Click("#dialog button[data-go]")
	w.Read("Personal data erased: " + account.ErasedName)
	w.Read("What is left is the status, the ledger and the audit trail.")
	w.Read("Deleted with the account on")
	w.Gone(`.actions a[href$="/erase"]`)
	require.NotContains(t, w.Seen(), a.Name)
	require.NotContains(t, w.Seen(), a.Email)
	w.Accessible()
	for _, page := range []string{profile + "/timeline", "/console/users", "/console/audit?action=erase", "/console/decisions/" + closed.Decision.ID.String()} {
		w.Go(page)
		w.See("main")
		require.NotContains(t, w.Seen(), a.Company.Name) // others may be called as the person was
	}
	require.Equal(t, "200 text/csv; charset=utf-8", fetched(w, "/console/users.csv"))
}

// setsRetention says for how long personal data is kept.
func setsRetention(t *testing.T, s stand) {
	w := s.signIn(t, actor.Admin, browsertest.Look{})
	w.Expected = []string{"status of 422"}
	w.Go("/console/settings")
	require.Equal(t, "180", browsertest.Eval[string](w, `document.querySelector('[name="retention.rejected_documents"]').value`))
	w.Fill(`[name="retention.closed_accounts"]`, "3")
	w.Click(`form[action="/console/settings"] button`)
	w.See(`[id="retention.closed_accounts-problem"]`)
	w.Fill(`[name="retention.closed_accounts"]`, "730")
	w.Fill("#note", "Two years.")
	w.Click(`form[action="/console/settings"] button`)
	w.Read("The new policy is in force.")
	p, _, err := s.Process.Store.Reader().Policy(t.Context())
	require.NoError(t, err)
	require.Equal(t, policy.Duration(730*24*time.Hour), p.Retention.ClosedAccounts)
}
