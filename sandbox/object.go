package sandbox

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
)

// base is what every kept object begins with.
type base struct {
	ID     string `json:"id"`
	Object string `json:"object"`

	was []byte // the document as it was last loaded or told to the world
}

func (b *base) self() *base { return b }

// A resource is a Go struct that is kept as one object. Its JSON is the newest
// shape of the API; fields whose JSON name begins with "_" are ours alone.
type resource interface {
	self() *base
	kind() string // what "object" says
}

// A pointer lets get[Price] return a *Price.
type pointer[T any] interface {
	*T
	resource
}

// A kind is what the server knows about one type of object beyond its fields.
type kind struct {
	prefix   string                                  // of its ids, with the underscore
	random   int                                     // how many random characters follow
	refs     map[string]string                       // expandable property (dotted below the object) → kind it names
	include  map[string]func(*tx, tree) (any, error) // properties that are only there when expanded
	complete func(t *tx, o tree) error               // adds what is computed, not kept
	shape    func(o tree, at version)                // turns the newest shape into an older one
}

// insert keeps a new object. It gives it an id unless it has one, and fails
// with resource_already_exists when that is taken.
func (t *tx) insert(r resource) error {
	b := r.self()
	b.Object = r.kind()
	if b.ID == "" {
		b.ID = t.s.newID(b.Object)
	}
	doc, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if taken, err := t.doc(b.Object, b.ID); err != nil || taken != nil {
		return orElse(err, invalidCode("resource_already_exists", "id", "%s already exists.", capital(spoken(b.Object))))
	}
	b.was = doc
	return t.exec(`INSERT INTO objects (account, type, id, kept, doc) VALUES (?, ?, ?, ?, ?)`,
		t.account, b.Object, b.ID, t.s.Now().UnixMilli(), string(doc))
}

// save keeps a changed object.
func (t *tx) save(r resource) error {
	doc, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return t.exec(`UPDATE objects SET doc = ? WHERE account = ? AND type = ? AND id = ?`,
		string(doc), t.account, r.kind(), r.self().ID)
}

// A tombstone is what is left of a deleted object, and the answer to deleting it.
type tombstone struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Deleted bool   `json:"deleted"`
}

// remove deletes an object. Its id stays taken.
func (t *tx) remove(r resource) (tombstone, error) {
	left := tombstone{r.self().ID, r.kind(), true}
	doc, err := json.Marshal(left)
	if err != nil {
		return left, fmt.Errorf("sandbox: %w", err)
	}
	return left, t.exec(`UPDATE objects SET doc = ?, deleted = 1 WHERE account = ? AND type = ? AND id = ?`,
		string(doc), t.account, left.Object, left.ID)
}

// doc returns the document with that id, a tombstone included; nil when there is none.
func (t *tx) doc(kind, id string) ([]byte, error) {
	var doc string
	found, err := t.scan(`SELECT doc FROM objects WHERE account = ? AND type = ? AND id = ?`,
		[]any{t.account, kind, id}, &doc)
	if !found {
		return nil, err
	}
	return []byte(doc), nil
}

// find returns the object with that id, or nil when there is none (any more).
func find[T any, P pointer[T]](t *tx, id string) (*T, error) {
	var one T
	var doc string
	found, err := t.scan(`SELECT doc FROM objects WHERE account = ? AND type = ? AND id = ? AND deleted = 0`,
		[]any{t.account, P(&one).kind(), id}, &doc)
	if !found {
		return nil, err
	}
	return &one, load(P(&one), doc)
}

// get returns the object that the parameter param names, or the 400 that says
// there is no such thing.
func get[T any, P pointer[T]](t *tx, id, param string) (*T, error) {
	one, err := find[T, P](t, id)
	if err == nil && one == nil {
		err = noSuch(P(one).kind(), id, param)
	}
	return one, err
}

// fromPath returns the object that the URL names in its part {name}, or the
// 404 that says there is none.
func fromPath[T any, P pointer[T]](r *request, name string) (*T, error) {
	id := r.path(name)
	one, err := find[T, P](r.tx, id)
	if err == nil && one == nil {
		err = notFound(P(one).kind(), id, name)
	}
	return one, err
}

func load(r resource, doc string) error {
	if err := json.Unmarshal([]byte(doc), r); err != nil {
		return fmt.Errorf("sandbox: a document that cannot be read: %w", err)
	}
	r.self().was = []byte(doc)
	return nil
}

// A filter narrows a query down.
type filter struct {
	sql  string
	args []any
}

// eq is the objects whose field (dotted, as in the JSON) equals v.
func eq(field string, v any) filter { return compare(field, "=", v) }

// compare is the objects whose field compares to v by op, one of SQL's.
func compare(field, op string, v any) filter {
	if b, ok := v.(bool); ok {
		v = map[bool]int{true: 1}[b] // what json_extract makes of booleans
	}
	return filter{"json_extract(doc, '$." + field + "') " + op + " ?", []any{v}}
}

// among is the objects whose field is one of values.
func among(field string, values ...string) filter {
	f := filter{sql: "json_extract(doc, '$." + field + "') IN (?" + strings.Repeat(", ?", max(len(values)-1, 0)) + ")"}
	for _, v := range values {
		f.args = append(f.args, v)
	}
	return f
}

// all returns the live objects that pass every filter, oldest first.
func all[T any, P pointer[T]](t *tx, filters ...filter) ([]*T, error) {
	return query[T, P](t, "ORDER BY seq", filters)
}

// first returns the oldest object that passes every filter, nil when none does.
func first[T any, P pointer[T]](t *tx, filters ...filter) (*T, error) {
	found, err := query[T, P](t, "ORDER BY seq LIMIT 1", filters)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func query[T any, P pointer[T]](t *tx, tail string, filters []filter) ([]*T, error) {
	where, args := "account = ? AND type = ? AND deleted = 0", []any{t.account, P(new(T)).kind()}
	for _, f := range filters {
		where += " AND " + f.sql
		args = append(args, f.args...)
	}
	return rows(t, func(row *sql.Rows, one **T) error {
		var doc string
		*one = new(T)
		if err := row.Scan(&doc); err != nil {
			return err
		}
		return load(P(*one), doc)
	}, "SELECT doc FROM objects WHERE "+where+" "+tail, args...)
}

// orElse is err unless that is nil.
func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// where is the objects whose fields equal the values that are not "".
func where(wanted map[string]string) []filter {
	var fs []filter
	for field, value := range wanted {
		if value != "" {
			fs = append(fs, eq(field, value))
		}
	}
	return fs
}
