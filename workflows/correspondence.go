package workflows

import (
	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"
)

// correspondence is what a case has in hand: messages that have come, and
// notices that are being sent. Every case has one.
type correspondence struct {
	mutex    workflow.Mutex // held by the one message or alarm that may change what is true
	channels []workflow.ReceiveChannel
	working  int // signals in hand, and what they have begun
	notices  map[uuid.UUID]bool
	sending  int
}

func newCorrespondence(ctx workflow.Context) correspondence {
	return correspondence{mutex: workflow.NewMutex(ctx), notices: map[uuid.UUID]bool{}}
}

// dealtWith reports whether every message that came has been dealt with, and
// every notice has been sent or given up.
func (c *correspondence) dealtWith(ctx workflow.Context) bool {
	if c.working > 0 || c.sending > 0 {
		return false
	}
	for _, channel := range c.channels {
		if channel.Len() > 0 {
			return false
		}
	}
	return workflow.AllHandlersFinished(ctx)
}

// hear takes the messages of one name as updates, which are answered, and as
// signals, which Temporal keeps for when no worker can answer. check looks at
// the form only; what fails it is refused, or dropped when it is a signal.
func hear[M, O any](ctx workflow.Context, c *correspondence, name string, check func(M) error,
	handle func(workflow.Context, M) (O, error)) error {
	hearSignals(ctx, c, name, func(ctx workflow.Context, message M) {
		err := check(message)
		if err == nil {
			_, err = handle(ctx, message)
		}
		if err != nil {
			workflow.GetLogger(ctx).Error("A message could not be carried out.", "Message", name, "Error", err)
		}
	})
	return workflow.SetUpdateHandlerWithOptions(ctx, name, handle, workflow.UpdateHandlerOptions{
		Validator:   check,
		Description: "Answers with the outcome, the same for the same id.",
	})
}

// hearSignals hands the signals of one name to handle, one after the other. A
// signal stays in its channel until it is in hand, so that settled never
// misses one.
func hearSignals[M any](ctx workflow.Context, c *correspondence, name string, handle func(workflow.Context, M)) {
	channel := workflow.GetSignalChannel(ctx, name)
	c.channels = append(c.channels, channel)
	workflow.GoNamed(ctx, name+" signals", func(ctx workflow.Context) {
		for workflow.Await(ctx, func() bool { return channel.Len() > 0 }) == nil {
			var message M
			if channel.ReceiveAsync(&message) {
				c.working++
				handle(ctx, message)
				c.working--
			}
		}
	})
}
