package documents

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:///var/lib/kibali/documents
	_ "gocloud.dev/blob/memblob"  // mem://
	_ "gocloud.dev/blob/s3blob"   // s3://bucket?region=...&endpoint=...
	"gocloud.dev/gcerrors"
	"golang.org/x/sync/semaphore"

	"kibali/domain/fault"
)

// The folders of the bucket. Keys are made here and nowhere else.
const (
	originalPrefix = "originals/"
	pagePrefix     = "pages/"
	probePrefix    = "probes/"
)

// How many uploads of one process are checked and committed at a time. A check
// holds the whole file in a buffer that is used again, a commit to S3 holds a
// part of it, so these bound the memory that uploads can take; slow clients wait
// on disk and hold neither.
const (
	concurrentChecks  = 2
	concurrentCommits = 4
)

// cleanupTimeout bounds the removal of what a failed write may have left, which
// goes on after the caller's context has ended.
const cleanupTimeout = 10 * time.Second

// Store keeps originals and page images in one bucket. It is safe for
// concurrent use.
type Store struct {
	bucket  *blob.Bucket
	checks  chan []byte // one buffer for each upload that may be checked now
	commits *semaphore.Weighted
}

// Open opens the bucket at bucketURL: file:///folder (made when missing, private
// to its owner), s3://bucket with the driver's query parameters (region,
// endpoint, use_path_style, ... for S3-compatible servers; credentials from the
// AWS environment), or mem:// for tests. It does not touch the network; use
// Check for that. Close releases it.
func Open(ctx context.Context, bucketURL string) (*Store, error) {
	location, err := withFileDefaults(bucketURL)
	if err != nil {
		return nil, err
	}
	bucket, err := blob.OpenBucket(ctx, location)
	if err != nil {
		return nil, fmt.Errorf("open document storage: %w", err)
	}
	s := &Store{
		bucket:  bucket,
		checks:  make(chan []byte, concurrentChecks),
		commits: semaphore.NewWeighted(concurrentCommits),
	}
	for range concurrentChecks {
		s.checks <- nil // grows to what the largest upload needs
	}
	return s, nil
}

// withFileDefaults completes a file URL: the folder is made on first use with
// mode 0700, unfinished files live beside finished ones so that publishing one
// is a rename, and there are no side files with attributes. Parameters that the
// URL sets itself win.
func withFileDefaults(bucketURL string) (string, error) {
	u, err := url.Parse(bucketURL)
	if err != nil {
		// The parser's error would repeat the URL, which may hold a secret.
		return "", errors.New("open document storage: the URL is malformed")
	}
	if u.Scheme != "file" {
		return bucketURL, nil
	}
	query := u.Query()
	for name, value := range map[string]string{
		"create_dir": "true", "dir_file_mode": "0700", "no_tmp_dir": "true", "metadata": "skip",
	} {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// Close releases the bucket.
func (s *Store) Close() error {
	return s.bucket.Close()
}

// Check writes, reads back and deletes a small object, and returns what failed.
func (s *Store) Check(ctx context.Context) error {
	key := probePrefix + randomHex()
	want := []byte("kibali storage probe " + key)
	if err := s.put(ctx, key, "text/plain", bytes.NewReader(want)); err != nil {
		return fmt.Errorf("write to document storage: %w", err)
	}
	got, readErr := s.bucket.ReadAll(ctx, key)
	deleteErr := s.Delete(ctx, key)
	switch {
	case readErr != nil:
		return fmt.Errorf("read from document storage: %w", readErr)
	case !bytes.Equal(got, want):
		return errors.New("document storage returned other bytes than were written")
	case deleteErr != nil:
		return fmt.Errorf("delete from document storage: %w", deleteErr)
	}
	return nil
}

// Original opens an original by the key that Receive returned. The caller closes
// the reader and serves it as an attachment with nosniff only. It returns
// fault.NotFound when there is none.
func (s *Store) Original(ctx context.Context, key string) (content io.ReadCloser, size int64, err error) {
	return s.open(ctx, originalPrefix, key)
}

// Page opens a page image by the key of a Page. The caller closes the reader. It
// returns fault.NotFound when there is none.
func (s *Store) Page(ctx context.Context, key string) (content io.ReadCloser, size int64, err error) {
	return s.open(ctx, pagePrefix, key)
}

// Delete removes originals and pages by key; one that is already gone is not an
// error. It tries every key and returns all failures.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	var failures []error
	for _, key := range keys {
		if err := s.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			failures = append(failures, fmt.Errorf("delete %s: %w", key, err))
		}
	}
	return errors.Join(failures...)
}

// Discard removes an original and every page image that was ever drawn of it,
// those of attempts that were lost included. It can be repeated; what is gone
// already is not an error.
func (s *Store) Discard(ctx context.Context, originalKey string) error {
	if !strings.HasPrefix(originalKey, originalPrefix) || path.Clean(originalKey) != originalKey {
		return fmt.Errorf("discard %s: not the key of an original", originalKey)
	}
	keys := []string{originalKey}
	pages := s.bucket.List(&blob.ListOptions{Prefix: pagesOf(originalKey)})
	for {
		page, err := pages.Next(ctx)
		if errors.Is(err, io.EOF) {
			return s.Delete(ctx, keys...)
		}
		if err != nil {
			return fmt.Errorf("list the pages of %s: %w", originalKey, err)
		}
		keys = append(keys, page.Key)
	}
}

func (s *Store) open(ctx context.Context, prefix, key string) (io.ReadCloser, int64, error) {
	if !strings.HasPrefix(key, prefix) || path.Clean(key) != key {
		return nil, 0, fault.New(fault.NotFound, "There is no such file.")
	}
	reader, err := s.bucket.NewReader(ctx, key, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, 0, fault.New(fault.NotFound, "There is no such file.")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open %s: %w", key, err)
	}
	size := reader.Size()
	return reader, size, nil
}

// put writes one object. It is published when put returns nil and not before;
// when put fails, nothing is left under the key that was not there before,
// unless storage stays out of reach.
func (s *Store) put(ctx context.Context, key, contentType string, content io.Reader) error {
	writing, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.NewWriter(writing, key, &blob.WriterOptions{
		ContentType:                 contentType,
		ContentDisposition:          "attachment",
		DisableContentTypeDetection: true,
		MaxConcurrency:              1,
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	if _, err := io.Copy(w, content); err != nil {
		cancel() // a writer whose context has ended publishes nothing
		_ = w.Close()
		return fmt.Errorf("write %s: %w", key, err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

// newOriginalKey returns a key with 128 random bits. Its first byte is a folder
// of its own, so that no folder of a file system grows without bound.
func newOriginalKey() string {
	name := randomHex()
	return originalPrefix + name[:2] + "/" + name
}

// pageKey returns the key of page number of an original. It follows from the
// original's key, so that rendering again after a crash overwrites what the lost
// attempt wrote instead of orphaning it.
func pageKey(originalKey string, number int) string {
	return pagesOf(originalKey) + strconv.Itoa(number)
}

// pagesOf is what the keys of all pages of an original begin with.
func pagesOf(originalKey string) string {
	return pagePrefix + strings.TrimPrefix(originalKey, originalPrefix) + "/"
}

func randomHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}
