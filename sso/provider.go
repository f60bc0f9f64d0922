// Package sso lets staff sign in through the identity provider of the platform,
// by OpenID Connect: the authorization code flow with PKCE. It says who somebody
// is to the provider and which role that gives them; what follows from it is for
// service. It imports domain/actor, domain/fault, identity and the client
// libraries of OpenID Connect.
package sso

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"kibali/domain/fault"
	"kibali/identity"
)

// Config is how the provider is reached and what it says. Every field but
// AskedSecondFactor, Client and Now is required.
type Config struct {
	Issuer       string // as the provider's discovery names itself
	ClientID     string
	ClientSecret string
	// RedirectURL is where the provider sends browsers back to.
	RedirectURL string
	Scopes      []string
	// Label is the provider's name on the button.
	Label string
	// RoleClaim is the claim of the ID token that Roles are found in: its name, or
	// its path, such as "realm_access.roles".
	RoleClaim string
	Roles     Roles
	// AskedSecondFactor takes the provider to have asked for a second factor only
	// when the ID token says so (amr). Otherwise that is left to the provider.
	AskedSecondFactor bool
	Key               []byte // the installation's secret key
	Log               *slog.Logger
	Client            *http.Client     // one with a time limit when nil
	Now               func() time.Time // time.Now when nil
}

// Provider is the identity provider. It is safe for concurrent use.
type Provider struct {
	config Config
	sealer *identity.Sealer

	mu    sync.Mutex
	found *oidc.Provider // once its discovery was read
}

// requestTimeout bounds each request to the provider.
const requestTimeout = 8 * time.Second

// New returns a Provider. It asks nothing yet, so that Kibali starts while the
// provider is away.
func New(config Config) (*Provider, error) {
	sealer, err := identity.NewSealer(config.Key, "staff sign-on")
	if err != nil {
		return nil, err
	}
	if config.Client == nil {
		config.Client = &http.Client{Timeout: requestTimeout}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Provider{config: config, sealer: sealer}, nil
}

// Label returns the provider's name, for people.
func (p *Provider) Label() string { return p.config.Label }

// Check reads the provider's discovery anew.
func (p *Provider) Check(ctx context.Context) error {
	_, err := oidc.NewProvider(p.withClient(ctx), p.config.Issuer)
	return err
}

func (p *Provider) withClient(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.config.Client)
}

// discovered returns the provider as its discovery describes it, which is read
// once. It returns fault.Unavailable when that cannot be read.
func (p *Provider) discovered(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	found, err := oidc.NewProvider(p.withClient(ctx), p.config.Issuer)
	if err != nil {
		return nil, p.away("discovery", err)
	}
	p.found = found
	return found, nil
}

func (p *Provider) away(step string, err error) error {
	p.config.Log.Warn("the identity provider cannot be asked", "step", step, "cause", Describe(err))
	return fault.New(fault.Unavailable, "The identity provider does not answer. Try again in a minute.").With(reasonDetail, Away)
}

// Describe says of an error what may be logged: what a provider answers with may
// hold anything.
func Describe(err error) string {
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		status := 0
		if answer.Response != nil {
			status = answer.Response.StatusCode
		}
		return fmt.Sprintf("the token endpoint answered %d", status)
	}
	if mismatch, ok := errors.AsType[*oidc.IssuerMismatchError](err); ok {
		return mismatch.Error()
	}
	if sent, ok := errors.AsType[*url.Error](err); ok {
		return "no answer: " + sent.Err.Error()
	}
	return fmt.Sprintf("%T", err)
}

func (p *Provider) oauth(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: p.config.RedirectURL, Scopes: p.config.Scopes,
	}
}
