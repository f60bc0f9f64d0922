package calendar

import (
	"math"
	"time"
)

// Calendar knows when work is done. It is made by New, immutable, and safe for
// concurrent use.
//
// Working time is time that passes while a working period is open. A period
// lasts from its opening to its closing hour on the local clock, so that a day
// on which the clocks change has the hours that really pass.
type Calendar struct {
	zone       *time.Location
	week       [7]minutes // by time.Weekday; empty where not worked
	days       map[date]bool
	yearly     map[date]bool // with the year 0
	fromEaster map[int]bool
}

// minutes are opening and closing in minutes from midnight.
type minutes struct{ open, close int }

type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time) date {
	year, month, day := t.Date()
	return date{year, month, day}
}

// Add returns the earliest instant at which the working time business has
// passed since from, in from's location. It is in a working period or at the
// end of one: nine hours from the opening of a nine-hour day end at its
// closing, not at the next opening. For business <= 0 it is Next(from).
//
// It walks day by day: a year costs well under a millisecond.
func (c *Calendar) Add(from time.Time, business time.Duration) time.Time {
	if business <= 0 {
		return c.Next(from)
	}
	from = from.Round(0)
	for day := dateOf(from.In(c.zone)); ; day = day.next() {
		open, closes := c.period(day)
		if open.Before(from) {
			open = from
		}
		today := closes.Sub(open)
		if today >= business {
			return open.Add(business).In(from.Location())
		}
		business -= max(today, 0)
	}
}

// Between returns the working time that passes from a to b, negative when b is
// before a. It is capped at what a time.Duration holds (292 years of work).
func (c *Calendar) Between(a, b time.Time) time.Duration {
	a, b = a.Round(0), b.Round(0) // without the reading of a monotonic clock
	if b.Before(a) {
		return -c.Between(b, a)
	}
	const nearlyFull = math.MaxInt64 - 48*time.Hour
	last := dateOf(b.In(c.zone))
	var sum time.Duration
	for day := dateOf(a.In(c.zone)); !last.before(day); day = day.next() {
		open, closes := c.period(day)
		if open.Before(a) {
			open = a
		}
		if closes.After(b) {
			closes = b
		}
		sum += max(closes.Sub(open), 0)
		if sum > nearlyFull {
			return math.MaxInt64
		}
	}
	return sum
}

// Next returns from itself when it is in a working period, otherwise the
// opening of the next one, in from's location.
func (c *Calendar) Next(from time.Time) time.Time {
	from = from.Round(0)
	for day := dateOf(from.In(c.zone)); ; day = day.next() {
		open, closes := c.period(day)
		if open.Before(from) {
			open = from
		}
		if open.Before(closes) {
			return open.In(from.Location())
		}
	}
}

// period returns the working period of the day, which holds its opening and
// not its closing. Both are the same on a day that is not worked.
func (c *Calendar) period(d date) (open, closes time.Time) {
	hours := c.week[d.weekday()]
	if c.isHoliday(d) {
		hours.close = hours.open
	}
	return c.instant(d, hours.open), c.instant(d, hours.close)
}

// instant returns the first instant at which the local clock has reached the
// given minute of the day. Where the clock skips over it, that is when it
// skips; so periods never overlap, and those of a day that the zone left out
// are empty.
func (c *Calendar) instant(d date, minute int) time.Time {
	asked := time.Date(d.year, d.month, d.day, 0, minute, 0, 0, time.UTC)
	t := time.Date(d.year, d.month, d.day, 0, minute, 0, 0, c.zone)
	_, offset := t.Zone()
	shown := t.Add(time.Duration(offset) * time.Second) // the local clock, read as UTC
	switch skipped, skips := t.ZoneBounds(); {
	case shown.Before(asked): // t is reckoned by the offset before the skip
		return skips
	case shown.After(asked): // or by the one after it
		return skipped
	}
	return t
}

func (c *Calendar) isHoliday(d date) bool {
	return c.days[d] || c.yearly[date{month: d.month, day: d.day}] ||
		len(c.fromEaster) > 0 && c.fromEaster[d.yearDay()-easter(d.year).yearDay()]
}

func (d date) before(other date) bool {
	if d.year != other.year {
		return d.year < other.year
	}
	if d.month != other.month {
		return d.month < other.month
	}
	return d.day < other.day
}

// next returns the day after d. It goes by UTC, where every day exists.
func (d date) next() date { return dateOf(time.Date(d.year, d.month, d.day+1, 0, 0, 0, 0, time.UTC)) }

func (d date) weekday() time.Weekday {
	return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC).Weekday()
}

func (d date) yearDay() int {
	return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC).YearDay()
}

// easter returns Easter Sunday of a year of the Gregorian calendar, by the
// algorithm of Meeus, Jones and Butcher.
func easter(year int) date {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 19*l) / 433
	month := (h + l - 7*m + 90) / 25
	day := (h + l - 7*m + 33*month + 19) % 32
	return date{year, time.Month(month), day}
}
