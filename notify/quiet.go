package notify

import (
	"fmt"
	"time"

	"kibali/domain/fault"
)

// ClockTime is a time of day, in minutes after midnight: 0 to 1439. It reads
// and writes as "21:00".
type ClockTime int

// ParseClockTime reads "21:00". It returns a fault of code Invalid for anything
// that is not two digits, a colon and two digits of a time of day.
func ParseClockTime(text string) (ClockTime, error) {
	at, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, fault.New(fault.Invalid, "A time of day is written like 21:00.")
	}
	return ClockTime(at.Hour()*60 + at.Minute()), nil
}

func (c ClockTime) String() string { return fmt.Sprintf("%02d:%02d", c/60, c%60) }

// MarshalText implements encoding.TextMarshaler.
func (c ClockTime) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *ClockTime) UnmarshalText(text []byte) error {
	parsed, err := ParseClockTime(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// QuietHours is the part of each day in which no SMS is sent: from From up to,
// not including, To, past midnight when To is the smaller. Equal times mean
// that no hour is quiet. A nil Location is UTC.
type QuietHours struct {
	From     ClockTime
	To       ClockTime
	Location *time.Location
}

// Until returns when the quiet hours that now falls into end, and true; or now
// and false when an SMS may be sent. It depends on nothing but its arguments.
func (q QuietHours) Until(now time.Time) (time.Time, bool) {
	zone := q.Location
	if zone == nil {
		zone = time.UTC
	}
	local := now.In(zone)
	clock := ClockTime(local.Hour()*60 + local.Minute())
	days := 0
	switch {
	case q.From == q.To:
		return now, false
	case q.From < q.To:
		if clock < q.From || clock >= q.To {
			return now, false
		}
	case clock >= q.From: // the evening of a span past midnight
		days = 1
	case clock >= q.To:
		return now, false
	}
	year, month, day := local.Date()
	return time.Date(year, month, day+days, int(q.To)/60, int(q.To)%60, 0, 0, zone), true
}
