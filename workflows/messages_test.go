package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"kibali/domain/cases"
	"kibali/workflows"
)

// mailroom stands for the rows of a message and its provider: each step finds
// what the script says next, and its last entry from then on.
type mailroom struct {
	env           *testsuite.TestWorkflowEnvironment
	send, settle  []cases.MessageProgress
	sent, settled []time.Duration // when each step ran, since the beginning
	steps         []cases.MessageStep
	began         time.Time
	failing       int // how many steps fail before one succeeds
}

func newMailroom(send, settle []cases.MessageProgress) *mailroom {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(quiet())
	m := &mailroom{env: suite.NewTestWorkflowEnvironment(), send: send, settle: settle}
	m.began = m.env.Now()
	m.env.SetTestTimeout(time.Minute)
	m.env.RegisterActivityWithOptions(m.SendMessage, activity.RegisterOptions{Name: "SendMessage"})
	m.env.RegisterActivityWithOptions(m.SettleMessage, activity.RegisterOptions{Name: "SettleMessage"})
	return m
}

func (m *mailroom) SendMessage(context.Context, cases.MessageStep) (cases.MessageProgress, error) {
	if m.failing > 0 {
		m.failing--
		return cases.MessageProgress{}, errors.New("the database is away")
	}
	m.sent = append(m.sent, m.env.Now().Sub(m.began))
	return next(&m.send), nil
}

func (m *mailroom) SettleMessage(_ context.Context, step cases.MessageStep) (cases.MessageProgress, error) {
	m.settled, m.steps = append(m.settled, m.env.Now().Sub(m.began)), append(m.steps, step)
	return next(&m.settle), nil
}

func next(script *[]cases.MessageProgress) cases.MessageProgress {
	first := (*script)[0]
	if len(*script) > 1 {
		*script = (*script)[1:]
	}
	return first
}

func (m *mailroom) run(t *testing.T, settle time.Duration) {
	t.Helper()
	m.env.ExecuteWorkflow(workflows.Message, cases.MessageInput{MessageID: uuid.New(), Settle: settle})
	require.True(t, m.env.IsWorkflowCompleted())
	require.NoError(t, m.env.GetWorkflowError())
}

func TestMessage(t *testing.T) {
	t.Parallel()
	done := []cases.MessageProgress{{}}

	t.Run("ends when all is known", func(t *testing.T) {
		t.Parallel()
		m := newMailroom(done, done)
		m.run(t, 24*time.Hour)
		require.Len(t, m.sent, 1)
		require.Empty(t, m.settled)
	})
	t.Run("goes on at once when a step was not enough, and waits longer and longer for a provider", func(t *testing.T) {
		t.Parallel()
		busy := cases.MessageProgress{Queued: 5, RetryAfter: time.Second}
		m := newMailroom([]cases.MessageProgress{{Queued: 100}, busy, busy, {Queued: 5, RetryAfter: time.Hour}, busy, {}}, done)
		m.run(t, 24*time.Hour)
		require.Len(t, m.sent, 6)
		require.Less(t, m.sent[1], time.Second)
		require.InDelta(t, 4*time.Second, m.sent[2]-m.sent[1], float64(time.Second))
		require.InDelta(t, 8*time.Second, m.sent[3]-m.sent[2], float64(time.Second))
		require.InDelta(t, time.Hour, m.sent[4]-m.sent[3], float64(time.Second))
		require.LessOrEqual(t, m.sent[5]-m.sent[4], 5*time.Minute)
	})
	t.Run("asks now and then what became of it, and at last when it was waited for long enough", func(t *testing.T) {
		t.Parallel()
		m := newMailroom([]cases.MessageProgress{{Open: 2}}, []cases.MessageProgress{{Open: 2}, {Open: 1}, {Open: 1}, {}})
		m.run(t, 24*time.Hour)
		require.Len(t, m.settled, 4)
		for i, want := range []time.Duration{5 * time.Minute, 30 * time.Minute, 3 * time.Hour, 24*time.Hour + time.Second} {
			require.InDelta(t, want, m.settled[i], float64(time.Second))
			require.Equal(t, i == 3, m.steps[i].Last)
			require.Equal(t, i == 3, m.steps[i].Next.IsZero())
		}
		require.WithinDuration(t, m.began.Add(30*time.Minute), m.steps[0].Next, time.Second)
	})
	t.Run("asks once when it is waited for a short time only", func(t *testing.T) {
		t.Parallel()
		m := newMailroom([]cases.MessageProgress{{Open: 1}}, []cases.MessageProgress{{Open: 1}})
		m.run(t, 5*time.Minute)
		require.Len(t, m.settled, 1)
		require.True(t, m.steps[0].Last)
	})
	t.Run("stops asking when it knows", func(t *testing.T) {
		t.Parallel()
		m := newMailroom([]cases.MessageProgress{{Open: 1}}, done)
		m.run(t, 24*time.Hour)
		require.Len(t, m.settled, 1)
	})
	t.Run("outlasts a database that is away", func(t *testing.T) {
		t.Parallel()
		m := newMailroom(done, done)
		m.failing = 8
		m.run(t, time.Hour)
		require.Len(t, m.sent, 1)
	})
}
