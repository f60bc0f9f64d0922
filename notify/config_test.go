package notify

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	gomail "github.com/wneessen/go-mail"

	"kibali/domain/fault"
)

// wrongFields returns the fields that a configuration fault names.
func wrongFields(t *testing.T, err error) []string {
	t.Helper()
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	var names []string
	for _, field := range fault.As(err).Fields {
		names = append(names, field.Field)
		require.NotContains(t, field.Detail, canarySecret)
	}
	return names
}

func TestEmailConfig(t *testing.T) {
	t.Parallel()
	inbox, _ := setupInbox(t)
	for name, test := range map[string]struct {
		config EmailConfig
		wrong  []string
	}{
		"needs a provider":                       {EmailConfig{}, []string{"provider"}},
		"knows its providers":                    {EmailConfig{Provider: "carrier-pigeon", APIKey: canarySecret}, []string{"provider"}},
		"names all that SendGrid lacks":          {EmailConfig{Provider: "sendgrid"}, []string{"from", "api_key"}},
		"refuses to send keys in the clear":      {EmailConfig{Provider: "sendgrid", URL: "http://api.sendgrid.example", APIKey: "k", From: "a@kibali.example"}, []string{"url"}},
		"refuses credentials in a base URL":      {EmailConfig{Provider: "sendgrid", URL: "https://u:" + canarySecret + "@h.example", APIKey: "k", From: "a@kibali.example"}, []string{"url"}},
		"refuses a sender with a name in it":     {EmailConfig{Provider: "sendgrid", APIKey: "k", From: "Kibali <a@kibali.example>"}, []string{"from"}},
		"names all that SMTP lacks":              {EmailConfig{Provider: "smtp"}, []string{"from", "url"}},
		"needs the password of a mail user":      {EmailConfig{Provider: "smtp", URL: "smtp://user@mail.example", From: "a@kibali.example"}, []string{"api_key"}},
		"refuses an encryption it does not know": {EmailConfig{Provider: "smtp", URL: "smtp://mail.example?tls=maybe", From: "a@kibali.example"}, []string{"url"}},
		"refuses a port that is none":            {EmailConfig{Provider: "smtp", URL: "smtp://mail.example:99999", From: "a@kibali.example"}, []string{"url"}},
		"refuses a URL that cannot be read":      {EmailConfig{Provider: "smtp", URL: "smtp://" + canarySecret + "%zz", From: "a@kibali.example"}, []string{"url"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sender, err := test.config.Sender(inbox)
			require.Nil(t, sender)
			require.Equal(t, test.wrong, wrongFields(t, err))
			require.NotContains(t, err.Error(), canarySecret)
		})
	}
	t.Run("has the inbox only where there is one", func(t *testing.T) {
		t.Parallel()
		sender, err := EmailConfig{Provider: "inbox"}.Sender(inbox)
		require.NoError(t, err)
		require.Same(t, inbox, sender)
		_, err = EmailConfig{Provider: "inbox"}.Sender(nil)
		require.Equal(t, []string{"provider"}, wrongFields(t, err))
	})
	t.Run("reads what the URL of a mail server says", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string]smtpServer{
			"smtp://mail.example":                         {host: "mail.example", port: 587, policy: gomail.TLSMandatory},
			"smtp://mail.example:1025?tls=none":           {host: "mail.example", port: 1025, policy: gomail.NoTLS},
			"smtp://u:p%40ss@mail.example?tls=mandatory":  {host: "mail.example", port: 587, policy: gomail.TLSMandatory, username: "u", password: "p@ss"},
			"smtp://u@mail.example:25/?tls=opportunistic": {host: "mail.example", port: 25, policy: gomail.TLSOpportunistic, username: "u", password: "key"},
			"smtps://me%40kibali.example@mail.example":    {host: "mail.example", port: 465, implicit: true, policy: gomail.TLSMandatory, username: "me@kibali.example", password: "key"},
			"smtps://[::1]:4650":                          {host: "::1", port: 4650, implicit: true, policy: gomail.TLSMandatory},
		} {
			sender, err := EmailConfig{Provider: "smtp", URL: text, APIKey: "key", From: "a@kibali.example"}.Sender(nil)
			require.NoError(t, err, text)
			require.Equal(t, want, sender.(*smtpSender).server, text)
			require.Equal(t, 10*time.Second, sender.(*smtpSender).timeout)
		}
	})
}

func TestSMSConfig(t *testing.T) {
	t.Parallel()
	inbox, _ := setupInbox(t)
	for name, test := range map[string]struct {
		config SMSConfig
		wrong  []string
	}{
		"needs a provider":                    {SMSConfig{}, []string{"provider"}},
		"names all that Twilio lacks":         {SMSConfig{Provider: "twilio"}, []string{"username", "secret", "sender_id"}},
		"names all that Beem lacks":           {SMSConfig{Provider: "beem", Secret: canarySecret}, []string{"username", "sender_id"}},
		"lets Africa's Talking choose sender": {SMSConfig{Provider: "africastalking"}, []string{"username", "secret"}},
		"refuses to send keys in the clear":   {SMSConfig{Provider: "beem", BaseURL: "http://beem.example", Username: "u", Secret: "s", SenderID: "K"}, []string{"base_url"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sender, err := test.config.Sender(inbox)
			require.Nil(t, sender)
			require.Equal(t, test.wrong, wrongFields(t, err))
		})
	}
	t.Run("knows where each provider is", func(t *testing.T) {
		t.Parallel()
		for want, config := range map[string]SMSConfig{
			"https://api.africastalking.com":         {Provider: "africastalking", Username: "kibali"},
			"https://api.sandbox.africastalking.com": {Provider: "africastalking", Username: "sandbox"},
			"https://apisms.beem.africa":             {Provider: "beem", Username: "key"},
			"https://api.twilio.com":                 {Provider: "twilio", Username: "AC1"},
		} {
			config.Secret, config.SenderID = "s", "KIBALI"
			sender, err := config.Sender(nil)
			require.NoError(t, err)
			var used *exchange
			switch s := sender.(type) {
			case *africasTalkingSender:
				used = s.exchange
			case *beemSender:
				used = s.exchange
			case *twilioSender:
				used = s.exchange
			}
			require.Equal(t, want, used.base.String())
			require.Equal(t, 10*time.Second, used.timeout)
		}
	})
	t.Run("has the inbox only where there is one", func(t *testing.T) {
		t.Parallel()
		sender, err := SMSConfig{Provider: "inbox"}.Sender(inbox)
		require.NoError(t, err)
		require.Same(t, inbox, sender)
		_, err = SMSConfig{Provider: "inbox"}.Sender(nil)
		require.Equal(t, []string{"provider"}, wrongFields(t, err))
	})
}
