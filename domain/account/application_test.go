package account_test

import (
	"math/rand"
	"strings"
	"testing"
	"testing/quick"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/fault"
)

func valid() account.Application {
	return account.Application{
		Name: "Asha Juma", Email: "asha@example.co.tz", Phone: "+255712345678", Locale: "sw",
		Company: account.Company{
			Name: "Juma & Daughters Ltd", Industry: account.IndustryRetail, RegistrationNumber: "BRELA-1234/2024",
			TIN: "123456789", Website: "https://www.example.co.tz", Address: "Plot 7, Samora Avenue\nP.O. Box 123\nDar es Salaam",
		},
	}
}

// fields returns the bad fields of err with their codes, in order.
func fields(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	var names []string
	for _, field := range fault.As(err).Fields {
		require.NotEmpty(t, field.Detail)
		names = append(names, field.Field+" "+field.Code)
	}
	return names
}

func TestNormalApplicationStaysAsItIs(t *testing.T) {
	t.Parallel()
	got, err := valid().Normalise()
	require.NoError(t, err)
	require.Equal(t, valid(), got)
}

func TestApplicationIsNormalised(t *testing.T) {
	t.Parallel()
	got, err := account.Application{
		Name: "  Re\u0301my\t \u00a0Juma\n", Email: " Asha@Example.CO.TZ ", Phone: "0712 345 678",
		Company: account.Company{
			Name: " Juma  &\u3000Daughters ", Industry: "retail", RegistrationNumber: " 123 \t 456 ", TIN: "123-456 789",
			Website: " Example.co.TZ/shop ", Address: " Plot 7 \r\n\r\n  P.O. Box   123\r\n Dar es Salaam\u2028",
		},
	}.Normalise()
	require.NoError(t, err)
	require.Equal(t, account.Application{
		Name: "R\u00e9my Juma", Email: "asha@example.co.tz", Phone: "+255712345678", Locale: "en",
		Company: account.Company{
			Name: "Juma & Daughters", Industry: "retail", RegistrationNumber: "123 456", TIN: "123456789",
			Website: "https://example.co.tz/shop", Address: "Plot 7\nP.O. Box 123\nDar es Salaam",
		},
	}, got)
}

func TestOptionalFieldsMayBeEmpty(t *testing.T) {
	t.Parallel()
	a := valid()
	a.Company = account.Company{Name: "24/7", Industry: account.IndustryOther, TIN: " ", Website: "\t", Address: "\n", RegistrationNumber: "  "}
	got, err := a.Normalise()
	require.NoError(t, err)
	require.Equal(t, account.Company{Name: "24/7", Industry: account.IndustryOther}, got.Company)
}

func TestEveryBadFieldIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	got, err := account.Application{}.Normalise()
	require.Equal(t, account.Application{}, got)
	require.Equal(t, []string{
		"name required", "email required", "phone required", "company.name required", "company.industry required",
	}, fields(t, err))

	got, err = account.Application{
		Name: "12", Email: "x", Phone: "x", Locale: "fr",
		Company: account.Company{
			Name: "\x00", Industry: "Retail", RegistrationNumber: strings.Repeat("1", 41), TIN: "12345678",
			Website: "javascript:alert(1)", Address: strings.Repeat("a", 301),
		},
	}.Normalise()
	require.Equal(t, account.Application{}, got)
	require.Equal(t, []string{
		"name invalid", "email invalid", "phone invalid", "locale invalid", "company.name invalid", "company.industry invalid",
		"company.registration_number too_long", "company.tin invalid", "company.website invalid", "company.address too_long",
	}, fields(t, err))
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in, want string // want is a code when nothing else is given back
	}{
		"Swahili":                    {"Ng'ombe wa Mwenye Ng\u02bcombe", ""},
		"Arabic":                     {"\u0639\u0627\u0626\u0634\u0629 \u062c\u0645\u0639\u0629", ""},
		"Chinese":                    {"王小明", ""},
		"Hindi":                      {"आशा", ""},
		"with a digit":               {"Juma 2nd", ""},
		"mark-up is text":            {"<script>alert('x')</script>", ""},
		"a formula is text":          {"=cmd|'/c calc'!A1", ""},
		"an emoji":                   {"Asha 😀", ""},
		"120 characters":             {strings.Repeat("é", 120), ""},
		"121 characters":             {strings.Repeat("é", 121), "too_long"},
		"120 characters, decomposed": {strings.Repeat("e\u0301", 120), ""},
		"only white space":           {"\u2003 \t", "required"},
		"only digits":                {"255", "invalid"},
		"only punctuation":           {"--", "invalid"},
		"only a mark":                {"\u0301", "invalid"},
		"only an invisible letter":   {"\u3164", "invalid"},
		"NUL":                        {"Asha\x00", "invalid"},
		"an escape":                  {"Asha\x1b[31m", "invalid"},
		"a bell at the end":          {"Asha\a", "invalid"},
		"a C1 control":               {"Asha\u009b31m", "invalid"},
		"a vertical tab":             {"Asha\vJuma", "invalid"},
		"two lines":                  {"Asha\nBcc: x@example.com", "invalid"},
		"two lines of another kind":  {"Asha\u2028Juma", "invalid"},
		"a carriage return":          {"Asha\rJuma", "invalid"},
		"invalid UTF-8":              {"Asha\xff", "invalid"},
		"a surrogate in UTF-8":       {"Asha\xed\xa0\x80", "invalid"},
		"a replacement character":    {"Asha\ufffd", "invalid"},
		"an override of direction":   {"Asha\u202eamuJ", "invalid"},
		"an isolate":                 {"Asha\u2066Juma\u2069", "invalid"},
		"a mark of direction":        {"Asha\u200f", "invalid"},
		"a zero-width space":         {"As\u200bha", "invalid"},
		"a zero-width joiner":        {"As\u200dha", "invalid"},
		"a word joiner":              {"As\u2060ha", "invalid"},
		"a byte order mark":          {"\ufeffAsha", "invalid"},
		"a soft hyphen":              {"As\u00adha", "invalid"},
		"a grapheme joiner":          {"As\u034fha", "invalid"},
		"a variation selector":       {"As\ufe0fha", "invalid"},
		"a tag character":            {"Asha\U000e0041", "invalid"},
		"private use":                {"Asha\ue000", "invalid"},
		"a noncharacter":             {"Asha\ufdd0", "invalid"},
		"the last noncharacter":      {"Asha\U0010ffff", "invalid"},
		"an unassigned code point":   {"Asha\u0378", "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := valid()
			a.Name = tc.in
			_, err := a.Normalise()
			var want []string
			if tc.want != "" {
				want = []string{"name " + tc.want}
			}
			require.Equal(t, want, fields(t, err))
		})
	}
}

