package identity

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"
)

// ResetToken is the prefix of the token in the link of a password reset.
const ResetToken = "kbr_"

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
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte(prefix))
	mac.Write(id[:])
	return prefix + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
