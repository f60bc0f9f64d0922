// Package policy is what the people who run a platform may set without a
// deployment: deadlines, working hours, quiet hours, limits. A change is a new
// version; a case keeps the version that its application was submitted under.
// It imports domain/account, domain/calendar and domain/fault.
package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kibali/domain/account"
	"kibali/domain/calendar"
	"kibali/domain/fault"
)

// Policy is one version of the settings.
type Policy struct {
	// Calendar says when staff work and which zone people live in.
	Calendar calendar.Config `json:"calendar"`
	// Documents bounds how long an applicant may take to hand in documents.
	Documents Patience `json:"documents"`
	// Changes bounds how long an applicant may take to correct an application.
	Changes Patience `json:"changes"`
	// Review bounds how long staff may take.
	Review Review `json:"review"`
	// Appeals bounds how long staff may take to decide an appeal.
	Appeals Review `json:"appeals"`
	// QuietHours is when no SMS is sent; nil is never.
	QuietHours *QuietHours `json:"quiet_hours"`
	// TopUps says which top-ups one person alone may make.
	TopUps TopUps `json:"top_ups"`
	// MaxDocuments is how many documents an application may have.
	MaxDocuments int `json:"max_documents"`
	// MaxAPIKeys is how many API keys an account may have at a time.
	MaxAPIKeys int `json:"max_api_keys"`
	// Messages bounds what customers send.
	Messages Messages `json:"messages"`
	// Canned are the texts that staff begin from when they give a reason.
	Canned []CannedReason `json:"canned_reasons"`
	// Passwords says how long the passwords that people choose must be.
	Passwords Passwords `json:"passwords"`
	// ResetLink is how long the link of a password reset is good.
	ResetLink Duration `json:"reset_link"`
	// Retention says how long personal data is kept that nobody needs any more.
	Retention Retention `json:"retention"`
	// Sessions says how long people stay signed in.
	Sessions Sessions `json:"sessions"`
	// Contacts says which contacts must be proved, and for how long a link to
	// prove an e-mail address is good.
	Contacts Contacts `json:"contacts"`
}

// Messages are the rules of the SMS that customers send.
type Messages struct {
	// GiveUp is how long it is tried to hand a message to the provider.
	GiveUp Duration `json:"give_up"`
	// Settle is how long an unknown outcome is waited for, until it is refunded.
	Settle Duration `json:"settle"`
	// SenderIDs are the senders that customers may name; any, when there are none.
	SenderIDs []string `json:"sender_ids"`
}

// Passwords are the least numbers of characters that a password has.
type Passwords struct {
	User  int `json:"user"`
	Staff int `json:"staff"`
}

// Patience is how long an applicant is waited for, in time that passes
// everywhere. Remind comes before Expire.
type Patience struct {
	Remind Duration `json:"remind"`
	Expire Duration `json:"expire"`
}

// Review is how long staff may take, in working time. After Deadline the
// reviewers are reminded, after Escalate the admins are told.
type Review struct {
	Deadline Duration `json:"deadline"`
	Escalate Duration `json:"escalate"`
}

// QuietHours are times of day in the calendar's zone, such as "21:00".
type QuietHours struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// TopUps bounds what one member of staff may give or take on their own word.
type TopUps struct {
	// Alone is how many credits that is, in one top-up and in any 24 hours. More
	// takes a second signature.
	Alone int64 `json:"alone"`
	// Signature is how long a second signature is waited for.
	Signature Duration `json:"signature"`
}

// Day is the span of time in which a staff member's own top-ups are added up.
const Day = 24 * time.Hour

// Duration is a time.Duration that reads and writes as "72h".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// Default is the policy of a new installation.
func Default() Policy {
	const day = 24 * time.Hour
	return Policy{
		Calendar:     calendar.Default(),
		Documents:    Patience{Remind: Duration(2 * day), Expire: Duration(14 * day)},
		Changes:      Patience{Remind: Duration(3 * day), Expire: Duration(14 * day)},
		Review:       Review{Deadline: Duration(18 * time.Hour), Escalate: Duration(27 * time.Hour)},
		Appeals:      Review{Deadline: Duration(18 * time.Hour), Escalate: Duration(36 * time.Hour)},
		QuietHours:   &QuietHours{From: "21:00", To: "07:00"},
		TopUps:       TopUps{Alone: 100_000, Signature: Duration(3 * day)},
		MaxDocuments: 10,
		MaxAPIKeys:   20,
		Messages:     Messages{GiveUp: Duration(4 * time.Hour), Settle: Duration(day), SenderIDs: []string{}},
		Canned:       defaultCanned(),
		Passwords:    Passwords{User: 12, Staff: 15},
		ResetLink:    Duration(time.Hour),
		Retention:    Retention{RejectedDocuments: Duration(180 * day)},
		Sessions:     defaultSessions(),
		Contacts:     Contacts{EmailLink: Duration(3 * day)},
	}
}

// Parse reads a policy as it is stored. What an older build could not say is as
// Default has it. It does not refuse what this build does not know or would not
// accept from anyone today: other builds write policies too, and a case goes on
// under the one that it was opened under. What cannot be read at all is an
// unexpected error.
func Parse(content []byte) (Policy, error) {
	p := Default()
	usual := p.Calendar
	p.Calendar = calendar.Config{} // it is one setting: days are not added to the usual ones
	canned := p.Canned
	p.Canned = nil // so is each list
	if err := json.Unmarshal(content, &p); err != nil {
		return Policy{}, fmt.Errorf("read policy: %w", err)
	}
	if p.Calendar.Zone == "" {
		p.Calendar = usual
	}
	if p.Canned == nil {
		p.Canned = canned
	}
	return p, nil
}

