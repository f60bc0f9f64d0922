package worker_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"kibali/activities"
	"kibali/documents"
	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/identity"
	"kibali/notify"
	"kibali/store"
	"kibali/worker"
)

func TestADecisionMadeWhileEveryWorkerIsDownIsAppliedWhenOneStarts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	stop := s.work(t, buildID)
	a := s.register(t)
	stop()

	decided, err := s.service.Approve(t.Context(), s.staff, s.ask(a.ID))
	require.NoError(t, err)
	require.False(t, decided.Done)
	require.True(t, decided.Decision.Open())
	_, err = s.service.Reject(t.Context(), s.staff, s.reason(a.ID, "other"))
	require.Error(t, err, "one open decision per case")

	s.work(t, buildID)
	history := s.closed(t, cases.RegistrationID(a.ID))
	requireKeepable(t, history)
	require.Equal(t, account.Active, s.account(t, a.ID).Status)
	applied, err := s.reader.Decision(t.Context(), decided.Decision.ID)
	require.NoError(t, err)
	require.Equal(t, cases.Applied, applied.Outcome)
	require.Equal(t, 2, s.received(a, notify.ChannelEmail))
}

func TestCasesMoveOnToANewBuild(t *testing.T) {
	t.Parallel()
	s := setup(t)
	stop := s.work(t, "one")
	a := s.register(t)
	s.work(t, "two")
	stop()
	mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	s.closed(t, cases.RegistrationID(a.ID))
}

func TestDeploySaysThatNoWorkerIsThere(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.ErrorContains(t, worker.Deploy(ctx, s.temporal, "never-built"), "never-built")
}

func TestRunRefusesToStartWithoutABuild(t *testing.T) {
	t.Parallel()
	require.Error(t, worker.Run(t.Context(), nil, worker.Options{}))
}

func TestTheTextOfADriversErrorLeavesNeitherTheWorkerNorTheLog(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.work(t, buildID)
	a := s.register(t)
	owner, err := pgx.Connect(t.Context(), s.database.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = owner.Close(context.Background()) })
	// A rule that quotes the whole row when it refuses it.
	_, err = owner.Exec(t.Context(), `
		CREATE FUNCTION quote_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one: %', NEW; END $$;
		CREATE TRIGGER quoting BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION quote_row()`)
	require.NoError(t, err)

	answered := make(chan error, 1)
	go func() {
		_, err := s.service.Approve(context.Background(), s.staff, s.ask(a.ID))
		answered <- err
	}()
	caseID := cases.RegistrationID(a.ID)
	var failure string
	require.Eventually(t, func() bool {
		described, err := s.temporal.DescribeWorkflowExecution(t.Context(), caseID, "")
		if err != nil {
			return false
		}
		for _, pending := range described.GetPendingActivities() {
			if pending.GetLastFailure() != nil && pending.GetActivityType().GetName() == "ApplyDecision" {
				failure = pending.GetLastFailure().String()
			}
		}
		return failure != ""
	}, 20*time.Second, 20*time.Millisecond)
	require.Contains(t, failure, "internal error ")
	require.NotContains(t, failure, canary)
	require.NotContains(t, failure, "not this one")
	require.Contains(t, s.log.String(), "sqlstate=P0001")
	require.NotContains(t, s.log.String(), canary)
	require.NotContains(t, s.log.String(), "not this one")

	_, err = owner.Exec(t.Context(), `DROP TRIGGER quoting ON accounts`)
	require.NoError(t, err)
	requireKeepable(t, s.closed(t, caseID))
	require.NoError(t, <-answered)
	require.Equal(t, account.Active, s.account(t, a.ID).Status)
}

