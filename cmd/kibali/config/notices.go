package config

import (
	"strings"

	"kibali/domain/fault"
	"kibali/notify"
)

// Notices is how e-mail and SMS are sent.
type Notices struct {
	EmailProvider string `name:"email-provider" env:"KIBALI_EMAIL_PROVIDER" placeholder:"NAME" help:"Sends e-mail: sendgrid or smtp; inbox keeps it in a file and sends nothing."`
	EmailURL      string `name:"email-url" env:"KIBALI_EMAIL_URL" placeholder:"URL" help:"smtp: the server, such as smtp://user@mail.example.com:587 or smtps://..., with ?tls=none or ?tls=opportunistic to do without TLS; sendgrid: replaces its base URL."`
	EmailAPIKey   string `name:"email-api-key" env:"KIBALI_EMAIL_API_KEY" placeholder:"KEY" help:"sendgrid: the API key; smtp: the password."`
	EmailFrom     string `name:"email-from" env:"KIBALI_EMAIL_FROM" placeholder:"ADDRESS" help:"The sender's e-mail address."`
	EmailFromName string `name:"email-from-name" env:"KIBALI_EMAIL_FROM_NAME" placeholder:"NAME" help:"The name shown with it; the platform's when not set."`

	SMSProvider string `name:"sms-provider" env:"KIBALI_SMS_PROVIDER" placeholder:"NAME" help:"Sends SMS: africastalking, beem or twilio; inbox keeps them in a file and sends nothing."`
	SMSBaseURL  string `name:"sms-base-url" env:"KIBALI_SMS_BASE_URL" placeholder:"URL" help:"Replaces the provider's base URL."`
	SMSUsername string `name:"sms-username" env:"KIBALI_SMS_USERNAME" placeholder:"NAME" help:"africastalking: the user name; beem: the API key; twilio: the account SID."`
	SMSSecret   string `name:"sms-secret" env:"KIBALI_SMS_SECRET" placeholder:"KEY" help:"africastalking: the API key; beem: the secret key; twilio: the auth token."`
	SMSSenderID string `name:"sms-sender-id" env:"KIBALI_SMS_SENDER_ID" placeholder:"NAME" help:"The sender's name or number; twilio also takes the SID of a messaging service."`

	InboxFile string `name:"inbox-file" env:"KIBALI_INBOX_FILE" placeholder:"FILE" help:"The file of the provider inbox, of one worker alone; a temporary one when not set."`
}

// UsesInbox reports whether anything is kept in a file instead of being sent.
func (n Notices) UsesInbox() bool { return n.EmailProvider == "inbox" || n.SMSProvider == "inbox" }

// Email returns the sender of e-mail; inbox may be nil unless it is the
// provider.
func (n Notices) Email(p *Problems, platform string, inbox *notify.Inbox) notify.EmailSender {
	if !p.need("KIBALI_EMAIL_PROVIDER", n.EmailProvider, "choose sendgrid or smtp (inbox sends nothing, for trying out)") {
		return nil
	}
	name := n.EmailFromName
	if name == "" {
		name = platform
	}
	sender, err := notify.EmailConfig{
		Provider: n.EmailProvider, URL: n.EmailURL, APIKey: n.EmailAPIKey, From: n.EmailFrom, FromName: name,
	}.Sender(inbox)
	p.refused("KIBALI_EMAIL_", err)
	return sender
}

// SMS returns the sender of SMS; inbox may be nil unless it is the provider.
func (n Notices) SMS(p *Problems, inbox *notify.Inbox) notify.SMSSender {
	if !p.need("KIBALI_SMS_PROVIDER", n.SMSProvider, "choose africastalking, beem or twilio (inbox sends nothing, for trying out)") {
		return nil
	}
	sender, err := notify.SMSConfig{
		Provider: n.SMSProvider, BaseURL: n.SMSBaseURL, Username: n.SMSUsername, Secret: n.SMSSecret, SenderID: n.SMSSenderID,
	}.Sender(inbox)
	p.refused("KIBALI_SMS_", err)
	return sender
}

// Reports is how the provider of SMS reports what becomes of them, for those who
// do not send any.
type Reports struct {
	SMSProvider string `name:"sms-provider" env:"KIBALI_SMS_PROVIDER" placeholder:"NAME" help:"Sends SMS: africastalking, beem or twilio; inbox keeps them in a file and sends nothing."`
	SMSSecret   string `name:"sms-secret" env:"KIBALI_SMS_SECRET" placeholder:"KEY" help:"africastalking: the API key; beem: the secret key; twilio: the auth token."`
}

// Signed returns who reads the provider's signed reports, which come to the
// base URL; nil when it signs none, or cannot reach a base URL without TLS.
func (r Reports) Signed(baseURL string) *notify.TwilioReports {
	if r.SMSProvider != "twilio" || r.SMSSecret == "" || !strings.HasPrefix(baseURL, "https://") {
		return nil
	}
	return notify.NewTwilioReports(r.SMSSecret, baseURL+"/v1/delivery-reports/twilio")
}

// Signed is Reports.Signed.
func (n Notices) Signed(baseURL string) *notify.TwilioReports {
	return Reports{SMSProvider: n.SMSProvider, SMSSecret: n.SMSSecret}.Signed(baseURL)
}

// refused adds what a fault says of the settings whose variables begin with
// prefix.
func (p *Problems) refused(prefix string, err error) {
	if err == nil {
		return
	}
	refusal := fault.As(err)
	if refusal == nil || len(refusal.Fields) == 0 {
		p.add(prefix+"PROVIDER", "cannot be used: %v", err)
		return
	}
	for _, field := range refusal.Fields {
		state := "cannot be used: "
		if field.Code == "required" {
			state = "is not set: "
		}
		p.add(prefix+strings.ToUpper(field.Field), "%s%s", state, strings.TrimSuffix(field.Detail, "."))
	}
}
