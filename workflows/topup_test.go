package workflows_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/workflows"
)

// patienceToSign is how long the till waits for a second signature.
const patienceToSign = 3 * day

// till stands for the row of a top-up's decision, and for the ledger. Its
// methods are the activities that the case runs.
type till struct {
	mu  sync.Mutex
	env *testsuite.TestWorkflowEnvironment
	id  uuid.UUID

	needs    bool // a second signature
	word     account.Action
	code     string // the ledger's refusal
	many     int    // how many notices a bulk owes
	lapsesAt time.Time
	outcome  cases.TopUpOutcome
	steps    []string
	sent     []string
	notices  map[uuid.UUID]cases.Notice
	timers   int
}

func openTill(t *testing.T) *till {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	w := &till{env: suite.NewTestWorkflowEnvironment(), id: uuid.New(), notices: map[uuid.UUID]cases.Notice{}}
	w.env.SetTestTimeout(time.Minute)
	w.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: 30 * time.Second})
	w.env.SetStartTime(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	w.lapsesAt = w.env.Now().Add(patienceToSign)
	w.env.RegisterActivity(w)
	w.env.SetOnTimerScheduledListener(func(string, time.Duration) { w.timers++ })
	w.env.SetOnTimerFiredListener(func(string) { w.timers-- })
	w.env.SetOnTimerCanceledListener(func(string) { w.timers-- })
	return w
}

// SettleTopUp is what the real one is to its case.
func (w *till) SettleTopUp(_ context.Context, step cases.TopUpStep) (cases.TopUpOutcome, error) {
	if w.outcome.Result != "" {
		w.steps = append(w.steps, "again")
		return w.outcome, nil
	}
	switch {
	case w.word == account.Decline:
		w.outcome = cases.TopUpOutcome{Result: cases.Refused, Code: "declined"}
	case w.needs && w.word == "" && step.Over:
		w.outcome = cases.TopUpOutcome{Result: cases.Lapsed, Code: "unsigned"}
	case w.needs && w.word == "":
		w.steps = append(w.steps, "waiting")
		return cases.TopUpOutcome{Result: cases.Waiting, LapsesAt: w.lapsesAt}, nil
	case w.many > 0:
		w.outcome = cases.TopUpOutcome{Result: cases.Applied}
		for range w.many {
			n := cases.Notice{NoticeID: uuid.New(), Channel: "sms", Kind: "credits_added"}
			w.notices[n.NoticeID], w.outcome.Notices = n, append(w.outcome.Notices, n)
		}
	case w.code != "":
		w.outcome = cases.TopUpOutcome{Result: cases.Refused, Code: w.code}
	default:
		w.outcome = cases.TopUpOutcome{Result: cases.Applied, ActorID: uuid.New(), Notices: []cases.Notice{
			{NoticeID: uuid.New(), Channel: "email", Kind: "credits_added"}, {NoticeID: uuid.New(), Channel: "sms", Kind: "credits_added"},
		}}
		for _, n := range w.outcome.Notices {
			w.notices[n.NoticeID] = n
		}
	}
	w.steps = append(w.steps, string(w.outcome.Result))
	return w.outcome, nil
}

func (w *till) SendNotice(_ context.Context, id uuid.UUID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, w.notices[id].Channel+" "+w.notices[id].Kind)
	return nil
}

func (w *till) AbandonNotice(context.Context, uuid.UUID) error { return nil }

func (w *till) run(t *testing.T) {
	t.Helper()
	w.env.ExecuteWorkflow(workflows.TopUp, cases.TopUpInput{DecisionID: w.id})
	require.True(t, w.env.IsWorkflowCompleted())
	require.NoError(t, w.env.GetWorkflowError())
}

func (w *till) message(kind account.Action) cases.Decision {
	return cases.Decision{DecisionID: w.id, Kind: kind, ActorID: uuid.New()}
}

// signs records what a second person says, as the service does, and tells the
// case by an update. The answer stands in what is returned once the case is run.
func (w *till) signs(after time.Duration, kind account.Action, tell func()) {
	w.env.RegisterDelayedCallback(func() {
		if w.word == "" && w.outcome.Result == "" {
			w.word = kind
		}
		tell()
	}, after)
}

func (w *till) update(m cases.Decision) *cases.TopUpOutcome {
	answer := &cases.TopUpOutcome{}
	w.env.UpdateWorkflow(cases.Decide, uuid.NewString(), &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(error) { answer.Code = "rejected" },
		OnComplete: func(result any, err error) {
			if err == nil {
				*answer = result.(cases.TopUpOutcome)
			}
		},
	}, m)
	return answer
}

