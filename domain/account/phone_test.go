package account_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
)

func TestPhonesInEveryNotationAreTheSame(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"0712345678", "+255712345678", "255712345678", "00255712345678", "000255712345678", "712345678",
		" 0712 345 678 ", "0712-345-678", "0712.345.678", "(0712) 345678", "0712/345678", "0712\u00a0345\u2009678",
		"0712\u2013345\u2212678", "+255 712 345 678", "+255 (0)712 345 678", "+255-(0)-712-345-678", "(+255) 712 345678",
		"00 255 712 345 678", "tel:+255-712-345-678", "TEL:0712345678",
		"٠٧١٢٣٤٥٦٧٨", "۰۷۱۲۳۴۵۶۷۸", "０７１２３４５６７８", "+२५५७१२३४५६७८",
		"\u202a+255 712 345 678\u202c", "\u2066+255712345678\u2069",
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			got, field := account.ParsePhone(in, "")
			require.Nil(t, field)
			require.Equal(t, "+255712345678", got)
		})
	}
}

func TestPhonesOfOtherCountries(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, region, want string }{
		"Kenya with its code":       {"+254 712 345678", "", "+254712345678"},
		"Kenya from abroad":         {"00254712345678", "", "+254712345678"},
		"Kenya at home":             {"0712 345678", "KE", "+254712345678"},
		"United Kingdom":            {"+44 (0)7400 123456", "TZ", "+447400123456"},
		"a number that may be both": {"+1 (201) 555-0123", "TZ", "+12015550123"},
		"Australia behind 00":       {"0061 412 345 678", "TZ", "+61412345678"},
		"Brazil behind 00":          {"0055 11 96123-4567", "TZ", "+5511961234567"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, field := account.ParsePhone(tc.in, tc.region)
			require.Nil(t, field)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestPhonesAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, code string }{
		"nothing":               {"", account.CodeRequired},
		"only white space":      {" \t\n", account.CodeRequired},
		"only marks":            {"\u202a\u202c", account.CodeRequired},
		"only punctuation":      {"+-()", account.CodeInvalid},
		"too few digits":        {"071234567", account.CodeInvalid},
		"too many digits":       {"07123456789", account.CodeInvalid},
		"no such prefix":        {"0012345678", account.CodeInvalid},
		"no such country":       {"+999712345678", account.CodeInvalid},
		"two numbers":           {"0712345678/0754345678", account.CodeInvalid},
		"two numbers, a comma":  {"0712345678, 0754345678", account.CodeInvalid},
		"two pluses":            {"++255712345678", account.CodeInvalid},
		"a plus inside":         {"255+712345678", account.CodeInvalid},
		"an extension":          {"0712345678x5", account.CodeInvalid},
		"an extension in words": {"0712345678 ext. 5", account.CodeInvalid},
		"an extension of 3966":  {"tel:+255712345678;ext=5", account.CodeInvalid},
		"letters":               {"0712-FLOWER", account.CodeInvalid},
		"a word":                {"phone", account.CodeInvalid},
		"NUL":                   {"0712345\x00678", account.CodeInvalid},
		"NUL at the end":        {"0712345678\x00", account.CodeInvalid},
		"a line break inside":   {"0712\n345678", account.CodeInvalid},
		"a zero-width space":    {"0712\u200b345678", account.CodeInvalid},
		"a direction inside":    {"0712\u202e345678", account.CodeInvalid},
		"invalid UTF-8":         {"0712345678\xff", account.CodeInvalid},
		"superscripts":          {"071234567\u2078", account.CodeInvalid},
		"a megabyte":            {strings.Repeat("7", 1<<20), account.CodeInvalid},
		"a landline":            {"022 211 2345", account.CodeNotMobile},
		"a toll-free number":    {"0800 123 456", account.CodeNotMobile},
		"a landline abroad":     {"+44 20 7946 0018", account.CodeNotMobile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, field := account.ParsePhone(tc.in, "TZ")
			require.NotNil(t, field, "gave %q", got)
			require.Empty(t, got)
			require.Equal(t, "phone", field.Field)
			require.Equal(t, tc.code, field.Code)
		})
	}
}

func TestPhoneSearchText(t *testing.T) {
	t.Parallel()
	for e164, want := range map[string]string{
		"+255712345678": "00255712345678 0712345678",
		"+12015550123":  "0012015550123", // the national notation is part of it
		"+36201234567":  "0036201234567 06201234567",
		"":              "",
		"nothing":       "",
	} {
		require.Equal(t, want, account.PhoneSearchText(e164), e164)
	}
}

func TestPhoneSearchDigits(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"0712345678": "0712345678", "0712": "0712", "(0712)": "0712", "712-345": "712345", "712.345/6": "7123456",
		"255712": "255712", "+255": "00255", "(+255)712": "00255712", "00255712": "00255712", "tel:+255-712": "00255712",
		"+255(0)712": "00255712", "(0)712": "0712", "0": "0", "00": "00", "(0)": "0", "2024": "2024", "٠٧١٢": "0712",
	} {
		digits, ok := account.PhoneSearchDigits(word)
		require.True(t, ok, word)
		require.Equal(t, want, digits, word)
	}
	for _, word := range []string{"", "+", "-", "()", "+-", "asha", "07a", "12@example.com", "255+712", "++255", "%712", "7_2", "tel:", "\x00712", "712\xff"} {
		digits, ok := account.PhoneSearchDigits(word)
		require.False(t, ok, word)
		require.Empty(t, digits, word)
	}
}

