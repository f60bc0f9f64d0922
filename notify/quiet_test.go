package notify

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/fault"
)

func TestQuietHours(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Africa/Dar_es_Salaam")
	require.NoError(t, err)
	night := QuietHours{From: 21 * 60, To: 7 * 60, Location: zone}
	siesta := QuietHours{From: 13 * 60, To: 14*60 + 30, Location: zone}
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, time.December, day, hour, minute, 0, 0, zone)
	}
	for name, test := range map[string]struct {
		hours QuietHours
		now   time.Time
		end   time.Time
		quiet bool
	}{
		"have not begun a minute before":             {night, at(30, 20, 59), at(30, 20, 59), false},
		"begin on the minute and end the next day":   {night, at(30, 21, 0), at(31, 7, 0), true},
		"end in the next year":                       {night, at(31, 23, 30), at(32, 7, 0), true},
		"last after midnight until the same morning": {night, at(31, 0, 0), at(31, 7, 0), true},
		"last until the last second":                 {night, at(31, 6, 59).Add(59 * time.Second), at(31, 7, 0), true},
		"are over on the minute":                     {night, at(31, 7, 0), at(31, 7, 0), false},
		"may lie within one day":                     {siesta, at(30, 13, 15), at(30, 14, 30), true},
		"may be over within one day":                 {siesta, at(30, 14, 30), at(30, 14, 30), false},
		"may be still to come within one day":        {siesta, at(30, 12, 59), at(30, 12, 59), false},
		"are none when both ends are the same":       {QuietHours{From: 60, To: 60, Location: zone}, at(30, 1, 0), at(30, 1, 0), false},
		"count in their own zone":                    {night, time.Date(2026, 12, 30, 18, 0, 0, 0, time.UTC), at(31, 7, 0), true},
		"count in UTC when no zone is given":         {QuietHours{From: 21 * 60, To: 7 * 60}, at(30, 23, 59), at(30, 23, 59), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end, quiet := test.hours.Until(test.now)
			require.Equal(t, test.quiet, quiet)
			require.True(t, test.end.Equal(end), "%s is not %s", end, test.end)
			if _, still := test.hours.Until(end); quiet {
				require.False(t, still, "an SMS may go at the end")
			}
		})
	}
}

func TestQuietHoursFollowTheClockThroughSummerTime(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	hours := QuietHours{From: 21 * 60, To: 7 * 60, Location: berlin}
	end, quiet := hours.Until(time.Date(2026, time.March, 28, 22, 0, 0, 0, berlin))
	require.True(t, quiet)
	require.Equal(t, "2026-03-29T07:00:00+02:00", end.Format(time.RFC3339))
}

func TestClockTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ClockTime{"00:00": 0, "07:05": 425, "23:59": 1439} {
		var got ClockTime
		require.NoError(t, json.Unmarshal([]byte(`"`+text+`"`), &got))
		require.Equal(t, want, got)
		back, err := json.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, `"`+text+`"`, string(back))
	}
	for _, text := range []string{"", "7:05", "24:00", "12:60", "12.30", "12:30:00", " 12:30", "noon"} {
		_, err := ParseClockTime(text)
		require.True(t, fault.Is(err, fault.Invalid), text)
	}
}