func TestADecisionThatTheRowRefusesIsClosedAsRefusedAndLiftsItsBlock(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.work(t, buildID)
	a := approved(t, s)
	// A decision to suspend whose account is closed before its case hears of it.
	d := store.Decision{
		ID: uuid.New(), AccountID: a.ID, CaseID: cases.SuspensionID(a.ID), Kind: account.Suspend, ReasonCode: "fraud", Reason: "r",
		StaffID: s.staff.ID, RequestID: "test", RequestedAt: time.Now(),
	}
	require.NoError(t, s.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertDecision(ctx, d); err != nil {
			return err
		}
		if err := tx.BlockAccount(ctx, a.ID, &d.ID); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: d.RequestedAt, Actor: s.staff, Action: "suspend.requested", Subject: "decision", SubjectID: d.ID.String(), AccountID: &a.ID,
			ReasonCode: d.ReasonCode, DecisionID: &d.ID, WorkflowID: d.CaseID,
		})
	}))
	closing := s.reason(a.ID, "")
	mustDo(t)(s.service.Close(t.Context(), s.staff, closing))
	_, err := s.temporal.SignalWithStartWorkflow(t.Context(), d.CaseID, cases.Decide,
		cases.Decision{DecisionID: d.ID, Kind: d.Kind, ActorID: d.StaffID},
		client.StartWorkflowOptions{ID: d.CaseID, TaskQueue: cases.TaskQueue, WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING},
		cases.Suspension, cases.SuspensionInput{AccountID: a.ID, Entry: cases.EntryOf(a)})
	require.NoError(t, err)
	requireKeepable(t, s.closed(t, d.CaseID))
	refused, err := s.reader.Decision(t.Context(), d.ID)
	require.NoError(t, err)
	require.Equal(t, cases.Refused, refused.Outcome)
	require.Equal(t, "conflict", refused.OutcomeCode)
	closed := s.account(t, a.ID)
	require.Equal(t, account.Closed, closed.Status)
	require.Nil(t, closed.BlockedBy)
}

func TestCasesSurviveWorkersThatAreKilled(t *testing.T) {
	t.Parallel()
	s := setup(t)
	child := s.startChild(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, worker.Deploy(ctx, s.temporal, buildID))

	var accounts []account.Account
	for range 12 {
		accounts = append(accounts, s.register(t))
	}
	var deciding sync.WaitGroup
	for i, a := range accounts {
		deciding.Go(func() {
			var err error
			if i%2 == 0 {
				_, err = s.service.Approve(context.Background(), s.staff, s.ask(a.ID))
			} else {
				_, err = s.service.Reject(context.Background(), s.staff, s.reason(a.ID, "other"))
			}
			if err != nil {
				t.Errorf("a decision was not accepted: %v", err)
			}
		})
		if i == 5 {
			require.NoError(t, child.Process.Kill())
			_ = child.Wait()
			child = s.startChild(t)
		}
	}
	deciding.Wait()
	for i, a := range accounts {
		requireKeepable(t, s.closed(t, cases.RegistrationID(a.ID)))
		want := account.Active
		if i%2 == 1 {
			want = account.Rejected
		}
		require.Equal(t, want, s.account(t, a.ID).Status)
		owed, err := s.reader.PendingNotices(t.Context(), a.ID)
		require.NoError(t, err)
		require.Empty(t, owed)
	}
}

// A child is a worker in a process of its own, which can be killed.
const childVariable = "KIBALI_TEST_WORKER"

func (s *stand) startChild(t *testing.T) *exec.Cmd {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"=1", "CHILD_ADDRESS="+s.server.Address, "CHILD_NAMESPACE="+s.server.Namespace,
		"CHILD_DATABASE="+s.database.AppURL, "CHILD_DOCUMENTS="+s.filesURL, "CHILD_INBOX="+filepath.Join(t.TempDir(), "inbox"))
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	return child
}

// runChild is what a child does: it works until it is killed, or until its
// parent is gone.
func runChild() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	db, err := store.Open(ctx, os.Getenv("CHILD_DATABASE"))
	must(err)
	files, err := documents.Open(ctx, os.Getenv("CHILD_DOCUMENTS"))
	must(err)
	inbox, err := notify.OpenInbox(os.Getenv("CHILD_INBOX"))
	must(err)
	c, err := client.Dial(client.Options{HostPort: os.Getenv("CHILD_ADDRESS"), Namespace: os.Getenv("CHILD_NAMESPACE"), Identity: "kibali-test"})
	must(err)
	links, err := identity.NewLinks(secretKey)
	must(err)
	must(worker.Run(ctx, c, worker.Options{BuildID: buildID, Activities: activities.New(activities.Config{
		Store: db, Documents: files, Renderer: renderer(), Email: inbox, SMS: inbox, Platform: "Ujumbe",
		BaseURL: "https://ujumbe.example.co.tz", Links: links,
	})}))
}
