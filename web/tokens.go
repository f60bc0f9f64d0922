package web

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// next returns the next token: a json.Delim, string, json.Number, bool or nil.
// It returns an error for a string that Go cannot hold as it was sent. Commas
// and colons are no tokens: in valid JSON nothing else can stand there.
func (d *decoder) next(path string) (json.Token, error) {
	d.skip()
	switch first := d.rest[0]; first {
	case '{', '}', '[', ']':
		d.rest = d.rest[1:]
		return json.Delim(first), nil
	case '"':
		return d.text(path)
	case 't':
		d.rest = d.rest[len("true"):]
		return true, nil
	case 'f':
		d.rest = d.rest[len("false"):]
		return false, nil
	case 'n':
		d.rest = d.rest[len("null"):]
		return nil, nil
	}
	end := bytes.IndexFunc(d.rest, func(r rune) bool { return strings.ContainsRune(" \t\r\n,]}", r) })
	if end < 0 {
		end = len(d.rest)
	}
	number := json.Number(d.rest[:end])
	d.rest = d.rest[end:]
	return number, nil
}

// more reports whether there is another element before the closing bracket.
func (d *decoder) more() bool {
	d.skip()
	return d.rest[0] != ']' && d.rest[0] != '}'
}

func (d *decoder) skip() {
	d.rest = bytes.TrimLeft(d.rest, " \t\r\n,:")
}

// text reads a string.
func (d *decoder) text(path string) (json.Token, error) {
	end, escaped := 1, false
	for ; d.rest[end] != '"'; end++ {
		if d.rest[end] == '\\' {
			escaped = true
			end++
		}
	}
	raw := d.rest[:end+1]
	d.rest = d.rest[end+1:]
	if !escaped {
		return string(raw[1:end]), nil
	}
	if !soundEscapes(raw) {
		return nil, malformedField(path, codeCharacter, "Must not contain NUL or half of a surrogate pair.")
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, malformedField(path, codeInvalid, "Cannot be read.")
	}
	return s, nil
}

// soundEscapes reports whether a JSON text holds neither \u0000 nor an escaped
// surrogate without its other half. encoding/json would replace the latter
// silently.
func soundEscapes(raw []byte) bool {
	for {
		at := bytes.IndexByte(raw, '\\')
		if at < 0 {
			return true
		}
		raw = raw[at+1:]
		if raw[0] != 'u' {
			raw = raw[1:]
			continue
		}
		unit := escapedUnit(raw)
		raw = raw[5:]
		switch {
		case unit == 0 || unit >= 0xDC00 && unit <= 0xDFFF:
			return false
		case unit >= 0xD800 && unit <= 0xDBFF:
			if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
				return false
			}
			if low := escapedUnit(raw[1:]); low < 0xDC00 || low > 0xDFFF {
				return false
			}
			raw = raw[6:]
		}
	}
}

// escapedUnit returns the code unit of the escape whose "u" raw begins with;
// the JSON is known to be valid.
func escapedUnit(raw []byte) uint64 {
	unit, _ := strconv.ParseUint(string(raw[1:5]), 16, 16)
	return unit
}
