package web

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// brokenField returns the path of the field in whose value, or behind it, a text
// stops being JSON: amounts such as NaN or 0x10 are to be named as well. It is
// "" where no field has begun.
func brokenField(body []byte) string {
	tokens := json.NewDecoder(bytes.NewReader(body))
	tokens.UseNumber()
	var open []level
	for {
		token, err := tokens.Token()
		if err != nil {
			return pathOf(open)
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{object: true, atName: true})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = passed(open[:len(open)-1])
		default:
			if last := len(open) - 1; last >= 0 && open[last].atName {
				open[last].name, open[last].atName = token.(string), false
				continue
			}
			open = passed(open)
		}
	}
}

// level is an object or an array that has not ended.
type level struct {
	object bool
	atName bool   // of an object, whether a name is next
	name   string // of an object's last member
	index  int    // of an array's next element
}

// passed notes that the innermost level has had a value.
func passed(open []level) []level {
	if last := len(open) - 1; last >= 0 {
		open[last].atName = open[last].object
		open[last].index++
	}
	return open
}

func pathOf(open []level) string {
	path := ""
	for _, l := range open {
		switch {
		case l.object && l.name == "":
			return path
		case l.object:
			path = join(path, l.name)
		default:
			path = fmt.Sprintf("%s[%d]", path, l.index)
		}
	}
	return printable(path)
}
