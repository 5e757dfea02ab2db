package sandbox

import "net/http"

// A request is one API call on its way through a handler: the transaction it
// runs in, and what was asked.
type request struct {
	*tx
	http     *http.Request
	params   *node
	platform string // the account whose key was shown
	version  version
}

// path returns the part of the URL that the route calls {name}.
func (r *request) path(name string) string { return r.http.PathValue(name) }

// read returns the parameters of r as an In, or what Stripe says about the
// first thing wrong with them. Handlers call it before anything else.
func read[In any](r *request) (In, error) {
	var in In
	err := decode(r.params, &in)
	return in, err
}

// none is the parameters of calls that take none.
type none struct{}

// noParams refuses every parameter.
func noParams(r *request) error {
	_, err := read[none](r)
	return err
}

// show is the handler that answers with the object that {name} names.
func show[T any, P pointer[T]](name string) func(*request) (any, error) {
	return func(r *request) (any, error) {
		if err := noParams(r); err != nil {
			return nil, err
		}
		return fromPath[T, P](r, name)
	}
}
