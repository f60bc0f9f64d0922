package documents

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// headPrefix is the folder of the heads. Nothing in it is ever written over or
// deleted by Kibali.
const headPrefix = "heads/"

// Head is the newest seal of a chain, as it is kept where the database's
// administrators cannot change it.
type Head struct {
	Chain    string // audit or ledger
	Number   int64
	To       int64 // the last position that is sealed
	Hash     []byte
	SealedAt time.Time
}

// Name is where a head is kept: by chain and day, with its number and hash, so
// that listing tells all that verification compares, and another hash is
// another file.
func (h Head) Name() string {
	return fmt.Sprintf("%s%s/%s/%012d-%s.json", headPrefix, h.Chain, h.SealedAt.UTC().Format("2006/01/02"), h.Number, hex.EncodeToString(h.Hash))
}

// PublishHead keeps a head. It does nothing when it is there already; another
// one has another name.
func (s *Store) PublishHead(ctx context.Context, h Head) error {
	content, err := json.Marshal(map[string]any{
		"chain": h.Chain, "number": h.Number, "to": h.To, "hash": hex.EncodeToString(h.Hash), "sealed_at": h.SealedAt.UTC(),
	})
	if err != nil {
		return fmt.Errorf("write a head: %w", err)
	}
	there, err := s.bucket.Exists(ctx, h.Name())
	if err != nil {
		return fmt.Errorf("look for a head: %w", err)
	}
	if there {
		return nil
	}
	return s.put(ctx, h.Name(), "application/json", bytes.NewReader(append(content, '\n')))
}

// Heads returns every head of a chain that is kept, of which Chain, Number and
// Hash are set, by its name.
func (s *Store) Heads(ctx context.Context, chain string) (map[string]Head, error) {
	heads := map[string]Head{}
	objects := s.bucket.List(&blob.ListOptions{Prefix: headPrefix + chain + "/"})
	for {
		object, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			return heads, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list heads: %w", err)
		}
		number, hash, ok := strings.Cut(strings.TrimSuffix(path.Base(object.Key), ".json"), "-")
		n, numberErr := strconv.ParseInt(number, 10, 64)
		sum, hashErr := hex.DecodeString(hash)
		if !ok || errors.Join(numberErr, hashErr) != nil {
			return nil, fmt.Errorf("list heads: %s is none", object.Key)
		}
		heads[object.Key] = Head{Chain: chain, Number: n, Hash: sum}
	}
}
