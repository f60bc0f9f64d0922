package account_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/fault"
)

// TestNext holds the table of the blueprint against the code, pair by pair, so
// that a change of the machine is a change of this table too.
func TestNext(t *testing.T) {
	t.Parallel()
	const (
		awaiting, review, changes   = "pending/awaiting_documents", "pending/in_review", "pending/changes_requested"
		active, suspended, rejected = "active", "suspended", "rejected"
		closed                      = "closed"
	)
	want := map[account.Action]map[string]string{
		account.DocumentsReceived: {awaiting: review, review: review, changes: review},
		account.RequestChanges:    {awaiting: changes, review: changes, changes: changes},
		account.Resubmit:          {review: review, changes: review, rejected: review},
		account.Approve:           {awaiting: active, review: active, changes: active},
		account.Reject:            {awaiting: rejected, review: rejected, changes: rejected},
		account.Expire:            {awaiting: rejected, changes: rejected},
		account.Suspend:           {active: suspended},
		account.ChangeUntil:       {suspended: suspended},
		account.DismissAppeal:     {suspended: suspended},
		account.Reactivate:        {suspended: active},
		account.Close:             {active: closed, suspended: closed, rejected: closed},
		account.Erase:             {closed: closed},
	}
	require.Len(t, account.Actions(), len(want))
	require.Len(t, account.States(), 7)
	for _, action := range account.Actions() {
		for _, from := range account.States() {
			t.Run(string(action)+" from "+from.String(), func(t *testing.T) {
				t.Parallel()
				status, stage, err := account.Next(from.Status, from.Stage, action)
				to, permitted := want[action][from.String()]
				if !permitted {
					require.True(t, fault.Is(err, fault.Conflict), "got %v", err)
					require.Empty(t, status)
					require.Empty(t, stage)
					return
				}
				require.NoError(t, err)
				require.Equal(t, to, account.State{Status: status, Stage: stage}.String())
			})
		}
	}
}

func TestNextRefusesWhatIsNotAState(t *testing.T) {
	t.Parallel()
	for _, from := range []account.State{{}, {Status: account.Pending}, {Status: account.Active, Stage: account.InReview}} {
		_, _, err := account.Next(from.Status, from.Stage, account.Approve)
		require.True(t, fault.Is(err, fault.Conflict))
	}
}

func TestChangesAreAskedForUntilSomethingButDocumentsComes(t *testing.T) {
	t.Parallel()
	request := uuid.New()
	for _, c := range []struct {
		a    account.Account
		want bool
	}{
		{account.Account{Status: account.Pending, Stage: account.ChangesRequested, DecidedBy: &request}, true},
		{account.Account{Status: account.Pending, Stage: account.InReview, DecidedBy: &request}, true},
		{account.Account{Status: account.Pending, Stage: account.InReview}, false},
		{account.Account{Status: account.Pending, Stage: account.AwaitingDocuments}, false},
		{account.Account{Status: account.Rejected, DecidedBy: &request}, false},
	} {
		require.Equal(t, c.want, c.a.ChangesAsked(), "%+v", c.a)
	}
}

func TestWhatRemainsLeadsBack(t *testing.T) {
	t.Parallel()
	for _, transition := range account.Transitions() {
		if transition.Action.Remains() {
			require.Equal(t, []account.State{transition.To}, transition.From)
		}
	}
}

func TestClosedIsFinal(t *testing.T) {
	t.Parallel()
	for _, action := range account.Actions() {
		status, _, err := account.Next(account.Closed, account.NoStage, action)
		if action == account.Erase {
			require.Equal(t, account.Closed, status)
			continue
		}
		require.Error(t, err)
	}
}
