package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"kibali/web"
)

//go:embed static/*.css static/*.js static/*.svg
var staticFiles embed.FS

// AssetsRoute is the route of Assets.Serve.
const AssetsRoute = "/static/:file"

// Assets are the files that pages refer to, each under a name that changes with
// its content, so that a browser keeps it for as long as it likes.
type Assets struct {
	addresses map[string]string // by the name in the folder
	files     map[string]asset  // by the name in the address
}

type asset struct {
	contentType string
	plain       []byte
	compressed  []byte // gzip; nil where that is no smaller
}

// NewAssets reads the shared files and those in the top of each of folders.
func NewAssets(folders ...fs.FS) (*Assets, error) {
	shared, err := fs.Sub(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	a := &Assets{addresses: map[string]string{}, files: map[string]asset{}}
	for _, folder := range append([]fs.FS{shared}, folders...) {
		if err := a.add(folder); err != nil {
			return nil, fmt.Errorf("read assets: %w", err)
		}
	}
	return a, nil
}

func (a *Assets) add(folder fs.FS) error {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		content, err := fs.ReadFile(folder, entry.Name())
		if err != nil {
			return err
		}
		if err := a.keep(entry.Name(), content); err != nil {
			return err
		}
	}
	return nil
}

func (a *Assets) keep(name string, content []byte) error {
	if a.addresses[name] != "" {
		return fmt.Errorf("there are two files named %s", name)
	}
	sum := sha256.Sum256(content)
	extension := path.Ext(name)
	printed := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:6]) + extension
	compressed, err := compress(content, gzip.BestCompression)
	if err != nil {
		return err
	}
	if len(compressed) >= len(content) {
		compressed = nil
	}
	a.addresses[name] = strings.Replace(AssetsRoute, ":file", printed, 1)
	a.files[printed] = asset{contentType: contentTypeOf(extension), plain: content, compressed: compressed}
	return nil
}

func contentTypeOf(extension string) string {
	switch extension { // the machine's own table may say otherwise
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(extension)
}

func compress(content []byte, level int) ([]byte, error) {
	var buffer bytes.Buffer
	w, err := gzip.NewWriterLevel(&buffer, level)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// Address returns where a file is, by its name in the folder.
func (a *Assets) Address(name string) (string, error) {
	address, ok := a.addresses[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return address, nil
}

// Serve answers with a file. One whose content has changed since the page was
// made is not found.
func (a *Assets) Serve(c *gin.Context) {
	file, ok := a.files[c.Param("file")]
	if !ok {
		web.NotFound(c)
		return
	}
	header := c.Writer.Header()
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	web.Send(c, http.StatusOK, file.contentType, choose(c, file.plain, file.compressed))
}

// choose returns the compressed form of a body for those who take it, and says
// so; nil says that there is none.
func choose(c *gin.Context, plain, compressed []byte) []byte {
	header := c.Writer.Header()
	header.Add("Vary", "Accept-Encoding")
	if compressed == nil || !takesGzip(c.GetHeader("Accept-Encoding")) {
		return plain
	}
	header.Set("Content-Encoding", "gzip")
	return compressed
}

// takesGzip reads an Accept-Encoding header.
func takesGzip(accepted string) bool {
	for part := range strings.SplitSeq(accepted, ",") {
		name, weight, weighted := strings.Cut(part, ";")
		if name = strings.TrimSpace(name); !strings.EqualFold(name, "gzip") && name != "*" {
			continue
		}
		if !weighted {
			return true
		}
		_, value, _ := strings.Cut(weight, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return err == nil && q > 0
	}
	return false
}
