package web

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"kibali/domain/fault"
)

// MaxJSON is how many bytes a JSON body may have.
const MaxJSON = 64 << 10

// The codes that decoding gives to a field.
const (
	codeUnknown   = "unknown_field"
	codeDuplicate = "duplicate_field"
	codeWrongType = "wrong_type"
	codeCharacter = "invalid_character"
	codeRequired  = "required"
	codeInvalid   = "invalid"
)

// Decode reads the request's JSON body into the struct that into points to.
// It returns fault.TooLarge for a body above MaxJSON, and otherwise what
// DecodeJSON returns.
func Decode(c *gin.Context, into any) error {
	if err := requireJSON(c.Request); err != nil {
		return err
	}
	body, err := ReadBody(c, MaxJSON)
	if err != nil {
		return err
	}
	return DecodeJSON(body, into)
}

// DecodeOptional is Decode for a body that may be left out: a request without
// one reads as {}.
func DecodeOptional(c *gin.Context, into any) error {
	if c.Request.ContentLength < 0 { // its length is not told beforehand
		body, err := ReadBody(c, MaxJSON)
		if err != nil {
			return err
		}
		c.Request.Body, c.Request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	if c.Request.ContentLength == 0 {
		return DecodeJSON([]byte("{}"), into)
	}
	return Decode(c, into)
}

func requireJSON(r *http.Request) error {
	malformed := fault.New(fault.Malformed, "The body must be JSON in UTF-8, sent with Content-Type: application/json and no Content-Encoding.")
	mediaType, parameters := bodyType(r)
	if mediaType != "application/json" {
		return malformed
	}
	for name, value := range parameters {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return malformed
		}
	}
	return nil
}

// bodyType returns what a request says that its body is, and the parameters of
// that: "" unless it says so once, and of a body that is sent as it is.
func bodyType(r *http.Request) (mediaType string, parameters map[string]string) {
	types := r.Header["Content-Type"]
	if len(types) != 1 || len(r.Header["Content-Encoding"]) != 0 {
		return "", nil
	}
	if types[0] == "application/json" {
		return types[0], nil // as nearly all are
	}
	mediaType, parameters, err := mime.ParseMediaType(types[0])
	if err != nil {
		return "", nil
	}
	return mediaType, parameters
}

// ReadBody returns the request's body as it came, or what BodyFault says of one
// with more than limit bytes or that does not arrive.
func ReadBody(c *gin.Context, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	if err != nil {
		return nil, BodyFault(c, err)
	}
	return body, nil
}

// BodyFault says what a failure to read the request's body means:
// fault.TooLarge past the limit of an http.MaxBytesReader, and fault.Malformed for
// a body that ended early or came too slowly. The rest of the body is not
// waited for: the connection ends with the answer.
func BodyFault(c *gin.Context, err error) error {
	c.Header("Connection", "close")
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, "The body may have at most %d bytes.", tooLarge.Limit)
	}
	return fault.New(fault.Malformed, "The body did not arrive complete and in time.")
}

// DecodeJSON reads one JSON object into the struct that into points to, by its
// json tags. Unlike encoding/json it takes a name in its exact spelling only.
//
// It returns fault.Malformed, naming the field where there is one, for what is
// not one JSON object in UTF-8; for an unknown, repeated or case-variant
// field; for a value of another type, including null for a field that is
// required; and for a string with NUL or half of a surrogate pair. It returns
// fault.Invalid with every field that is missing though required, or whose
// string does not read as the field's type (a time, an id).
//
// A field is optional when its tag says omitempty or omitzero; null stands for
// leaving an optional pointer out. Nesting is bounded by that of the struct.
func DecodeJSON(body []byte, into any) error {
	if !utf8.Valid(body) {
		return fault.New(fault.Malformed, "The body is not valid UTF-8.")
	}
	if !json.Valid(body) {
		e := fault.New(fault.Malformed, "The body must hold one JSON object and nothing else.")
		if path := brokenField(body); path != "" {
			e.Fields = []fault.Field{{Field: path, Code: codeInvalid, Detail: "Cannot be read."}}
		}
		return e
	}
	d := decoder{rest: body}
	if err := d.value("", reflect.ValueOf(into).Elem()); err != nil {
		return err
	}
	return fault.InvalidFields(d.invalid...)
}

