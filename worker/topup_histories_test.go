package worker_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/ledger"
	"kibali/domain/policy"
	"kibali/notify"
	"kibali/service"
	"kibali/store"
)

func topUpPaths() []path {
	return []path{
		{name: "top-up-posted", most: 30, walk: walkTopUp},
		{name: "top-up-countersigned", walk: walkCountersigned},
		{name: "top-up-declined", walk: walkDeclined},
		{name: "top-up-lapsed", policy: brief, walk: walkLapsed},
		{name: "top-up-bulk", walk: walkBulk},
		{name: "top-up-late-duplicate", most: 15, walk: walkTopUpLateDuplicate},
	}
}

// colleague is a second person who may sign top-ups.
func (s *stand) colleague(t *testing.T) actor.Actor {
	t.Helper()
	member := store.Staff{ID: uuid.New(), Email: "finance@example.co.tz", Name: "Neema " + canary, Role: actor.Finance}
	require.NoError(t, s.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.InsertStaff(ctx, member, "", time.Now())
	}))
	return actor.Actor{Kind: actor.Staff, ID: member.ID, Role: member.Role, RequestID: "test"}
}

func (s *stand) topUp(t *testing.T, id uuid.UUID, amount int64) service.Decided {
	t.Helper()
	decided, err := s.service.TopUp(t.Context(), s.staff, service.TopUp{
		AccountID: id, Amount: amount, Reason: "refund", Note: canary + " noted",
		Key: &store.IdempotencyKey{Scope: "test", Route: "top-up", Key: uuid.NewString()},
	})
	require.NoError(t, err)
	return decided
}

func (s *stand) requireCredits(t *testing.T, id uuid.UUID, available int64) {
	t.Helper()
	b, err := s.reader.Balance(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, ledger.Balance{Available: available}, b)
}

func walkTopUp(t *testing.T, s *stand) string {
	a := approved(t, s)
	decided := s.topUp(t, a.ID, 500)
	require.True(t, decided.Done)
	s.closed(t, decided.Decision.CaseID)
	s.requireCredits(t, a.ID, 500)
	require.Equal(t, 3, s.received(a, notify.ChannelSMS), "received, approved, credits added")
	requireAttributes(t, s, decided.Decision.CaseID, cases.StatusPosted, s.staff.ID)
	return decided.Decision.CaseID
}

func walkCountersigned(t *testing.T, s *stand) string {
	a, by := approved(t, s), s.colleague(t)
	waiting := s.topUp(t, a.ID, 500_000)
	require.False(t, waiting.Done)
	require.True(t, waiting.Decision.Unsigned())
	require.Eventually(t, func() bool { return len(s.told("finance@example.co.tz")) == 1 }, 20*time.Second, 20*time.Millisecond)
	s.requireCredits(t, a.ID, 0)
	mustDo(t)(s.service.Countersign(t.Context(), by, service.Sign{DecisionID: waiting.Decision.ID, Note: canary}))
	s.closed(t, waiting.Decision.CaseID)
	s.requireCredits(t, a.ID, 500_000)
	requireAttributes(t, s, waiting.Decision.CaseID, cases.StatusPosted, by.ID)
	return waiting.Decision.CaseID
}

func walkDeclined(t *testing.T, s *stand) string {
	a, by := approved(t, s), s.colleague(t)
	waiting := s.topUp(t, a.ID, 500_000)
	mustDo(t)(s.service.Decline(t.Context(), by, service.Sign{DecisionID: waiting.Decision.ID, Note: canary}))
	s.closed(t, waiting.Decision.CaseID)
	s.requireCredits(t, a.ID, 0)
	requireAttributes(t, s, waiting.Decision.CaseID, cases.StatusRefused, by.ID)
	return waiting.Decision.CaseID
}

func brief(p *policy.Policy) { p.TopUps.Signature = policy.Duration(2 * time.Second) }

func walkLapsed(t *testing.T, s *stand) string {
	a := approved(t, s)
	waiting := s.topUp(t, a.ID, 500_000)
	s.closed(t, waiting.Decision.CaseID)
	s.requireCredits(t, a.ID, 0)
	lapsed, err := s.reader.Decision(t.Context(), waiting.Decision.ID)
	require.NoError(t, err)
	require.Equal(t, cases.Lapsed, lapsed.Outcome)
	requireAttributes(t, s, waiting.Decision.CaseID, cases.StatusLapsed, uuid.Nil)
	return waiting.Decision.CaseID
}

func walkBulk(t *testing.T, s *stand) string {
	a, b := approved(t, s), approved(t, s)
	decided, err := s.service.TopUpMany(t.Context(), s.staff, service.BulkTopUp{
		CSV: a.Email + ",40\n" + b.ID.String() + ",60\n", Reason: "complimentary", Note: canary,
		Key: &store.IdempotencyKey{Scope: "test", Route: "top-ups", Key: uuid.NewString()},
	})
	require.NoError(t, err)
	require.True(t, decided.Done)
	s.closed(t, decided.Decision.CaseID)
	s.requireCredits(t, a.ID, 40)
	s.requireCredits(t, b.ID, 60)
	for _, told := range []account.Account{a, b} {
		require.Equal(t, 3, s.received(told, notify.ChannelSMS), "received, approved, credits added")
	}
	return decided.Decision.CaseID
}

func walkTopUpLateDuplicate(t *testing.T, s *stand) string {
	a := approved(t, s)
	decided := s.topUp(t, a.ID, 500)
	caseID := decided.Decision.CaseID
	s.closed(t, caseID)
	options := client.StartWorkflowOptions{ID: caseID, TaskQueue: cases.TaskQueue, WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING}
	_, err := s.temporal.SignalWithStartWorkflow(t.Context(), caseID, cases.Decide,
		cases.Decision{DecisionID: decided.Decision.ID, Kind: account.TopUp, ActorID: s.staff.ID}, options,
		cases.TopUp, cases.TopUpInput{DecisionID: decided.Decision.ID})
	require.NoError(t, err)
	s.closed(t, caseID)
	s.requireCredits(t, a.ID, 500)
	require.Equal(t, 3, s.received(a, notify.ChannelEmail), "a late duplicate sends nothing")
	return caseID
}