func TestPhoneSearchTellsNumbersApart(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		word, phone string
		want        bool
	}{
		{"0712", "+255712345678", true},
		{"0712", "+255754071234", true}, // inner digits
		{"0712", "+255754712345", false},
		{"+255", "+255712345678", true},
		{"+255", "+254712255678", false}, // another country, whose digits hold 255
		{"255", "+254712255678", true},
		{"+712", "+255712345678", false},
		{"780", "+255712345678", false}, // the end of one notation and the start of the next
		{"5678", "+255712345678", true},
	} {
		digits, ok := account.PhoneSearchDigits(tc.word)
		require.True(t, ok)
		require.Equal(t, tc.want, strings.Contains(account.PhoneSearchText(tc.phone), digits), "%s in %s", tc.word, tc.phone)
	}
}

// notations returns the ways in which people write the number.
func notations(t *testing.T, e164 string) []string {
	t.Helper()
	number, err := phonenumbers.Parse(e164, "ZZ")
	require.NoError(t, err)
	international := phonenumbers.Format(number, phonenumbers.INTERNATIONAL)
	national := phonenumbers.Format(number, phonenumbers.NATIONAL)
	all := []string{
		e164, e164[1:], "00" + e164[1:], international, national, "00 " + international[1:],
		phonenumbers.Format(number, phonenumbers.RFC3966),
	}
	if number.GetCountryCode() == 255 {
		all = append(all, "+255 (0)"+e164[4:], "+255(0)"+e164[4:], "("+national[:4]+") "+national[5:], "(+255) "+e164[4:])
	}
	for _, s := range []string{international, national} {
		for _, sep := range []string{"-", ".", "/", "", "\u2013"} {
			all = append(all, strings.ReplaceAll(s, " ", sep))
		}
	}
	return all
}

func TestEveryPieceOfEveryNotationFindsThePhone(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	phones := []string{"+254712345678", "+447400123456", "+12015550123", "+36201234567", "+393123456789", "+8613123456789"}
	for len(phones) < 300 {
		phone := "+255" + []string{"71", "74", "75", "76", "78", "65", "68", "62"}[rng.IntN(8)]
		for range 7 {
			phone += string(rune('0' + rng.IntN(10)))
		}
		if got, field := account.ParsePhone(phone, ""); field == nil {
			require.Equal(t, phone, got)
			phones = append(phones, phone)
		}
	}
	for _, phone := range phones {
		text := account.PhoneSearchText(phone)
		for _, notation := range notations(t, phone) {
			parsed, field := account.ParsePhone(notation, phonenumbers.GetRegionCodeForNumber(parse(t, phone)))
			require.Nil(t, field, notation)
			require.Equal(t, phone, parsed, notation)
			for word := range strings.FieldsSeq(notation) {
				found(t, text, word)
				// Pieces of a word: what is typed so far, and inner digits.
				for run := range strings.FieldsFuncSeq(word, func(r rune) bool { return r < '0' || r > '9' }) {
					for i := range run {
						for j := i + 1; j <= len(run); j++ {
							require.Contains(t, text, run[i:j])
							found(t, text, run[i:j])
						}
					}
				}
			}
		}
	}
}

func parse(t *testing.T, e164 string) *phonenumbers.PhoneNumber {
	t.Helper()
	number, err := phonenumbers.Parse(e164, "ZZ")
	require.NoError(t, err)
	return number
}

func found(t *testing.T, text, word string) {
	t.Helper()
	digits, ok := account.PhoneSearchDigits(word)
	require.True(t, ok, word)
	if !strings.Contains(text, digits) {
		require.Failf(t, "not found", "%s (%s) in %s", word, digits, text)
	}
}

func FuzzParsePhone(f *testing.F) {
	for _, seed := range []string{
		"0712345678", "+255 (0)712 345 678", "00255712345678", "000255712345678", "tel:+255-712-345-678", "٠٧١٢٣٤٥٦٧٨",
		"+1 201 555 0123", "+5491123456789", "+39 312 345 6789", "0712345678x5", "0800FLOWERS", "+800 1234 5678",
	} {
		f.Add(seed, "TZ")
	}
	f.Add("0712345678", "KE")
	f.Fuzz(func(t *testing.T, s, region string) {
		phone, field := account.ParsePhone(s, region)
		if field != nil {
			require.Empty(t, phone)
			require.Equal(t, "phone", field.Field)
			require.NotEmpty(t, field.Detail)
			return
		}
		require.Regexp(t, `^\+[1-9][0-9]{4,14}$`, phone)
		for _, home := range []string{region, "", "US"} {
			again, field := account.ParsePhone(phone, home)
			require.Nil(t, field)
			require.Equal(t, phone, again)
		}
		require.Contains(t, account.PhoneSearchText(phone), phone[1:])
	})
}
