package web

import (
	"bufio"
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode"

	"github.com/gin-gonic/gin"

	"kibali/domain/account"
	"kibali/domain/fault"
)

// MaxUpload is the size in bytes of the largest file, which is storage's.
const MaxUpload = 10 << 20

const (
	// formOverhead is what the form may have around the file.
	formOverhead = 16 << 10
	maxKind      = 64
	maxFileName  = 200
)

// UploadForm is a multipart form with a kind and one file, in either order. It
// is never held: reading from it reads the file as it arrives, and the end of
// the file is told only after the rest of the form was found in order.
//
// A file without a name and without a byte is none: it is what a browser sends
// of a field in which nothing was chosen.
type UploadForm struct {
	c       *gin.Context
	body    *formBody
	parts   *multipart.Reader
	file    *multipart.Part
	content *bufio.Reader // of file
	kind    string
	end     error // of reading, once it was reached
}

// ReadUploadForm reads the form as far as the file. It returns
// fault.Malformed for what is no such form, and fault.Invalid when a part is
// missing, beside what the form says of the kind, or when the kind is none.
func ReadUploadForm(c *gin.Context) (*UploadForm, error) {
	boundary, ok := formBoundary(c.Request)
	if !ok {
		return nil, fault.New(fault.Malformed, "The body must be a form, sent with one Content-Type: multipart/form-data and no Content-Encoding.")
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, MaxUpload+formOverhead)
	form := &UploadForm{c: c, body: newFormBody(c.Request.Body, boundary)}
	form.parts = multipart.NewReader(form.body, boundary)
	if err := form.advance(); err != nil {
		return nil, err
	}
	if form.file != nil {
		return form, nil
	}
	fields := []fault.Field{{Field: "file"}}
	if form.kind == "" {
		fields = append(fields, fault.Field{Field: "kind"})
	}
	return form, missing(fields...)
}

// formBoundary returns what stands between the parts of a request's form.
func formBoundary(r *http.Request) (string, bool) {
	mediaType, parameters := bodyType(r)
	boundary := parameters["boundary"]
	return boundary, mediaType == "multipart/form-data" && boundary != "" && len(boundary) <= maxBoundary
}

// maxBoundary is how long a boundary may be (RFC 2046).
const maxBoundary = 70

// formBody reads the body of a form, and notices its end and what stands behind that.
type formBody struct {
	from   io.Reader
	ending []byte
	tail   []byte // as much of what was read last as could begin the ending
	ended  bool
	more   bool
}

func newFormBody(from io.Reader, boundary string) *formBody {
	return &formBody{from: from, ending: []byte("\n--" + boundary + "--"), tail: []byte("\n")}
}

func (b *formBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	behind := p[:n]
	if !b.ended {
		behind = b.pass(behind)
	}
	b.more = b.more || len(bytes.Trim(behind, " \t\r\n")) > 0
	return n, err
}

// pass returns what of the next bytes stands behind the ending.
func (b *formBody) pass(next []byte) []byte {
	kept := len(b.ending) - 1
	seam := append(bytes.Clone(b.tail), next[:min(len(next), kept)]...)
	if at := bytes.Index(seam, b.ending); at >= 0 {
		b.ended = true
		return next[at+len(b.ending)-len(b.tail):]
	}
	if at := bytes.Index(next, b.ending); at >= 0 {
		b.ended = true
		return next[at+len(b.ending):]
	}
	if len(next) >= kept {
		seam = next
	}
	b.tail = bytes.Clone(seam[max(0, len(seam)-kept):])
	return nil
}

// advance reads parts up to the file, or to the end when it was found already.
func (f *UploadForm) advance() error {
	for {
		part, err := f.parts.NextPart()
		if err == io.EOF { // a wrapped one is a body that ended early
			return f.finish()
		}
		if err != nil {
			return f.broken(err)
		}
		name, content := part.FormName(), bufio.NewReader(part)
		if name == "file" && part.FileName() == "" {
			if _, err := content.Peek(1); err == io.EOF {
				continue
			}
		}
		switch {
		case name == "kind" && f.kind == "":
			if err := f.readKind(content); err != nil {
				return err
			}
		case name == "file" && f.file == nil:
			f.file, f.content = part, content
			return nil
		case name == "kind" || name == "file":
			return malformedPart(name, "duplicate_field", "Must be given once.")
		default:
			return fault.New(fault.Malformed, "The form has the parts kind and file, and no others.")
		}
	}
}

// finish reads what is left of the body, and returns fault.Malformed when there is
// anything behind the form.
func (f *UploadForm) finish() error {
	if _, err := io.Copy(io.Discard, f.body); err != nil {
		return f.broken(err)
	}
	if !f.body.ended || f.body.more {
		return fault.New(fault.Malformed, "The body must hold one form and nothing else.")
	}
	return nil
}

func (f *UploadForm) readKind(part io.Reader) error {
	value, err := io.ReadAll(io.LimitReader(part, maxKind+1))
	if err != nil {
		return f.broken(err)
	}
	kind, field := account.ParseDocumentKind(string(value))
	if field != nil {
		return fault.InvalidFields(*field)
	}
	f.kind = string(kind)
	return nil
}

// Read reads the file.
func (f *UploadForm) Read(p []byte) (int, error) {
	if f.end != nil {
		return 0, f.end
	}
	n, err := f.content.Read(p)
	switch {
	case err == nil:
		return n, nil
	case err != io.EOF:
		f.end = f.broken(err)
	default:
		f.end = f.rest()
	}
	return n, f.end
}

// rest reads what stands behind the file, and returns io.EOF when all of the
// form was in order.
func (f *UploadForm) rest() error {
	if err := f.advance(); err != nil {
		return err
	}
	if f.kind == "" {
		return missing(fault.Field{Field: "kind"})
	}
	return io.EOF
}

// Kind returns what the form says of the document. It is known once
// the file was read.
func (f *UploadForm) Kind() (string, error) { return f.kind, nil }

// broken is the fault of a form that cannot be read on: it is too large, its
// body ended, or it is not what its boundary promised.
func (f *UploadForm) broken(err error) error {
	bodyFault := BodyFault(f.c, err)
	if fault.Is(bodyFault, fault.TooLarge) {
		return bodyFault
	}
	return fault.New(fault.Malformed, "The body is not a complete multipart/form-data form.")
}

func missing(fields ...fault.Field) error {
	for i := range fields {
		fields[i].Code, fields[i].Detail = codeRequired, "Must be given."
	}
	return fault.InvalidFields(fields...)
}

func malformedPart(name, code, detail string) error {
	e := fault.New(fault.Malformed, "The form cannot be read.")
	e.Fields = []fault.Field{{Field: name, Code: code, Detail: detail}}
	return e
}

// FileName returns the name that the applicant gave the file, as FileName
// makes it.
func (f *UploadForm) FileName() string { return FileName(f.file.FileName()) }

// FileName makes the name that somebody gave a file one for display: the last
// element of a path in either notation, without control characters and others
// that are not seen, "document" when nothing is left.
func FileName(name string) string {
	name = strings.ToValidUTF8(name, "")
	if at := strings.LastIndexAny(name, `/\`); at >= 0 {
		name = name[at+1:]
	}
	name = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, name)
	name = strings.TrimSpace(name)
	if runes := []rune(name); len(runes) > maxFileName {
		name = string(runes[:maxFileName])
	}
	if strings.Trim(name, ".") == "" {
		return "document"
	}
	return name
}
