package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// A tree is an object on its way out: JSON that expansion and versions change.
type tree = map[string]any

// plant turns a Go value into the JSON values that a tree is made of. Numbers
// stay as they were written.
func plant(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return parseJSON(text)
}

func parseJSON(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// objectOf returns the "object" of a tree, "" when it has none.
func objectOf(t tree) string {
	s, _ := t["object"].(string)
	return s
}

// errStay is what a visit returns so that walk does not go inside.
var errStay = errors.New("sandbox: do not go inside")

// walk calls visit on every object in v, outermost first. What callers put in,
// metadata and payloads, is not looked at.
func walk(v any, visit func(tree) error) error {
	switch v := v.(type) {
	case tree:
		if err := visit(v); errors.Is(err, errStay) {
			return nil
		} else if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == "metadata" || name == "payload" {
				continue
			}
			if err := walk(v[name], visit); err != nil {
				return err
			}
		}
	case []any:
		for _, e := range v {
			if err := walk(e, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// render makes what the world sees of v, an answer of a handler: private fields
// go, computed fields come, expand is followed, and the shape is version's.
func (t *tx) render(v any, expand []string, at version) (any, error) {
	planted, err := plant(v)
	if err != nil {
		return nil, err
	}
	if err := t.complete(planted); err != nil {
		return nil, err
	}
	for _, path := range expand {
		if err := t.expand(planted, path); err != nil {
			return nil, err
		}
	}
	return planted, t.s.shape(planted, at)
}

// complete adds the fields that are computed rather than kept, everywhere in v,
// and takes the private ones away.
func (t *tx) complete(v any) error {
	return walk(v, func(o tree) error {
		for name := range o {
			if strings.HasPrefix(name, "_") {
				defer delete(o, name) // complete may still read it
			}
		}
		if k, ok := t.s.kinds[objectOf(o)]; ok && k.complete != nil && o["deleted"] != true {
			return k.complete(t, o)
		}
		return nil
	})
}

// shape changes v from the newest shape to the one of version at.
func (s *Server) shape(v any, at version) error {
	return walk(v, func(o tree) error {
		if k, ok := s.kinds[objectOf(o)]; ok && k.shape != nil {
			k.shape(o, at)
		}
		return nil
	})
}

// encode writes v as Stripe does: indented by two, id and object first, the
// rest by name, nothing escaped for HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	write(&b, v, "")
	return b.Bytes()
}

func write(b *bytes.Buffer, v any, indent string) {
	switch v := v.(type) {
	case tree:
		writeObject(b, v, indent)
	case []any:
		writeArray(b, v, indent)
	default:
		enc := json.NewEncoder(b)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(v) // strings, numbers, booleans and nil always encode
		b.Truncate(b.Len() - 1)
	}
}

func writeObject(b *bytes.Buffer, o tree, indent string) {
	if len(o) == 0 {
		b.WriteString("{}")
		return
	}
	b.WriteString("{\n")
	for i, name := range fieldOrder(o) {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(indent + "  ")
		write(b, name, "")
		b.WriteString(": ")
		write(b, o[name], indent+"  ")
	}
	b.WriteString("\n" + indent + "}")
}

func writeArray(b *bytes.Buffer, list []any, indent string) {
	if len(list) == 0 {
		b.WriteString("[]")
		return
	}
	b.WriteString("[\n")
	for i, e := range list {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(indent + "  ")
		write(b, e, indent+"  ")
	}
	b.WriteString("\n" + indent + "]")
}

// fieldOrder is id, object, then the rest by name.
func fieldOrder(o tree) []string {
	rank := map[string]int{"id": -2, "object": -1}
	return slices.SortedFunc(maps.Keys(o), func(a, b string) int {
		if d := rank[a] - rank[b]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
}
