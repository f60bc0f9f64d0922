package account_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
)

func TestEmailsAreNormalised(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"a plain one":                    {"asha@example.co.tz", "asha@example.co.tz"},
		"white space around":             {" \tasha@example.co.tz\r\n", "asha@example.co.tz"},
		"upper case":                     {"Asha.Juma@EXAMPLE.Co.TZ", "asha.juma@example.co.tz"},
		"tags and dots are kept":         {"a.s.h.a+News@gmail.com", "a.s.h.a+news@gmail.com"},
		"every sign of an atom":          {"!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
		"an international domain":        {"info@bücher.example", "info@xn--bcher-kva.example"},
		"the same in upper case":         {"info@BÜCHER.example", "info@xn--bcher-kva.example"},
		"the same decomposed":            {"info@bu\u0308cher.example", "info@xn--bcher-kva.example"},
		"the same in ASCII":              {"info@XN--BCHER-KVA.example", "info@xn--bcher-kva.example"},
		"sharp s is a letter of its own": {"info@straße.example", "info@xn--strae-oqa.example"},
		"Japanese mixes scripts":         {"info@東京タワー.example", "info@xn--5ck2eqb538s34z.example"},
		"Arabic":                         {"info@مثال.example", "info@xn--mgbh0fb.example"},
		"a subdomain with digits":        {"a@1.2.mail-3.example", "a@1.2.mail-3.example"},
		"the longest local part":         {strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com"},
		"the longest label":              {"a@" + strings.Repeat("b", 63) + ".com", "a@" + strings.Repeat("b", 63) + ".com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, field := account.ParseEmail(tc.in)
			require.Nil(t, field)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestEmailsAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(strings.Repeat("d", 61)+".", 3) + "com" // 189
	for name, tc := range map[string]struct{ in, code string }{
		"nothing":                       {"", account.CodeRequired},
		"only white space":              {" \t\u00a0", account.CodeRequired},
		"no at":                         {"asha.example.com", account.CodeInvalid},
		"two ats":                       {"asha@juma@example.com", account.CodeInvalid},
		"no local part":                 {"@example.com", account.CodeInvalid},
		"no domain":                     {"asha@", account.CodeInvalid},
		"one label":                     {"root@localhost", account.CodeInvalid},
		"a final dot":                   {"asha@example.com.", account.CodeInvalid},
		"an empty label":                {"asha@example..com", account.CodeInvalid},
		"a dot first":                   {".asha@example.com", account.CodeInvalid},
		"a dot last":                    {"asha.@example.com", account.CodeInvalid},
		"two dots":                      {"a..b@example.com", account.CodeInvalid},
		"a display name":                {"Asha <asha@example.com>", account.CodeInvalid},
		"angle brackets":                {"<asha@example.com>", account.CodeInvalid},
		"a quoted local part":           {`"asha juma"@example.com`, account.CodeInvalid},
		"a quoted at":                   {`"a@b"@example.com`, account.CodeInvalid},
		"a comment":                     {"asha(work)@example.com", account.CodeInvalid},
		"a comment in the domain":       {"asha@(work)example.com", account.CodeInvalid},
		"two addresses":                 {"a@example.com,b@example.com", account.CodeInvalid},
		"a URI":                         {"mailto:asha@example.com", account.CodeInvalid},
		"an inner space":                {"as ha@example.com", account.CodeInvalid},
		"a header":                      {"asha@example.com\r\nBcc: b@example.com", account.CodeInvalid},
		"NUL":                           {"asha\x00@example.com", account.CodeInvalid},
		"NUL at the end":                {"asha@example.com\x00", account.CodeInvalid},
		"invalid UTF-8":                 {"asha\xff@example.com", account.CodeInvalid},
		"invalid UTF-8 in the domain":   {"asha@exam\xffple.com", account.CodeInvalid},
		"an accent":                     {"ashá@example.com", account.CodeInvalid},
		"a Cyrillic letter":             {"\u0430sha@example.com", account.CodeInvalid},
		"a full-width letter":           {"\uff41sha@example.com", account.CodeInvalid},
		"a zero-width space":            {"as\u200bha@example.com", account.CodeInvalid},
		"a zero-width space after at":   {"asha@exam\u200bple.com", account.CodeInvalid},
		"a soft hyphen":                 {"asha@exam\u00adple.com", account.CodeInvalid},
		"a byte order mark":             {"\ufeffasha@example.com", account.CodeInvalid},
		"a change of direction":         {"\u202emoc.elpmaxe@ahsa", account.CodeInvalid},
		"a mark of direction":           {"asha@example.com\u200e", account.CodeInvalid},
		"a full-width at":               {"asha\uff20example.com", account.CodeInvalid},
		"a full-width domain":           {"asha@\uff45xample.com", account.CodeInvalid},
		"a Kelvin sign":                 {"asha@\u212aenya.com", account.CodeInvalid},
		"a long s":                      {"asha@example.\u017fo", account.CodeInvalid},
		"an ideographic dot":            {"asha@example\u3002com", account.CodeInvalid},
		"a Cyrillic letter in Latin":    {"asha@ex\u0430mple.com", account.CodeInvalid},
		"the same in ASCII":             {"asha@xn--exmple-4nf.com", account.CodeInvalid},
		"a Greek letter in Latin":       {"asha@g\u03bfogle.com", account.CodeInvalid},
		"an emoji":                      {"asha@\U0001f600.com", account.CodeInvalid},
		"ASCII of nothing":              {"asha@xn--.com", account.CodeInvalid},
		"ASCII of ASCII":                {"asha@xn--example-.com", account.CodeInvalid},
		"an IPv4 address":               {"asha@192.0.2.1", account.CodeInvalid},
		"an IP literal":                 {"asha@[192.0.2.1]", account.CodeInvalid},
		"an IPv6 literal":               {"asha@[IPv6:2001:db8::1]", account.CodeInvalid},
		"a port":                        {"asha@example.com:25", account.CodeInvalid},
		"an underscore":                 {"asha@exa_mple.com", account.CodeInvalid},
		"a label that starts with -":    {"asha@-example.com", account.CodeInvalid},
		"a label that ends with -":      {"asha@example-.com", account.CodeInvalid},
		"a label that is too long":      {"asha@" + strings.Repeat("b", 64) + ".com", account.CodeInvalid},
		"a local part that is too long": {strings.Repeat("a", 65) + "@example.com", account.CodeTooLong},
		"255 characters":                {strings.Repeat("a", 64) + "@" + "b." + long, account.CodeTooLong},
		"a megabyte":                    {strings.Repeat("a", 1<<20), account.CodeTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, field := account.ParseEmail(tc.in)
			require.NotNil(t, field, "gave %q", got)
			require.Empty(t, got)
			require.Equal(t, "email", field.Field)
			require.Equal(t, tc.code, field.Code)
			require.NotContains(t, field.Detail, "asha")
		})
	}
}

func TestEmailOf254CharactersFits(t *testing.T) {
	t.Parallel()
	for extra, want := range []bool{true, false} {
		local := strings.Repeat("a", 64)
		label := strings.Repeat("d", 60) + "."
		rest := 254 - len(local) - 1 - 3*len(label) - len(".com") + extra
		email := local + "@" + label + label + label + strings.Repeat("e", rest) + ".com"
		require.Len(t, email, 254+extra)
		_, field := account.ParseEmail(email)
		require.Equal(t, want, field == nil, "%v", field)
	}
}

func FuzzParseEmail(f *testing.F) {
	for _, seed := range []string{
		"asha@example.co.tz", "A.B+c@BÜCHER.example", "a@xn--bcher-kva.example", "a@ex\u0430mple.com", `"a b"@c.d`,
		"a@[::1]", "a@1.2.3.4", "a@東京.example", "a@مثال.example", "a@b.c\u200d", "a@straße.de", " a@b.c ",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		email, field := account.ParseEmail(s)
		if field != nil {
			require.Empty(t, email)
			require.Equal(t, "email", field.Field)
			require.NotEmpty(t, field.Detail)
			return
		}
		require.LessOrEqual(t, len(email), 254)
		require.Equal(t, strings.ToLower(email), email)
		require.Equal(t, 1, strings.Count(email, "@"))
		for i := range len(email) {
			require.Less(t, email[i], byte(utf8.RuneSelf))
			require.Greater(t, email[i], byte(' '))
		}
		again, field := account.ParseEmail(email)
		require.Nil(t, field)
		require.Equal(t, email, again)
	})
}
