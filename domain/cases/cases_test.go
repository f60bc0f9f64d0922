package cases_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/cases"
)

func TestEveryDecisionThatTheMachinePermitsHasOneCase(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("019ab000-0000-7000-8000-000000000001")
	want := map[account.Action]string{
		account.Approve: cases.RegistrationID(id), account.Reject: cases.RegistrationID(id), account.RequestChanges: cases.RegistrationID(id),
		account.Resubmit: cases.RegistrationID(id), account.Suspend: cases.SuspensionID(id), account.Reactivate: cases.SuspensionID(id),
		account.ChangeUntil: cases.SuspensionID(id), account.DismissAppeal: cases.SuspensionID(id),
	}
	for _, transition := range account.Transitions() {
		for _, from := range transition.From {
			if caseID, listed := want[transition.Action]; listed {
				require.Equal(t, caseID, cases.IDFor(id, from, transition.Action), "%s from %s", transition.Action, from)
			}
		}
	}
	require.Equal(t, cases.SuspensionID(id), cases.IDFor(id, account.State{Status: account.Suspended}, account.Close))
	require.Equal(t, cases.SuspensionID(id), cases.IDFor(id, account.State{Status: account.Active}, account.ChangeUntil), "while the decision to suspend is on its way")
	require.Equal(t, cases.ClosureID(id), cases.IDFor(id, account.State{Status: account.Active}, account.Close))
	require.Equal(t, cases.ClosureID(id), cases.IDFor(id, account.State{Status: account.Rejected}, account.Close))
}

func TestStatusOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		workflow string
		status   account.Status
		led      account.Action
		want     string
	}{
		{cases.Registration, account.Pending, "", cases.StatusPending},
		{cases.Registration, account.Active, account.Approve, cases.StatusApproved},
		{cases.Registration, account.Suspended, "", cases.StatusApproved},
		{cases.Registration, account.Rejected, account.Reject, cases.StatusRejected},
		{cases.Registration, account.Rejected, account.Expire, cases.StatusExpired},
		{cases.Registration, account.Closed, "", cases.StatusClosed},
		{cases.Suspension, account.Suspended, account.Suspend, cases.StatusSuspended},
		{cases.Suspension, account.Active, account.Reactivate, cases.StatusReactivated},
		{cases.Suspension, account.Active, "", "active"},
		{cases.Suspension, account.Closed, account.Close, cases.StatusClosed},
		{cases.Closure, account.Closed, account.Close, cases.StatusClosed},
	} {
		require.Equal(t, c.want, cases.StatusOf(c.workflow, c.status, c.led), "%+v", c)
	}
}

func TestAnEntrySurvivesItsWayThroughTemporal(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.FixedZone("EAT", 3*60*60))
	for _, a := range []account.Account{
		{Status: account.Pending, Stage: account.InReview, StageSince: since, RemindAt: since.Add(time.Hour), DeadlineAt: since.Add(2 * time.Hour)},
		{Status: account.Suspended, StageSince: since, SuspendedUntil: since.Add(time.Hour)},
		{Status: account.Active, StageSince: since},
	} {
		entry := cases.EntryOf(a)
		text, err := json.Marshal(entry)
		require.NoError(t, err)
		var read cases.Entry
		require.NoError(t, json.Unmarshal(text, &read))
		require.True(t, entry.Equal(read))
		require.Zero(t, entry.Since.Nanosecond()%1000, "what the database keeps")
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	remind, end := time.Unix(1, 0), time.Unix(2, 0)
	require.Equal(t, remind, cases.Entry{Stage: account.InReview, RemindAt: remind, DeadlineAt: end}.Due(), "staff's deadline is the first")
	require.Equal(t, end, cases.Entry{Stage: account.ChangesRequested, RemindAt: remind, DeadlineAt: end}.Due())
	require.Zero(t, cases.Entry{Status: account.Active}.Due())
	require.Equal(t, remind, cases.Entry{Status: account.Suspended, RemindAt: remind, DeadlineAt: end}.Due(), "an appeal is to be decided")
	require.Equal(t, remind, cases.Entry{Status: account.Suspended, RemindAt: remind}.Due())
	require.Equal(t, remind, cases.Entry{Status: account.Suspended, RemindAt: end, DeadlineAt: remind}.Due())
}

func TestEachNoticeBelongsToTheCaseThatOwesIt(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	registration, suspension, closure := cases.RegistrationID(id), cases.SuspensionID(id), cases.ClosureID(id)
	for _, c := range []struct{ kind, decidedIn, owner string }{
		{"application_received", "", registration},
		{"application_expired", "", registration},
		{"review_due", "", registration},
		{"approved", registration, registration},
		{"changes_missing", registration, registration},
		{"suspended", suspension, suspension},
		{"reactivated", suspension, suspension},
		{"reactivated", "", suspension},
		{"closed", suspension, suspension},
		{"closed", closure, closure},
	} {
		for _, caseID := range []string{registration, suspension, closure} {
			require.Equal(t, caseID == c.owner, cases.Notice{Kind: c.kind}.BelongsTo(caseID, c.decidedIn), "%+v in %s", c, caseID)
		}
	}
}

func TestAttributesAreTheSameWhenACaseIsOpenedAndWhenItGoesOn(t *testing.T) {
	t.Parallel()
	due := time.Unix(2, 0)
	for _, c := range []struct {
		workflow string
		entry    cases.Entry
		led      account.Action
		want     cases.Attributes
	}{
		{cases.Registration, cases.Entry{Status: account.Pending, Stage: account.AwaitingDocuments, DeadlineAt: due}, "", cases.Attributes{CaseStatus: "pending", Deadline: due}},
		{cases.Registration, cases.Entry{Status: account.Active}, "", cases.Attributes{CaseStatus: "approved"}},
		{cases.Registration, cases.Entry{Status: account.Suspended, DeadlineAt: due}, "", cases.Attributes{CaseStatus: "approved"}},
		{cases.Registration, cases.Entry{Status: account.Rejected}, account.Expire, cases.Attributes{CaseStatus: "expired"}},
		{cases.Suspension, cases.Entry{Status: account.Suspended, DeadlineAt: due}, "", cases.Attributes{CaseStatus: "suspended", Deadline: due}},
		{cases.Suspension, cases.Entry{Status: account.Active}, account.Reactivate, cases.Attributes{CaseStatus: "reactivated"}},
		{cases.Closure, cases.Entry{Status: account.Active}, "", cases.Attributes{CaseStatus: "active"}},
	} {
		require.Equal(t, c.want, cases.AttributesOf(c.workflow, c.entry, c.led), "%+v", c)
	}
}
