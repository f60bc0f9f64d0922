package notify

import (
	"time"

	"kibali/domain/message"
)

// Report is what a provider says has become of an SMS. Status is message.Sent,
// Delivered or Failed; Code is the provider's word for a failure.
type Report struct {
	Provider  string
	MessageID string
	Status    message.Status
	Code      string
	// ID and HandedAt are of a signed report: the SMS's own id, and when it was
	// handed over.
	ID       string
	HandedAt time.Time
}

// Failure is the code of a failure with the provider's name; "" when there was
// none.
func (r Report) Failure() string {
	if r.Status != message.Failed {
		return ""
	}
	return r.Provider + "_" + r.Code
}

// Sought is an SMS that a provider is asked about. Without MessageID, because
// the provider's answer was lost, it is known by recipient and text among those
// that the provider took between From and To.
type Sought struct {
	MessageID string
	Phone     string
	Text      string
	From, To  time.Time
	// Others are ids of the provider that belong to other SMS.
	Others []string
}
