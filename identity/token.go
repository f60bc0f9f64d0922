// Package identity holds what proves who someone is: tokens and password
// hashes. It imports domain/fault and third-party libraries only.
package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// The prefixes of tokens. They say what a leaked token opens, to people and to
// secret scanners.
const (
	StaffToken        = "kbs_" // a staff member's personal access token
	StaffSessionToken = "kbt_" // a staff member's session
	SessionToken      = "kbu_" // a user's session
	UploadToken       = "kbd_" // the right to add documents to one application
	ServiceToken      = "kbg_" // a platform's own gateway
	InvitationToken   = "kbi_" // the right of invited staff to choose a password
	APIKey            = "kbk_" // an account's key to the API and the gate
	AppealToken       = "kba_" // the right to appeal against a suspension
)

// NewToken returns a token of 256 random bits behind prefix, and the hash that
// is stored in its place.
func NewToken(prefix string) (token string, hash [sha256.Size]byte) {
	var secret [32]byte
	rand.Read(secret[:]) // never fails: the runtime aborts without randomness
	token = prefix + base64.RawURLEncoding.EncodeToString(secret[:])
	return token, HashToken(token)
}

// HashToken returns what is stored of a token. A plain SHA-256 suffices, since
// a token is random and cannot be guessed.
func HashToken(token string) [sha256.Size]byte {
	return sha256.Sum256([]byte(token))
}

// TokenKind returns the prefix of a token, or "" when it is none of ours: an
// API key whose checksum is wrong is none.
func TokenKind(token string) string {
	for _, prefix := range []string{StaffToken, StaffSessionToken, SessionToken, UploadToken, ServiceToken, AppealToken} {
		if strings.HasPrefix(token, prefix) {
			return prefix
		}
	}
	if strings.HasPrefix(token, APIKey) && soundAPIKey(token) {
		return APIKey
	}
	return ""
}
