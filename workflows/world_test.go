package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"kibali/activities"
	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/workflows"
)

const day = 24 * time.Hour

// The deadlines that the world gives to each stage.
const (
	documentsRemind, documentsExpire = 2 * day, 14 * day
	reviewRemind, reviewEscalate     = 2 * day, 3 * day
	changesRemind, changesExpire     = 3 * day, 14 * day
)

// world stands for PostgreSQL and the providers: one account that obeys the
// state machine, and a record of what activities did. Its methods are the
// activities that a case runs.
type world struct {
	env       *testsuite.TestWorkflowEnvironment
	accountID uuid.UUID

	mu       sync.Mutex
	entry    cases.Entry
	closed   map[uuid.UUID]cases.Outcome // decisions and applications
	did      []string
	sent     []string
	timers   int // that run
	maxTimer int

	// failing makes an activity fail, by its name; it is asked before the
	// activity does anything.
	failing func(activity string) error
	// slow makes an activity take a while, by its name.
	slow map[string]time.Duration
	// ends is where each decision to move the end of a suspension moves it;
	// zero is never.
	ends     map[uuid.UUID]time.Time
	appealed time.Time
	// instead is done instead of an activity, by its name.
	instead map[string]func() cases.Outcome
	ran     map[string]int // activities that ran to their end, by name
	// notify makes a notice fail.
	notify func(cases.Notice) error

	link link // of a password reset

	notices  map[uuid.UUID]cases.Notice
	patience time.Duration // how long a notice is tried
}

// setup returns an environment for one case and the world it acts on, with an
// account in the given state.
func setup(t *testing.T, status account.Status, stage account.Stage) *world {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	// A machine that is busy with other tests is not a deadlock.
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: 30 * time.Second})
	w := &world{env: env, accountID: uuid.New(),
		closed: map[uuid.UUID]cases.Outcome{}, notices: map[uuid.UUID]cases.Notice{},
		slow: map[string]time.Duration{}, ends: map[uuid.UUID]time.Time{}, instead: map[string]func() cases.Outcome{}, ran: map[string]int{},
	}
	env.SetStartTime(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	w.enter(status, stage)
	env.RegisterActivity(w)
	env.SetOnTimerScheduledListener(func(string, time.Duration) {
		w.timers++
		w.maxTimer = max(w.maxTimer, w.timers)
	})
	env.SetOnTimerFiredListener(func(string) { w.timers-- })
	env.SetOnTimerCanceledListener(func(string) { w.timers-- })
	return w
}

func (w *world) enter(status account.Status, stage account.Stage) {
	now := w.env.Now().UTC()
	if !now.After(w.entry.Since) {
		now = w.entry.Since.Add(time.Microsecond)
	}
	w.entry = cases.Entry{Status: status, Stage: stage, Since: now}
	patience := map[account.Stage][2]time.Duration{
		account.AwaitingDocuments: {documentsRemind, documentsExpire},
		account.InReview:          {reviewRemind, reviewEscalate},
		account.ChangesRequested:  {changesRemind, changesExpire},
	}
	if p, ok := patience[stage]; ok {
		w.entry.RemindAt, w.entry.DeadlineAt = now.Add(p[0]), now.Add(p[1])
	}
}

// owe returns a new e-mail and SMS.
func (w *world) owe(kind string) []cases.Notice {
	var notices []cases.Notice
	for _, channel := range []string{"email", "sms"} {
		n := cases.Notice{NoticeID: uuid.New(), Channel: channel, Kind: kind}
		w.notices[n.NoticeID] = n
		notices = append(notices, n)
	}
	return notices
}

