package identity

import (
	"context"
	"fmt"

	"github.com/alexedwards/argon2id"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"
)

// Params are the cost of one hash. They are written into each hash, so that a
// change applies to new hashes and old ones are upgraded at the next login.
var Params = argon2id.Params{
	Memory:      19 * 1024, // KiB
	Iterations:  2,
	Parallelism: 1,
	SaltLength:  16,
	KeyLength:   32,
}

// Hasher hashes and verifies passwords with argon2id, a bounded number at a
// time: a flood of logins queues and cannot take all memory or every core.
type Hasher struct {
	// Before, unless nil, is told of each password that is about to be hashed. It
	// is set before the first one.
	Before func()

	params argon2id.Params
	turns  *semaphore.Weighted
	decoy  string
}

// NewHasher returns a Hasher that works on at most parallel passwords at once.
func NewHasher(params argon2id.Params, parallel int) (*Hasher, error) {
	decoy, err := argon2id.CreateHash("decoy", &params)
	if err != nil {
		return nil, fmt.Errorf("hash: %w", err)
	}
	return &Hasher{params: params, turns: semaphore.NewWeighted(int64(parallel)), decoy: decoy}, nil
}

// Hash returns the encoded hash of password. It waits for its turn until ctx
// ends.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.turns.Acquire(ctx, 1); err != nil {
		return "", fmt.Errorf("wait to hash: %w", err)
	}
	defer h.turns.Release(1)
	var hash string
	var err error
	h.aside(func() { hash, err = argon2id.CreateHash(norm.NFKC.String(password), &h.params) })
	if err != nil {
		return "", fmt.Errorf("hash: %w", err)
	}
	return hash, nil
}

// Verify reports whether password is the one that encoded was made of, and
// whether encoded should be replaced by a hash of the present cost. With an
// empty encoded, which is what an unknown login has, it does the same work and
// answers false, so that time tells nothing.
func (h *Hasher) Verify(ctx context.Context, password, encoded string) (ok, outdated bool, err error) {
	if err := h.turns.Acquire(ctx, 1); err != nil {
		return false, false, fmt.Errorf("wait to verify: %w", err)
	}
	defer h.turns.Release(1)
	known := encoded != ""
	if !known {
		encoded = h.decoy
	}
	var match bool
	var params *argon2id.Params
	h.aside(func() { match, params, err = argon2id.CheckHash(norm.NFKC.String(password), encoded) })
	if err != nil {
		return false, false, fmt.Errorf("verify: %w", err)
	}
	return match && known, *params != h.params, nil
}

// aside does work beside everything else, which goes before it.
func (h *Hasher) aside(work func()) {
	if h.Before != nil {
		h.Before()
	}
	aside(work)
}
