package sandbox

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A selfDecoder is a parameter type that reads itself.
type selfDecoder interface {
	decodeParam(d *decoder, path string, n *node)
}

// clearable is a parameter that may also be sent as "" to unset what it names.
type clearable[T any] struct {
	Sent    bool // it was sent at all
	Cleared bool // it was sent as ""
	Value   T
}

func (c *clearable[T]) decodeParam(d *decoder, path string, n *node) {
	c.Sent = true
	if n.leaf && n.value == "" {
		c.Cleared = true
		return
	}
	d.value(path, n, reflect.ValueOf(&c.Value).Elem(), rule{})
}

// A decimal is a number that is kept as it was written; see money.RateOfMinor.
type decimal string

var decimalSyntax = regexp.MustCompile(`^-?\d{1,20}(\.\d{1,20})?$`)

func (x *decimal) decodeParam(d *decoder, path string, n *node) {
	if !n.leaf || !decimalSyntax.MatchString(n.value) {
		d.fail(invalidCode("parameter_invalid_decimal", path, "Invalid decimal: %s", shorten(n.value)))
		return
	}
	*x = decimal(n.value)
}

// A metadataParam is metadata as it is sent: keys to set, keys with "" to delete, or "" for all.
type metadataParam struct {
	clear bool
	set   map[string]string
}

func (m *metadataParam) decodeParam(d *decoder, path string, n *node) {
	if n.leaf && n.value == "" {
		m.clear = true
		return
	}
	if n.leaf {
		d.fail(invalid(path, "Invalid hash"))
		return
	}
	m.set = map[string]string{}
	for _, key := range n.names {
		m.one(d, path, key, n.fields[key])
	}
}

func (m *metadataParam) one(d *decoder, path, key string, n *node) {
	at := path + "[" + key + "]"
	switch {
	case !n.leaf:
		d.fail(invalid(at, "Metadata values must be strings, but for the key %s you passed in a hash.", key))
	case utf8.RuneCountInString(key) > 40:
		d.fail(invalid(at, "Metadata keys may have up to 40 characters, but you passed in a key that is %d characters. Invalid key: %s", utf8.RuneCountInString(key), key))
	case utf8.RuneCountInString(n.value) > 500:
		d.fail(invalid(at, "Metadata values can have up to 500 characters, but you passed in a value that is %d characters. Invalid value: %s", utf8.RuneCountInString(n.value), shorten(n.value)))
	default:
		m.set[key] = n.value
	}
}

// apply returns old with the changes of m. It fails beyond 50 keys.
func (m metadataParam) apply(old map[string]string) (map[string]string, error) {
	fresh := map[string]string{}
	if !m.clear {
		for k, v := range old {
			fresh[k] = v
		}
	}
	for k, v := range m.set {
		if fresh[k] = v; v == "" {
			delete(fresh, k)
		}
	}
	if len(fresh) > 50 {
		return nil, invalid("metadata", "Metadata can have up to 50 keys, but you passed in %d keys.", len(fresh))
	}
	return fresh, nil
}

// A rule is what a `p` tag says beyond the name.
type rule struct {
	required bool
	max      int      // characters; 0 for no limit
	min      *int64   // the least integer
	most     *int64   // the greatest integer
	enum     []string // the only values
}

// parseTag reads `p:"name,required,max=40,min=1,most=100,enum=a|b"`.
func parseTag(tag string) (string, rule) {
	parts := strings.Split(tag, ",")
	var r rule
	for _, part := range parts[1:] {
		word, value, _ := strings.Cut(part, "=")
		number, _ := strconv.ParseInt(value, 10, 64)
		switch word {
		case "required":
			r.required = true
		case "max":
			r.max = int(number)
		case "min":
			r.min = &number
		case "most":
			r.most = &number
		case "enum":
			r.enum = strings.Split(value, "|")
		default:
			panic("sandbox: unknown word in a p tag: " + part)
		}
	}
	return parts[0], r
}

// A decoder fills a struct from parameters and remembers what was wrong with
// them: first all that are unknown, then the first that is missing or invalid.
type decoder struct {
	unknown []string
	wrong   error
}

// decode fills the struct that into points to. Fields without a `p` tag are
// left alone; parameters without a field are refused, at every depth.
func decode(params *node, into any) error {
	d := &decoder{}
	d.structure("", params, reflect.ValueOf(into).Elem())
	switch len(d.unknown) {
	case 0:
		return early(d.wrong)
	case 1:
		return early(invalidCode("parameter_unknown", d.unknown[0], "Received unknown parameter: %s", d.unknown[0]))
	default:
		return early(invalidCode("parameter_unknown", d.unknown[0], "Received unknown parameters: %s", strings.Join(d.unknown, ", ")))
	}
}

func (d *decoder) fail(err error) {
	if d.wrong == nil {
		d.wrong = err
	}
}

func (d *decoder) structure(path string, n *node, into reflect.Value) {
	if n.leaf {
		d.fail(invalid(path, "Invalid hash"))
		return
	}
	known := map[string]bool{}
	d.fields(path, n, into, known)
	for _, name := range n.names {
		if !known[name] {
			d.unknown = append(d.unknown, join(path, name))
		}
	}
}

