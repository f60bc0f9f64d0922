package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"kibali/domain/cases"
)

// Message sends what a customer has been charged for: it hands the message to
// the provider, recipient by recipient, for as long as that is tried, and then
// waits for what becomes of those whose outcome is not known. It ends when
// nothing more is to be learnt, or when it was waited for long enough.
//
// Everything it needs to know stands in the message's rows, so it can be opened
// again at any time and goes on where the rows are.
func Message(ctx workflow.Context, in cases.MessageInput) error {
	progress, err := send(ctx, in)
	if err != nil {
		return err
	}
	return settle(ctx, in, progress)
}

// How long is waited between attempts to hand a message over, when the provider
// does not say.
const (
	resendFirst  = 2 * time.Second
	resendGrowth = 2
	resendMost   = 5 * time.Minute
)

// send repeats the step that hands recipients over until none is queued: the
// step itself gives up those whose time has passed.
func send(ctx workflow.Context, in cases.MessageInput) (cases.MessageProgress, error) {
	for wait := resendFirst; ; wait = min(wait*resendGrowth, resendMost) {
		var progress cases.MessageProgress
		step := cases.MessageStep{MessageID: in.MessageID}
		err := workflow.ExecuteActivity(sending(ctx, "hand the message over"), act.SendMessage, step).Get(ctx, &progress)
		if err != nil || progress.Queued == 0 {
			return progress, err
		}
		if progress.RetryAfter == 0 {
			wait = resendFirst // it got on; there is more than one step takes
			continue
		}
		if err := pause(ctx, max(progress.RetryAfter, wait), "the provider may take it again"); err != nil {
			return progress, err
		}
	}
}

// settleAfter is when it is asked what has become of recipients, counted from
// the last attempt to hand one over.
var settleAfter = []time.Duration{5 * time.Minute, 30 * time.Minute, 3 * time.Hour}

// settle asks now and then, and once more when it was waited for long enough:
// whose outcome is not known then is refunded.
func settle(ctx workflow.Context, in cases.MessageInput, progress cases.MessageProgress) error {
	began := workflow.Now(ctx)
	steps := append([]time.Duration{}, settleAfter...)
	for len(steps) > 0 && steps[len(steps)-1] >= in.Settle {
		steps = steps[:len(steps)-1]
	}
	// The attempts began before began; a second more than enough, for clocks.
	steps = append(steps, in.Settle+time.Second)
	for i, after := range steps {
		if progress.Open == 0 {
			return nil
		}
		if err := pause(ctx, began.Add(after).Sub(workflow.Now(ctx)), "what became of it may be known"); err != nil {
			return err
		}
		step := cases.MessageStep{MessageID: in.MessageID, Last: i == len(steps)-1}
		if !step.Last {
			step.Next = began.Add(steps[i+1])
		}
		if err := workflow.ExecuteActivity(sending(ctx, "ask what became of it"), act.SettleMessage, step).Get(ctx, &progress); err != nil {
			return err
		}
	}
	return nil
}

func pause(ctx workflow.Context, wait time.Duration, summary string) error {
	return workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: summary}).Get(ctx, nil)
}

// sending is how a step of a message is run: apart from what decides over
// accounts, for as long as it takes. A worker that is gone is noticed within half
// a minute; one that is only slow by then goes on beside the next one, and each
// recipient is still claimed by one of them.
func sending(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           cases.MessagesTaskQueue,
		StartToCloseTimeout: 15 * time.Minute,
		HeartbeatTimeout:    30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    500 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    15 * time.Second,
		},
		Summary: summary,
	})
}