func TestCompanyNameMayBeDigitsAlone(t *testing.T) {
	t.Parallel()
	a := valid()
	for name, want := range map[string][]string{
		"255": nil, "--": {"company.name invalid"}, "A\u200bB": {"company.name invalid"}, "A\nB": {"company.name invalid"},
	} {
		a.Company.Name = name
		_, err := a.Normalise()
		require.Equal(t, want, fields(t, err), "%q", name)
	}
}

func TestTINs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"123456789": "123456789", "123-456-789": "123456789", " 123 456\u00a0789 ": "123456789", "000-000-001": "000000001",
		"123\u2013456\u2013789": "123456789", "١٢٣٤٥٦٧٨٩": "123456789", "": "",
		"12345678": "!", "1234567890": "!", "12345678A": "!", "123.456.789": "!", "-": "!", "+123456789": "!",
		"123456789\x00": "!", "12345678\xff": "!", "123\u200b456789": "!", "12345678\u00b2": "!",
	} {
		a := valid()
		a.Company.TIN = in
		got, err := a.Normalise()
		if want == "!" {
			require.Equal(t, []string{"company.tin invalid"}, fields(t, err), "%q", in)
			continue
		}
		require.NoError(t, err, "%q", in)
		require.Equal(t, want, got.Company.TIN)
	}
}

func TestWebsites(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"example.co.tz":                      "https://example.co.tz",
		"EXAMPLE.co.tz/":                     "https://example.co.tz",
		"HTTP://Example.co.tz":               "http://example.co.tz",
		"https://example.co.tz:8443/a?b=c#d": "https://example.co.tz:8443/a?b=c#d",
		"example.co.tz:8080/shop/":           "https://example.co.tz:8080/shop/",
		"example.co.tz/?next=https://x.tz/":  "https://example.co.tz?next=https://x.tz/",
		"https://bücher.example/küche?q=ü#ü": "https://xn--bcher-kva.example/k%C3%BCche?q=%C3%BC#%C3%BC",
		"https://example.co.tz/a%20b":        "https://example.co.tz/a%20b",
		"":                                   "",
	} {
		a := valid()
		a.Company.Website = in
		got, err := a.Normalise()
		require.NoError(t, err, in)
		require.Equal(t, want, got.Company.Website)

		a.Company.Website = got.Company.Website
		again, err := a.Normalise()
		require.NoError(t, err, in)
		require.Equal(t, want, again.Company.Website, "stays as it is")
	}
	for _, in := range []string{
		"javascript:alert(1)", "javascript://example.com/%0aalert(1)", "data:text/html,x", "ftp://example.com", "file:///etc/passwd",
		"//example.com", "https://", "https:///path", "localhost", "http://localhost:8080", "http://127.0.0.1/", "http://[::1]/",
		"https://user@example.com", "https://bank.example@evil.example", "asha@example.com", "https://example.com:0",
		"https://example.com:99999", "https://example.com:", "https://exa mple.com", "https://example.com/a b",
		"https://example.com/\"onload=x", "https://example.com/<b>", "https://example.com\\@evil.example", "https://example.com\x00",
		"https://example.com/\na", "https://exam\u200bple.com", "https://example.com/\u202e", "https://ex\u0430mple.com",
		"https://example.com/%zz", "https://example.com/\xff", "https://.", "http", "://example.com",
	} {
		a := valid()
		a.Company.Website = in
		_, err := a.Normalise()
		require.Equal(t, []string{"company.website invalid"}, fields(t, err), "%q", in)
	}
	a := valid()
	a.Company.Website = "https://example.com/" + strings.Repeat("a", 180)
	_, err := a.Normalise()
	require.NoError(t, err)
	a.Company.Website += "a"
	_, err = a.Normalise()
	require.Equal(t, []string{"company.website too_long"}, fields(t, err))
}

