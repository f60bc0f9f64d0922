package web

import (
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/identity"
)

// keyring remembers whose API keys are that were good before, by their hashes. A
// key never changes hands, so what it says stays true; whether the key is still
// good, and what its account may do, it cannot say.
type keyring struct {
	mu    sync.Mutex
	known map[[32]byte]knownKey
}

type knownKey struct {
	id, account uuid.UUID
	usedAt      int64 // its last use that is or will be written down, in seconds
}

// keyringMost is how many keys are remembered, in some 10 MB.
const keyringMost = 1 << 16

func newKeyring() *keyring { return &keyring{known: map[[32]byte]knownKey{}} }

func (k *keyring) find(hash [32]byte) (knownKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, ok := k.known[hash]
	return known, ok
}

// add remembers a key, and forgets any other one when there are too many.
func (k *keyring) add(hash [32]byte, key knownKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.known[hash]; !ok && len(k.known) >= keyringMost {
		for other := range k.known {
			delete(k.known, other)
			break
		}
	}
	k.known[hash] = key
}

// unproven is a caller with an API key that was good before.
type unproven struct {
	access Access
	hash   [32]byte
	key    knownKey
}

// ProvenByHandler is the Access of a route whose handler looks at the caller's API
// key, its account's status and its block in the statement that carries the
// request out. A key that was good before is let through to it, so that nothing
// has to be asked first; one that was not is looked at as anywhere else.
//
// The handler hands Caller.KeyID on to that statement, and calls Prove before it
// answers with anything but what the statement has just done. Fail does so too:
// whoever may not use the route learns that and nothing else.
func (a Access) ProvenByHandler() Access {
	a.provenByHandler = true
	return a
}

// recognise lets a caller through who is for the handler to prove, and reports
// whether it has.
func (a Access) recognise(c *gin.Context, config Config) bool {
	token, ok := a.credential(c.Request, config)
	if !ok || identity.TokenKind(token) != identity.APIKey {
		return false
	}
	hash := identity.HashToken(token)
	key, ok := config.keys.find(hash)
	if !ok {
		return false
	}
	s := stateOf(c)
	s.caller.Kind, s.caller.ID, s.caller.KeyID = actor.Account, key.account, key.id
	s.unproven = &unproven{access: a, hash: hash, key: key}
	c.Next()
	if s.unproven != nil {
		config.noteProven(s.unproven)
	}
	return true
}

// noteProven remembers that a key which a handler has proven was used. What it did
// is in the database, and says that the account was active.
func (config Config) noteProven(u *unproven) {
	now := config.Now()
	if config.Uses == nil || now.Unix()-u.key.usedAt < int64(keyUsesApart/time.Second) {
		return
	}
	config.Uses.APIKey(u.key.id, now)
	u.key.usedAt = now.Unix()
	config.keys.add(u.hash, u.key)
}

// Prove finds out, in the way of all other routes, whether a caller may use the
// route whom it let through to be proven by its handler, and returns nil when they
// may. It does nothing for others, and nothing the second time.
func Prove(c *gin.Context) error {
	s := stateOf(c)
	if s.unproven == nil {
		return nil
	}
	access := s.unproven.access
	s.unproven = nil
	return access.pass(c, *s.config)
}
