package cases

import (
	"time"

	"github.com/google/uuid"
)

// Message is the type of the workflow that sends a customer's message.
const Message = "Message"

// MessagePrefix begins the ids of those workflows.
const MessagePrefix = "message/"

// MessageID is the workflow id of a message.
func MessageID(id uuid.UUID) string { return MessagePrefix + id.String() }

// MessageInput opens the sending of a message that was charged. Whom it goes to
// and what it says stands in its row.
type MessageInput struct {
	MessageID uuid.UUID `json:"message_id"`
	// Settle is how long an unknown outcome is waited for.
	Settle time.Duration `json:"settle"`
}

// MessageStep asks for what is to be done about a message.
type MessageStep struct {
	MessageID uuid.UUID `json:"message_id"`
	// Last says that nothing is waited for after this step.
	Last bool `json:"last,omitempty"`
	// Next is when the next step comes; the message is looked for when it does
	// not.
	Next time.Time `json:"next,omitzero"`
}

// MessageProgress is how far a message has come, in recipients.
type MessageProgress struct {
	// Queued are to be sent still, after RetryAfter.
	Queued     int           `json:"queued"`
	RetryAfter time.Duration `json:"retry_after,omitempty"`
	// Open are those of whom more may be learnt by asking or waiting.
	Open int `json:"open"`
}
