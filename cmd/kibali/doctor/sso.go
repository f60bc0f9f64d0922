package doctor

import (
	"context"
	"strings"

	"kibali/sso"
)

// examineSSO asks the identity provider of staff to describe itself.
func examineSSO(ctx context.Context, i Installation) Findings {
	f := &findings{area: "single sign-on"}
	if i.SSO == nil {
		return nil
	}
	provider, err := sso.New(*i.SSO)
	if err == nil {
		err = provider.Check(ctx)
	}
	if err != nil {
		f.add(Failed, "", "Check KIBALI_OIDC_ISSUER, and that this machine reaches it.",
			"the discovery at %s/.well-known/openid-configuration cannot be used: %s", strings.TrimRight(i.SSO.Issuer, "/"), sso.Describe(err))
		return f.list
	}
	f.ok("", "%s describes itself; it must know the redirect address %s", i.SSO.Issuer, i.SSO.RedirectURL)
	return f.list
}
