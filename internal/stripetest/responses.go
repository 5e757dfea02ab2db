package stripetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	basil "github.com/stripe/stripe-mock-basil/embedded"
	dahlia "github.com/stripe/stripe-mock/embedded"
)

// A Validator compares what the sandbox says with Stripe's OpenAPI description
// and fails its test where they differ. Fields the description does not know
// are allowed, so that an older description does not refuse newer fields.
type Validator struct{ t testing.TB }

// Responses returns a validator that reports to t.
func Responses(t testing.TB) *Validator { return &Validator{t} }

// unspoken are the answers no description has: the sandbox's own and those
// only Stripe's CLI asks for.
var unspoken = []string{"/v1/payment_pages/", "/v1/stripecli/", "/v1/test_helpers/followers"}

// Validate checks the body of an answer to method and path (without query),
// rendered for version ("2025-08-27.basil").
func (v *Validator) Validate(version, method, path string, status int, body []byte) {
	v.t.Helper()
	if slices.ContainsFunc(unspoken, func(p string) bool { return strings.HasPrefix(path, p) }) {
		return
	}
	schema, err := describe(version).response(method, path, status)
	if err == nil {
		err = matches(schema, body)
	}
	if err != nil {
		v.t.Errorf("the answer %d to %s %s is not Stripe's (%s): %v\n%s", status, method, path, version, err, cut(body))
	}
}

// ValidateObject checks one object, such as event.data.object, by the type it
// names itself.
func (v *Validator) ValidateObject(version string, object json.RawMessage) {
	v.t.Helper()
	schema, err := describe(version).object(object)
	if err == nil {
		err = matches(schema, object)
	}
	if err != nil {
		v.t.Errorf("the object is not Stripe's (%s): %v\n%s", version, err, cut(object))
	}
}

// ValidateEvent checks a delivered or listed event and the object in it, which
// is rendered for the event's own api_version.
func (v *Validator) ValidateEvent(event json.RawMessage) {
	v.t.Helper()
	var e struct {
		APIVersion string `json:"api_version"`
		Data       struct {
			Object json.RawMessage `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(event, &e); err != nil {
		v.t.Errorf("the event is not JSON: %v\n%s", err, cut(event))
		return
	}
	v.ValidateObject(e.APIVersion, event)
	v.ValidateObject(e.APIVersion, e.Data.Object)
}

func matches(schema *openapi3.Schema, body []byte) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return schema.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.MultiErrors(),
		openapi3.DisableSchemaErrorDetails())
}

func cut(body []byte) string {
	const enough = 1500
	if len(body) > enough {
		return string(body[:enough]) + " …"
	}
	return string(body)
}

// A description is one version of Stripe's OpenAPI document.
type description struct {
	doc      *openapi3.T
	patterns []string // of paths, those without parameters first
}

var (
	basilOnce  = sync.OnceValue(func() description { return load(basil.OpenAPISpec) })
	dahliaOnce = sync.OnceValue(func() description { return load(dahlia.OpenAPISpec) })
)

// describe chooses the description for a version: everything up to basil by
// basil's, everything after by dahlia's, whose objects only have more fields
// than clover's.
func describe(version string) description {
	if strings.HasSuffix(version, ".basil") {
		return basilOnce()
	}
	return dahliaOnce()
}

func load(spec []byte) description {
	doc := must(openapi3.NewLoader().LoadFromData(spec))
	return description{doc, doc.Paths.InMatchingOrder()}
}

func (d description) response(method, path string, status int) (*openapi3.Schema, error) {
	op := d.operation(method, path)
	if op == nil {
		return nil, fmt.Errorf("the description has no %s %s", method, path)
	}
	r := op.Responses.Status(status)
	if r == nil {
		r = op.Responses.Default()
	}
	if r == nil || r.Value == nil {
		return nil, fmt.Errorf("no answer %d is described", status)
	}
	media := r.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil, fmt.Errorf("the described answer %d is not JSON", status)
	}
	return media.Schema.Value, nil
}

// operation finds the described path that fits, one without parameters first:
// /v1/invoices/create_preview is not an invoice.
func (d description) operation(method, path string) *openapi3.Operation {
	for _, pattern := range d.patterns {
		if !fits(pattern, path) {
			continue
		}
		if op := d.doc.Paths.Value(pattern).GetOperation(method); op != nil {
			return op
		}
	}
	return nil
}

func fits(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i, part := range want {
		if part != got[i] && (!strings.HasPrefix(part, "{") || got[i] == "") {
			return false
		}
	}
	return true
}

// object finds the schema of an object by its own word for itself; what was
// deleted has a schema of its own.
func (d description) object(raw json.RawMessage) (*openapi3.Schema, error) {
	var is struct {
		Object  string `json:"object"`
		Deleted bool   `json:"deleted"`
	}
	if err := json.Unmarshal(raw, &is); err != nil {
		return nil, fmt.Errorf("not an object: %w", err)
	}
	name := is.Object
	if is.Deleted {
		name = "deleted_" + name
	}
	schema := d.doc.Components.Schemas[name]
	if schema == nil {
		return nil, fmt.Errorf("the description has no object %q", name)
	}
	return schema.Value, nil
}

// ValidateHandler returns h with every answer below /v1 validated: against the
// Stripe-Version the answer names, else the one that was asked for.
func ValidateHandler(t testing.TB, h http.Handler) http.Handler {
	v := Responses(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") {
			h.ServeHTTP(w, r)
			return
		}
		path, seen := r.URL.Path, &tee{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(seen, r)
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			t.Errorf("the answer to %s %s is %q, not JSON", r.Method, path, w.Header().Get("Content-Type"))
			return
		}
		v.Validate(versionOf(w.Header(), r.Header), r.Method, path, seen.status, seen.body)
	})
}

func versionOf(answer, request http.Header) string {
	if version := answer.Get("Stripe-Version"); version != "" {
		return version
	}
	return request.Get("Stripe-Version")
}

// tee keeps a copy of what passes through it.
type tee struct {
	http.ResponseWriter
	status int
	body   []byte
}

func (w *tee) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *tee) Write(b []byte) (int, error) {
	w.body = append(w.body, b...)
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *tee) Unwrap() http.ResponseWriter { return w.ResponseWriter }
