package sso_test

import (
	"log/slog"
	"maps"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/sso"
	"kibali/sso/ssotest"
)

const callback = "https://id.example.co.tz/console/sign-in/sso/callback"

// bundle is a provider with somebody who can sign in there, and Kibali's side.
type bundle struct {
	*sso.Provider
	at *ssotest.Provider
}

var neema = ssotest.Person{Subject: "person-1", Email: "neema@example.co.tz", Name: "Neema Mushi", Roles: []string{"everyone", "desk"}}

func setup(t *testing.T, changes ...func(*sso.Config)) bundle {
	t.Helper()
	at := ssotest.Start(t)
	at.Redirect(callback)
	at.Put(neema)
	config := sso.Config{
		Issuer: at.URL, ClientID: ssotest.ClientID, ClientSecret: ssotest.ClientSecret, RedirectURL: callback,
		Scopes: []string{"openid", "email", "profile"}, Label: "Ujumbe", RoleClaim: "roles",
		Roles: sso.Roles{{Value: "chiefs", Role: actor.Admin}, {Value: "desk", Role: actor.Reviewer}},
		Key:   []byte(strings.Repeat("k", 32)), Log: slog.New(slog.DiscardHandler),
	}
	for _, change := range changes {
		change(&config)
	}
	p, err := sso.New(config)
	require.NoError(t, err)
	return bundle{p, at}
}

// signIn begins, signs in at the provider and returns what the browser kept and
// what it came back with.
func (b bundle) signIn(t *testing.T, start sso.Start) (kept string, query url.Values) {
	t.Helper()
	address, kept, err := b.Begin(t.Context(), start)
	require.NoError(t, err)
	return kept, b.at.SignIn(t, address, neema.Email).Query()
}

func TestFinish_says_who_signed_in(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kept, query := b.signIn(t, sso.Start{Next: "/console/pending"})
	who, err := b.Finish(t.Context(), kept, query)
	require.NoError(t, err)
	require.Equal(t, "person-1", who.Subject)
	require.Equal(t, b.at.URL, who.Issuer)
	require.Equal(t, neema.Email, who.Email)
	require.Equal(t, neema.Name, who.Name)
	require.Equal(t, actor.Reviewer, who.Role)
	require.Equal(t, "/console/pending", who.Next)
	require.WithinDuration(t, time.Now(), who.AuthenticatedAt, time.Minute)
}

func TestFinish_believes_no_other_token(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, spoil := range map[string]func(map[string]any){
		"with another nonce":          func(c map[string]any) { c["nonce"] = "another" },
		"without a nonce":             func(c map[string]any) { delete(c, "nonce") },
		"for another client":          func(c map[string]any) { c["aud"] = []string{"another"} },
		"for another client too":      func(c map[string]any) { c["aud"] = []string{ssotest.ClientID, "another"}; delete(c, "azp") },
		"asked for by another client": func(c map[string]any) { c["azp"] = "another" },
		"of another issuer":           func(c map[string]any) { c["iss"] = "https://evil.example" },
		"that has expired":            func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() },
		"that is not good yet":        func(c map[string]any) { c["nbf"] = time.Now().Add(time.Hour).Unix() },
		"about nobody":                func(c map[string]any) { c["sub"] = "" },
		"with another access token":   func(c map[string]any) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" },
		"from the future":             func(c map[string]any) { c["auth_time"] = time.Now().Add(time.Hour).Unix() },
	} {
		t.Run(name, func(t *testing.T) {
			b.at.Spoil(spoil)
			defer b.at.Spoil(nil)
			kept, query := b.signIn(t, sso.Start{})
			_, err := b.Finish(t.Context(), kept, query)
			require.Equal(t, sso.Untrusted, sso.ReasonOf(err), "%v", err)
		})
	}
	t.Run("that another key signed", func(t *testing.T) {
		b.at.Forge(true)
		defer b.at.Forge(false)
		kept, query := b.signIn(t, sso.Start{})
		_, err := b.Finish(t.Context(), kept, query)
		require.Equal(t, sso.Untrusted, sso.ReasonOf(err), "%v", err)
	})
	t.Run("and one that nobody spoilt is believed", func(t *testing.T) {
		kept, query := b.signIn(t, sso.Start{})
		_, err := b.Finish(t.Context(), kept, query)
		require.NoError(t, err)
	})
}

func TestFinish_takes_the_browser_that_began(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := setup(t, func(c *sso.Config) { c.Now = func() time.Time { return now } })
	kept, query := b.signIn(t, sso.Start{})
	other, otherQuery := b.signIn(t, sso.Start{})

	for name, try := range map[string]struct {
		kept  string
		query url.Values
		want  sso.Reason
	}{
		"with what another browser kept": {other, query, sso.Lost},
		"with nothing":                   {"", query, sso.Lost},
		"with what nobody sealed":        {strings.Repeat("A", 200), query, sso.Lost},
		"without a state":                {kept, with(query, "state", ""), sso.Lost},
		"with another state":             {kept, with(query, "state", otherQuery.Get("state")), sso.Lost},
		"with another browser's code":    {kept, with(query, "code", otherQuery.Get("code")), sso.Untrusted}, // PKCE
		"with a made-up code":            {kept, with(query, "code", "made-up"), sso.Untrusted},
		"of another issuer":              {kept, with(query, "iss", "https://evil.example"), sso.Untrusted},
		"when the provider refused":      {kept, with(query, "error", "access_denied"), sso.Denied},
		"without a code":                 {kept, with(query, "code", ""), sso.Denied},
	} {
		_, err := b.Finish(t.Context(), try.kept, try.query)
		require.Equal(t, try.want, sso.ReasonOf(err), "%s: %v", name, err)
	}
	_, err := b.Finish(t.Context(), kept, query)
	require.NoError(t, err)
	_, err = b.Finish(t.Context(), kept, query)
	require.Equal(t, sso.Untrusted, sso.ReasonOf(err), "a code is good once")

	kept, query = b.signIn(t, sso.Start{})
	now = now.Add(sso.Patience + time.Second)
	_, err = b.Finish(t.Context(), kept, query)
	require.Equal(t, sso.Lost, sso.ReasonOf(err), "it took too long")
}

