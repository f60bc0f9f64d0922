package calendar_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/calendar"
	"kibali/domain/fault"
)

var week = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

func everyDay(from, to string) map[string]calendar.Hours {
	hours := map[string]calendar.Hours{}
	for _, day := range week {
		hours[day] = calendar.Hours{From: from, To: to}
	}
	return hours
}

func setup(t *testing.T, cfg calendar.Config) *calendar.Calendar {
	t.Helper()
	c, err := calendar.New(cfg)
	require.NoError(t, err)
	return c
}

// at reads a local time of the zone.
func at(t *testing.T, zone, local string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	require.NoError(t, err)
	instant, err := time.ParseInLocation("2006-01-02 15:04", local, loc)
	require.NoError(t, err)
	return instant
}

func TestDefaultCalendar(t *testing.T) {
	t.Parallel()
	c := setup(t, calendar.Default())
	for name, tc := range map[string]struct {
		from     string
		business time.Duration
		want     string
	}{
		"adds within a day":                        {"2026-11-23 09:00", 2 * time.Hour, "2026-11-23 11:00"},
		"ends at the closing, not the opening":     {"2026-11-23 08:00", 9 * time.Hour, "2026-11-23 17:00"},
		"goes on in the next morning":              {"2026-11-23 16:00", 2 * time.Hour, "2026-11-24 09:00"},
		"leaves the weekend out":                   {"2026-11-27 16:00", 2 * time.Hour, "2026-11-30 09:00"},
		"starts on Monday when it is Saturday":     {"2026-11-28 11:00", time.Hour, "2026-11-30 09:00"},
		"starts at the opening when it is early":   {"2026-11-23 03:00", time.Hour, "2026-11-23 09:00"},
		"leaves a holiday of every year out":       {"2026-12-08 16:00", 2 * time.Hour, "2026-12-10 09:00"},
		"leaves Christmas and the weekend out":     {"2026-12-24 16:30", time.Hour, "2026-12-28 08:30"},
		"leaves Good Friday to Easter Monday out":  {"2027-03-25 16:00", 2 * time.Hour, "2027-03-30 09:00"},
		"counts two working days over the weekend": {"2026-11-26 12:00", 18 * time.Hour, "2026-11-30 12:00"},
		"nothing to add in a period is now":        {"2026-11-23 09:00", 0, "2026-11-23 09:00"},
		"nothing to add in the night is opening":   {"2026-11-23 20:00", 0, "2026-11-24 08:00"},
		"less than nothing is nothing":             {"2026-11-23 09:00", -time.Hour, "2026-11-23 09:00"},
		"the closing instant is closed":            {"2026-11-27 17:00", 0, "2026-11-30 08:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, want := at(t, "Africa/Dar_es_Salaam", tc.from), at(t, "Africa/Dar_es_Salaam", tc.want)
			got := c.Add(from.UTC(), tc.business)
			require.Equal(t, want.UTC(), got)
			require.Equal(t, max(tc.business, 0), c.Between(from, got))
			require.Equal(t, -max(tc.business, 0), c.Between(got, from))
		})
	}
}

func TestEasterIsRight(t *testing.T) {
	t.Parallel()
	cfg := calendar.Config{Zone: "UTC", Hours: everyDay("00:00", "24:00"), Holidays: []string{"easter"}}
	c := setup(t, cfg)
	for _, easter := range []string{
		"1961-04-02", "2000-04-23", "2008-03-23", "2011-04-24", "2024-03-31", "2025-04-20",
		"2026-04-05", "2027-03-28", "2028-04-16", "2030-04-21", "2038-04-25", "2285-03-22",
	} {
		day, err := time.Parse(time.DateOnly, easter)
		require.NoError(t, err)
		require.Equal(t, day.AddDate(0, 0, 1), c.Next(day), easter)
		require.Equal(t, 48*time.Hour, c.Between(day.AddDate(0, 0, -1), day.AddDate(0, 0, 2)), easter)
	}
}

func TestTwentyNinthOfFebruaryCanBeAHolidayOfEveryYear(t *testing.T) {
	t.Parallel()
	c := setup(t, calendar.Config{Zone: "UTC", Hours: everyDay("00:00", "24:00"), Holidays: []string{"02-29"}})
	require.Equal(t, time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC), c.Next(time.Date(2028, 2, 29, 5, 0, 0, 0, time.UTC)))
	require.Equal(t, time.Date(2027, 3, 1, 5, 0, 0, 0, time.UTC), c.Next(time.Date(2027, 3, 1, 5, 0, 0, 0, time.UTC)))
}

