package web

import (
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/identity"
)

// keyring remembers the API keys that were let in, by their hashes: whose each is,
// which never changes, and the epoch in which it was in force. Whether that is over,
// and what the account may do, it cannot say.
type keyring struct {
	mu    sync.Mutex
	known map[[32]byte]knownKey
}

type knownKey struct {
	id, account uuid.UUID
	epoch       int32
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

// add remembers the key of a caller, and forgets any other one when there are too
// many.
func (k *keyring) add(caller *Caller) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.known[caller.keyHash]; !ok && len(k.known) >= keyringMost {
		for other := range k.known {
			delete(k.known, other)
			break
		}
	}
	k.known[caller.keyHash] = knownKey{caller.KeyID, caller.ID, caller.KeyEpoch, caller.keyUsedAt.Unix()}
}

func (k *keyring) forget(hash [32]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, hash)
}

// ProvenByHandler is the Access of a route whose handler looks at the caller's API
// key's epoch, its account's status and its block in the statement that carries the
// request out. A key that was good before is let through to it, so that nothing
// has to be asked first; one that was not is looked at as anywhere else.
//
// The handler hands Caller.KeyEpoch on to that statement, and calls Prove before it
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
	caller := &s.caller
	caller.Kind, caller.ID, caller.KeyID, caller.KeyEpoch = actor.Account, key.account, key.id, key.epoch
	caller.keyUsedAt, caller.keyHash = time.Unix(key.usedAt, 0), hash
	s.unproven = &a
	c.Next()
	if s.unproven != nil {
		config.noteProven(caller)
	}
	return true
}

// noteProven remembers that a key which a handler has proven was used. What it did
// is in the database, and says that the account was active.
func (config Config) noteProven(caller *Caller) {
	before := caller.keyUsedAt
	if config.noteKeyUse(caller); caller.keyUsedAt != before {
		config.keys.add(caller)
	}
}

// Prove finds out, in the way of all other routes, whether a caller may use the
// route whom it let through to be proven by its handler, and returns nil when they
// may. It does nothing for others, and nothing the second time.
func Prove(c *gin.Context) error {
	s := stateOf(c)
	if s.unproven == nil {
		return nil
	}
	access := *s.unproven
	s.unproven = nil
	err := access.pass(c, *s.config)
	if err != nil {
		s.config.keys.forget(s.caller.keyHash)
	}
	return err
}
