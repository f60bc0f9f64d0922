package calendar

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"kibali/domain/fault"
)

// Config describes a calendar in the form in which the policy keeps it.
type Config struct {
	// Zone is the IANA name of the time zone of the hours, such as
	// "Africa/Dar_es_Salaam".
	Zone string `json:"zone"`
	// Hours are the working hours by English weekday in lower case ("monday").
	// A weekday that is not there is not worked.
	Hours map[string]Hours `json:"hours"`
	// Holidays are not worked. Each is a date ("2026-03-20"), a day of every
	// year ("12-25"), or days from Western Easter Sunday ("easter-2", "easter+1").
	Holidays []string `json:"holidays"`
}

// Hours are the working hours of a day, in local time as "15:04". To may be
// "24:00" and is after From.
type Hours struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Default returns a calendar of Tanzanian offices: Monday to Friday, 8 to 17,
// without the public holidays that have a fixed date or follow Easter. Those
// that follow the moon are announced each year and are for staff to add.
func Default() Config {
	day := Hours{From: "08:00", To: "17:00"}
	return Config{
		Zone:  "Africa/Dar_es_Salaam",
		Hours: map[string]Hours{"monday": day, "tuesday": day, "wednesday": day, "thursday": day, "friday": day},
		Holidays: []string{
			"01-01",    // New Year
			"01-12",    // Zanzibar Revolution
			"easter-2", // Good Friday
			"easter+1", // Easter Monday
			"04-07",    // Karume
			"04-26",    // Union
			"05-01",    // Workers
			"07-07",    // Saba Saba
			"08-08",    // Nane Nane
			"10-14",    // Nyerere
			"12-09",    // Independence
			"12-25",    // Christmas
			"12-26",    // Boxing Day
		},
	}
}

const (
	// maxYearly is less than the number of times that any weekday occurs in a
	// year, so that every year has working days whatever is configured.
	maxYearly = 50
	// maxDated is more than ten years of days; with it a search for the next
	// working day is bounded.
	maxDated = 4000
	// maxFromEaster keeps a movable holiday in the year of its Easter, which
	// is between 22 March and 25 April.
	maxFromEaster = 80
)

// New returns the calendar that cfg describes, or a fault.Invalid that names
// every bad member ("zone", "hours.monday", "holidays[3]") at once. A calendar
// without working hours is refused, as are more than 50 yearly and 4,000 dated
// holidays.
func New(cfg Config) (*Calendar, error) {
	c := &Calendar{days: map[date]bool{}, yearly: map[date]bool{}, fromEaster: map[int]bool{}}
	var bad []fault.Field
	refuse := func(field, detail string) {
		bad = append(bad, fault.Field{Field: field, Code: "invalid", Detail: detail})
	}
	zone, err := time.LoadLocation(cfg.Zone)
	if err != nil || cfg.Zone == "" || cfg.Zone == "Local" {
		refuse("zone", "Must be an IANA time zone, such as Africa/Dar_es_Salaam.")
	}
	c.zone = zone
	c.readHours(cfg.Hours, refuse)
	for i, holiday := range cfg.Holidays {
		if !c.readHoliday(holiday) {
			refuse(fmt.Sprintf("holidays[%d]", i), `Must be a date such as "2026-03-20", "12-25" or "easter+1".`)
		}
	}
	if len(c.days) > maxDated || len(c.yearly)+len(c.fromEaster) > maxYearly {
		refuse("holidays", fmt.Sprintf("Must be at most %d days of every year and %d dates.", maxYearly, maxDated))
	}
	if err := fault.InvalidFields(bad...); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Calendar) readHours(hours map[string]Hours, refuse func(field, detail string)) {
	if len(hours) == 0 {
		refuse("hours", "Must have working hours on at least one weekday.")
	}
	known := 0
	for weekday := time.Sunday; weekday <= time.Saturday; weekday++ {
		name := strings.ToLower(weekday.String())
		h, ok := hours[name]
		if !ok {
			continue
		}
		known++
		from, okFrom := parseMinutes(h.From)
		to, okTo := parseMinutes(h.To)
		if !okFrom || !okTo || from >= to {
			refuse("hours."+name, `Must be a time such as "08:00" and a later one, "24:00" at most.`)
		}
		c.week[weekday] = minutes{from, to}
	}
	if known < len(hours) {
		refuse("hours", `Must be by weekday: "monday" to "sunday".`)
	}
}

// parseMinutes returns the minutes from midnight of "15:04", up to "24:00".
func parseMinutes(s string) (int, bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, false
	}
	return t.Hour()*60 + t.Minute(), true
}

// readHoliday adds the holiday to the calendar and reports whether it is one.
func (c *Calendar) readHoliday(s string) bool {
	if offset, ok := strings.CutPrefix(s, "easter"); ok {
		days, err := strconv.Atoi(offset)
		if offset != "" && (err != nil || offset[0] != '+' && offset[0] != '-') || max(days, -days) > maxFromEaster {
			return false
		}
		c.fromEaster[days] = true
		return true
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		c.days[dateOf(t)] = true
		return true
	}
	// A leap year as the year, so that 29 February is a day of every year.
	t, err := time.Parse(time.DateOnly, "2000-"+s)
	if err != nil {
		return false
	}
	c.yearly[date{month: t.Month(), day: t.Day()}] = true
	return true
}