func TestClockChanges(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		zone, from, to string
		hours          calendar.Hours
		want           time.Duration
	}{
		"a day in spring has 23 hours":       {"Europe/Berlin", "2026-03-29 00:00", "2026-03-30 00:00", calendar.Hours{From: "00:00", To: "24:00"}, 23 * time.Hour},
		"a day in autumn has 25 hours":       {"Europe/Berlin", "2026-10-25 00:00", "2026-10-26 00:00", calendar.Hours{From: "00:00", To: "24:00"}, 25 * time.Hour},
		"office hours are not touched":       {"Europe/Berlin", "2026-03-28 00:00", "2026-03-31 00:00", calendar.Hours{From: "08:00", To: "17:00"}, 27 * time.Hour},
		"midnight that is left out":          {"Africa/Cairo", "2026-04-23 12:00", "2026-04-25 00:00", calendar.Hours{From: "00:00", To: "24:00"}, 35 * time.Hour},
		"midnight that is left out, west":    {"America/Havana", "2026-03-07 12:00", "2026-03-09 00:00", calendar.Hours{From: "00:00", To: "24:00"}, 35 * time.Hour},
		"a day that is left out has no work": {"Pacific/Apia", "2011-12-29 00:00", "2012-01-01 00:00", calendar.Hours{From: "08:00", To: "17:00"}, 18 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hours := map[string]calendar.Hours{}
			for _, day := range week {
				hours[day] = tc.hours
			}
			c := setup(t, calendar.Config{Zone: tc.zone, Hours: hours})
			require.Equal(t, tc.want, c.Between(at(t, tc.zone, tc.from), at(t, tc.zone, tc.to)))
		})
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	uneven := map[string]calendar.Hours{
		"monday": {From: "08:00", To: "17:00"}, "wednesday": {From: "23:15", To: "24:00"},
		"saturday": {From: "09:00", To: "13:00"}, "sunday": {From: "00:00", To: "03:30"},
	}
	holidays := []string{"12-25", "easter-2", "easter+1", "2026-03-30", "2026-10-26", "02-29"}
	for name, cfg := range map[string]calendar.Config{
		"the default":       calendar.Default(),
		"always open":       {Zone: "UTC", Hours: everyDay("00:00", "24:00")},
		"clocks change":     {Zone: "Europe/Berlin", Hours: uneven, Holidays: holidays},
		"at midnight":       {Zone: "Africa/Cairo", Hours: everyDay("00:00", "24:00"), Holidays: holidays},
		"at midnight, west": {Zone: "America/Havana", Hours: everyDay("00:00", "24:00"), Holidays: []string{"03-07", "2027-03-14"}},
		"in the lost hour":  {Zone: "America/New_York", Hours: everyDay("02:10", "02:50"), Holidays: holidays},
		"around midnight":   {Zone: "Africa/Cairo", Hours: everyDay("00:30", "23:45")},
		"clocks change 30m": {Zone: "Australia/Lord_Howe", Hours: everyDay("01:45", "18:00")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setup(t, cfg)
			rng := rand.New(rand.NewPCG(7, 11))
			epoch := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
			for range 2000 {
				from := epoch.Add(time.Duration(rng.Int64N(int64(2 * 365 * 24 * time.Hour)))).Truncate(time.Minute)
				later := from.Add(time.Duration(rng.Int64N(int64(10 * 24 * time.Hour))))
				d := time.Duration(1 + rng.Int64N(int64(60*time.Hour)))
				what := fmt.Sprintf("from %s, %s", from, d)

				end := c.Add(from, d)
				require.Equal(t, d, c.Between(from, end), "Add and Between agree: %s", what)
				require.Less(t, c.Between(from, end.Add(-1)), d, "Add is the earliest such instant: %s", what)
				require.Equal(t, end.Add(-1), c.Next(end.Add(-1)), "the last instant was worked: %s", what)
				require.False(t, end.Before(c.Next(from).Add(d)), "working time is not faster than time: %s", what)

				require.False(t, c.Add(later, d).Before(end), "later begun is not sooner done: %s", what)
				require.True(t, c.Add(from, d+time.Nanosecond).After(end), "more work ends later: %s", what)
				require.True(t, c.Add(end, d).Equal(c.Add(from, 2*d)), "work adds up: %s", what)

				next := c.Next(from)
				require.False(t, next.Before(from))
				require.Zero(t, c.Between(from, next), "nothing is worked before the next opening: %s", what)
				require.Equal(t, time.Duration(1), c.Between(next, next.Add(1)), "the next instant is worked: %s", what)
				require.Equal(t, next, c.Next(next))

				sum := c.Between(from, next) + c.Between(next, later)
				require.Equal(t, c.Between(from, later), sum, "Between adds up: %s", what)
				require.Equal(t, -sum, c.Between(later, from))
			}
		})
	}
}

