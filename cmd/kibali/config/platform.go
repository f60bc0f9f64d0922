package config

import (
	"net/url"
	"strings"

	"kibali/web"
)

// API is what serve alone needs.
type API struct {
	Listen         string `name:"listen" env:"KIBALI_LISTEN" default:"127.0.0.1:8080" help:"Address of the API."`
	TrustedProxies string `name:"trusted-proxies" env:"KIBALI_TRUSTED_PROXIES" placeholder:"NETWORK,..." help:"Networks of the proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8."`
}

// Address returns where to listen.
func (a API) Address(p *Problems) string { return address(p, "KIBALI_LISTEN", a.Listen) }

// Proxies returns the networks whose word on the client's address counts.
func (a API) Proxies(p *Problems) web.Proxies {
	networks := strings.FieldsFunc(a.TrustedProxies, func(r rune) bool { return r == ',' || r == ' ' })
	proxies, err := web.ParseProxies(networks...)
	if err != nil {
		p.add("KIBALI_TRUSTED_PROXIES", "cannot be read: %v", err)
	}
	return proxies
}

// Platform is what people are told about the platform.
type Platform struct {
	BaseURL      string `name:"base-url" env:"KIBALI_BASE_URL" placeholder:"URL" help:"Where people sign in, such as https://id.example.co.tz: links in notices are this with /login behind it."`
	PlatformName string `name:"platform-name" env:"KIBALI_PLATFORM_NAME" default:"Kibali" help:"The name that notices are signed with."`
}

// Address returns the base URL, without a slash at its end.
func (f Platform) Address(p *Problems) string {
	const do = "give the address at which people reach Kibali, such as https://id.example.co.tz"
	if !p.need("KIBALI_BASE_URL", f.BaseURL, do) {
		return ""
	}
	base, err := url.Parse(f.BaseURL)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || base.User != nil ||
		base.RawQuery != "" || base.Fragment != "" {
		p.add("KIBALI_BASE_URL", "is not an http or https address without a query: %s", do)
	}
	return strings.TrimRight(f.BaseURL, "/")
}

// StaffSignIn is how staff sign in.
type StaffSignIn struct {
	StaffSecondFactor string `name:"staff-second-factor" env:"KIBALI_STAFF_SECOND_FACTOR" default:"required" help:"Whether staff who sign in need a second factor: required or optional."`
}

// SecondFactorRequired reports whether a session of staff takes one.
func (s StaffSignIn) SecondFactorRequired(p *Problems) bool {
	if s.StaffSecondFactor != "required" && s.StaffSecondFactor != "optional" {
		p.add("KIBALI_STAFF_SECOND_FACTOR", "is neither required nor optional")
	}
	return s.StaffSecondFactor == "required"
}

// Console is what the console alone needs.
type Console struct {
	TemporalUIURL string `name:"temporal-ui-url" env:"KIBALI_TEMPORAL_UI_URL" placeholder:"URL" help:"Where staff see the cases, such as https://temporal.example.co.tz: the console and timelines link there; no links when not set."`
}

// TemporalUI returns where the cases are shown, "" for nowhere.
func (c Console) TemporalUI(p *Problems) string {
	if c.TemporalUIURL == "" {
		return ""
	}
	ui, err := url.Parse(c.TemporalUIURL)
	if err != nil || ui.Scheme != "https" && ui.Scheme != "http" || ui.Host == "" {
		p.add("KIBALI_TEMPORAL_UI_URL", "is not an http or https address")
	}
	return c.TemporalUIURL
}

// Site returns the site at the base URL.
func (f Platform) Site(p *Problems) *web.Site {
	before := len(*p)
	address := f.Address(p)
	if len(*p) > before {
		return nil
	}
	site, err := web.NewSite(address)
	if err != nil {
		p.add("KIBALI_BASE_URL", "cannot be used: %v", err)
	}
	return site
}

// Name returns the platform's name.
func (f Platform) Name(p *Problems) string {
	name := strings.TrimSpace(f.PlatformName)
	if name == "" || len(name) > 60 || strings.ContainsAny(name, "\r\n") {
		p.add("KIBALI_PLATFORM_NAME", "is not a name of 1 to 60 characters on one line")
	}
	return name
}