func TestLengthsAreOfCharacters(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		max int
		set func(*account.Application, string)
	}{
		"company.name":                {160, func(a *account.Application, s string) { a.Company.Name = s }},
		"company.registration_number": {40, func(a *account.Application, s string) { a.Company.RegistrationNumber = s }},
		"company.address":             {300, func(a *account.Application, s string) { a.Company.Address = s }},
	} {
		a := valid()
		tc.set(&a, " "+strings.Repeat("é", tc.max)+" ")
		_, err := a.Normalise()
		require.NoError(t, err, name)
		tc.set(&a, strings.Repeat("é", tc.max+1))
		_, err = a.Normalise()
		require.Equal(t, []string{name + " too_long"}, fields(t, err))
	}
}

func TestIndustriesAndLocalesAreClosedLists(t *testing.T) {
	t.Parallel()
	require.Len(t, account.Industries(), 14)
	for _, industry := range account.Industries() {
		a := valid()
		a.Company.Industry = industry
		_, err := a.Normalise()
		require.NoError(t, err)
	}
	for _, locale := range account.Locales() {
		a := valid()
		a.Locale = locale
		got, err := a.Normalise()
		require.NoError(t, err)
		require.Equal(t, locale, got.Locale)
	}
	for _, other := range []string{"Retail", " retail", "retail\x00", "finance"} {
		a := valid()
		a.Company.Industry, a.Locale = other, other
		_, err := a.Normalise()
		require.Equal(t, []string{"locale invalid", "company.industry invalid"}, fields(t, err))
	}
}

func TestResubmission(t *testing.T) {
	t.Parallel()
	a := valid()
	got, err := account.Resubmission{Name: " Asha  Juma ", Company: a.Company}.Normalise()
	require.NoError(t, err)
	require.Equal(t, account.Resubmission{Name: "Asha Juma", Company: a.Company}, got, "no locale keeps the account's")

	got, err = account.Resubmission{Name: "Asha", Locale: "sw", Company: a.Company}.Normalise()
	require.NoError(t, err)
	require.Equal(t, "sw", got.Locale)

	got, err = account.Resubmission{Locale: "SW"}.Normalise()
	require.Equal(t, account.Resubmission{}, got)
	require.Equal(t, []string{"name required", "locale invalid", "company.name required", "company.industry required"}, fields(t, err))
}

func TestAnyTextIsRefusedOrBecomesNormalOnce(t *testing.T) {
	t.Parallel()
	property := func(name, company, address, website, tin string) bool {
		a := valid()
		a.Name, a.Company.Name, a.Company.Address = name+"a", company+"a", address
		a.Company.Website, a.Company.TIN = website, tin
		once, err := a.Normalise()
		if err != nil {
			return fault.Is(err, fault.Invalid) && once == account.Application{}
		}
		twice, err := once.Normalise()
		return err == nil && once == twice && utf8.ValidString(once.Name+once.Company.Name+once.Company.Address)
	}
	require.NoError(t, quick.Check(property, &quick.Config{MaxCount: 2000, Rand: rand.New(rand.NewSource(5))}))

	// Random text is nearly always refused; text of the characters that
	// normalisation works on is not.
	alphabet := []rune(" \t\n\r\u00a0\u2003\u2028e\u0301\u0327a\u212bK\u1e9b\u0323A.1")
	often := 0
	mixed := func(picks []uint8) bool {
		var b strings.Builder
		for _, pick := range picks {
			b.WriteRune(alphabet[int(pick)%len(alphabet)])
		}
		a := valid()
		a.Company.Address = b.String()
		once, err := a.Normalise()
		if err != nil {
			return true
		}
		often++
		twice, err := once.Normalise()
		return err == nil && once == twice && !strings.Contains(once.Company.Address, "\n\n") &&
			strings.TrimSpace(once.Company.Address) == once.Company.Address
	}
	require.NoError(t, quick.Check(mixed, &quick.Config{MaxCount: 2000, Rand: rand.New(rand.NewSource(5))}))
	require.Greater(t, often, 1000)
}
