package console

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"kibali/console/page"
	"kibali/domain/calendar"
	"kibali/domain/fault"
	"kibali/domain/policy"
)

// setting is one field of the form of the policy.
type setting struct {
	Name string // as the policy's own faults name it, or below it
	// Kind is how it is entered: "hours", "days", "whole", "text", "time", "choice" or "lines".
	Kind string
	get  func(p policy.Policy) string
	set  func(p *policy.Policy, text string) error
}

// section is a part of the form, with what its settings are about.
type section struct {
	Name     string
	Settings []setting
}

var errNoNumber = fault.New(fault.Invalid, "Must be a number.")

// hours is a time in hours, with what is left of one as a fraction.
func hours(name string, of func(p *policy.Policy) *policy.Duration) setting {
	return length(name, "hours", time.Hour, 24*3660, of)
}

// days is a time in days, with what is left of one as a fraction; 0 is never.
func days(name string, of func(p *policy.Policy) *policy.Duration) setting {
	return length(name, "days", 24*time.Hour, 100*366, of)
}

// length is a time in units, at most so many, kept to the second.
func length(name, kind string, unit time.Duration, most float64, of func(p *policy.Policy) *policy.Duration) setting {
	return setting{Name: name, Kind: kind,
		get: func(p policy.Policy) string {
			return strconv.FormatFloat(float64(*of(&p))/float64(unit), 'f', -1, 64)
		},
		set: func(p *policy.Policy, text string) error {
			n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil || !(n >= 0 && n <= most) {
				return errNoNumber
			}
			*of(p) = policy.Duration(time.Duration(n * float64(unit)).Round(time.Second))
			return nil
		},
	}
}

func whole[T int | int64](name string, of func(p *policy.Policy) *T) setting {
	return setting{Name: name, Kind: "whole",
		get: func(p policy.Policy) string { return strconv.FormatInt(int64(*of(&p)), 10) },
		set: func(p *policy.Policy, text string) error {
			n, err := strconv.ParseInt(strings.NewReplacer(",", "", " ", "").Replace(text), 10, 64)
			if err != nil {
				return errNoNumber
			}
			*of(p) = T(n)
			return nil
		},
	}
}

// lines is a list, one on each line.
func lines(name string, of func(p *policy.Policy) *[]string) setting {
	return setting{Name: name, Kind: "lines",
		get: func(p policy.Policy) string { return strings.Join(*of(&p), "\n") },
		set: func(p *policy.Policy, text string) error {
			*of(p) = strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
			return nil
		},
	}
}

// choice is something that is so or not.
func choice(name string, of func(p *policy.Policy) *bool) setting {
	return setting{Name: name, Kind: "choice",
		get: func(p policy.Policy) string {
			if *of(&p) {
				return "yes"
			}
			return ""
		},
		set: func(p *policy.Policy, text string) error {
			*of(p) = text == "yes"
			return nil
		},
	}
}

// workday is the working hours of a weekday, such as "08:00-17:00"; empty when it
// is not worked.
func workday(day string) setting {
	return setting{Name: "calendar.hours." + day, Kind: "text",
		get: func(p policy.Policy) string {
			if h, ok := p.Calendar.Hours[day]; ok {
				return h.From + "-" + h.To
			}
			return ""
		},
		set: func(p *policy.Policy, text string) error {
			p.Calendar.Hours = maps.Clone(p.Calendar.Hours)
			delete(p.Calendar.Hours, day)
			if text = strings.TrimSpace(text); text == "" {
				return nil
			}
			from, to, ok := strings.Cut(text, "-")
			if !ok {
				return fault.New(fault.Invalid, "Must be two times, such as 08:00-17:00.")
			}
			p.Calendar.Hours[day] = calendar.Hours{From: strings.TrimSpace(from), To: strings.TrimSpace(to)}
			return nil
		},
	}
}

// quiet is one end of the quiet hours. With both empty, no hour is quiet.
func quiet(name string, of func(q *policy.QuietHours) *string) setting {
	return setting{Name: name, Kind: "time",
		get: func(p policy.Policy) string {
			if p.QuietHours == nil {
				return ""
			}
			return *of(p.QuietHours)
		},
		set: func(p *policy.Policy, text string) error {
			q := policy.QuietHours{}
			if p.QuietHours != nil {
				q = *p.QuietHours
			}
			*of(&q) = strings.TrimSpace(text)
			p.QuietHours = &q
			if q == (policy.QuietHours{}) {
				p.QuietHours = nil
			}
			return nil
		},
	}
}

// canned is a canned reason's text in a language.
func canned(i int, locale string) setting {
	return setting{Name: fmt.Sprintf("canned_reasons.%d.%s", i, locale), Kind: "prose",
		get: func(p policy.Policy) string { return p.Canned[i].Text[locale] },
		set: func(p *policy.Policy, text string) error {
			p.Canned = slices.Clone(p.Canned)
			p.Canned[i].Text = maps.Clone(p.Canned[i].Text)
			if text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")); text == "" {
				delete(p.Canned[i].Text, locale)
				return nil
			}
			p.Canned[i].Text[locale] = text
			return nil
		},
	}
}

