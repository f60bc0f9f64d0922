package identity

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
)

// The prefixes of the tokens in links.
const (
	ResetToken = "kbr_" // of a password reset
	EmailToken = "kbe_" // that proves an e-mail address
)

// Links makes the tokens of links that are mailed. A token is the HMAC of the id
// of what it opens, under a key that is derived from the installation's secret
// key: an activity that is repeated mails the same link, and the token stands
// nowhere but in the e-mail.
type Links struct {
	key []byte
}

// NewLinks returns the links of an installation with the secret key.
func NewLinks(secret []byte) (*Links, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "kibali mailed links", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return &Links{key}, nil
}

// Token returns the token behind prefix that opens what has the id. The prefix
// is part of what is signed, so that a token of one kind is none of another.
func (l *Links) Token(prefix string, id uuid.UUID) string {
	return prefix + base64.RawURLEncoding.EncodeToString(l.sign(prefix, id[:]))
}

// codes is how many codes of six digits there are.
const codes = 1_000_000

// Code returns the six digits that are sent to prove what has the id, the same
// each time.
func (l *Links) Code(id uuid.UUID) string {
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(l.sign("code", id[:]))%codes)
}

// HashCode returns what is stored of a code for what has the id. It is an HMAC,
// since all codes could be tried against a plain hash.
func (l *Links) HashCode(id uuid.UUID, code string) [sha256.Size]byte {
	return [sha256.Size]byte(l.sign("hash of a code", id[:], []byte(code)))
}

func (l *Links) sign(purpose string, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte(purpose))
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}
