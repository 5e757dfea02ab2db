package sandbox

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxDepth is how deep parameters may nest; nothing in the API goes deeper.
const maxDepth = 8

// A node is one parameter as it was sent: a value, or further parameters. The
// elements of an array are fields, in the order they came.
type node struct {
	value  string
	leaf   bool
	names  []string
	fields map[string]*node
	array  bool // made of a[] or a[0]
}

// child returns the field called name, made when it is not there.
func (n *node) child(name string) *node {
	if n.fields == nil {
		n.fields = map[string]*node{}
	}
	c, ok := n.fields[name]
	if !ok {
		c = &node{}
		n.fields[name] = c
		n.names = append(n.names, name)
	}
	return c
}

// elements returns the fields in the order they were sent.
func (n *node) elements() []*node {
	all := make([]*node, 0, len(n.names))
	for _, name := range n.names {
		all = append(all, n.fields[name])
	}
	return all
}

// remove takes the field called name out and returns it.
func (n *node) remove(name string) *node {
	c, ok := n.fields[name]
	if !ok {
		return nil
	}
	delete(n.fields, name)
	for i, have := range n.names {
		if have == name {
			n.names = append(n.names[:i:i], n.names[i+1:]...)
			break
		}
	}
	return c
}

// parseForm reads a[b][0][c]=v, a[]=v and their like, in the order sent, which
// url.Values would lose.
func parseForm(form string) (*node, error) {
	root := &node{}
	for pair := range strings.SplitSeq(form, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, invalid("", "Invalid encoding in parameter name: %s", rawName)
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, invalid(name, "Invalid encoding in parameter: %s", name)
		}
		if err := root.put(name, value); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// put files value under a name with brackets.
func (n *node) put(name, value string) error {
	path, ok := splitName(name)
	if !ok {
		return invalid(name, "Invalid parameter name: %s", name)
	}
	at := n
	for i, part := range path {
		if part == "" || i > 0 && isIndex(part) {
			at.array = true
		}
		if part == "" {
			part = at.next(path[i+1:])
		}
		at = at.child(part)
	}
	at.leaf, at.value = true, value
	return nil
}

// splitName takes "a[b][c]" apart.
func splitName(name string) ([]string, bool) {
	head, rest, nested := strings.Cut(name, "[")
	if head == "" || strings.Contains(head, "]") {
		return nil, false
	}
	path := []string{head}
	if !nested {
		return path, true
	}
	rest, closed := strings.CutSuffix(rest, "]")
	if !closed {
		return nil, false
	}
	path = append(path, strings.Split(rest, "][")...)
	return path, len(path) <= maxDepth && !strings.ContainsAny(strings.Join(path[1:], ""), "[]")
}

// next names the element that a[] means: a new one, or with further names
// behind it the last one as long as that has no such field yet.
func (n *node) next(rest []string) string {
	if len(rest) > 0 && len(n.names) > 0 {
		last := n.names[len(n.names)-1]
		if _, taken := n.fields[last].fields[rest[0]]; !taken {
			return last
		}
	}
	return "#" + strings.Repeat("i", len(n.names))
}

func isIndex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// canonical writes parameters so that equal ones are equal text, in whatever
// order they were sent.
func canonical(n *node, path string) string {
	if n.leaf {
		return path + "=" + url.QueryEscape(n.value) + "&"
	}
	names := slices.Clone(n.names)
	if !n.array {
		slices.Sort(names)
	}
	var b strings.Builder
	for i, name := range names {
		label := name
		if n.array {
			label = strconv.Itoa(i)
		}
		b.WriteString(canonical(n.fields[name], path+"["+url.QueryEscape(label)+"]"))
	}
	return b.String()
}

func canonicalList(values []string) string { return strings.Join(values, "\n") }
