package notify

import (
	"flag"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template/parse"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/message"
)

var gsm = message.GSM

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a notice about everything at once, in the business zone.
func sample(t *testing.T) Data {
	t.Helper()
	zone, err := time.LoadLocation("Africa/Dar_es_Salaam")
	require.NoError(t, err)
	until := time.Date(2026, time.December, 1, 6, 0, 0, 0, time.UTC)
	deadline := time.Date(2026, time.October, 23, 11, 2, 0, 0, time.UTC)
	return Data{
		Platform: "Kibali", Name: "Neema Mushi", Company: "Safari Tours Ltd",
		Reason: "The TIN certificate cannot be read.\nPlease scan it again.", ReasonCode: "documents_unreadable",
		Until: &until, Deadline: &deadline, Link: "https://kibali.example/login", Location: zone,
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	linkAlone := regexp.MustCompile(`(?m)^https://kibali\.example/login$`)
	for _, kind := range Kinds() {
		for _, locale := range Locales() {
			t.Run("writes the e-mail "+string(kind)+" in "+locale, func(t *testing.T) {
				t.Parallel()
				message, err := Render(kind, ChannelEmail, locale, sample(t))
				require.NoError(t, err)
				require.True(t, strings.HasPrefix(message.Subject, "Kibali: "), message.Subject)
				require.Regexp(t, linkAlone, message.Text)
				require.Contains(t, message.Text, "Safari Tours Ltd")
				require.Contains(t, message.HTML, `<html lang="`+locale+`">`)
				require.Contains(t, message.HTML, `href="https://kibali.example/login"`)
				require.NotContains(t, message.HTML, "src=", "nothing is loaded from elsewhere")
				require.Equal(t, kind.explains(), strings.Contains(message.Text, "The TIN certificate cannot be read."))
				requireSameWords(t, message)
			})
			t.Run("writes the SMS "+string(kind)+" in "+locale, func(t *testing.T) {
				t.Parallel()
				message, err := Render(kind, ChannelSMS, locale, sample(t))
				require.NoError(t, err)
				require.Empty(t, message.Subject)
				require.Empty(t, message.HTML)
				require.Regexp(t, linkAlone, message.Text)
				require.LessOrEqual(t, Segments(message.Text), 2)
				require.True(t, gsm(message.Text), "%q is not of the GSM alphabet", message.Text)
			})
			t.Run("writes "+string(kind)+" in "+locale+" from the platform's name alone", func(t *testing.T) {
				t.Parallel()
				for _, channel := range []Channel{ChannelEmail, ChannelSMS} {
					message, err := Render(kind, channel, locale, Data{Platform: "Kibali"})
					require.NoError(t, err)
					for _, trace := range []string{"<no value>", "{{", "  ", " .", " ,", "..", "http", "%!"} {
						require.NotContains(t, message.Text, trace)
					}
				}
			})
		}
		t.Run("says "+string(kind)+" differently in each language", func(t *testing.T) {
			t.Parallel()
			english, err := Render(kind, ChannelEmail, "en", sample(t))
			require.NoError(t, err)
			swahili, err := Render(kind, ChannelEmail, "sw", sample(t))
			require.NoError(t, err)
			require.NotEqual(t, english.Subject, swahili.Subject)
			require.NotEqual(t, english.Text, swahili.Text)
		})
	}
}

// requireSameWords checks that the text of the e-mail is all in its HTML.
func requireSameWords(t *testing.T, message Message) {
	t.Helper()
	shown := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(message.HTML, " "))
	for line := range strings.Lines(message.Text) {
		if line = strings.TrimSuffix(strings.TrimSpace(line), ":"); line != "--" {
			require.Contains(t, shown, line)
		}
	}
}

