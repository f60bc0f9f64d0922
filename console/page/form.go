package page

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"kibali/domain/fault"
	"kibali/web"
)

// maxForm is how many bytes a posted form may have: ten thousand characters of
// any script in each of its fields, and more, so that what is too long is told
// beside its field and nothing typed is lost.
const maxForm = 2 << 20

// maxLongForm is the same for a form of fifty fields.
const maxLongForm = 6 << 20

// Form is what a reader typed, or chose, and what was wrong with it.
type Form struct {
	values url.Values
	// Problems are details by field, to be shown beside it.
	Problems map[string]fault.Field
	// Wrong are the same in the order of the fields, to be listed.
	Wrong []fault.Field
}

// NewForm returns a form that holds the given names and values in turn.
func NewForm(values ...string) *Form {
	f := &Form{values: url.Values{}}
	for i := 0; i+1 < len(values); i += 2 {
		f.values.Set(values[i], values[i+1])
	}
	return f
}

// ReadForm reads a posted form. It returns fault.UnsupportedMediaType for
// another body, fault.TooLarge for one of more than two megabytes, and
// fault.Malformed for what cannot be read: invalid UTF-8, NUL.
func ReadForm(c *gin.Context) (*Form, error) { return readForm(c, maxForm) }

// ReadLongForm is ReadForm for staff and up to six megabytes.
func ReadLongForm(c *gin.Context) (*Form, error) { return readForm(c, maxLongForm) }

func readForm(c *gin.Context, most int64) (*Form, error) {
	kind, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, fault.New(fault.UnsupportedMediaType, "The form was sent in a way that is not understood.")
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, most)
	if err := c.Request.ParseForm(); err != nil {
		return nil, web.BodyFault(c, err)
	}
	f := &Form{values: c.Request.PostForm} //nolint:forbidigo // the fields of a form, and no call
	for _, values := range f.values {
		for _, value := range values {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				return nil, fault.New(fault.Malformed, "The form holds characters that cannot be read.")
			}
		}
	}
	return f, nil
}

// Set gives a field one value.
func (f *Form) Set(name, value string) { f.values.Set(name, value) }

// Value returns the first value of a field, "" when it has none.
func (f *Form) Value(name string) string {
	if f == nil {
		return ""
	}
	return f.values.Get(name)
}

// Values returns all values of a field.
func (f *Form) Values(name string) []string { return f.values[name] }

// All returns every field with its values.
func (f *Form) All() url.Values { return f.values }

// Refused keeps what err says of fields and reports whether it is of that kind:
// the form is then shown again.
func (f *Form) Refused(err error) bool {
	refused := fault.As(err)
	if refused == nil || refused.Code != fault.Invalid && refused.Code != fault.Taken || len(refused.Fields) == 0 {
		return false
	}
	f.Problems, f.Wrong = map[string]fault.Field{}, refused.Fields
	for _, field := range refused.Fields {
		f.Problems[field.Field] = field
	}
	return true
}

// Problem returns what is wrong with a field, nil when nothing is.
func (f *Form) Problem(name string) *fault.Field {
	if f == nil {
		return nil
	}
	if field, ok := f.Problems[name]; ok {
		return &field
	}
	return nil
}