// Validate returns a fault.Invalid that names what cannot be a policy. Whoever
// puts a policy in force asks it.
func (p Policy) Validate() error {
	var bad []fault.Field
	if _, err := calendar.New(p.Calendar); err != nil {
		for _, f := range fault.As(err).Fields {
			f.Field = "calendar." + f.Field
			bad = append(bad, f)
		}
	}
	refuse := func(field, detail string) {
		bad = append(bad, fault.Field{Field: field, Code: "invalid", Detail: detail})
	}
	for field, patience := range map[string]Patience{"documents": p.Documents, "changes": p.Changes} {
		if patience.Remind <= 0 || patience.Expire <= patience.Remind {
			refuse(field, "The reminder must come first, and expiry after it.")
		}
	}
	for field, review := range map[string]Review{"review": p.Review, "appeals": p.Appeals} {
		if review.Deadline <= 0 || review.Escalate <= review.Deadline {
			refuse(field, "The deadline must come first, and escalation after it.")
		}
	}
	if p.QuietHours != nil {
		for field, text := range map[string]string{"quiet_hours.from": p.QuietHours.From, "quiet_hours.to": p.QuietHours.To} {
			if _, err := time.Parse("15:04", text); err != nil || len(text) != len("15:04") {
				refuse(field, "A time of day is written like 21:00.")
			}
		}
	}
	if p.TopUps.Alone < 0 || p.TopUps.Alone > 1<<53-1 {
		refuse("top_ups.alone", "Must be between 0 and 9007199254740991.")
	}
	if p.TopUps.Signature <= 0 {
		refuse("top_ups.signature", "Must be longer than nothing.")
	}
	bad = append(bad, refuseCanned(p.Canned)...)
	if p.MaxDocuments < 1 || p.MaxDocuments > 100 {
		refuse("max_documents", "Must be between 1 and 100.")
	}
	for field, least := range map[string]int{"passwords.user": p.Passwords.User, "passwords.staff": p.Passwords.Staff} {
		if least < 8 || least > 64 {
			refuse(field, "Must be between 8 and 64.")
		}
	}
	if p.MaxAPIKeys < 1 || p.MaxAPIKeys > 1000 {
		refuse("max_api_keys", "Must be between 1 and 1000.")
	}
	if p.ResetLink <= 0 || p.ResetLink > Duration(24*time.Hour) {
		refuse("reset_link", "Must be at most 24h.")
	}
	bad = append(bad, p.Retention.refuse()...)
	bad = append(bad, p.Sessions.refuse()...)
	if p.Contacts.EmailLink < Duration(time.Minute) || p.Contacts.EmailLink > Duration(14*24*time.Hour) {
		refuse("contacts.email_link", "Must be between a minute and 14 days.")
	}
	if p.Messages.GiveUp < Duration(time.Second) || p.Messages.GiveUp > Duration(72*time.Hour) {
		refuse("messages.give_up", "Must be between a second and 72 hours.")
	}
	if p.Messages.Settle < Duration(time.Second) || p.Messages.Settle > Duration(30*24*time.Hour) {
		refuse("messages.settle", "Must be between a second and 30 days.")
	}
	return fault.InvalidFields(bad...)
}

// Equal reports whether two policies say the same.
func (p Policy) Equal(other Policy) bool {
	one, err := json.Marshal(p)
	two, otherErr := json.Marshal(other)
	return err == nil && otherErr == nil && bytes.Equal(one, two)
}

// Deadlines returns when waiting in a stage that is entered at now is reminded
// of and when it ends; zero where the stage has no deadline.
func (p Policy) Deadlines(stage account.Stage, now time.Time) (remind, end time.Time, err error) {
	switch stage {
	case account.AwaitingDocuments:
		return now.Add(time.Duration(p.Documents.Remind)), now.Add(time.Duration(p.Documents.Expire)), nil
	case account.ChangesRequested:
		return now.Add(time.Duration(p.Changes.Remind)), now.Add(time.Duration(p.Changes.Expire)), nil
	case account.InReview:
		working, err := calendar.New(p.Calendar)
		if err != nil {
			return time.Time{}, time.Time{}, errors.New("the policy's calendar: " + err.Error())
		}
		return working.Add(now, time.Duration(p.Review.Deadline)), working.Add(now, time.Duration(p.Review.Escalate)), nil
	default:
		return time.Time{}, time.Time{}, nil
	}
}

// AppealDeadlines returns when the admins are reminded of an appeal that was made
// at now, and when they are told that it is overdue.
func (p Policy) AppealDeadlines(now time.Time) (remind, escalate time.Time, err error) {
	working, err := calendar.New(p.Calendar)
	if err != nil {
		return time.Time{}, time.Time{}, errors.New("the policy's calendar: " + err.Error())
	}
	return working.Add(now, time.Duration(p.Appeals.Deadline)), working.Add(now, time.Duration(p.Appeals.Escalate)), nil
}

// Location returns the calendar's time zone.
func (p Policy) Location() (*time.Location, error) { return time.LoadLocation(p.Calendar.Zone) }
