package service_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
)

func ask(a account.Account) service.Ask { return service.Ask{AccountID: a.ID} }

func rejection(a account.Account) service.Ask {
	return service.Ask{AccountID: a.ID, ReasonCode: "not_eligible", Reason: "The licence has expired."}
}

func keyed(a service.Ask, key, payload string) service.Ask {
	a.Key = &store.IdempotencyKey{Scope: "staff/x", Route: "POST " + a.AccountID.String(), Key: key, Fingerprint: sha256.Sum256([]byte(payload))}
	return a
}

func TestDecideWithoutWorkers(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("records the decision and leaves it with the case", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		decided, err := b.service.Approve(t.Context(), b.admin, ask(a))
		require.NoError(t, err)
		require.False(t, decided.Done)
		require.Equal(t, cases.RegistrationID(a.ID), decided.Decision.CaseID)

		signals := 0
		events := b.temporal.GetWorkflowHistory(t.Context(), decided.Decision.CaseID, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			require.NoError(t, err)
			if event.GetWorkflowExecutionSignaledEventAttributes().GetSignalName() == cases.Decide {
				signals++
			}
		}
		require.Equal(t, 1, signals)
	})
	t.Run("tells everyone else who decided what", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		_, err := b.service.Reject(t.Context(), b.admin, rejection(a))
		require.NoError(t, err)
		_, err = b.service.Approve(t.Context(), b.staff(t, actor.Reviewer), ask(a))
		current := currentOf(t, err)
		require.Equal(t, account.Reject, current.Action)
		require.Equal(t, b.admin.ID, *current.Actor.ID)
		require.NotEmpty(t, current.Actor.Name)
		require.True(t, current.Pending)
		require.WithinDuration(t, time.Now(), *current.DecidedAt, time.Minute)
	})
	t.Run("lets one of 64 racers through", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		results := make(chan error, 64)
		race(cap(results), func(i int) {
			var err error
			if i%2 == 0 {
				_, err = b.service.Approve(t.Context(), b.admin, ask(a))
			} else {
				_, err = b.service.Reject(t.Context(), b.admin, rejection(a))
			}
			results <- err
		})
		close(results)
		won := 0
		for err := range results {
			if err == nil {
				won++
				continue
			}
			require.NotEmpty(t, currentOf(t, err).Action)
		}
		require.Equal(t, 1, won)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM decisions WHERE account_id = $1`, a.ID))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM audit_events WHERE account_id = $1 AND action LIKE '%.requested'`, a.ID))
	})
	t.Run("refuses what the state does not permit and records nothing", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Active, account.NoStage)
		_, err := b.service.Approve(t.Context(), b.admin, ask(a))
		require.Equal(t, account.Active, currentOf(t, err).Status)
		_, err = b.service.Reactivate(t.Context(), b.admin, ask(a))
		requireFault(t, err, fault.Conflict)
		require.Zero(t, b.count(t, `SELECT count(*) FROM decisions WHERE account_id = $1`, a.ID))
	})
	t.Run("says that time has decided where nobody has", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Rejected, account.NoStage)
		_, err := b.service.Approve(t.Context(), b.admin, ask(a))
		current := currentOf(t, err)
		require.Equal(t, account.Expire, current.Action)
		require.Equal(t, actor.System, current.Actor.Kind)
	})
	t.Run("says what the applicant did where nobody has decided", func(t *testing.T) {
		t.Parallel()
		for stage, action := range map[account.Stage]account.Action{account.AwaitingDocuments: "register", account.InReview: account.DocumentsReceived} {
			a := b.put(t, b.register(t), account.Pending, stage)
			_, err := b.service.Suspend(t.Context(), b.admin, service.Ask{AccountID: a.ID, ReasonCode: "terms", Reason: "Reported."})
			current := currentOf(t, err)
			require.Equal(t, action, current.Action)
			require.Equal(t, service.CurrentActor{Kind: actor.Account, ID: &a.ID, Name: a.Name}, *current.Actor)
			require.WithinDuration(t, time.Now(), *current.DecidedAt, time.Minute)
		}
	})
	t.Run("names bad fields and unknown accounts", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		_, err := b.service.Reject(t.Context(), b.admin, service.Ask{AccountID: a.ID, ReasonCode: "mood", Note: "\x00"})
		requireFault(t, err, fault.Invalid, "reason_code", "reason", "note")
		past := time.Now().Add(-time.Second)
		_, err = b.service.Suspend(t.Context(), b.admin, service.Ask{AccountID: a.ID, ReasonCode: "fraud", Reason: "x", Until: &past})
		requireFault(t, err, fault.Invalid, "until")
		_, err = b.service.Approve(t.Context(), b.admin, service.Ask{AccountID: uuid.New()})
		requireFault(t, err, fault.NotFound)
	})
	t.Run("is for the roles that the table names", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		for _, role := range actor.Roles() {
			by := b.staff(t, role)
			_, err := b.service.Reactivate(t.Context(), by, ask(a))
			if role == actor.Admin {
				requireFault(t, err, fault.Conflict)
			} else {
				requireFault(t, err, fault.Forbidden)
			}
			if role != actor.Admin && role != actor.Reviewer {
				_, err = b.service.Approve(t.Context(), by, ask(a))
				requireFault(t, err, fault.Forbidden)
			}
		}
		_, err := b.service.Approve(t.Context(), self(a), ask(a))
		requireFault(t, err, fault.Forbidden)
	})
}