// act runs an activity: late, when it is slow, and not at all when it fails.
func (w *world) act(ctx context.Context, do func() cases.Outcome) (cases.Outcome, error) {
	info := activity.GetInfo(ctx)
	name := info.ActivityType.Name
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failing != nil {
		if err := w.failing(name); err != nil {
			return cases.Outcome{}, err
		}
	}
	if wait := w.slow[name]; wait > 0 && info.Attempt == 1 {
		return cases.Outcome{}, temporal.NewApplicationErrorWithOptions("slow", "slow", temporal.ApplicationErrorOptions{NextRetryDelay: wait})
	}
	w.ran[name]++
	if instead := w.instead[name]; instead != nil {
		return instead(), nil
	}
	return do(), nil
}

// do moves the account, or refuses, and keeps the outcome under id.
func (w *world) do(id uuid.UUID, action account.Action) cases.Outcome {
	if o, done := w.closed[id]; done {
		o.Entry = w.entry
		return o
	}
	status, stage, err := account.Next(w.entry.Status, w.entry.Stage, action)
	o := cases.Outcome{Result: cases.Refused, Code: "conflict"}
	if err == nil && action.Remains() {
		if action == account.ChangeUntil {
			w.entry.DeadlineAt = w.ends[id]
		} else {
			w.entry.RemindAt = time.Time{}
		}
		w.did = append(w.did, string(action))
		o = cases.Outcome{Result: cases.Applied, Notices: w.owe(string(action))}
	} else if err == nil {
		w.enter(status, stage)
		w.did = append(w.did, string(action))
		o = cases.Outcome{Result: cases.Applied, Notices: w.owe(string(action))}
	} else {
		w.did = append(w.did, string(action)+" refused")
	}
	o.Entry = w.entry
	w.closed[id] = o
	return o
}

func (w *world) ApplyDecision(ctx context.Context, d cases.Decision) (cases.Outcome, error) {
	return w.act(ctx, func() cases.Outcome { return w.do(d.DecisionID, d.Kind) })
}

func (w *world) AcceptResubmission(ctx context.Context, m cases.Resubmission) (cases.Outcome, error) {
	return w.act(ctx, func() cases.Outcome { return w.do(m.ApplicationID, account.Resubmit) })
}

func (w *world) ReceiveDocument(ctx context.Context, _ cases.Document) (cases.Outcome, error) {
	return w.act(ctx, func() cases.Outcome {
		w.did = append(w.did, "document")
		if w.entry.Status == account.Pending && w.entry.Stage != account.InReview {
			w.enter(account.Pending, account.InReview)
		}
		return cases.Outcome{Result: cases.Applied, Entry: w.entry}
	})
}

func (w *world) timed(ctx context.Context, d activities.Deadline, action account.Action) (cases.Outcome, error) {
	name := activity.GetInfo(ctx).ActivityType.Name
	return w.act(ctx, func() cases.Outcome {
		switch {
		case !w.entry.Equal(d.Entry):
			w.did = append(w.did, name+" refused")
			return cases.Outcome{Result: cases.Refused, Code: "conflict", Entry: w.entry}
		case action != "":
			return w.do(uuid.New(), action)
		default:
			w.did = append(w.did, name+" "+string(w.entry.Stage))
			return cases.Outcome{Result: cases.Applied, Entry: w.entry, Notices: w.owe(name)}
		}
	})
}

func (w *world) Expire(ctx context.Context, d activities.Deadline) (cases.Outcome, error) {
	return w.timed(ctx, d, account.Expire)
}

func (w *world) EndSuspension(ctx context.Context, d activities.Deadline) (cases.Outcome, error) {
	return w.timed(ctx, d, account.Reactivate)
}

func (w *world) Remind(ctx context.Context, d activities.Deadline) (cases.Outcome, error) {
	return w.timed(ctx, d, "")
}

func (w *world) Escalate(ctx context.Context, d activities.Deadline) (cases.Outcome, error) {
	return w.timed(ctx, d, "")
}

// How long the world leaves an appeal before it reminds of it, and again.
const appealRemind, appealEscalate = 2 * day, 4 * day

