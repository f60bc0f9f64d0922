package web

import (
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"
)

// moreAfter is how many bytes of an archive are sent before its transfer is given
// more time.
const moreAfter = 1 << 20

// Archive is a file of a length that nobody knows on its way to the client. It is
// written as it is made.
type Archive struct {
	c    *gin.Context
	sent int
}

// BeginZIP begins to answer with a ZIP file, a download under the given name,
// which no cache keeps.
func BeginZIP(c *gin.Context, name string) *Archive {
	ForFile(c)
	header := c.Writer.Header()
	header.Set("Content-Type", "application/zip")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	header.Set("Cache-Control", "private, no-store")
	c.Status(http.StatusOK)
	return &Archive{c: c}
}

// Write implements io.Writer.
func (a *Archive) Write(p []byte) (int, error) {
	n, err := a.c.Writer.Write(p)
	if err != nil {
		stateOf(a.c).gone = true
	}
	if a.sent += n; a.sent >= moreAfter {
		a.sent = 0
		ForFile(a.c)
	}
	return n, err
}

// End ends the file with what has become of it: an error breaks it off, since only
// a broken connection tells the client that it is not complete.
func (a *Archive) End(err error) {
	switch {
	case err == nil:
		a.c.Writer.Flush()
	case !stateOf(a.c).gone:
		Fail(a.c, err)
	}
}