func TestWordings(t *testing.T) {
	t.Parallel()
	t.Run("have every text in every language", func(t *testing.T) {
		t.Parallel()
		for _, kind := range Kinds() {
			var names []string
			for _, locale := range Locales() {
				var defined []string
				for _, text := range wordings[locale][kind].texts.Templates() {
					if text.Tree != nil && !parse.IsEmptyTree(text.Root) { // an empty text counts as missing
						defined = append(defined, text.Name())
					}
				}
				require.Subset(t, defined, []string{"subject", "greeting", "intro", "heading", "next", "action", "closing", "footer", "sms", "sms_reason"})
				if names == nil {
					names = defined
				}
				require.ElementsMatch(t, names, defined, "%s in %s", kind, locale)
			}
		}
	})
	t.Run("have no file that no kind uses", func(t *testing.T) {
		t.Parallel()
		for _, locale := range Locales() {
			files, err := templateFiles.ReadDir("templates/" + locale)
			require.NoError(t, err)
			require.Len(t, files, len(Kinds())+1)
		}
	})
	t.Run("put every reason code into words", func(t *testing.T) {
		t.Parallel()
		for _, code := range []string{"documents_missing", "documents_unreadable", "details_mismatch", "not_eligible", "terms", "regulation", "fraud", "non_payment", "complimentary", "adjustment", "refund"} {
			require.NotEmpty(t, wordings["en"][Rejected].reasonLabel(code))
			require.NotEqual(t, wordings["en"][Rejected].reasonLabel(code), wordings["sw"][Rejected].reasonLabel(code))
		}
		require.Empty(t, wordings["en"][Rejected].reasonLabel("other"))
		require.Empty(t, wordings["en"][Rejected].reasonLabel("../../etc"))
	})
}

func TestRenderGolden(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Approved, Rejected, Suspended, ReviewEscalated} {
		for _, locale := range Locales() {
			t.Run(string(kind)+" in "+locale, func(t *testing.T) {
				t.Parallel()
				data := sample(t)
				email, err := Render(kind, ChannelEmail, locale, data)
				require.NoError(t, err)
				sms, err := Render(kind, ChannelSMS, locale, data)
				require.NoError(t, err)
				path := filepath.Join("testdata", string(kind)+"."+locale)
				requireGolden(t, path+".txt", "Subject: "+email.Subject+"\n\n"+email.Text)
				requireGolden(t, path+".html", email.HTML)
				requireGolden(t, path+".sms", sms.Text+"\n")
			})
		}
	}
}

func requireGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	_, err := Render("party", ChannelEmail, "en", Data{Platform: "Kibali"})
	require.Error(t, err)
	_, err = Render(Approved, "pigeon", "en", Data{Platform: "Kibali"})
	require.Error(t, err)
	_, err = Render(Approved, ChannelEmail, "en", Data{Platform: " \n"})
	require.Error(t, err)
	for _, link := range []string{"javascript:alert(1)", "/login", "https://", "kibali.example", "https://kibali.example/a b", "https://kibali.example/\nx", "data:text/html,x"} {
		_, err = Render(Approved, ChannelEmail, "en", Data{Platform: "Kibali", Link: link})
		require.Error(t, err, link)
		require.NotContains(t, err.Error(), link, "a link can be a secret")
	}
}

func TestRenderChoosesTheLanguage(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{"sw": "sw", "sw-TZ": "sw", "SW_tz": "sw", "en-GB": "en", "": "en", "fr": "en", "swx": "en", "../sw": "en"} {
		require.Equal(t, want, language(tag), tag)
	}
}

func TestRenderTellsTimes(t *testing.T) {
	t.Parallel()
	data := sample(t)
	english, err := Render(Suspended, ChannelEmail, "en", data)
	require.NoError(t, err)
	require.Contains(t, english.Text, "1 Dec 2026, 09:00 EAT")
	swahili, err := Render(Suspended, ChannelEmail, "sw", data)
	require.NoError(t, err)
	require.Contains(t, swahili.Text, "1 Des 2026, 09:00 EAT")
	data.Location = nil
	universal, err := Render(Suspended, ChannelEmail, "en", data)
	require.NoError(t, err)
	require.Contains(t, universal.Text, "1 Dec 2026, 06:00 UTC")
}

func TestRenderTellsWhichWayCreditsGo(t *testing.T) {
	t.Parallel()
	for locale, says := range map[string][2]string{"en": {"A top-up of 1,500 credits", "takes 1,500 credits away"}, "sw": {"Ongezeko la salio la 1,500", "yanayopunguza salio"}} {
		for i, removes := range []bool{false, true} {
			data := sample(t)
			data.Credits, data.Removes = 1500, removes
			email, err := Render(TopUpUnsigned, ChannelEmail, locale, data)
			require.NoError(t, err)
			require.Contains(t, email.Text, says[i])
			require.NotContains(t, email.Text, says[1-i])
			requireSameWords(t, email)
			sms, err := Render(TopUpUnsigned, ChannelSMS, locale, data)
			require.NoError(t, err)
			require.Contains(t, strings.ToLower(sms.Text), strings.ToLower(says[i]))
			require.NotContains(t, strings.ToLower(sms.Text), strings.ToLower(says[1-i]))
			data = Data{Platform: "Kibali", Removes: removes}
			email, err = Render(TopUpUnsigned, ChannelEmail, locale, data)
			require.NoError(t, err)
			require.NotContains(t, email.Text, "  ")
		}
	}
}

