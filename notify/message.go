package notify

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Channel is the way that a message takes.
type Channel string

// The channels.
const (
	ChannelEmail Channel = "email"
	ChannelSMS   Channel = "sms"
)

// Kind says what a notice is about. Its value names the notice everywhere: in
// the database, in the templates' file names.
type Kind string

// The kinds of notices, the last ones to staff.
const (
	ApplicationReceived Kind = "application_received"
	DocumentsMissing    Kind = "documents_missing" // reminder: upload documents
	ChangesRequested    Kind = "changes_requested"
	ChangesMissing      Kind = "changes_missing" // reminder: make the changes
	Approved            Kind = "approved"
	Rejected            Kind = "rejected"
	ApplicationExpired  Kind = "application_expired" // the applicant did not answer in time
	Suspended           Kind = "suspended"
	SuspensionChanged   Kind = "suspension_changed" // it ends at another time, or not by itself
	AppealReceived      Kind = "appeal_received"
	AppealGranted       Kind = "appeal_granted" // the account is reactivated
	AppealDismissed     Kind = "appeal_dismissed"
	Reactivated         Kind = "reactivated"
	Closed              Kind = "closed"
	CreditsAdded        Kind = "credits_added"
	CreditsRemoved      Kind = "credits_removed"

	PasswordReset        Kind = "password_reset"         // the link; by e-mail only
	PasswordResetForced  Kind = "password_reset_forced"  // the same, when staff ask for it
	PasswordResetExpired Kind = "password_reset_expired" // the link was not used in time
	PasswordChanged      Kind = "password_changed"

	EmailProof   Kind = "email_proof"   // the link that proves an e-mail address; by e-mail only
	PhoneProof   Kind = "phone_proof"   // the code that proves a phone; by SMS only
	EmailChanged Kind = "email_changed" // to the old address
	PhoneChanged Kind = "phone_changed" // to the old number

	ReviewDue       Kind = "review_due"       // to reviewers: the review deadline has passed
	ReviewEscalated Kind = "review_escalated" // to admins: it passed, and nobody acted
	AppealDue       Kind = "appeal_due"       // to admins: an appeal should have been decided
	AppealOverdue   Kind = "appeal_overdue"   // to admins: it still is not
	TopUpUnsigned   Kind = "top_up_unsigned"  // to finance and admins: a top-up waits for a second signature
)

// Kinds returns every kind that can be rendered.
func Kinds() []Kind {
	return []Kind{
		ApplicationReceived, DocumentsMissing, ChangesRequested, ChangesMissing, Approved, Rejected,
		ApplicationExpired, Suspended, SuspensionChanged, AppealReceived, AppealGranted, AppealDismissed,
		Reactivated, Closed, CreditsAdded, CreditsRemoved,
		PasswordReset, PasswordResetForced, PasswordResetExpired, PasswordChanged,
		EmailProof, PhoneProof, EmailChanged, PhoneChanged,
		ReviewDue, ReviewEscalated, AppealDue, AppealOverdue, TopUpUnsigned,
	}
}

// explains reports whether a notice of this kind gives a reason.
func (k Kind) explains() bool {
	switch k {
	case ChangesRequested, ChangesMissing, Rejected, Suspended, AppealDismissed, Closed, CreditsAdded, CreditsRemoved:
		return true
	}
	return false
}

// Locales returns the languages that notices are written in; the first is the
// one used for people whose language is not among them.
func Locales() []string { return []string{"en", "sw"} }

// Data is what a notice tells. Only Platform is required; a sentence about
// something that is not given is left out. Texts may come from hostile hands:
// Render makes them harmless.
type Data struct {
	Platform string // the platform's own name
	Name     string // of the person written to
	Company  string // whose application or account it is

	// Reason is what staff wrote for the user to read, over several lines if
	// need be; ReasonCode is shown in words when it is a known one. Only the
	// notices that explain something show them: changes requested or missing,
	// rejected, suspended, appeal dismissed, closed, credits added or removed.
	Reason     string
	ReasonCode string

	// Until is when a suspension ends by itself. Deadline is when an
	// application expires, or, in notices to staff, when its review was due or a
	// top-up lapses.
	Until    *time.Time
	Deadline *time.Time

	// Credits is how many were added or removed, or are to be; it is not below
	// zero. Removes says that they are to be taken away, in a notice that may be
	// about either. Held says that they cannot be used before the account is
	// reactivated.
	Credits int64
	Removes bool
	Held    bool

	// Link is an absolute http or https URL. It stands on a line of its own.
	Link string
	// Proves says that opening Link proves the e-mail address, in a notice that is
	// about something else.
	Proves bool
	// Code proves a phone.
	Code string

	// Location is the zone that times are told in; nil is UTC.
	Location *time.Location
}

