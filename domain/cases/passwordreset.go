package cases

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// PasswordResetID is the workflow id of one request for another password.
func PasswordResetID(resetID uuid.UUID) string { return PasswordResetPrefix + resetID.String() }

// ResetOf returns the reset whose case has the id, or nil when it is another
// kind of case.
func ResetOf(caseID string) uuid.UUID { return idBehind(PasswordResetPrefix, caseID) }

// NotificationID is the workflow id of what an account is told outside of any
// other case. id is that of the event which it is told of.
func NotificationID(id uuid.UUID) string { return NotificationPrefix + id.String() }

// NotificationOf returns the id that a case of NotificationID is named after, or
// nil when it is another kind of case.
func NotificationOf(caseID string) uuid.UUID { return idBehind(NotificationPrefix, caseID) }

func idBehind(prefix, caseID string) uuid.UUID {
	text, ok := strings.CutPrefix(caseID, prefix)
	id, err := uuid.Parse(text)
	if !ok || err != nil {
		return uuid.Nil
	}
	return id
}

// PasswordResetInput opens a request for another password. It says nothing of
// whether anybody has the e-mail that it was asked for.
type PasswordResetInput struct {
	ResetID uuid.UUID `json:"reset_id"`
	// DecisionID is the decision that forced it; nil when it was asked for.
	DecisionID uuid.UUID `json:"decision_id,omitzero"`
	// Patience is how long mailing the link is tried.
	Patience time.Duration `json:"patience"`
}

// ResetState is how far a request for another password has come. It is the same
// for an e-mail that nobody has.
type ResetState struct {
	// Outcome is how it ended: used, expired, replaced or lapsed; empty while it
	// is open.
	Outcome string `json:"outcome,omitempty"`
	// ExpiresAt is until when the link is good; zero before there is one.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Notices are owed because of it and wait to be sent.
	Notices []Notice `json:"notices,omitempty"`
}

// NotificationInput opens what an account is told outside of any other case.
type NotificationInput struct {
	AccountID uuid.UUID `json:"account_id"`
	Notices   []Notice  `json:"notices"`
}