func TestIdempotencyKeysOfDecisions(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("make one decision of many requests", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		decisions := make(chan uuid.UUID, 16)
		race(cap(decisions), func(int) {
			decided, err := b.service.Approve(t.Context(), b.admin, keyed(ask(a), "k", "{}"))
			if err == nil {
				decisions <- decided.Decision.ID
			}
		})
		close(decisions)
		first := <-decisions
		n := 1
		for id := range decisions {
			require.Equal(t, first, id)
			n++
		}
		require.Equal(t, cap(decisions), n)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM decisions WHERE account_id = $1`, a.ID))
	})
	t.Run("refuse another payload", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		_, err := b.service.Approve(t.Context(), b.admin, keyed(ask(a), "k", "{}"))
		require.NoError(t, err)
		_, err = b.service.Approve(t.Context(), b.admin, keyed(ask(a), "k", `{"note":"x"}`))
		requireFault(t, err, fault.KeyReused)
	})
	t.Run("give the remembered answer again", func(t *testing.T) {
		t.Parallel()
		request := keyed(ask(b.register(t)), "k", "{}")
		recorded, err := b.service.Approve(t.Context(), b.admin, request)
		require.NoError(t, err)
		answer := store.Answer{Status: 202, Body: []byte(`{"decision":1}`)}
		kept, err := b.service.Remember(t.Context(), *request.Key, recorded.Decision.ID, answer)
		require.NoError(t, err)
		require.Equal(t, answer, kept)
		decided, err := b.service.Approve(t.Context(), b.admin, request)
		require.NoError(t, err)
		require.Equal(t, &answer, decided.Replay)
	})
	t.Run("do not remember refusals", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Active, account.NoStage)
		request := keyed(ask(a), "k", "{}")
		_, err := b.service.Approve(t.Context(), b.admin, request)
		requireFault(t, err, fault.Conflict)
		require.Zero(t, b.count(t, `SELECT count(*) FROM idempotency_keys WHERE route = $1`, request.Key.Route))
	})
}

func TestSuspendBlocksFromTheMomentItIsRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.put(t, b.register(t), account.Active, account.NoStage)
	until := time.Now().Add(time.Hour)
	decided, err := b.service.Suspend(t.Context(), b.admin, service.Ask{AccountID: a.ID, ReasonCode: "fraud", Reason: "Under investigation.", Until: &until})
	require.NoError(t, err)
	require.False(t, decided.Done)
	view, err := b.reader.Account(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, account.Active, view.Status)
	require.Equal(t, &decided.Decision.ID, view.BlockedBy)
}

func TestSweep(t *testing.T) {
	t.Parallel()

	t.Run("leaves what is young alone", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.service.Approve(t.Context(), b.admin, ask(b.register(t)))
		require.NoError(t, err)
		swept, err := b.service.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, swept)
	})
	t.Run("tells cases again, more and more rarely", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		a := b.register(t)
		_, err := b.service.Upload(t.Context(), self(a), a.ID, pdf("tin_certificate"))
		require.NoError(t, err)
		_, err = b.service.Approve(t.Context(), b.admin, ask(a))
		require.NoError(t, err)
		var told []int
		for range 8 {
			b.ahead.Add(int64(31 * time.Second))
			swept, err := b.service.Sweep(t.Context())
			require.NoError(t, err)
			require.Equal(t, swept.Decisions, swept.Documents)
			told = append(told, swept.Decisions)
		}
		require.Equal(t, []int{1, 1, 0, 1, 0, 0, 0, 1}, told)
	})
	t.Run("tries again at once what nobody could be told", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withoutTemporal(t))
		for range 3 {
			b.register(t)
		}
		b.ahead.Store(int64(time.Minute))
		for range 3 {
			swept, err := b.service.Sweep(t.Context())
			require.Error(t, err)
			require.Zero(t, swept)
		}
	})
	t.Run("opens cases that a fault left unopened", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		c := service.Config{Store: b.store, Documents: b.files, Hasher: hasher(t), Log: quiet(), Reach: 100 * time.Millisecond}
		withoutTemporal(t)(&c)
		r, err := service.New(c).Register(t.Context(), actor.Actor{}, application(), password)
		require.NoError(t, err)
		_, err = b.temporal.DescribeWorkflowExecution(t.Context(), cases.RegistrationID(r.Account.ID), "")
		require.Error(t, err)

		b.ahead.Store(int64(time.Minute))
		swept, err := b.service.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, swept.Applications)
		_, err = b.temporal.DescribeWorkflowExecution(t.Context(), cases.RegistrationID(r.Account.ID), "")
		require.NoError(t, err)
		application, err := b.reader.CurrentApplication(t.Context(), r.Account.ID)
		require.NoError(t, err)
		require.NotNil(t, application.AcceptedAt)
	})
	t.Run("lapses the decision of someone who may no longer decide, and lifts its block", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		a := b.put(t, b.register(t), account.Active, account.NoStage)
		former := b.staff(t, actor.Admin)
		decided, err := b.service.Suspend(t.Context(), former, service.Ask{AccountID: a.ID, ReasonCode: "terms", Reason: "Spam."})
		require.NoError(t, err)
		_, err = b.owner.Exec(t.Context(), `UPDATE staff SET role = 'support' WHERE id = $1`, former.ID)
		require.NoError(t, err)

		b.ahead.Store(int64(time.Minute))
		swept, err := b.service.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, service.Swept{Lapsed: 1}, swept)
		lapsed, err := b.reader.Decision(t.Context(), decided.Decision.ID)
		require.NoError(t, err)
		require.Equal(t, cases.Lapsed, lapsed.Outcome)
		view, err := b.reader.Account(t.Context(), a.ID)
		require.NoError(t, err)
		require.Nil(t, view.BlockedBy)
	})
	t.Run("opens the case of an account whose deadline passed unseen", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		a := b.register(t)
		require.NoError(t, b.temporal.TerminateWorkflow(t.Context(), cases.RegistrationID(a.ID), "", "lost"))
		b.ahead.Store(int64(15 * 24 * time.Hour))
		swept, err := b.service.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, swept.Idle)
		require.Eventually(t, func() bool {
			described, err := b.temporal.DescribeWorkflowExecution(context.Background(), cases.RegistrationID(a.ID), "")
			return err == nil && described.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING
		}, 10*time.Second, 10*time.Millisecond)
	})
}
