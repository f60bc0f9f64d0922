package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// Cursors makes the opaque cursors of lists, and knows its own again. A cursor
// holds where a page ended, in the clear, under an HMAC that also covers which
// list and which query it belongs to.
type Cursors struct {
	key []byte
}

// NewCursors returns cursors under a key of at least 32 bytes, which every
// replica shares. A new key makes the cursors in use invalid and nothing else.
func NewCursors(key []byte) (*Cursors, error) {
	if len(key) < 32 {
		return nil, errors.New("the key of cursors must have at least 32 bytes")
	}
	return &Cursors{key: key}, nil
}

const maxCursor = 512

// Seal returns the cursor of position, which must encode to JSON, in a list
// under query: every parameter but limit, in a fixed form.
func (c *Cursors) Seal(list, query string, position any) (string, error) {
	payload, err := json.Marshal(position)
	if err != nil {
		return "", fmt.Errorf("seal a cursor of %s: %w", list, err)
	}
	return base64.RawURLEncoding.EncodeToString(append(c.sum(list, query, payload), payload...)), nil
}

// Open reads a cursor that Seal made for the same list and query into
// position. It returns fault.Malformed, naming the parameter cursor, for
// any other string.
func (c *Cursors) Open(list, query, cursor string, position any) error {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(cursor) > maxCursor || len(sealed) < sha256.Size {
		return foreignCursor()
	}
	payload := sealed[sha256.Size:]
	if !hmac.Equal(sealed[:sha256.Size], c.sum(list, query, payload)) {
		return foreignCursor()
	}
	if err := json.Unmarshal(payload, position); err != nil {
		return foreignCursor() // sealed by another release
	}
	return nil
}

func foreignCursor() error {
	return malformedParameter("cursor", codeInvalid, "Must be the next_cursor of the same list with the same parameters.")
}

func (c *Cursors) sum(list, query string, payload []byte) []byte {
	mac := hmac.New(sha256.New, c.key)
	for _, part := range [][]byte{[]byte("kibali cursor"), []byte(list), []byte(query), payload} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		mac.Write(length[:])
		mac.Write(part)
	}
	return mac.Sum(nil)
}