func (d *decoder) fields(path string, n *node, into reflect.Value, known map[string]bool) {
	for i := range into.NumField() {
		field := into.Type().Field(i)
		tag, tagged := field.Tag.Lookup("p")
		if !tagged && field.Anonymous {
			d.fields(path, n, into.Field(i), known)
		}
		if !tagged {
			continue
		}
		if field.Type == typeOfUnsimulated {
			d.refuse(path, n, tag, known)
			continue
		}
		name, r := parseTag(tag)
		known[name] = true
		if sent, ok := n.fields[name]; ok {
			d.value(join(path, name), sent, into.Field(i), r)
		} else if r.required {
			d.fail(missingParam(join(path, name)))
		}
	}
}

// value reads one parameter into a field of any type that parameters have.
func (d *decoder) value(path string, n *node, into reflect.Value, r rule) {
	if self, ok := into.Addr().Interface().(selfDecoder); ok {
		self.decodeParam(d, path, n)
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.value(path, n, into.Elem(), r)
	case reflect.Struct:
		d.structure(path, n, into)
	case reflect.Slice:
		d.slice(path, n, into, r)
	case reflect.Map:
		d.strings(path, n, into)
	default:
		d.scalar(path, n, into, r)
	}
}

func (d *decoder) slice(path string, n *node, into reflect.Value, r rule) {
	if n.leaf && n.value == "" { // how an array is emptied
		into.Set(reflect.MakeSlice(into.Type(), 0, 0))
		return
	}
	if n.leaf || !n.array {
		d.fail(invalid(path, "Invalid array"))
		return
	}
	for i, element := range n.elements() {
		fresh := reflect.New(into.Type().Elem()).Elem()
		d.value(fmt.Sprintf("%s[%d]", path, i), element, fresh, rule{max: r.max, enum: r.enum})
		into.Set(reflect.Append(into, fresh))
	}
}

func (d *decoder) strings(path string, n *node, into reflect.Value) {
	if n.leaf {
		d.fail(invalid(path, "Invalid hash"))
		return
	}
	fresh := map[string]string{}
	for _, name := range n.names {
		if !n.fields[name].leaf {
			d.fail(invalid(join(path, name), "Invalid string: {}"))
		}
		fresh[name] = n.fields[name].value
	}
	into.Set(reflect.ValueOf(fresh))
}

func (d *decoder) scalar(path string, n *node, into reflect.Value, r rule) {
	if !n.leaf {
		d.fail(invalid(path, "Invalid %s: {}", kindWord(into.Kind())))
		return
	}
	switch into.Kind() {
	case reflect.String:
		d.text(path, n.value, r)
		into.SetString(n.value)
	case reflect.Int64:
		d.integer(path, n.value, into, r)
	case reflect.Bool:
		if n.value != "true" && n.value != "false" {
			d.fail(invalid(path, "Invalid boolean: %s", shorten(n.value)))
		}
		into.SetBool(n.value == "true")
	default:
		panic("sandbox: a parameter cannot be a " + into.Type().String())
	}
}

func (d *decoder) text(path, value string, r rule) {
	switch {
	case value == "" && r.required:
		d.fail(emptyParam(path))
	case r.max > 0 && utf8.RuneCountInString(value) > r.max:
		d.fail(invalid(path, "Invalid string: %s; must be at most %d characters", shorten(value), r.max))
	case !utf8.ValidString(value):
		d.fail(invalid(path, "Invalid string: must be valid UTF-8"))
	case len(r.enum) > 0 && !oneOf(value, r.enum):
		d.fail(invalid(path, "Invalid %s: must be one of %s", path, alternatives(r.enum)))
	}
}

func (d *decoder) integer(path, value string, into reflect.Value, r rule) {
	number, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil:
		d.fail(invalidCode("parameter_invalid_integer", path, "Invalid integer: %s", shorten(value)))
	case r.min != nil && number < *r.min:
		d.fail(invalidCode("parameter_invalid_integer", path, "This value must be greater than or equal to %d.", *r.min))
	case r.most != nil && number > *r.most:
		d.fail(invalidCode("parameter_invalid_integer", path, "This value must be less than or equal to %d.", *r.most))
	}
	into.SetInt(number)
}

// join is how a nested parameter is written.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "[" + name + "]"
}

func kindWord(k reflect.Kind) string {
	switch k {
	case reflect.Int64:
		return "integer"
	case reflect.Bool:
		return "boolean"
	default:
		return "string"
	}
}

func oneOf(value string, allowed []string) bool {
	for _, a := range allowed {
		if a == value {
			return true
		}
	}
	return false
}

// alternatives lists values the way Stripe does: a, b, or c.
func alternatives(values []string) string {
	switch n := len(values); n {
	case 1:
		return values[0]
	case 2:
		return values[0] + " or " + values[1]
	default:
		return strings.Join(values[:n-1], ", ") + ", or " + values[n-1]
	}
}

// shorten keeps what people typed out of long error messages.
func shorten(s string) string {
	if utf8.RuneCountInString(s) <= 60 {
		return s
	}
	runes := []rune(s)
	return string(runes[:28]) + "..." + string(runes[len(runes)-28:])
}

func reflectOf(pointer any) reflect.Value { return reflect.ValueOf(pointer).Elem() }

// pointer is the value, nil when it was cleared.
func (c clearable[T]) pointer() *T {
	if c.Cleared {
		return nil
	}
	return &c.Value
}