func TestRenderMakesHostileTextHarmless(t *testing.T) {
	t.Parallel()
	data := Data{
		Platform: "Kibali", Name: "You won!\r\nBcc: eve@example.com\r\n\r\nwww.evil.com https://evil.com/x \u202ecod.exe",
		Company: `<script>alert(1)</script>evil.com` + "\x00\x1b[31m", Reason: "<img src=x onerror=alert(1)>\x07\n\n\n{{.Link}}", ReasonCode: "terms",
	}
	for _, kind := range Kinds() {
		email, err := Render(kind, ChannelEmail, "en", data)
		require.NoError(t, err)
		sms, err := Render(kind, ChannelSMS, "en", data)
		require.NoError(t, err)
		require.NotContains(t, email.Subject, "\n")
		require.NotContains(t, email.HTML, "<script")
		require.NotContains(t, email.HTML, "<img")
		for _, text := range []string{email.Text, email.HTML, sms.Text} {
			for _, bad := range []string{"evil.com", "eve@", "https://", "\r", "\x00", "\x1b", "\x07", "\u202e", "\nBcc:"} {
				require.NotContains(t, text, bad, "%s", kind)
			}
		}
	}
}

func TestRenderShortensNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("Ñandú ", 400)
	for _, kind := range Kinds() {
		email, err := Render(kind, ChannelEmail, "sw", Data{Platform: "Kibali", Name: long, Company: long, Reason: strings.Repeat(long, 5)})
		require.NoError(t, err)
		require.Less(t, len(email.Text), 4000)
		require.LessOrEqual(t, len([]rune(email.Subject)), maxSubject)
	}
}

func TestRenderShortensTheReasonOfAnSMS(t *testing.T) {
	t.Parallel()
	data := sample(t)
	for name, test := range map[string]struct {
		locale, reason, pointer string
	}{
		"in English":         {"en", strings.Repeat("Please upload a readable copy of the licence. ", 30), " (more in your e-mail)\n"},
		"in Swahili":         {"sw", strings.Repeat("Tafadhali pakia nakala inayosomeka ya leseni. ", 30), " (zaidi kwenye barua pepe)\n"},
		"between characters": {"en", strings.Repeat("Загрузите читаемую копию лицензии. ", 30), " (more in your e-mail)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := data
			data.Reason = test.reason
			message, err := Render(Rejected, ChannelSMS, test.locale, data)
			require.NoError(t, err)
			require.Contains(t, message.Text, "..."+test.pointer)
			require.Equal(t, 2, Segments(message.Text))
			require.NotContains(t, message.Text, "\ufffd")
		})
	}
	t.Run("to nothing when nothing of it fits", func(t *testing.T) {
		t.Parallel()
		data := data
		data.Reason = strings.Repeat("🦁", 500)
		message, err := Render(Rejected, ChannelSMS, "en", data)
		require.NoError(t, err)
		require.Contains(t, message.Text, "was not approved. (more in your e-mail)\n")
		require.Equal(t, 1, Segments(message.Text))
	})
	t.Run("not when it fits", func(t *testing.T) {
		t.Parallel()
		data := data
		data.Reason = "The licence – page “2” – isn’t readable…"
		message, err := Render(Rejected, ChannelSMS, "en", data)
		require.NoError(t, err)
		require.Contains(t, message.Text, `Reason: The licence - page "2" - isn't readable...`+"\n")
		require.Equal(t, 1, Segments(message.Text))
	})
	t.Run("and gives the code in words when there is no other", func(t *testing.T) {
		t.Parallel()
		data := data
		data.Reason = ""
		message, err := Render(Rejected, ChannelSMS, "sw", data)
		require.NoError(t, err)
		require.Contains(t, message.Text, "Sababu: Nyaraka hazisomeki\n")
	})
}
