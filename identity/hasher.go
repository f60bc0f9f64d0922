package identity

import (
	"context"
	"fmt"
	"os/exec"

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
	params argon2id.Params
	turns  *semaphore.Weighted
	work   hashing
	decoy  string
}

// hashing is where the work is done.
type hashing interface {
	create(password string, params argon2id.Params) (encoded string, err error)
	// check also returns the cost that encoded was made at.
	check(password, encoded string) (right bool, params argon2id.Params, err error)
	close()
}

// NewHasher returns a Hasher that works in this process, on at most parallel
// passwords at once.
func NewHasher(params argon2id.Params, parallel int) (*Hasher, error) {
	return newHasher(params, parallel, hashingHere{})
}

// NewHasherBeside returns a Hasher that works in a process of its own, which
// command makes and which calls ServeHashes: what hashing does to memory and to
// processors is no business of those who answer requests. The process is
// started anew should it end, and ends with this one, however this one ends.
// Close ends it.
func NewHasherBeside(params argon2id.Params, parallel int, command func() *exec.Cmd) (*Hasher, error) {
	// One more than are hashed is on its way, so that the next one is at hand when
	// one is done.
	return newHasher(params, parallel+1, &hashingBeside{command: command})
}

func newHasher(params argon2id.Params, parallel int, work hashing) (*Hasher, error) {
	decoy, err := work.create("decoy", params)
	if err != nil {
		work.close()
		return nil, fmt.Errorf("hash: %w", err)
	}
	return &Hasher{params: params, turns: semaphore.NewWeighted(int64(parallel)), work: work, decoy: decoy}, nil
}

// Close ends the process that hashes, if there is one. Nothing may be hashed
// afterwards.
func (h *Hasher) Close() { h.work.close() }

// Hash returns the encoded hash of password. It waits for its turn until ctx
// ends.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.turns.Acquire(ctx, 1); err != nil {
		return "", fmt.Errorf("wait to hash: %w", err)
	}
	defer h.turns.Release(1)
	hash, err := h.work.create(norm.NFKC.String(password), h.params)
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
	match, params, err := h.work.check(norm.NFKC.String(password), encoded)
	if err != nil {
		return false, false, fmt.Errorf("verify: %w", err)
	}
	return match && known, params != h.params, nil
}

// hashingHere works in this process.
type hashingHere struct{}

func (hashingHere) create(password string, params argon2id.Params) (string, error) {
	return argon2id.CreateHash(password, &params)
}

func (hashingHere) check(password, encoded string) (bool, argon2id.Params, error) {
	right, params, err := argon2id.CheckHash(password, encoded)
	if err != nil {
		return false, argon2id.Params{}, err
	}
	return right, *params, nil
}

func (hashingHere) close() {}