func TestTopUp(t *testing.T) {
	t.Parallel()

	t.Run("is_posted_at_once_and_tells_the_user", func(t *testing.T) {
		t.Parallel()
		w := openTill(t)
		var first *cases.TopUpOutcome
		w.env.RegisterDelayedCallback(func() { first = w.update(w.message(account.TopUp)) }, 0)
		w.run(t)
		require.Equal(t, []string{"applied"}, w.steps)
		require.Equal(t, cases.Applied, first.Result)
		slices.Sort(w.sent)
		require.Equal(t, []string{"email credits_added", "sms credits_added"}, w.sent)
	})

	t.Run("that_the_ledger_refuses_ends_refused", func(t *testing.T) {
		t.Parallel()
		w := openTill(t)
		w.code = "insufficient_credits"
		w.run(t)
		require.Equal(t, []string{"refused"}, w.steps)
		require.Empty(t, w.sent)
	})

	t.Run("waits_for_its_second_signature", func(t *testing.T) {
		t.Parallel()
		w := openTill(t)
		w.needs = true
		var first, signed *cases.TopUpOutcome
		w.env.RegisterDelayedCallback(func() { first = w.update(w.message(account.TopUp)) }, 0)
		w.signs(2*day, account.Countersign, func() { signed = w.update(w.message(account.Countersign)) })
		start := w.env.Now()
		w.run(t)
		require.Equal(t, []string{"waiting", "applied"}, w.steps)
		require.Equal(t, cases.Waiting, first.Result)
		require.Equal(t, cases.Applied, signed.Result)
		require.InDelta(t, 2*day, w.env.Now().Sub(start), float64(time.Minute))
		require.Zero(t, w.timers, "timers left")
	})

	t.Run("that_is_declined_ends_refused", func(t *testing.T) {
		t.Parallel()
		w := openTill(t)
		w.needs = true
		w.signs(day, account.Decline, func() { w.env.SignalWorkflow(cases.Decide, w.message(account.Decline)) })
		w.run(t)
		require.Equal(t, []string{"waiting", "refused"}, w.steps)
		require.Equal(t, "declined", w.outcome.Code)
		require.Empty(t, w.sent)
	})

	t.Run("lapses_without_one", func(t *testing.T) {
		t.Parallel()
		w := openTill(t)
		w.needs = true
		start := w.env.Now()
		w.run(t)
		require.Equal(t, []string{"waiting", "lapsed"}, w.steps)
		require.InDelta(t, patienceToSign, w.env.Now().Sub(start), float64(time.Minute))
		require.Empty(t, w.sent)
	})

	t.Run("and_a_signature_at_the_instant_at_which_it_lapses_have_one_winner", func(t *testing.T) {
		t.Parallel()
		for _, at := range []time.Duration{patienceToSign - time.Nanosecond, patienceToSign, patienceToSign + time.Nanosecond} {
			w := openTill(t)
			w.needs = true
			w.signs(at, account.Countersign, func() { w.env.SignalWorkflow(cases.Decide, w.message(account.Countersign)) })
			w.run(t)
			ended := slices.DeleteFunc(slices.Clone(w.steps), func(s string) bool { return s == "waiting" || s == "again" })
			require.Len(t, ended, 1, "%v", w.steps)
			require.Equal(t, w.word == account.Countersign, w.outcome.Result == cases.Applied)
			require.Equal(t, w.word == "", w.outcome.Result == cases.Lapsed)
		}
	})

	t.Run("that_was_signed_while_nobody_worked_is_posted_although_its_time_has_passed", func(t *testing.T) {
		t.Parallel()
		w := openTill(t)
		w.needs, w.word, w.lapsesAt = true, account.Countersign, w.env.Now().Add(-time.Hour)
		w.run(t)
		require.Equal(t, []string{"applied"}, w.steps)
	})

	t.Run("hears_the_same_ten_times_in_every_way_and_is_posted_once", func(t *testing.T) {
		t.Parallel()
		w := openTill(t)
		w.needs = true
		var answers []*cases.TopUpOutcome
		for range 5 {
			w.env.RegisterDelayedCallback(func() {
				answers = append(answers, w.update(w.message(account.TopUp)))
				w.env.SignalWorkflow(cases.Decide, w.message(account.TopUp))
			}, time.Hour)
		}
		w.signs(2*time.Hour, account.Countersign, func() {
			for range 10 {
				answers = append(answers, w.update(w.message(account.Countersign)))
				w.env.SignalWorkflow(cases.Decide, w.message(account.Countersign))
			}
		})
		w.run(t)
		require.Equal(t, []string{"waiting", "applied"}, w.steps)
		for i, answer := range answers {
			require.Equal(t, map[bool]cases.Result{true: cases.Waiting, false: cases.Applied}[i < 5], answer.Result)
		}
		require.Len(t, w.sent, 2)
	})

	t.Run("of_many_accounts_sends_all_notices_and_not_too_many_at_a_time", func(t *testing.T) {
		t.Parallel()
		w := openTill(t)
		w.many = 350
		started, most := 0, 0
		w.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
			if info.ActivityType.Name == "SendNotice" {
				started++
				most = max(most, started)
			}
		})
		w.env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
			if info.ActivityType.Name == "SendNotice" {
				started--
			}
		})
		w.run(t)
		require.Len(t, w.sent, 350)
		require.LessOrEqual(t, most, 100)
	})

	t.Run("hears_of_its_own_decision_only", func(t *testing.T) {
		t.Parallel()
		w := openTill(t)
		w.needs = true
		var foreign, wrong *cases.TopUpOutcome
		w.env.RegisterDelayedCallback(func() {
			foreign = w.update(cases.Decision{DecisionID: uuid.New(), Kind: account.Countersign})
			wrong = w.update(w.message(account.Approve))
		}, time.Hour)
		w.signs(2*time.Hour, account.Countersign, func() { w.update(w.message(account.Countersign)) })
		w.run(t)
		require.Equal(t, "rejected", foreign.Code)
		require.Equal(t, "rejected", wrong.Code)
	})

	t.Run("that_is_settled_and_opened_again_sends_what_is_owed_and_closes", func(t *testing.T) {
		t.Parallel()
		w := openTill(t)
		w.outcome = cases.TopUpOutcome{Result: cases.Applied}
		n := cases.Notice{NoticeID: uuid.New(), Channel: "sms", Kind: "credits_added"}
		w.notices[n.NoticeID] = n
		w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow(cases.Decide, w.message(account.TopUp)) }, 0)
		w.env.ExecuteWorkflow(workflows.TopUp, cases.TopUpInput{DecisionID: w.id, Notices: []cases.Notice{n}})
		require.NoError(t, w.env.GetWorkflowError())
		require.Equal(t, []string{"again"}, w.steps)
		require.Equal(t, []string{"sms credits_added"}, w.sent)
	})
}
