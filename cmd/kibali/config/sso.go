package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"kibali/console"
	"kibali/sso"
)

// SSO is the identity provider that staff sign in through.
type SSO struct {
	OIDCIssuer       string `name:"oidc-issuer" env:"KIBALI_OIDC_ISSUER" placeholder:"URL" help:"The identity provider that staff sign in through, by OpenID Connect: its issuer, exactly as its discovery names it; none when not set."`
	OIDCClientID     string `name:"oidc-client-id" env:"KIBALI_OIDC_CLIENT_ID" placeholder:"ID" help:"What the provider knows Kibali as; its redirect address is the base URL with /console/sign-in/sso/callback behind it."`
	OIDCClientSecret string `name:"oidc-client-secret" env:"KIBALI_OIDC_CLIENT_SECRET" placeholder:"SECRET" help:"The secret that goes with it."`
	OIDCRoleClaim    string `name:"oidc-role-claim" env:"KIBALI_OIDC_ROLE_CLAIM" default:"roles" placeholder:"CLAIM" help:"The claim of the ID token that says what somebody may be, by name or path, such as groups or realm_access.roles."`
	OIDCRoles        string `name:"oidc-roles" env:"KIBALI_OIDC_ROLES" placeholder:"VALUE=ROLE,..." help:"Which value of the claim gives which role, such as kibali-admins=admin,desk=reviewer; of several the first one here counts, and who has none is refused."`
	OIDCScopes       string `name:"oidc-scopes" env:"KIBALI_OIDC_SCOPES" default:"openid email profile" placeholder:"SCOPE ..." help:"What the provider is asked for."`
	OIDCLabel        string `name:"oidc-label" env:"KIBALI_OIDC_LABEL" default:"single sign-on" placeholder:"NAME" help:"The provider's name on the button: Sign in with ..."`
	OIDCSecondFactor string `name:"oidc-second-factor" env:"KIBALI_OIDC_SECOND_FACTOR" default:"provider" help:"Who sees to the second factor of those who come through it: provider leaves that to it, claim takes the ID token to say so (amr)."`
}

// Provider returns the settings of the identity provider for Kibali at a base
// URL, nil when there is none.
func (s SSO) Provider(p *Problems, baseURL string, key []byte, log *slog.Logger) *sso.Config {
	if s.OIDCIssuer == "" {
		if s.OIDCClientID != "" || s.OIDCRoles != "" {
			p.add("KIBALI_OIDC_ISSUER", "is not set, but other settings of the identity provider are")
		}
		return nil
	}
	issuer, err := url.Parse(s.OIDCIssuer)
	if err != nil || issuer.Host == "" || issuer.RawQuery != "" || issuer.Fragment != "" ||
		issuer.Scheme != "https" && (issuer.Scheme != "http" || !local(issuer.Hostname())) {
		p.add("KIBALI_OIDC_ISSUER", "is not an https address without a query")
	}
	p.need("KIBALI_OIDC_CLIENT_ID", s.OIDCClientID, "give what the provider knows Kibali as")
	p.need("KIBALI_OIDC_CLIENT_SECRET", s.OIDCClientSecret, "give the secret of the client")
	roles, err := sso.ParseRoles(s.OIDCRoles)
	if err != nil {
		p.add("KIBALI_OIDC_ROLES", "cannot be read: it is a list such as kibali-admins=admin,desk=reviewer")
	}
	scopes := strings.Fields(s.OIDCScopes)
	if !slices.Contains(scopes, "openid") {
		p.add("KIBALI_OIDC_SCOPES", "does not have openid among them")
	}
	if s.OIDCSecondFactor != "provider" && s.OIDCSecondFactor != "claim" {
		p.add("KIBALI_OIDC_SECOND_FACTOR", "is neither provider nor claim")
	}
	if len(s.OIDCLabel) > 60 || strings.ContainsAny(s.OIDCLabel, "\r\n") {
		p.add("KIBALI_OIDC_LABEL", "is not a name of 1 to 60 characters on one line")
	}
	return &sso.Config{
		Issuer: s.OIDCIssuer, ClientID: s.OIDCClientID, ClientSecret: s.OIDCClientSecret,
		RedirectURL: strings.TrimRight(baseURL, "/") + console.SSOCallbackPath, Scopes: scopes, Label: s.OIDCLabel,
		RoleClaim: s.OIDCRoleClaim, Roles: roles, AskedSecondFactor: s.OIDCSecondFactor == "claim", Key: key, Log: log,
	}
}

// local reports whether a host is this machine.
func local(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