// with returns the values with another one in place.
func with(values url.Values, name, value string) url.Values {
	changed := maps.Clone(values)
	changed.Set(name, value)
	return changed
}

func TestFinish_takes_the_person_to_be_asked_again(t *testing.T) {
	t.Parallel()
	b := setup(t)
	again := sso.Start{Session: uuid.New()}
	address, kept, err := b.Begin(t.Context(), again)
	require.NoError(t, err)
	asked, err := url.Parse(address)
	require.NoError(t, err)
	require.Equal(t, "login", asked.Query().Get("prompt"))
	require.Equal(t, "0", asked.Query().Get("max_age"))
	require.Equal(t, again.Session, b.SessionOf(kept))
	_, err = b.Finish(t.Context(), kept, b.at.SignIn(t, address, neema.Email).Query())
	require.NoError(t, err)

	for name, spoil := range map[string]func(map[string]any){
		"it was long ago":   func(c map[string]any) { c["auth_time"] = time.Now().Add(-5 * time.Minute).Unix() },
		"it is not known":   func(c map[string]any) { delete(c, "auth_time") },
		"it is no time":     func(c map[string]any) { c["auth_time"] = "now" },
		"it was never ever": func(c map[string]any) { c["auth_time"] = 0 },
	} {
		b.at.Spoil(spoil)
		kept, query := b.signIn(t, again)
		_, err := b.Finish(t.Context(), kept, query)
		require.Equal(t, sso.Stale, sso.ReasonOf(err), "%s: %v", name, err)
	}
}

func TestFinish_reads_claims_as_providers_write_them(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nested := setup(t, func(c *sso.Config) { c.RoleClaim = "realm_access.roles" })
	url := setup(t, func(c *sso.Config) { c.RoleClaim = "https://ujumbe.example/roles" })
	asked := setup(t, func(c *sso.Config) { c.AskedSecondFactor = true })
	for name, try := range map[string]struct {
		at     bundle
		spoil  func(map[string]any)
		role   actor.Role
		reason sso.Reason
	}{
		"the first rule counts":       {at: b, spoil: func(c map[string]any) { c["roles"] = []string{"desk", "chiefs"} }, role: actor.Admin},
		"one role as text":            {at: b, spoil: func(c map[string]any) { c["roles"] = "desk" }, role: actor.Reviewer},
		"none that is mapped":         {at: b, spoil: func(c map[string]any) { c["roles"] = []string{"Desk", "desk "} }},
		"no claim":                    {at: b, spoil: func(c map[string]any) { delete(c, "roles") }},
		"numbers":                     {at: b, spoil: func(c map[string]any) { c["roles"] = []any{1, nil, map[string]any{"desk": true}} }},
		"a path":                      {at: nested, spoil: func(c map[string]any) { c["realm_access"] = map[string]any{"roles": []string{"desk"}} }, role: actor.Reviewer},
		"a name with dots":            {at: url, spoil: func(c map[string]any) { c["https://ujumbe.example/roles"] = []string{"desk"} }, role: actor.Reviewer},
		"an e-mail that is not known": {at: b, spoil: func(c map[string]any) { c["email_verified"] = false }, reason: sso.Unverified},
		"an e-mail without a word":    {at: b, spoil: func(c map[string]any) { delete(c, "email_verified") }, reason: sso.Unverified},
		"a word for an e-mail":        {at: b, spoil: func(c map[string]any) { c["email_verified"] = "true" }, role: actor.Reviewer},
		"a second factor":             {at: asked, spoil: func(c map[string]any) { c["amr"] = []string{"pwd", "otp"} }, role: actor.Reviewer},
		"no second factor":            {at: asked, spoil: func(c map[string]any) { c["amr"] = []string{"pwd"} }, reason: sso.NoFactor},
	} {
		try.at.at.Spoil(try.spoil)
		kept, query := try.at.signIn(t, sso.Start{})
		who, err := try.at.Finish(t.Context(), kept, query)
		require.Equal(t, try.reason, sso.ReasonOf(err), "%s: %v", name, err)
		require.Equal(t, try.role, who.Role, name)
	}
}

func TestProvider_may_be_away(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	b := setup(t, func(c *sso.Config) { c.Issuer = gone.URL })
	require.Error(t, b.Check(t.Context()))
	_, _, err := b.Begin(t.Context(), sso.Start{})
	require.True(t, fault.Is(err, fault.Unavailable))
	require.Equal(t, sso.Away, sso.ReasonOf(err))

	other := setup(t, func(c *sso.Config) { c.Issuer += "/" }) // not the name that it has for itself
	require.ErrorContains(t, other.Check(t.Context()), "did not match")
}

func TestParseRoles(t *testing.T) {
	t.Parallel()
	roles, err := sso.ParseRoles("cn=desk,admins=admin, Night shift = support")
	require.Error(t, err)
	require.Nil(t, roles)
	roles, err = sso.ParseRoles("a=b=admin, Night shift = support")
	require.NoError(t, err)
	require.Equal(t, sso.Roles{{Value: "a=b", Role: actor.Admin}, {Value: "Night shift", Role: actor.Support}}, roles)
	for _, text := range []string{"", "admin", "=admin", "a=king", "a=admin,"} {
		_, err := sso.ParseRoles(text)
		require.True(t, fault.Is(err, fault.Invalid), text)
	}
}