func TestTenYearsOfHolidaysAreWalked(t *testing.T) {
	t.Parallel()
	cfg := calendar.Default()
	first := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for day := first; day.Year() < 2037; day = day.AddDate(0, 0, 1) {
		cfg.Holidays = append(cfg.Holidays, day.Format(time.DateOnly))
	}
	c := setup(t, cfg)
	// 1 January 2037 is a holiday of every year, and a Thursday.
	require.Equal(t, at(t, cfg.Zone, "2037-01-02 09:00").UTC(), c.Add(first, time.Hour))
	require.Zero(t, c.Between(first, time.Date(2037, 1, 1, 0, 0, 0, 0, time.UTC)))
}

func TestLongestDurations(t *testing.T) {
	t.Parallel()
	c := setup(t, calendar.Default())
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end := c.Add(from, math.MaxInt64)
	require.Greater(t, end.Year(), 3000)
	require.Equal(t, time.Duration(math.MaxInt64), c.Between(from, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)))
	require.Equal(t, -time.Duration(math.MaxInt64), c.Between(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), from))
}

func TestConfigSurvivesJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(calendar.Default())
	require.NoError(t, err)
	var read calendar.Config
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, calendar.Default(), read)
	require.Contains(t, string(text), `"monday":{"from":"08:00","to":"17:00"}`)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	day := calendar.Hours{From: "08:00", To: "17:00"}
	monday := func(from, to string) map[string]calendar.Hours {
		return map[string]calendar.Hours{"monday": {From: from, To: to}}
	}
	var yearly, dated []string
	for d := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2037; d = d.AddDate(0, 0, 1) {
		dated = append(dated, d.Format(time.DateOnly))
		if d.Year() == 2026 {
			yearly = append(yearly, d.Format("01-02"))
		}
	}
	for name, tc := range map[string]struct {
		cfg  calendar.Config
		want []string
	}{
		"an empty configuration":   {calendar.Config{}, []string{"zone", "hours"}},
		"the machine's zone":       {calendar.Config{Zone: "Local", Hours: monday("08:00", "17:00")}, []string{"zone"}},
		"an unknown zone":          {calendar.Config{Zone: "Africa/Nowhere", Hours: monday("08:00", "17:00")}, []string{"zone"}},
		"no working hours":         {calendar.Config{Zone: "UTC", Hours: map[string]calendar.Hours{}}, []string{"hours"}},
		"an empty period":          {calendar.Config{Zone: "UTC", Hours: monday("08:00", "08:00")}, []string{"hours.monday"}},
		"a period over midnight":   {calendar.Config{Zone: "UTC", Hours: monday("22:00", "06:00")}, []string{"hours.monday"}},
		"a time past midnight":     {calendar.Config{Zone: "UTC", Hours: monday("22:00", "24:30")}, []string{"hours.monday"}},
		"a time of another form":   {calendar.Config{Zone: "UTC", Hours: monday("8:00", "5pm")}, []string{"hours.monday"}},
		"an unknown weekday":       {calendar.Config{Zone: "UTC", Hours: map[string]calendar.Hours{"monday": day, "Friday": day}}, []string{"hours"}},
		"holidays that are none":   {calendar.Config{Zone: "UTC", Hours: monday("08:00", "17:00"), Holidays: []string{"2026-02-30", "12-25", "13-01", "easter+", "easter1", "easter+81", ""}}, []string{"holidays[0]", "holidays[2]", "holidays[3]", "holidays[4]", "holidays[5]", "holidays[6]"}},
		"every day a holiday":      {calendar.Config{Zone: "UTC", Hours: monday("08:00", "17:00"), Holidays: yearly}, []string{"holidays"}},
		"more dates than bounded":  {calendar.Config{Zone: "UTC", Hours: monday("08:00", "17:00"), Holidays: dated}, []string{"holidays"}},
		"everything wrong at once": {calendar.Config{Zone: "x", Hours: monday("", ""), Holidays: []string{"Eid"}}, []string{"zone", "hours.monday", "holidays[0]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := calendar.New(tc.cfg)
			require.Nil(t, c)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			var fields []string
			for _, field := range fault.As(err).Fields {
				fields = append(fields, field.Field)
			}
			require.Equal(t, tc.want, fields)
		})
	}
}
