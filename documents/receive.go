package documents

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// MaxSize is the size in bytes of the largest file that is accepted, 10 MiB.
const MaxSize = 10 << 20

// originalContentType is what storage is told about originals, whatever they
// are, so that a bucket exposed by mistake still serves nothing a browser runs.
const originalContentType = "application/octet-stream"

// Received describes an original that was accepted and stored.
type Received struct {
	Key         string   // where it is: random, unguessable
	SHA256      [32]byte // of its bytes
	Size        int64    // in bytes, 1 to MaxSize
	ContentType string   // by content: one of the ContentType constants
}

// Receive reads an upload to its end, checks it and stores it as it came. It
// reads at most MaxSize+1 bytes, and no more than a few kilobytes of a file of
// another type.
//
// A refusal is a fault with one field, "file", whose code is a Reason: TooLarge,
// UnsupportedMediaType, or Invalid for a file of an accepted type whose content
// is not accepted. A failing reader's error is wrapped, an ended context and
// storage failures are plain errors. In none of these cases is anything left in
// the bucket.
//
// The upload waits in an unlinked temporary file until it is complete and
// checked, so that neither an aborted upload nor a killed process leaves a part
// of one, and slow clients cost no memory.
func (s *Store) Receive(ctx context.Context, r io.Reader) (Received, error) {
	u, err := spoolUpload(ctx, r)
	if err != nil {
		return Received{}, err
	}
	defer u.discard()

	if err := s.inspect(ctx, u); err != nil {
		return Received{}, err
	}
	key := newOriginalKey()
	if err := s.commit(ctx, key, u); err != nil {
		return Received{}, err
	}
	return Received{Key: key, SHA256: u.sum, Size: u.size, ContentType: u.contentType}, nil
}

// inspect looks at the whole content of a few uploads at a time.
func (s *Store) inspect(ctx context.Context, u *upload) error {
	var buffer []byte
	select {
	case buffer = <-s.checks:
	case <-ctx.Done():
		return fmt.Errorf("wait to check an upload: %w", ctx.Err())
	}
	defer func() { s.checks <- buffer }()
	if int64(cap(buffer)) < u.size {
		buffer = make([]byte, u.size)
	}
	data := buffer[:u.size]
	if _, err := u.file.ReadAt(data, 0); err != nil {
		return fmt.Errorf("read a spooled upload: %w", err)
	}
	return checkContent(data, u.contentType)
}

func (s *Store) commit(ctx context.Context, key string, u *upload) error {
	if err := s.commits.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("wait to store an upload: %w", err)
	}
	defer s.commits.Release(1)
	err := s.put(ctx, key, originalContentType, io.NewSectionReader(u.file, 0, u.size))
	if err == nil {
		return nil
	}
	// The object may have been published and only the answer lost. The key is
	// ours alone, so it can be removed whichever it was.
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	return errors.Join(err, s.Delete(cleanup, key))
}

// upload is a complete upload in a temporary file.
type upload struct {
	file        *os.File
	sum         [32]byte
	size        int64
	contentType string
}

// spoolUpload copies r into a temporary file and refuses what can be refused on
// the way: an empty file, one of another type, one that is too large.
func spoolUpload(ctx context.Context, r io.Reader) (*upload, error) {
	head, complete, err := readHead(r)
	if err != nil {
		return nil, fmt.Errorf("read an upload: %w", err)
	}
	if len(head) == 0 {
		return nil, refuse(ReasonEmpty)
	}
	contentType, err := detectContentType(head)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp("", "kibali-upload-*")
	if err != nil {
		return nil, fmt.Errorf("spool an upload: %w", err)
	}
	_ = os.Remove(file.Name()) // where an open file cannot be removed, discard does it
	u := &upload{file: file, contentType: contentType}
	if complete {
		r = bytes.NewReader(nil)
	}
	if err := u.fill(ctx, head, r); err != nil {
		u.discard()
		return nil, err
	}
	return u, nil
}

// readHead reads the first sniffLength bytes, or all of a shorter upload, which
// is then complete. It does not use io.ReadFull, whose error for a short upload
// is the one that a request body reports when its client went away.
func readHead(r io.Reader) (head []byte, complete bool, err error) {
	head = make([]byte, sniffLength)
	n := 0
	for n < len(head) {
		read, err := r.Read(head[n:])
		n += read
		if errors.Is(err, io.EOF) {
			return head[:n], true, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return head, false, nil
}

// fill writes the head and the rest of the upload to the file.
func (u *upload) fill(ctx context.Context, head []byte, rest io.Reader) error {
	hash := sha256.New()
	sink := io.MultiWriter(u.file, hash)
	if _, err := sink.Write(head); err != nil {
		return fmt.Errorf("spool an upload: %w", err)
	}
	u.size = int64(len(head))
	buffer := make([]byte, 32<<10)
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read an upload: %w", err)
		}
		n, readErr := rest.Read(buffer)
		u.size += int64(n)
		if u.size > MaxSize {
			return refuse(ReasonTooLarge)
		}
		if _, err := sink.Write(buffer[:n]); err != nil {
			return fmt.Errorf("spool an upload: %w", err)
		}
		if errors.Is(readErr, io.EOF) {
			hash.Sum(u.sum[:0])
			return nil
		}
		if readErr != nil {
			return fmt.Errorf("read an upload: %w", readErr)
		}
	}
}

func (u *upload) discard() {
	_ = u.file.Close()
	_ = os.Remove(u.file.Name())
}
