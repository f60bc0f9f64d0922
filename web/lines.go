package web

import (
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"
)

// LinesFile is a file of JSON lines on its way to the client. It is written as
// it is made, whatever its length.
type LinesFile struct{ c *gin.Context }

// BeginLines begins to answer with a file, a download under the given name.
func BeginLines(c *gin.Context, name string) *LinesFile {
	ForFile(c)
	header := c.Writer.Header()
	header.Set("Content-Type", "application/jsonl")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	header.Set("Cache-Control", "private, no-store")
	c.Status(http.StatusOK)
	return &LinesFile{c}
}

// Line adds a line. It returns false when the client has gone: nobody reads any
// more of it.
func (f *LinesFile) Line(line []byte) bool {
	if _, err := f.c.Writer.Write(append(line, '\n')); err != nil {
		stateOf(f.c).gone = true
		return false
	}
	return true
}

// More says that there is more to come, and gives the transfer more time.
func (f *LinesFile) More() {
	f.End()
	ForFile(f.c)
}

// End sends what was added.
func (f *LinesFile) End() {
	f.c.Writer.WriteHeaderNow()
	f.c.Writer.Flush()
}

// Fail breaks the file off: only a broken connection tells the client that it
// is not complete. An error before anything was sent is answered as such.
func (f *LinesFile) Fail(err error) { Fail(f.c, err) }
