package web

import (
	"reflect"
	"strings"
	"sync"
)

// shape is what the decoder must know of a struct, worked out once per type.
type shape struct {
	members []member
	index   map[string]int // of members, by name
}

type member struct {
	name     string
	field    int
	required bool
}

var shapes sync.Map // reflect.Type -> *shape

func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	s := &shape{index: map[string]int{}}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || name == "" {
			continue
		}
		s.index[name] = len(s.members)
		s.members = append(s.members, member{name: name, field: i, required: !strings.Contains(options, "omit")})
	}
	shapes.Store(t, s)
	return s
}
