package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/identity"
)

// own is the data of the person who chooses the passwords of these tests.
var own = []string{
	"asha@kilimobora.co.tz", "Asha Mwakyusa", "+255712345678", "Kilimo Bora Ltd", "148261", "109-482-337",
	"https://www.kilimobora.co.tz", "Plot 12, Sokoine Drive, Dar es Salaam",
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ password, code string }{
		"nothing":                        {"", "required"},
		"eleven characters":              {"v7#kq-Wz0pL", "too_short"},
		"twelve characters":              {"v7#kq-Wz0pLm", ""},
		"twelve bytes, fewer characters": {"ñandúñandú", "too_short"},
		"64 characters":                  {"mango lorry violet clock river seven stone cloud pepper lake 42.", ""},
		"the longest":                    {"v7#kq-Wz0pLm" + strings.Repeat(" twiga mrefu", 20) + "last", ""},
		"one more than the longest":      {"v7#kq-Wz0pLm" + strings.Repeat(" twiga mrefu", 20) + "last.", "too_long"},
		"NUL":                            {"correct\x00horse battery", "invalid"},
		"invalid UTF-8":                  {"correct\xffhorse battery", "invalid"},
		"white space and punctuation":    {"  ~ mvua ~ ya ~ masika ~  ", ""},
		"another script":                 {"ሰላም ለሁላችሁ ይሁን ዛሬም", ""},
		"pictures":                       {"🦒🌧🥭🚌🪘🌴🦓🐘🌋🥥🍍🛖", ""},
		"no composition rules":           {"kahawa na maandazi", ""},
		"four words":                     {"a long enough secret 7", ""},
		"words with hyphens":             {"mango-lorry-violet-42", ""},
		"what a generator makes":         {"EFGHIJ-KLMNOP-QRSTUV-WXYZ23", ""},

		"one character repeated":    {"aaaaaaaaaaaaaaa", "common"},
		"a few repeated":            {strings.Repeat("ab1-", 16), "guessable"},
		"a word repeated":           {"monkeymonkeymonkey", "guessable"},
		"one of another script":     {strings.Repeat("ü", 16), "guessable"},
		"one picture repeated":      {strings.Repeat("🦒", 12), "guessable"},
		"a word of another script":  {"АсалиАсалиАсали", "guessable"},
		"another alphabet in order": {"абвгдежзийкл", "guessable"},
		"digits in order":           {"123456789012", "common"},
		"letters in order":          {"abcdefghijkl", "common"},
		"keys in order":             {"qwertyuiop[]", "guessable"},
		"neighbouring keys":         {"zaqxswcdevfr", "common"},
		"a common one and a year":   {"Password2024", "guessable"},
		"a common one in disguise":  {"P@ssw0rd1234", "guessable"},
		"the same word twice":       {"passwordpassword", "common"},
		"the country and a year":    {"Tanzania2024!", "guessable"},
		"a greeting":                {"Nakupenda2024", "guessable"},
		"a date":                    {"12/11/1987ab", "guessable"},
		"stolen, and strong to see": {"NICK1234-rem936", "common"},
		"stolen, in another case":   {"nick1234-REM936", "common"},

		"the e-mail address":          {"asha@kilimobora.co.tz", "personal"},
		"the name and a year":         {"AshaMwakyusa1990", "personal"},
		"the name in other words":     {"Asha.Mwakyusa.Asha", "personal"},
		"the company and digits":      {"KilimoBora12345", "personal"},
		"the company in disguise":     {"K1l1m0B0ra12345", "personal"},
		"the phone, as dialled":       {"0712345678ab", "personal"},
		"the phone, as stored":        {"+255712345678", "personal"},
		"everything about a person":   {"asha mwakyusa kilimo bora sokoine", "personal"},
		"a name among other words":    {"asha likes violet lorries", ""},
		"a part of a word of another": {"plotting a boreal course", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			field := identity.CheckPassword(c.password, identity.MinUserPassword, own...)
			if c.code == "" {
				require.Nil(t, field)
				return
			}
			require.NotNil(t, field)
			require.Equal(t, "password", field.Field)
			require.Equal(t, c.code, field.Code, field.Detail)
			require.NotEmpty(t, field.Detail)
			if c.password != "" {
				require.NotContains(t, field.Detail, c.password)
			}
		})
	}

	t.Run("says what makes a password weak", func(t *testing.T) {
		t.Parallel()
		for password, said := range map[string]string{
			"qwertyuiop[]": "Keys", "monkeymonkeymonkey": "Repetition", "margaretsmith": "Names", "Password2024": "many people use",
			"18/04/1987ab": "dates", "MwakyusaXy1234": "own details",
		} {
			field := identity.CheckPassword(password, identity.MinUserPassword, own...)
			require.NotNil(t, field, password)
			require.Contains(t, field.Detail, said, password)
		}
	})

	t.Run("asks as many characters as it is told", func(t *testing.T) {
		t.Parallel()
		require.Nil(t, identity.CheckPassword("v7#kq-Wz0p", 10))
		require.Nil(t, identity.CheckPassword("v7#kq-Wz0pLm.Xy", identity.MinStaffPassword))
		field := identity.CheckPassword("v7#kq-Wz0pLm.X", identity.MinStaffPassword)
		require.Equal(t, "too_short", field.Code)
		require.Contains(t, field.Detail, "15")
	})

	t.Run("takes no longer for what is long and odd", func(t *testing.T) {
		t.Parallel()
		for _, part := range []string{"a", "1", "19", "@4$1!0", "12-3-4", "pa$$w0rd", "éà", "😀", "19-01-1990"} {
			began := time.Now()
			identity.CheckPassword(string([]rune(strings.Repeat(part, identity.MaxPassword))[:identity.MaxPassword]), identity.MinUserPassword, own...)
			require.Less(t, time.Since(began), 10*time.Second, part)
		}
	})
}
