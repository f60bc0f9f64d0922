package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

// File is a stored file on its way to a browser.
type File struct {
	ContentType string
	Size        int64
	// Name makes it a download under that name; empty shows it in place.
	Name string
}

// SendFile answers with a file, of which a browser runs nothing and which no
// cache keeps. An error before the first byte is answered as such; after it
// the connection is broken off.
func SendFile(c *gin.Context, f File, content io.Reader) {
	ForFile(c)
	header := c.Writer.Header()
	header.Set("Content-Type", f.ContentType)
	header.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	header.Set("Content-Security-Policy", strictPolicy+"; sandbox")
	header.Set("Cache-Control", "private, no-store")
	if f.Name != "" {
		header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	}
	from := &tracked{reader: io.LimitReader(content, f.Size)}
	c.Status(http.StatusOK)
	n, err := io.Copy(onlyWriter{c.Writer}, from)
	switch {
	case from.err != nil:
		Fail(c, fmt.Errorf("read a stored file: %w", from.err))
	case err != nil:
		stateOf(c).gone = true
	case n != f.Size:
		Fail(c, fmt.Errorf("a stored file has %d bytes instead of %d", n, f.Size))
	}
}

// tracked remembers the error of its reader, to tell it from the writer's.
type tracked struct {
	reader io.Reader
	err    error
}

func (t *tracked) Read(p []byte) (int, error) {
	n, err := t.reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return n, err
}

// onlyWriter hides every other method of a writer from io.Copy, which would
// otherwise write an answer's head before the first byte was read.
type onlyWriter struct{ io.Writer }
