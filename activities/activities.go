// Package activities is where cases act: every change of an account's state
// and every notice is made here. An activity that changes state does so in one
// transaction: it locks the account, asks the state machine, writes, appends
// the audit event and closes the decision. It can be repeated at any moment
// without acting twice.
//
// What an activity returns goes into the history of a workflow, so it is ids,
// codes, counts and times. A refusal of a decision is an outcome; an error
// means that the activity is worth repeating, unless it is a fault.
//
// The package imports domain, store, notify, documents, identity and, for what it
// tells Temporal, the SDK.
package activities

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"kibali/documents"
	"kibali/domain/cases"
	"kibali/domain/policy"
	"kibali/identity"
	"kibali/letters"
	"kibali/notify"
	"kibali/store"
)

// Activities are the activities of every case. Each exported method is
// registered under its name.
type Activities struct {
	store     *store.Store
	reader    *store.Reader
	documents *documents.Store
	renderer  *documents.Renderer
	email     notify.EmailSender
	sms       notify.SMSSender
	reports   *notify.TwilioReports
	observe   func(outcome string, n int)
	sender    letters.Sender
	links     *identity.Links
	clock     func() time.Time
	log       *slog.Logger

	policies sync.Map // by version, policy.Policy: a version never changes
}

// Config is what activities need. All but Now, Log and BaseURL is required;
// Links are by those that mail links.
type Config struct {
	Store     *store.Store
	Documents *documents.Store
	Renderer  *documents.Renderer
	Email     notify.EmailSender
	SMS       notify.SMSSender
	// Reports is where the provider of SMS is asked to report to; nil for one that
	// does not sign its reports.
	Reports *notify.TwilioReports
	// Observe is told what became of recipients of messages: a message.Status, or
	// "unknown_refunded" and "late". It may be nil.
	Observe func(outcome string, n int)
	// Platform is the name that notices are signed with.
	Platform string
	// BaseURL is where the portal and the console are, such as
	// "https://id.example.co.tz"; notices have no links when it is empty.
	BaseURL string
	// Links makes the tokens in the links that are mailed.
	Links *identity.Links
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Log is told what went wrong without hindering an activity; nil is
	// slog's default.
	Log *slog.Logger
}

// New returns the activities.
func New(c Config) *Activities {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Activities{
		store: c.Store, reader: c.Store.Reader(), documents: c.Documents, renderer: c.Renderer,
		email: c.Email, sms: c.SMS, reports: c.Reports, observe: c.Observe, sender: letters.Sender{Platform: c.Platform, BaseURL: c.BaseURL}, links: c.Links, clock: c.Now, log: c.Log,
	}
}

// Deadline says that the time of an account's state has passed.
type Deadline struct {
	AccountID uuid.UUID `json:"account_id"`
	// Entry is the state, as the case knew it. The activity does nothing when
	// the account has moved on.
	Entry cases.Entry `json:"entry"`
}

// now is the clock as the database keeps it.
func (a *Activities) now() time.Time { return a.clock().UTC().Truncate(time.Microsecond) }

// policyVersion returns the policy that a case was opened under.
func (a *Activities) policyVersion(ctx context.Context, r *store.Reader, version int) (policy.Policy, error) {
	if known, ok := a.policies.Load(version); ok {
		return known.(policy.Policy), nil
	}
	p, err := r.PolicyVersion(ctx, version)
	if err == nil {
		a.policies.Store(version, p)
	}
	return p, err
}
