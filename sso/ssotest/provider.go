// Package ssotest runs an identity provider for tests: the OpenID-certified
// library of Zitadel, served over HTTP, with a page to sign in. What it answers
// with can be spoilt on the way out, since a provider does not lie by itself. It
// is for tests and never part of the product.
package ssotest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"html"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The client that the provider knows.
const (
	ClientID     = "kibali"
	ClientSecret = "a secret of the client"
)

// Person is somebody who can sign in at the provider.
type Person struct {
	Subject    string
	Email      string
	Unverified bool // the e-mail
	Name       string
	Roles      []string
}

// Password is everybody's at the provider.
const Password = "lulu na marijani"

// Provider is the provider while a test runs.
type Provider struct {
	URL string // its issuer

	mu       sync.Mutex
	people   map[string]Person
	redirect string
	spoil    func(claims map[string]any) // of the ID token; nil leaves it
	key      *rsa.PrivateKey
	forger   *rsa.PrivateKey
	forged   bool
}

// Start starts a provider, which ends with the test.
func Start(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{people: map[string]Person{}}
	var err error
	p.key, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p.forger, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(nil)
	p.URL = "http://" + server.Listener.Addr().String()
	desk := &desk{Storage: storage.NewStorageWithClients(p, map[string]*storage.Client{
		ClientID: storage.WebClient(ClientID, ClientSecret),
	}), provider: p}
	library, err := op.NewProvider(&op.Config{CryptoKey: [32]byte{1}, CodeMethodS256: true}, desk, op.StaticIssuer(p.URL),
		op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", showLogin)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.Handle("POST /login", op.NewIssuerInterceptor(library.IssuerFromRequest).HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.FormValue("id")
		if err := desk.CheckUsernamePassword(r.FormValue("email"), r.FormValue("password"), id); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, op.AuthCallbackURL(library)(r.Context(), id), http.StatusFound)
	}))
	mux.Handle("/", p.spoiling(library))
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	return p
}

// showLogin is the page to sign in at the provider.
func showLogin(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, `<!doctype html><title>Provider</title><form method="post" action="/login"><input type="hidden" name="id" value="%s">
		<input id="email" name="email"><input id="password" name="password" type="password"><button>Sign in</button></form>`,
		html.EscapeString(r.FormValue("id")))
}

// Redirect is where the client may be sent back to.
func (p *Provider) Redirect(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.redirect = address
}

// Put adds somebody, or replaces who they were.
func (p *Provider) Put(who Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.people[who.Subject] = who
}

// Spoil changes what the next ID tokens say, which are signed by the provider's
// own key all the same; nil leaves them again.
func (p *Provider) Spoil(change func(claims map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoil = change
}

// Forge signs the next ID tokens with a key that is not the provider's.
func (p *Provider) Forge(forged bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forged = forged
}

// spoiling puts what Spoil and Forge say between the library and its clients.
func (p *Provider) spoiling(library http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		spoil, forged := p.spoil, p.forged
		p.mu.Unlock()
		if r.URL.Path != "/oauth/token" || spoil == nil && !forged {
			library.ServeHTTP(w, r)
			return
		}
		recorded := httptest.NewRecorder()
		library.ServeHTTP(recorded, r)
		body := recorded.Body.Bytes()
		var answer map[string]any
		if recorded.Code == http.StatusOK && json.Unmarshal(body, &answer) == nil {
			answer["id_token"] = p.resigned(answer["id_token"].(string), spoil, forged)
			body, _ = json.Marshal(answer)
		}
		maps.Copy(w.Header(), recorded.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(body)
	})
}

func (p *Provider) resigned(token string, spoil func(map[string]any), forged bool) string {
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return token
	}
	claims := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(parsed.UnsafePayloadWithoutVerification()))
	decoder.UseNumber()
	if decoder.Decode(&claims) != nil {
		return token
	}
	if spoil != nil {
		spoil(claims)
	}
	key := p.key
	if forged {
		key = p.forger
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}}, nil)
	if err != nil {
		return token
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return token
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return token
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		return token
	}
	return compact
}

// GetUserByID implements storage.UserStore.
func (p *Provider) GetUserByID(id string) *storage.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	who, ok := p.people[id]
	if !ok {
		return nil
	}
	first, last, _ := strings.Cut(who.Name, " ")
	return &storage.User{ID: id, Username: who.Email, Password: Password, FirstName: first, LastName: last, Email: who.Email, EmailVerified: !who.Unverified}
}

// GetUserByUsername implements storage.UserStore.
func (p *Provider) GetUserByUsername(email string) *storage.User {
	p.mu.Lock()
	id := ""
	for subject, who := range p.people {
		if who.Email == email {
			id = subject
		}
	}
	p.mu.Unlock()
	return p.GetUserByID(id)
}

// ExampleClientID implements storage.UserStore.
func (*Provider) ExampleClientID() string { return ClientID }

// desk is what the library keeps, with the roles of people and the one client.
type desk struct {
	*storage.Storage
	provider *Provider
}

// SetUserinfoFromRequest implements op.CanSetUserinfoFromRequest.
func (d *desk) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, request op.IDTokenRequest, scopes []string) error {
	if err := d.Storage.SetUserinfoFromRequest(ctx, info, request, scopes); err != nil {
		return err
	}
	d.provider.mu.Lock()
	defer d.provider.mu.Unlock()
	info.AppendClaims("roles", d.provider.people[request.GetSubject()].Roles)
	return nil
}

// GetClientByClientID implements op.Storage.
func (d *desk) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != ClientID {
		return nil, oidc.ErrInvalidClient()
	}
	d.provider.mu.Lock()
	defer d.provider.mu.Unlock()
	return &client{storage.WebClient(ClientID, ClientSecret, d.provider.redirect)}, nil
}

// SigningKey implements op.Storage.
func (d *desk) SigningKey(context.Context) (op.SigningKey, error) {
	return &signingKey{d.provider.key}, nil
}

// KeySet implements op.Storage.
func (d *desk) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{&publicKey{d.provider.key}}, nil
}

// client puts what it is asked for about people into the ID token.
type client struct{ *storage.Client }

// IDTokenUserinfoClaimsAssertion implements op.Client.
func (*client) IDTokenUserinfoClaimsAssertion() bool { return true }

// LoginURL implements op.Client.
func (*client) LoginURL(id string) string { return "/login?id=" + id }

// IDTokenLifetime implements op.Client.
func (*client) IDTokenLifetime() time.Duration { return 5 * time.Minute }

const keyID = "test"

type signingKey struct{ key *rsa.PrivateKey }

func (*signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k *signingKey) Key() any                                  { return k.key }
func (*signingKey) ID() string                                  { return keyID }

type publicKey struct{ key *rsa.PrivateKey }

func (*publicKey) ID() string                         { return keyID }
func (*publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (*publicKey) Use() string                        { return "sig" }
func (k *publicKey) Key() any                         { return &k.key.PublicKey }
