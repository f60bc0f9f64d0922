package sso

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"kibali/domain/actor"
)

// Person is somebody as the provider knows them.
type Person struct {
	Issuer  string
	Subject string
	Email   string // the provider vouches for it
	Name    string
	// Role is what the claim gives them; "" for none.
	Role actor.Role
	// AuthenticatedAt is when they proved to the provider who they are; the zero
	// time when it does not tell.
	AuthenticatedAt time.Time
	// Start is what the sign-in was for, and Once what it is remembered by: it is
	// good for one session.
	Start
	Once [sha256.Size]byte
}

// skew is by how much the provider's clock may be behind ours.
const skew = time.Minute

// Finish takes what the provider sent the browser back with, and what the browser
// kept, and returns who it is. It returns fault.Unauthenticated with a Reason when
// that proves nothing, and fault.Unavailable when the provider does not answer.
func (p *Provider) Finish(ctx context.Context, kept string, query url.Values) (Person, error) {
	begun, err := p.resume(kept, query.Get("state"))
	if err != nil {
		return Person{}, err
	}
	// The name of the provider, which some send along, must be this one's.
	if issuer := query.Get("iss"); issuer != "" && issuer != p.config.Issuer {
		return Person{}, p.distrust("the answer is another issuer's")
	}
	if query.Get("error") != "" || query.Get("code") == "" {
		return Person{}, Refuse(Denied)
	}
	token, claims, err := p.redeem(ctx, begun, query.Get("code"))
	if err != nil {
		return Person{}, err
	}
	person := Person{
		Issuer: p.config.Issuer, Subject: token.Subject, Email: claims.text("email"), Name: claims.text("name"), Role: p.config.Roles.of(claims.list(p.config.RoleClaim)),
		AuthenticatedAt: claims.time("auth_time"), Start: begun.Start, Once: begun.once(),
	}
	if begun.Session != uuid.Nil && person.AuthenticatedAt.Before(begun.At.Add(-skew)) {
		return Person{}, Refuse(Stale)
	}
	if person.AuthenticatedAt.After(p.config.Now().Add(skew)) {
		return Person{}, p.distrust("auth_time is in the future")
	}
	if p.config.AskedSecondFactor && !claims.secondFactor() {
		return Person{}, Refuse(NoFactor)
	}
	if !claims.truth("email_verified") {
		return Person{}, Refuse(Unverified)
	}
	return person, nil
}

// redeem exchanges the code for an ID token and checks that.
func (p *Provider) redeem(ctx context.Context, begun pending, code string) (*oidc.IDToken, claims, error) {
	found, err := p.discovered(ctx)
	if err != nil {
		return nil, nil, err
	}
	ctx = p.withClient(ctx)
	granted, err := p.oauth(found).Exchange(ctx, code, oauth2.VerifierOption(begun.Verifier))
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok && (answer.Response == nil || answer.Response.StatusCode < 500) {
		return nil, nil, p.distrust(Describe(err))
	}
	if err != nil {
		return nil, nil, p.away("token", err)
	}
	raw, ok := granted.Extra("id_token").(string)
	if !ok {
		return nil, nil, p.distrust("there is no ID token")
	}
	token, err := found.Verifier(&oidc.Config{ClientID: p.config.ClientID, Now: p.config.Now}).Verify(ctx, raw)
	if err != nil {
		return nil, nil, p.distrust(err.Error()) // of the token's issuer, audience, times and signature
	}
	var said claims
	if err := token.Claims(&said); err != nil {
		return nil, nil, p.distrust("the claims cannot be read")
	}
	azp := said.text("azp")
	switch {
	case token.Subject == "":
		return nil, nil, p.distrust("there is no subject")
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(begun.Nonce)) != 1:
		return nil, nil, p.distrust("the nonce is another one")
	case azp != "" && azp != p.config.ClientID, azp == "" && len(token.Audience) > 1:
		return nil, nil, p.distrust("the token is for another client")
	case token.AccessTokenHash != "" && token.VerifyAccessToken(granted.AccessToken) != nil:
		return nil, nil, p.distrust("the access token is another one")
	}
	return token, said, nil
}

// distrust says in the log why what the provider sent proves nothing.
func (p *Provider) distrust(why string) error {
	p.config.Log.Warn("an answer of the identity provider was refused", "cause", why)
	return Refuse(Untrusted)
}

// secondFactor reports whether the token says that a second factor was asked for,
// as RFC 8176 names them.
func (c claims) secondFactor() bool {
	methods := c.list("amr")
	return slices.ContainsFunc(methods, func(m string) bool { return slices.Contains([]string{"mfa", "otp", "hwk", "swk", "sc"}, m) })
}
