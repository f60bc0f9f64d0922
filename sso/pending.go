package sso

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"golang.org/x/oauth2"
)

// Start is what a sign-in is for.
type Start struct {
	// Next is where the browser goes afterwards, a path of ours.
	Next string `json:"next"`
	// Session is the session whose person proves again who they are; nil for a
	// sign-in that begins one.
	Session uuid.UUID `json:"session"`
}

// pending is a sign-in that the provider has been asked about. It is kept, sealed,
// by the browser that began it, so that no other one can end it and whoever
// knocks leaves nothing behind here.
type pending struct {
	Start
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // of PKCE
	At       time.Time `json:"at"`
}

// Patience is how long a sign-in at the provider may take.
const Patience = 10 * time.Minute

// maxNext bounds the path that is kept: a browser takes four kilobytes in a
// cookie.
const maxNext = 1000

// Begin returns the address at the provider that the browser is to go to, and
// what it is to keep until it comes back, for Patience. It returns
// fault.Unavailable when the provider does not answer.
func (p *Provider) Begin(ctx context.Context, start Start) (address, kept string, err error) {
	found, err := p.discovered(ctx)
	if err != nil {
		return "", "", err
	}
	if len(start.Next) > maxNext {
		start.Next = ""
	}
	begun := pending{
		Start: start, State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), At: p.config.Now(),
	}
	plain, err := json.Marshal(begun)
	if err != nil {
		return "", "", fmt.Errorf("encode a sign-in: %w", err)
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(begun.Nonce), oauth2.S256ChallengeOption(begun.Verifier)}
	if start.Session != uuid.Nil {
		// Not the session that the provider has with them: the person.
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	return p.oauth(found).AuthCodeURL(begun.State, options...), base64.RawURLEncoding.EncodeToString(p.sealer.Seal(plain, keptContext)), nil
}

// keptContext is what the sealed text is good for.
const keptContext = "browser"

// open returns the sign-in that a browser kept.
func (p *Provider) open(kept string) (pending, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil {
		return pending{}, Refuse(Lost)
	}
	plain, err := p.sealer.Open(sealed, keptContext)
	if err != nil {
		return pending{}, Refuse(Lost)
	}
	var begun pending
	if err := json.Unmarshal(plain, &begun); err != nil {
		return pending{}, Refuse(Lost)
	}
	return begun, nil
}

// resume returns the sign-in that the browser kept, when it is the one of the
// state that the provider sent back.
func (p *Provider) resume(kept, state string) (pending, error) {
	begun, err := p.open(kept)
	if err != nil {
		return pending{}, err
	}
	age := p.config.Now().Sub(begun.At)
	if age < 0 || age > Patience || subtle.ConstantTimeCompare([]byte(begun.State), []byte(state)) != 1 {
		return pending{}, Refuse(Lost)
	}
	return begun, nil
}

// SessionOf returns the session that the sign-in which a browser kept is to step
// up; nil for another one, or none of ours.
func (p *Provider) SessionOf(kept string) uuid.UUID {
	begun, err := p.open(kept)
	if err != nil {
		return uuid.Nil
	}
	return begun.Session
}

// once is what a sign-in is remembered by when it was used.
func (b pending) once() [sha256.Size]byte { return sha256.Sum256([]byte(b.State)) }

// random returns 256 random bits as text.
func random() string {
	var secret [32]byte
	rand.Read(secret[:]) // never fails: the runtime aborts without randomness
	return base64.RawURLEncoding.EncodeToString(secret[:])
}
