package message_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/fault"
	"kibali/domain/message"
)

func TestSegments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want int
	}{
		{"", 0}, {"a", 1},
		{strings.Repeat("a", 160), 1},
		{strings.Repeat("a", 161), 2},
		{strings.Repeat("a", 306), 2},
		{strings.Repeat("a", 307), 3},
		{strings.Repeat("€", 80), 1},
		{strings.Repeat("€", 81), 2},
		{strings.Repeat("€", 153), 3}, // an escape pair is not split
		{strings.Repeat("ж", 70), 1},
		{strings.Repeat("ж", 71), 2},
		{strings.Repeat("ж", 134), 2},
		{strings.Repeat("ж", 135), 3},
		{strings.Repeat("🦁", 35), 1},
		{strings.Repeat("🦁", 67), 3}, // neither is a surrogate pair
	} {
		require.Equal(t, test.want, message.Segments(test.text), "%.10s x %d", test.text, len([]rune(test.text)))
	}
}

func TestDrafts(t *testing.T) {
	t.Parallel()
	good := message.Draft{To: []string{"0712 345 678", "+255 713 345 678"}, Text: "Habari"}

	t.Run("have their phones in one notation, and a price", func(t *testing.T) {
		t.Parallel()
		d, err := good.Normalise(nil)
		require.NoError(t, err)
		require.Equal(t, []string{"+255712345678", "+255713345678"}, d.To)
		require.Equal(t, int64(2), d.Credits())
		d.Text = strings.Repeat("ж", 71)
		require.Equal(t, int64(4), d.Credits())
	})
	t.Run("name every bad field", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			change func(*message.Draft)
			want   map[string]string
		}{
			"nobody":           {func(d *message.Draft) { d.To = nil }, map[string]string{"to": "required"}},
			"too many":         {func(d *message.Draft) { d.To = make([]string, 1001) }, map[string]string{"to": "too_long"}},
			"no phone":         {func(d *message.Draft) { d.To = []string{"0712 345 678", "x", ""} }, map[string]string{"to[1]": "invalid", "to[2]": "required"}},
			"a landline":       {func(d *message.Draft) { d.To = []string{"+255 22 211 1111"} }, map[string]string{"to[0]": "not_mobile"}},
			"a phone twice":    {func(d *message.Draft) { d.To = append(d.To, "255712345678") }, map[string]string{"to[2]": "duplicate"}},
			"no text":          {func(d *message.Draft) { d.Text = " \n" }, map[string]string{"text": "required"}},
			"nothing seen":     {func(d *message.Draft) { d.Text = "\u200b" }, map[string]string{"text": "required"}},
			"a byte order":     {func(d *message.Draft) { d.Text = "\ufeff" }, map[string]string{"text": "required"}},
			"marks and spaces": {func(d *message.Draft) { d.Text = " \u2060\u00ad\n\u3164\u200f\ufe0f\u2800" }, map[string]string{"text": "required"}},
			"a control alone":  {func(d *message.Draft) { d.Text = "\x07" }, map[string]string{"text": "invalid"}},
			"control":          {func(d *message.Draft) { d.Text = "a\x07b" }, map[string]string{"text": "invalid"}},
			"invalid UTF-8":    {func(d *message.Draft) { d.Text = "a\xff" }, map[string]string{"text": "invalid"}},
			"eleven segments":  {func(d *message.Draft) { d.Text = strings.Repeat("a", 1531) }, map[string]string{"text": "too_long"}},
			"a long sender":    {func(d *message.Draft) { d.SenderID = "KILIMO BORA LTD" }, map[string]string{"sender_id": "invalid"}},
			"a sender of dots": {func(d *message.Draft) { d.SenderID = "1-1" }, map[string]string{"sender_id": "invalid"}},
			"a foreign sender": {func(d *message.Draft) { d.SenderID = "BENKI" }, map[string]string{"sender_id": "invalid"}},
			"all of it":        {func(d *message.Draft) { *d = message.Draft{SenderID: "\n"} }, map[string]string{"to": "required", "text": "required", "sender_id": "invalid"}},
		} {
			d := message.Draft{To: append([]string(nil), good.To...), Text: good.Text}
			c.change(&d)
			_, err := d.Normalise([]string{"KILIMO"})
			got := map[string]string{}
			for _, f := range fault.As(err).Fields {
				got[f.Field] = f.Code
			}
			require.Equal(t, c.want, got, name)
		}
	})
	t.Run("may be from whom the platform permits", func(t *testing.T) {
		t.Parallel()
		for _, sender := range []string{"", "KILIMO", "Kilimo-Bora", "A.B", "15001", "+255712345678"} {
			_, err := message.Draft{To: good.To, Text: "x", SenderID: sender}.Normalise(nil)
			require.NoError(t, err, sender)
		}
		_, err := message.Draft{To: good.To, Text: "x", SenderID: "KILIMO"}.Normalise([]string{"BENKI", "KILIMO"})
		require.NoError(t, err)
	})
	t.Run("keep the characters that are not seen, beside some that are", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"\ufeffHabari\u200b", "\u200d.", "\u0600", "\u0301"} {
			d, err := message.Draft{To: good.To, Text: text}.Normalise(nil)
			require.NoError(t, err, "%q", text)
			require.Equal(t, text, d.Text)
		}
	})
	t.Run("may have line breaks and emoji, and ten segments", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"a\r\nb", "👩‍🌾", strings.Repeat("a", 1530), strings.Repeat("ж", 670)} {
			_, err := message.Draft{To: good.To, Text: text}.Normalise(nil)
			require.NoError(t, err)
		}
	})
}

func TestFates(t *testing.T) {
	t.Parallel()
	all := []message.Status{message.Queued, message.Sending, message.Sent, message.Delivered, message.Failed, message.Unknown}
	permitted := map[message.Status][]message.Status{
		message.Sending: {message.Sent, message.Delivered, message.Failed},
		message.Unknown: {message.Sent, message.Delivered, message.Failed},
		message.Sent:    {message.Delivered, message.Failed},
	}
	for _, from := range all {
		for _, to := range all {
			require.Equal(t, contains(permitted[from], to), from.May(to), "%s to %s", from, to)
		}
	}
}

func contains(list []message.Status, s message.Status) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

func TestAMessageAsAWhole(t *testing.T) {
	t.Parallel()
	for want, c := range map[message.Status][]message.Counts{
		message.Queued:    {{message.Queued: 3}},
		message.Sending:   {{message.Queued: 1, message.Sent: 2}, {message.Sending: 3}, {message.Queued: 1, message.Failed: 1}},
		message.Sent:      {{message.Sent: 3}, {message.Sent: 1, message.Delivered: 1, message.Failed: 1, message.Unknown: 1}, {message.Delivered: 1, message.Failed: 2}},
		message.Delivered: {{message.Delivered: 2}},
		message.Failed:    {{message.Failed: 2}},
		message.Unknown:   {{message.Unknown: 1}},
	} {
		for _, counts := range c {
			require.Equal(t, want, counts.Status(), "%v", counts)
		}
	}
}
