package notify

import (
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"kibali/domain/fault"
)

// EmailConfig chooses how e-mail is sent.
type EmailConfig struct {
	// Provider is "sendgrid", "smtp" or "inbox".
	Provider string
	// URL is SendGrid's base URL, or "" for its own; of an SMTP server
	// smtp://[user[:password]@]host[:port], which insists on STARTTLS unless
	// ?tls=opportunistic or ?tls=none follows, or smtps://... for TLS from the
	// first byte. The ports are 587 and 465 when none is given.
	URL string
	// APIKey is SendGrid's key, or the SMTP password when the URL names only
	// the user.
	APIKey string
	// From is the sender's address, FromName the name shown with it.
	From     string
	FromName string
	// Timeout bounds each attempt; 0 is ten seconds.
	Timeout time.Duration
}

// SMSConfig chooses how SMS are sent.
type SMSConfig struct {
	// Provider is "africastalking", "beem", "twilio" or "inbox".
	Provider string
	// BaseURL replaces the provider's own.
	BaseURL string
	// Username is Africa's Talking's user name ("sandbox" also chooses their
	// sandbox), Beem's API key or Twilio's account SID.
	Username string
	// Secret is Africa's Talking's API key, Beem's secret key or Twilio's auth
	// token.
	Secret string
	// SenderID is the sender's name or number; of Twilio also the SID of a
	// messaging service. Africa's Talking alone can do without.
	SenderID string
	// Timeout bounds each attempt; 0 is ten seconds.
	Timeout time.Duration
}

// Sender makes the sender that c describes; inbox is the one for the provider
// "inbox" and may be nil for others. The error is a fault of code Invalid whose
// fields (provider, url, api_key, from) say what is missing or wrong.
func (c EmailConfig) Sender(inbox *Inbox) (EmailSender, error) {
	var wrong findings
	if c.Provider == "sendgrid" || c.Provider == "smtp" {
		address, err := mail.ParseAddress(c.From)
		wrong.unless(err == nil && address.Address == c.From, "from", "invalid", "The sender's e-mail address is needed.")
	}
	switch c.Provider {
	case "sendgrid":
		base := wrong.base("url", c.URL, "https://api.sendgrid.com")
		wrong.unless(c.APIKey != "", "api_key", "required", "SendGrid's API key is needed.")
		if err := wrong.fault(); err != nil {
			return nil, err
		}
		return newSendGrid(base, c.APIKey, c.From, oneLine(c.FromName), c.Timeout), nil
	case "smtp":
		server := wrong.server(c.URL, c.APIKey)
		if err := wrong.fault(); err != nil {
			return nil, err
		}
		return newSMTP(server, c.From, oneLine(c.FromName), c.Timeout), nil
	case "inbox":
		if inbox != nil {
			return inbox, nil
		}
	}
	wrong.unless(false, "provider", "unknown", "The e-mail provider is sendgrid, smtp or, in development, inbox.")
	return nil, wrong.fault()
}

// Sender makes the sender that c describes, as EmailConfig.Sender does. The
// fields are provider, base_url, username, secret and sender_id.
func (c SMSConfig) Sender(inbox *Inbox) (SMSSender, error) {
	var wrong findings
	own := map[string]string{"africastalking": africasTalkingLive, "beem": beemLive, "twilio": twilioLive}[c.Provider]
	if own == "" {
		if c.Provider == "inbox" && inbox != nil {
			return inbox, nil
		}
		wrong.unless(false, "provider", "unknown", "The SMS provider is africastalking, beem, twilio or, in development, inbox.")
		return nil, wrong.fault()
	}
	if c.Provider == "africastalking" && c.Username == "sandbox" {
		own = africasTalkingSandbox
	}
	base := wrong.base("base_url", c.BaseURL, own)
	wrong.unless(c.Username != "", "username", "required", "The provider's user name, API key or account SID is needed.")
	wrong.unless(c.Secret != "", "secret", "required", "The provider's secret is needed.")
	wrong.unless(c.SenderID != "" || c.Provider == "africastalking", "sender_id", "required", "The sender's name or number is needed.")
	if err := wrong.fault(); err != nil {
		return nil, err
	}
	switch c.Provider {
	case "beem":
		return newBeem(base, c.Username, c.Secret, c.SenderID, c.Timeout), nil
	case "twilio":
		return newTwilio(base, c.Username, c.Secret, c.SenderID, c.Timeout), nil
	}
	return newAfricasTalking(base, c.Username, c.Secret, c.SenderID, c.Timeout), nil
}

// findings gathers what is wrong with a configuration. Details never repeat a
// value, which may be a secret.
type findings []fault.Field

func (f *findings) unless(ok bool, field, code, detail string) {
	if !ok {
		*f = append(*f, fault.Field{Field: field, Code: code, Detail: detail})
	}
}

func (f *findings) fault() error {
	if len(*f) == 0 {
		return nil
	}
	return &fault.Error{Code: fault.Invalid, Message: "The configuration of notices is not complete.", Fields: *f}
}

// base reads the base URL of an HTTP API. Keys travel with every request, so
// plain http is for this machine only.
func (f *findings) base(field, text, own string) *url.URL {
	if text == "" {
		text = own
	}
	base, err := url.Parse(text)
	ok := err == nil && base.Host != "" && base.User == nil && base.RawQuery == "" && base.Fragment == "" &&
		(base.Scheme == "https" || base.Scheme == "http" && loopback(base.Hostname()))
	f.unless(ok, field, "invalid", "An https URL is needed (http on this machine only), without credentials or query.")
	return base
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// server reads the URL of an SMTP server.
func (f *findings) server(text, password string) smtpServer {
	base, err := url.Parse(text)
	if err != nil || base.Hostname() == "" || base.Scheme != "smtp" && base.Scheme != "smtps" {
		f.unless(false, "url", "invalid", "The mail server is written like smtp://user@mail.example.com:587 or smtps://...")
		return smtpServer{}
	}
	server := smtpServer{host: base.Hostname(), port: 587, implicit: base.Scheme == "smtps", policy: gomail.TLSMandatory}
	if server.implicit {
		server.port = 465
	}
	if base.Port() != "" {
		port, err := strconv.Atoi(base.Port())
		f.unless(err == nil && port > 0 && port < 65536, "url", "invalid", "The port of the mail server is not a port.")
		server.port = port
	}
	switch policy := base.Query().Get("tls"); policy {
	case "opportunistic":
		server.policy = gomail.TLSOpportunistic
	case "none":
		server.policy = gomail.NoTLS
	default:
		f.unless(policy == "" || policy == "mandatory", "url", "invalid", "tls is mandatory, opportunistic or none.")
	}
	if base.User != nil {
		server.username, server.password = base.User.Username(), password
		if own, ok := base.User.Password(); ok {
			server.password = own
		}
		f.unless(server.password != "", "api_key", "required", "The mail server's password is needed.")
	}
	f.unless(strings.Trim(base.Path, "/") == "", "url", "invalid", "The mail server's URL has no path.")
	return server
}