func (w *world) TakeUpAppeal(ctx context.Context, _ cases.Appeal) (cases.Outcome, error) {
	return w.act(ctx, func() cases.Outcome {
		if w.entry.Status != account.Suspended || !w.entry.RemindAt.IsZero() {
			w.did = append(w.did, "appeal again")
			return cases.Outcome{Result: cases.Refused, Entry: w.entry}
		}
		w.did = append(w.did, "appeal")
		w.appealed = w.env.Now().UTC().Truncate(time.Microsecond)
		w.entry.RemindAt = w.appealed.Add(appealRemind)
		return cases.Outcome{Result: cases.Applied, Entry: w.entry, Notices: w.owe("appeal received")}
	})
}

func (w *world) RemindOfAppeal(ctx context.Context, d activities.Deadline) (cases.Outcome, error) {
	return w.act(ctx, func() cases.Outcome {
		if !w.entry.Equal(d.Entry) {
			return cases.Outcome{Result: cases.Refused, Entry: w.entry}
		}
		w.did = append(w.did, "remind of appeal")
		if escalate := w.appealed.Add(appealEscalate); w.entry.RemindAt.Before(escalate) {
			w.entry.RemindAt = escalate
		} else {
			w.entry.RemindAt = time.Time{}
		}
		return cases.Outcome{Result: cases.Applied, Entry: w.entry}
	})
}

func (w *world) SendNotice(ctx context.Context, id uuid.UUID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.patience = activity.GetInfo(ctx).ScheduleToCloseTimeout
	n := w.notices[id]
	if w.notify != nil {
		if err := w.notify(n); err != nil {
			return err
		}
	}
	w.sent = append(w.sent, n.Channel+" "+n.Kind)
	return nil
}

func (w *world) AbandonNotice(_ context.Context, id uuid.UUID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.notices[id]
	w.sent = append(w.sent, "gave up "+n.Channel+" "+n.Kind)
	return nil
}

// register runs the review of the account, from the world's state on.
func (w *world) register() {
	w.env.ExecuteWorkflow(workflows.Registration, cases.RegistrationInput{
		AccountID: w.accountID, Entry: w.entry, Notices: w.owe("received"),
	})
}

// after does something a while after the start.
func (w *world) after(d time.Duration, do func()) { w.env.RegisterDelayedCallback(do, d) }

// reply is what became of an update.
type reply struct {
	rejected error
	outcome  cases.Outcome
	err      error
	at       time.Time
}

func (r *reply) result() string {
	switch {
	case r.rejected != nil:
		return "rejected"
	case r.err != nil:
		return "failed"
	case r.at.IsZero():
		return "unanswered"
	default:
		return string(r.outcome.Result)
	}
}

// update sends an update now, under an update id of its own.
func (w *world) update(name string, message any) *reply {
	r := &reply{}
	w.env.UpdateWorkflow(name, uuid.NewString(), &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { r.rejected = err },
		OnComplete: func(result any, err error) {
			r.at, r.err = w.env.Now(), err
			if err == nil {
				r.outcome, _ = result.(cases.Outcome)
			}
		},
	}, message)
	return r
}

func (w *world) signal(name string, message any) { w.env.SignalWorkflow(name, message) }

func decision(kind account.Action) cases.Decision {
	return cases.Decision{DecisionID: uuid.New(), Kind: kind, ActorID: uuid.New()}
}

// requireClosed checks that the case has closed without an error, with one
// timer at a time and none left over.
func (w *world) requireClosed(t *testing.T) {
	t.Helper()
	require.True(t, w.env.IsWorkflowCompleted())
	require.NoError(t, w.env.GetWorkflowError())
	require.Zero(t, w.timers, "timers left")
}

func (w *world) count(what string) int {
	n := 0
	for _, did := range w.did {
		if did == what {
			n++
		}
	}
	return n
}

func (w *world) sentOnce(t *testing.T, want ...string) {
	t.Helper()
	got := slices.Clone(w.sent)
	slices.Sort(got)
	slices.Sort(want)
	require.Equal(t, want, got)
}

func broken(what string) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf("%s is broken", what), "internal", nil)
}