// decoder reads a body that is valid JSON.
type decoder struct {
	rest    []byte // what has not been read
	invalid []fault.Field
}

func (d *decoder) value(path string, v reflect.Value) error {
	token, err := d.next(path)
	if err != nil {
		return err
	}
	return d.assign(path, token, v)
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func (d *decoder) assign(path string, token json.Token, v reflect.Value) error {
	switch {
	case v.Kind() == reflect.Pointer:
		if token == nil {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return d.assign(path, token, v.Elem())
	case reflect.PointerTo(v.Type()).Implements(textUnmarshaler):
		return d.assignText(path, token, v)
	}
	switch v.Kind() {
	case reflect.Struct:
		if token != json.Delim('{') {
			return wrongType(path, "Must be an object.")
		}
		return d.object(path, v)
	case reflect.Slice:
		if token != json.Delim('[') {
			return wrongType(path, "Must be an array.")
		}
		return d.array(path, v)
	case reflect.String:
		s, ok := token.(string)
		if !ok {
			return wrongType(path, "Must be a string.")
		}
		v.SetString(s)
	case reflect.Bool:
		b, ok := token.(bool)
		if !ok {
			return wrongType(path, "Must be true or false.")
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int32, reflect.Int64:
		number, _ := token.(json.Number)
		n, err := strconv.ParseInt(string(number), 10, v.Type().Bits())
		if err != nil {
			return wrongType(path, fmt.Sprintf("Must be a whole number of at most %d bits.", v.Type().Bits()))
		}
		v.SetInt(n)
	default:
		return fmt.Errorf("decode %s: a field of type %s cannot be read from JSON", path, v.Type())
	}
	return nil
}

// assignText reads a string into a type that parses itself.
func (d *decoder) assignText(path string, token json.Token, v reflect.Value) error {
	s, ok := token.(string)
	if !ok {
		return wrongType(path, "Must be a string.")
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		d.invalid = append(d.invalid, fault.Field{Field: path, Code: codeInvalid, Detail: "Is not of the form that this field has."})
	}
	return nil
}

func (d *decoder) array(path string, v reflect.Value) error {
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for i := 0; d.more(); i++ {
		element := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(fmt.Sprintf("%s[%d]", path, i), element); err != nil {
			return err
		}
		v.Set(reflect.Append(v, element))
	}
	_, err := d.next(path) // the closing bracket
	return err
}

func (d *decoder) object(path string, v reflect.Value) error {
	shape := shapeOf(v.Type())
	seen := make([]bool, len(shape.members))
	for d.more() {
		token, err := d.next(path)
		if err != nil {
			return err
		}
		name := token.(string)
		i, ok := shape.index[name]
		if !ok {
			return unknownField(join(path, name), name, shape)
		}
		if seen[i] {
			return malformedField(join(path, name), codeDuplicate, "Must be given once.")
		}
		seen[i] = true
		if err := d.value(join(path, name), v.Field(shape.members[i].field)); err != nil {
			return err
		}
	}
	if _, err := d.next(path); err != nil { // the closing brace
		return err
	}
	for i, member := range shape.members {
		if member.required && !seen[i] {
			d.invalid = append(d.invalid, fault.Field{Field: join(path, member.name), Code: codeRequired, Detail: "Must be given."})
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func malformedField(path, code, detail string) error {
	e := fault.New(fault.Malformed, "The body cannot be read.")
	if path != "" {
		e.Fields = []fault.Field{{Field: path, Code: code, Detail: detail}}
	}
	return e
}

func wrongType(path, detail string) error {
	if path == "" {
		return fault.New(fault.Malformed, "The body must hold one JSON object and nothing else.")
	}
	return malformedField(path, codeWrongType, detail)
}

// unknownField names a field that is not ours, as far as it is printable and
// short, and the one that was probably meant.
func unknownField(path, name string, s *shape) error {
	detail := "There is no such field."
	for _, member := range s.members {
		if strings.EqualFold(member.name, name) {
			detail = fmt.Sprintf("Must be spelled %q.", member.name)
		}
	}
	return malformedField(printable(path), codeUnknown, detail)
}

// printable returns what may be repeated of a name that a caller made up.
func printable(s string) string {
	const most = 80
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "..."
	}
	return s
}
