// Package letters says what a notice tells a user, from the rows that it is
// about: those who send notices and those who show beforehand what will be sent
// use the same, so that the two cannot differ. It imports domain packages, store
// and notify, and sends nothing.
package letters

import (
	"errors"
	"time"

	"kibali/domain/account"
	"kibali/domain/policy"
	"kibali/notify"
	"kibali/store"
)

// Sender is in whose name notices are written.
type Sender struct {
	Platform string // its name
	BaseURL  string // where users sign in; "" for notices without links
}

// KindOf returns what a user is told of a staff member's decision.
func KindOf(d store.Decision) (notify.Kind, bool) {
	if d.Kind == account.Reactivate && d.AppealID != nil {
		return notify.AppealGranted, true
	}
	kind, ok := decisionNotices[d.Kind]
	return kind, ok
}

// KindOfTopUp returns what a user is told of a top-up.
func KindOfTopUp(amount int64) notify.Kind {
	if amount < 0 {
		return notify.CreditsRemoved
	}
	return notify.CreditsAdded
}

var decisionNotices = map[account.Action]notify.Kind{
	account.Approve:        notify.Approved,
	account.Reject:         notify.Rejected,
	account.RequestChanges: notify.ChangesRequested,
	account.Suspend:        notify.Suspended,
	account.ChangeUntil:    notify.SuspensionChanged,
	account.DismissAppeal:  notify.AppealDismissed,
	account.Reactivate:     notify.Reactivated,
	account.Close:          notify.Closed,
}

// Data returns what a notice to an account's user tells, apart from a decision;
// zone is the one that times are told in.
func (s Sender) Data(kind notify.Kind, a account.Account, zone *time.Location) notify.Data {
	return notify.Data{
		Platform: s.Platform, Name: a.Name, Company: a.Company.Name, Location: zone, Link: s.Link("/login"), Deadline: deadline(kind, a),
	}
}

// Explain adds what a notice tells of the decision that it is about.
func Explain(data *notify.Data, d store.Decision) {
	data.Reason, data.ReasonCode, data.Until = d.Reason, d.ReasonCode, d.Until
}

// Link returns the address of a page of ours, "" when it is not known where
// they are.
func (s Sender) Link(path string) string {
	if s.BaseURL == "" {
		return ""
	}
	return s.BaseURL + path
}

// deadline is when what a notice asks for must be done, or must have been.
func deadline(kind notify.Kind, a account.Account) *time.Time {
	at := a.DeadlineAt
	switch kind {
	case notify.ReviewDue, notify.ReviewEscalated:
		at = a.RemindAt
	case notify.DocumentsMissing, notify.ChangesRequested, notify.ChangesMissing:
		if a.Status != account.Pending || a.Stage == account.InReview {
			return nil
		}
	default:
		return nil
	}
	if at.IsZero() {
		return nil
	}
	return &at
}

// Letter is a notice as it is sent.
type Letter struct {
	Subject  string // of the e-mail
	Text     string
	HTML     string
	SMS      string
	Segments int // how many SMS that takes
}

// Write writes a notice in a language, in both channels.
func Write(kind notify.Kind, locale string, data notify.Data) (Letter, error) {
	email, err := notify.Render(kind, notify.ChannelEmail, locale, data)
	if err != nil {
		return Letter{}, err
	}
	sms, err := notify.Render(kind, notify.ChannelSMS, locale, data)
	if err != nil {
		return Letter{}, err
	}
	return Letter{Subject: email.Subject, Text: email.Text, HTML: email.HTML, SMS: sms.Text, Segments: notify.Segments(sms.Text)}, nil
}

// QuietUntil returns when the quiet hours of a policy end that now falls into,
// nil when an SMS goes out at once. Its error is for a policy that cannot be
// read.
func QuietUntil(p policy.Policy, zone *time.Location, now time.Time) (*time.Time, error) {
	if p.QuietHours == nil {
		return nil, nil
	}
	from, errFrom := notify.ParseClockTime(p.QuietHours.From)
	to, errTo := notify.ParseClockTime(p.QuietHours.To)
	if errFrom != nil || errTo != nil {
		return nil, errors.New("the policy's quiet hours are no times of day")
	}
	end, quiet := notify.QuietHours{From: from, To: to, Location: zone}.Until(now)
	if !quiet {
		return nil, nil
	}
	return &end, nil
}