// Message is a rendered notice. An SMS has a Text only.
type Message struct {
	Subject string
	Text    string
	HTML    string
}

const (
	maxName     = 80
	maxSMSName  = 30
	maxReason   = 2000
	maxSubject  = 150
	smsSegments = 2
)

// Render writes the notice of the given kind for a channel in a person's
// language, English when locale is none of Locales. It fails only for a kind or
// channel that does not exist, a missing Platform or a Link that is not one.
func Render(kind Kind, channel Channel, locale string, data Data) (Message, error) {
	locale = language(locale)
	wording, ok := wordings[locale][kind]
	if !ok {
		return Message{}, fmt.Errorf("there is no notice of kind %q", kind)
	}
	facts, err := newFacts(kind, locale, wording, data)
	if err != nil {
		return Message{}, fmt.Errorf("notice of kind %q: %w", kind, err)
	}
	switch channel {
	case ChannelEmail:
		return renderEmail(locale, wording, facts)
	case ChannelSMS:
		return renderSMS(wording, facts)
	}
	return Message{}, fmt.Errorf("there is no channel %q", channel)
}

// facts is Data made harmless and readable, as the templates see it.
type facts struct {
	Platform    string
	Name        string
	Company     string
	Reason      string
	ReasonLabel string
	ReasonCut   bool
	Until       string
	Deadline    string
	Credits     string
	Removes     bool
	Held        bool
	Link        string
	Proves      bool
	Code        string
}

func newFacts(kind Kind, locale string, wording wording, data Data) (facts, error) {
	f := facts{
		Platform: oneLine(data.Platform),
		Name:     name(data.Name, maxName),
		Company:  name(data.Company, maxName),
		Until:    moment(data.Until, data.Location, locale),
		Deadline: moment(data.Deadline, data.Location, locale),
		Credits:  credits(data.Credits),
		Removes:  data.Removes,
		Held:     data.Held,
		Link:     data.Link,
		Proves:   data.Proves,
		Code:     oneLine(data.Code),
	}
	if kind.explains() {
		f.Reason, f.ReasonLabel = truncate(lines(data.Reason), maxReason), wording.reasonLabel(data.ReasonCode)
	}
	if f.Platform == "" {
		return facts{}, fmt.Errorf("the platform has no name")
	}
	if f.Link != "" {
		link, err := url.Parse(f.Link)
		if err != nil || link.Scheme != "https" && link.Scheme != "http" || link.Host == "" || f.Link != oneLine(f.Link) ||
			strings.Contains(f.Link, " ") {
			return facts{}, fmt.Errorf("the link is not an absolute URL") // not its text: a link can be a secret
		}
	}
	return f, nil
}

// language returns the locale among Locales that a tag such as "sw-TZ" stands
// for.
func language(tag string) string {
	primary, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(tag), "_", "-"), "-")
	for _, locale := range Locales() {
		if primary == locale {
			return locale
		}
	}
	return Locales()[0]
}

// credits writes a number like "12,500", "" for none.
func credits(n int64) string {
	if n <= 0 {
		return ""
	}
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

var swahiliMonths = [...]string{"Jan", "Feb", "Mac", "Apr", "Mei", "Jun", "Jul", "Ago", "Sep", "Okt", "Nov", "Des"}

// moment writes a time like "23 Nov 2026, 14:02 EAT", "" for nil.
func moment(at *time.Time, zone *time.Location, locale string) string {
	if at == nil {
		return ""
	}
	if zone == nil {
		zone = time.UTC
	}
	local := at.In(zone)
	month := local.Format("Jan")
	if locale == "sw" {
		month = swahiliMonths[local.Month()-1]
	}
	return fmt.Sprintf("%d %s %s", local.Day(), month, local.Format("2006, 15:04 MST"))
}
