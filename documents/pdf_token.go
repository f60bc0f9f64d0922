package documents

import "bytes"

// forbiddenName returns the reason of the first name in data that no accepted
// PDF has, or "". The short names count only in text that holds objects: in a
// long run of compressed bytes they come up by chance.
func forbiddenName(data []byte, objects bool) Reason {
	var buffer [longestPlainName]byte
	for {
		slash := bytes.IndexByte(data, '/')
		if slash < 0 {
			return ""
		}
		data = data[slash+1:]
		name, _ := decodeName(data, buffer[:0])
		if reason := reasonOf(name, objects); reason != "" {
			return reason
		}
	}
}

// longestPlainName is longer than every name that means anything to this
// package; of longer names only the start is decoded.
const longestPlainName = 20

func reasonOf(name []byte, objects bool) Reason {
	switch string(name) {
	case "Encrypt":
		return ReasonEncrypted
	case "JavaScript", "Launch", "ImportData", "GoToR", "GoToE", "Rendition", "RichMedia", "Movie", "OnInstantiate", "XFA":
		return ReasonActiveContent
	case "EmbeddedFile", "EmbeddedFiles", "FileAttachment":
		return ReasonEmbeddedFiles
	case "JS":
		if objects {
			return ReasonActiveContent
		}
	case "EF":
		if objects {
			return ReasonEmbeddedFiles
		}
	}
	return ""
}

// decodeName appends the name at the start of data, which follows a slash, to
// buffer with its #xx escapes resolved. It appends at most cap(buffer) bytes and
// returns how many bytes of data the name takes up to there.
func decodeName(data, buffer []byte) (name []byte, taken int) {
	for taken < len(data) && isRegular(data[taken]) {
		if len(buffer) == cap(buffer) {
			break
		}
		c := data[taken]
		if c == '#' && taken+2 < len(data) && isHex(data[taken+1]) && isHex(data[taken+2]) {
			c = hexValue(data[taken+1])<<4 | hexValue(data[taken+2])
			taken += 2
		}
		buffer = append(buffer, c)
		taken++
	}
	return buffer, taken
}

type tokenKind int

const (
	tokenEnd   tokenKind = iota
	tokenName            // text is the name, decoded
	tokenOpen            // text is '<' for a dictionary or '[' for an array
	tokenClose           // text is the bracket that it closes
	tokenWord            // a number or a keyword
)

// pdfTokens reads the tokens of objects. Strings and comments are skipped.
type pdfTokens struct {
	data   []byte
	at     int
	buffer [longestPlainName]byte
}

// next returns the next token. Its text is valid until the call after.
func (t *pdfTokens) next() (tokenKind, []byte) {
	for t.at < len(t.data) {
		c := t.data[t.at]
		t.at++
		switch c {
		case '/':
			return tokenName, t.name()
		case '(':
			t.skipString()
		case '%':
			t.skipTo("\r\n")
		case '[':
			return tokenOpen, []byte("[")
		case ']':
			return tokenClose, []byte("[")
		case '<':
			if t.at < len(t.data) && t.data[t.at] == '<' {
				t.at++
				return tokenOpen, []byte("<")
			}
			t.skipTo(">")
		case '>':
			if t.at < len(t.data) && t.data[t.at] == '>' {
				t.at++
				return tokenClose, []byte("<")
			}
		default:
			if isRegular(c) {
				start := t.at - 1
				t.skipRegular()
				return tokenWord, t.data[start:t.at]
			}
		}
	}
	return tokenEnd, nil
}

func (t *pdfTokens) name() []byte {
	name, taken := decodeName(t.data[t.at:], t.buffer[:0])
	t.at += taken
	t.skipRegular()
	return name
}

func (t *pdfTokens) skipRegular() {
	for t.at < len(t.data) && isRegular(t.data[t.at]) {
		t.at++
	}
}

// skipTo moves behind the next of the given bytes, or to the end.
func (t *pdfTokens) skipTo(bytesOf string) {
	i := bytes.IndexAny(t.data[t.at:], bytesOf)
	if i < 0 {
		t.at = len(t.data)
		return
	}
	t.at += i + 1
}

// skipString moves behind a literal string, in which brackets nest and a
// backslash takes away the meaning of what follows.
func (t *pdfTokens) skipString() {
	for depth := 1; t.at < len(t.data) && depth > 0; t.at++ {
		switch t.data[t.at] {
		case '\\':
			t.at++
		case '(':
			depth++
		case ')':
			depth--
		}
	}
	t.at = min(t.at, len(t.data))
}

// isRegular reports whether c is neither white space nor a delimiter.
func isRegular(c byte) bool {
	switch c {
	case 0, '\t', '\n', '\f', '\r', ' ', '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return false
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || (c|0x20 >= 'a' && c|0x20 <= 'f') }

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
