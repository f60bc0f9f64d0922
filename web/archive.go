package web

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"
)

// moreAfter is how many bytes of an archive are sent before its transfer is given
// more time.
const moreAfter = 1 << 20

// Archive is a ZIP file that is written as it is sent.
type Archive interface {
	// Name is what the file is called.
	Name() string
	// Write writes the file, and ends with the first error of w.
	Write(ctx context.Context, w io.Writer) error
}

// SendZIP answers with a file, a download that no cache keeps. An error breaks it
// off, since only a broken connection tells the client that it is not complete.
func SendZIP(c *gin.Context, a Archive) {
	ForFile(c)
	header := c.Writer.Header()
	header.Set("Content-Type", "application/zip")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.Name()}))
	header.Set("Cache-Control", "private, no-store")
	c.Status(http.StatusOK)
	switch err := a.Write(c.Request.Context(), &archiveWriter{c: c}); {
	case err == nil:
		c.Writer.Flush()
	case !stateOf(c).gone:
		Fail(c, fmt.Errorf("send a file: %w", err))
	}
}

// archiveWriter gives the client more time as it goes on.
type archiveWriter struct {
	c    *gin.Context
	sent int
}

// Write implements io.Writer.
func (w *archiveWriter) Write(p []byte) (int, error) {
	n, err := w.c.Writer.Write(p)
	if err != nil {
		stateOf(w.c).gone = true
	}
	if w.sent += n; w.sent >= moreAfter {
		w.sent = 0
		ForFile(w.c)
	}
	return n, err
}
