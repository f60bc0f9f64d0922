package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Sealer encrypts what must be read again, such as the secret of a second
// factor, so that whoever has the database alone cannot read or replace it.
type Sealer struct {
	aead cipher.AEAD
}

// NewSealer returns a Sealer under a key that it derives from the installation's
// secret key for one purpose.
func NewSealer(key []byte, purpose string) (*Sealer, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "kibali "+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return &Sealer{aead}, nil
}

// Seal encrypts plain. It can be opened with the same context only, which says
// whose it is and is not part of the result.
func (s *Sealer) Seal(plain []byte, context string) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	rand.Read(nonce) // never fails: the runtime aborts without randomness
	return s.aead.Seal(nonce, nonce, plain, []byte(context))
}

// Open returns what was sealed. It returns an error when it was sealed under
// another key or for another context, or was changed.
func (s *Sealer) Open(sealed []byte, context string) ([]byte, error) {
	size := s.aead.NonceSize()
	if len(sealed) < size {
		return nil, errUnsealable
	}
	plain, err := s.aead.Open(nil, sealed[:size], sealed[size:], []byte(context))
	if err != nil {
		return nil, errUnsealable
	}
	return plain, nil
}

var errUnsealable = errors.New("it was not sealed under this key: was KIBALI_SECRET_KEY changed?")