// sectionsOf are all settings of a policy but its canned reasons.
func sectionsOf() []section {
	week := section{Name: "calendar", Settings: []setting{{
		Name: "calendar.zone", Kind: "text",
		get: func(p policy.Policy) string { return p.Calendar.Zone },
		set: func(p *policy.Policy, text string) error { p.Calendar.Zone = strings.TrimSpace(text); return nil },
	}}}
	for _, day := range []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
		week.Settings = append(week.Settings, workday(day))
	}
	week.Settings = append(week.Settings, lines("calendar.holidays", func(p *policy.Policy) *[]string { return &p.Calendar.Holidays }))
	return []section{
		{Name: "review", Settings: []setting{
			hours("review.deadline", func(p *policy.Policy) *policy.Duration { return &p.Review.Deadline }),
			hours("review.escalate", func(p *policy.Policy) *policy.Duration { return &p.Review.Escalate }),
			hours("appeals.deadline", func(p *policy.Policy) *policy.Duration { return &p.Appeals.Deadline }),
			hours("appeals.escalate", func(p *policy.Policy) *policy.Duration { return &p.Appeals.Escalate }),
		}},
		{Name: "applicant", Settings: []setting{
			hours("documents.remind", func(p *policy.Policy) *policy.Duration { return &p.Documents.Remind }),
			hours("documents.expire", func(p *policy.Policy) *policy.Duration { return &p.Documents.Expire }),
			hours("changes.remind", func(p *policy.Policy) *policy.Duration { return &p.Changes.Remind }),
			hours("changes.expire", func(p *policy.Policy) *policy.Duration { return &p.Changes.Expire }),
			whole("max_documents", func(p *policy.Policy) *int { return &p.MaxDocuments }),
		}},
		{Name: "credits", Settings: []setting{
			whole("top_ups.alone", func(p *policy.Policy) *int64 { return &p.TopUps.Alone }),
			hours("top_ups.signature", func(p *policy.Policy) *policy.Duration { return &p.TopUps.Signature }),
		}},
		{Name: "access", Settings: []setting{
			whole("passwords.user", func(p *policy.Policy) *int { return &p.Passwords.User }),
			whole("passwords.staff", func(p *policy.Policy) *int { return &p.Passwords.Staff }),
			hours("reset_link", func(p *policy.Policy) *policy.Duration { return &p.ResetLink }),
			hours("sessions.user.idle", func(p *policy.Policy) *policy.Duration { return &p.Sessions.User.Idle }),
			hours("sessions.user.life", func(p *policy.Policy) *policy.Duration { return &p.Sessions.User.Life }),
			hours("sessions.staff.idle", func(p *policy.Policy) *policy.Duration { return &p.Sessions.Staff.Idle }),
			hours("sessions.staff.life", func(p *policy.Policy) *policy.Duration { return &p.Sessions.Staff.Life }),
			whole("max_api_keys", func(p *policy.Policy) *int { return &p.MaxAPIKeys }),
		}},
		{Name: "contacts", Settings: []setting{
			choice("contacts.email_required", func(p *policy.Policy) *bool { return &p.Contacts.EmailRequired }),
			choice("contacts.phone_required", func(p *policy.Policy) *bool { return &p.Contacts.PhoneRequired }),
			hours("contacts.email_link", func(p *policy.Policy) *policy.Duration { return &p.Contacts.EmailLink }),
		}},
		{Name: "messages", Settings: []setting{
			quiet("quiet_hours.from", func(q *policy.QuietHours) *string { return &q.From }),
			quiet("quiet_hours.to", func(q *policy.QuietHours) *string { return &q.To }),
			hours("messages.give_up", func(p *policy.Policy) *policy.Duration { return &p.Messages.GiveUp }),
			hours("messages.settle", func(p *policy.Policy) *policy.Duration { return &p.Messages.Settle }),
			lines("messages.sender_ids", func(p *policy.Policy) *[]string { return &p.Messages.SenderIDs }),
		}},
		{Name: "retention", Settings: []setting{
			days("retention.rejected_documents", func(p *policy.Policy) *policy.Duration { return &p.Retention.RejectedDocuments }),
			days("retention.closed_accounts", func(p *policy.Policy) *policy.Duration { return &p.Retention.ClosedAccounts }),
		}},
		week,
	}
}

// settingsOf are all settings of a policy.
func settingsOf(p policy.Policy) []setting {
	var all []setting
	for _, s := range sectionsOf() {
		all = append(all, s.Settings...)
	}
	for i := range p.Canned {
		for _, locale := range page.Locales() {
			all = append(all, canned(i, locale))
		}
	}
	return all
}

// applyPolicy returns the policy as the form has it, or fault.Invalid with what
// cannot be read.
func applyPolicy(p policy.Policy, form *page.Form) (policy.Policy, error) {
	var bad []fault.Field
	for _, s := range settingsOf(p) {
		if err := s.set(&p, form.Value(s.Name)); err != nil {
			bad = append(bad, fault.Field{Field: s.Name, Code: "malformed", Detail: fault.As(err).Message})
		}
	}
	return p, fault.InvalidFields(bad...)
}
