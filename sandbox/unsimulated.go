package sandbox

import (
	"reflect"
	"strings"
)

// unsimulated is the type of a field whose p tag names parameters, with blanks
// between, that Stripe has and this sandbox does not act on. They are accepted
// where they ask for nothing ("", false), and refused by name where they do.
type unsimulated struct{}

var typeOfUnsimulated = reflect.TypeFor[unsimulated]()

func (d *decoder) refuse(path string, n *node, tag string, known map[string]bool) {
	for name := range strings.FieldsSeq(tag) {
		known[name] = true
		if sent, ok := n.fields[name]; ok && sent.asks() {
			at := join(path, name)
			d.fail(invalid(at, "This sandbox does not simulate the parameter %s. Stripe knows it; leave it out here.", at))
		}
	}
}

// asks reports whether a parameter asks for something.
func (n *node) asks() bool {
	if n.leaf {
		return n.value != "" && n.value != "false"
	}
	for _, inner := range n.elements() {
		if inner.asks() {
			return true
		}
	}
	return false
}
