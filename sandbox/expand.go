package sandbox

import "strings"

// maxExpand is how many levels deep a property may be expanded.
const maxExpand = 4

// expand follows one expand[] path, such as "data.latest_invoice.payments", and
// puts objects where their ids stood.
func (t *tx) expand(v any, path string) error {
	parts := strings.Split(path, ".")
	levels := parts
	if parts[0] == "data" {
		levels = parts[1:]
	}
	if len(levels) > maxExpand {
		return early(invalid("expand", "You cannot expand more than %d levels of a property: %s", maxExpand, path))
	}
	return t.expandIn(v, parts, path)
}

// expandIn takes the first steps of parts from v: to a property of an object
// that is a reference, an included part, or just holds more.
func (t *tx) expandIn(v any, parts []string, path string) error {
	if len(parts) == 0 {
		return nil
	}
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		for _, e := range v {
			if err := t.expandIn(e, parts, path); err != nil {
				return err
			}
		}
		return nil
	case tree:
		if v["deleted"] == true {
			return nil
		}
		return t.expandObject(v, parts, path)
	}
	return cannotExpand(path)
}

// expandObject finds the longest run of parts that names something of o.
func (t *tx) expandObject(o tree, parts []string, path string) error {
	k := t.s.kinds[objectOf(o)]
	for n := 1; n <= len(parts); n++ {
		name := strings.Join(parts[:n], ".")
		if include := k.include[name]; include != nil {
			if err := t.include(o, name, include); err != nil {
				return err
			}
			return t.expandIn(o[name], parts[1:], path)
		}
		if target, ok := k.refs[name]; ok {
			if err := t.resolve(o, parts[:n], target); err != nil {
				return err
			}
			return t.expandIn(dig(o, parts[:n]), parts[n:], path)
		}
	}
	inner, ok := o[parts[0]]
	if !ok || len(parts) == 1 {
		return cannotExpand(path)
	}
	switch inner.(type) {
	case tree, []any, nil:
		return t.expandIn(inner, parts[1:], path)
	}
	return cannotExpand(path)
}

// include puts a part into o that is only there when asked for.
func (t *tx) include(o tree, name string, load func(*tx, tree) (any, error)) error {
	if _, there := o[name].(tree); there {
		return nil
	}
	part, err := load(t, o)
	if err != nil {
		return err
	}
	planted, err := plant(part)
	if err != nil {
		return err
	}
	o[name] = planted
	return t.complete(planted)
}

// resolve replaces the id (or ids) at path below o by the objects of that kind.
func (t *tx) resolve(in any, path []string, kind string) error {
	if list, ok := in.([]any); ok {
		for _, e := range list {
			if err := t.resolve(e, path, kind); err != nil {
				return err
			}
		}
		return nil
	}
	holder, ok := in.(tree)
	if !ok {
		return nil
	}
	if len(path) > 1 {
		return t.resolve(holder[path[0]], path[1:], kind)
	}
	name := path[0]
	switch at := holder[name].(type) {
	case string:
		found, err := t.lookUp(kind, at)
		if err != nil {
			return err
		}
		holder[name] = found
	case []any:
		for i, e := range at {
			id, ok := e.(string)
			if !ok {
				continue
			}
			found, err := t.lookUp(kind, id)
			if err != nil {
				return err
			}
			at[i] = found
		}
	}
	return nil
}

// lookUp renders the object with that id; the id itself when there is none.
func (t *tx) lookUp(kind, id string) (any, error) {
	doc, err := t.doc(kind, id)
	if err != nil || doc == nil {
		return id, err
	}
	planted, err := parseJSON(doc)
	if err != nil {
		return nil, err
	}
	return planted, t.complete(planted)
}

// dig follows path into nested objects.
func dig(v any, path []string) any {
	for _, name := range path {
		o, ok := v.(tree)
		if !ok {
			return nil
		}
		v = o[name]
	}
	return v
}

func cannotExpand(path string) error {
	return early(invalid("expand", "This property cannot be expanded (%s).", path))
}
