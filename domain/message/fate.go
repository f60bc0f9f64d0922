package message

// Status is what has become of a message on its way to one recipient.
type Status string

// The statuses of a recipient.
const (
	Queued    Status = "queued"    // charged, and waits to be handed to the provider
	Sending   Status = "sending"   // being handed over at this moment
	Sent      Status = "sent"      // the provider has taken charge of it
	Delivered Status = "delivered" // it has arrived
	Failed    Status = "failed"    // it will not arrive, and is refunded
	// Unknown is that it may have been sent: the provider was asked and did not
	// answer. It is never sent again. A report or a look-up settles it, or it is
	// refunded when it was waited for long enough.
	Unknown Status = "unknown"
)

// Why a recipient has failed, where no provider said so.
const (
	FailureSuspended = "account_suspended" // before its turn came
	FailureClosed    = "account_closed"
	FailureExpired   = "expired" // the provider could not be reached in time
)

// May reports whether what is known of a recipient may change from one status
// to another by what a provider says: reports come late, twice and in any
// order, and the later stage counts. What has failed is refunded, so nothing
// changes it.
func (s Status) May(next Status) bool {
	switch s {
	case Queued, Failed, Delivered:
		return false
	case Sending, Unknown:
		return next == Sent || next == Delivered || next == Failed
	default: // Sent
		return next == Delivered || next == Failed
	}
}

// Counts are the recipients of a message by status.
type Counts map[Status]int

// Status is what has become of the message as a whole: queued before the first
// recipient's turn, sending while there are some whose turn is to come or whose
// outcome is awaited, delivered or failed when all are, else sent.
func (c Counts) Status() Status {
	var all int
	for _, n := range c {
		all += n
	}
	switch {
	case c[Queued] == all:
		return Queued
	case c[Queued]+c[Sending] > 0:
		return Sending
	case c[Failed] == all:
		return Failed
	case c[Delivered] == all:
		return Delivered
	case c[Unknown] == all:
		return Unknown
	}
	return Sent
}
