package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// An API key is 256 random bits and their CRC-32 behind the prefix, 52
// characters in all. The checksum tells a key that was mistyped, cut off or made
// up from one of ours without asking the database; it proves nothing else.
const (
	apiKeySecret = 32
	apiKeyLength = len(APIKey) + (apiKeySecret+crc32.Size)*4/3
	// shownOfKey is how much of a key is kept in the clear and shown in lists.
	shownOfKey = len(APIKey) + 8
)

// NewAPIKey returns a key and the hash that is stored in its place.
func NewAPIKey() (key string, hash [sha256.Size]byte) {
	var content [apiKeySecret + crc32.Size]byte
	rand.Read(content[:apiKeySecret]) // never fails: the runtime aborts without randomness
	binary.BigEndian.PutUint32(content[apiKeySecret:], crc32.ChecksumIEEE(content[:apiKeySecret]))
	key = APIKey + base64.RawURLEncoding.EncodeToString(content[:])
	return key, HashToken(key)
}

// ShownOf returns the beginning of a key or token, by which its owner knows it
// again: 48 of its random bits, so that the rest is still beyond guessing.
func ShownOf(token string) string { return token[:min(len(token), shownOfKey)] }

// soundAPIKey reports whether a key has the length and the checksum of ours.
func soundAPIKey(key string) bool {
	if len(key) != apiKeyLength {
		return false
	}
	var content [apiKeySecret + crc32.Size]byte
	n, err := base64.RawURLEncoding.Strict().Decode(content[:], []byte(strings.TrimPrefix(key, APIKey)))
	return err == nil && n == len(content) &&
		binary.BigEndian.Uint32(content[apiKeySecret:]) == crc32.ChecksumIEEE(content[:apiKeySecret])
}
