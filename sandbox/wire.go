package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

// maxBody is the longest request that is read.
const maxBody = 1 << 20

// site is everything the server answers.
func (s *Server) site() http.Handler {
	api := http.NewServeMux()
	for _, r := range routes() {
		api.HandleFunc(r.method+" "+r.path, s.api(r))
	}
	api.HandleFunc("/", s.api(route{handle: unrecognized}))
	browser := http.NewServeMux()
	for _, p := range pages() {
		browser.HandleFunc(p.pattern, func(w http.ResponseWriter, r *http.Request) { p.handle(s, w, r) })
	}
	guarded := http.NewCrossOriginProtection().Handler(browser)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1" && !strings.HasPrefix(r.URL.Path, "/v1/") && !second(r) {
			if !s.known(r.Host) {
				http.Error(w, "This address is not one of the sandbox's.", http.StatusMisdirectedRequest)
				return
			}
			guarded.ServeHTTP(w, r)
			return
		}
		if trimmed := strings.TrimRight(r.URL.Path, "/"); trimmed != r.URL.Path {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = trimmed, ""
		}
		api.ServeHTTP(w, r)
	})
}

// known reports whether a browser may use host for the pages. Pages have no
// sign-in, so a foreign name that was pointed at this machine must not reach
// them. The API needs no such check: it asks for a key.
func (s *Server) known(host string) bool {
	base, err := url.Parse(s.url(""))
	if err != nil || base.Host == "" {
		return true
	}
	name := host
	if bare, _, err := net.SplitHostPort(host); err == nil {
		name = bare
	}
	return host == base.Host || name == "localhost" || net.ParseIP(strings.Trim(name, "[]")) != nil
}

func unrecognized(r *request) (any, error) {
	return nil, early(&apiError{Status: http.StatusNotFound, Type: "invalid_request_error",
		Message: fmt.Sprintf("Unrecognized request URL (%s: %s). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.", r.http.Method, r.http.URL.Path)})
}

// A call is one API request from its first byte to its answer.
type call struct {
	s      *Server
	http   *http.Request
	route  route
	id     string // req_…
	began  time.Time
	body   string // the parameters as they came
	params *node
	expand []string
	caller
	version        version
	idempotencyKey string

	status      int
	answer      []byte
	original    string // the request whose saved answer this is
	problem     string
	interrupted *Fault // what comes instead of an answer
	slow        *Fault // why the answer takes long
	retryAfter  string
	overLimit   string // which limit the call is beyond: Stripe-Rate-Limited-Reason
}

// api is the HTTP face of a route.
func (s *Server) api(route route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{s: s, http: r, route: route, id: "req_" + s.random(14), began: s.wall.Now(), version: newest}
		c.run(w)
		if c.log(); c.interrupted != nil {
			c.interrupt(w)
		}
		c.respond(w)
	}
}

// run works the call out. Whatever goes wrong becomes its answer.
func (c *call) run(w http.ResponseWriter) {
	defer func() {
		if p := recover(); p != nil {
			c.fail(fmt.Errorf("sandbox: panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if err := c.prepare(w); err != nil {
		c.fail(err)
		return
	}
	fault, struck := c.mishap()
	if struck && fault.How == howSlow {
		c.slow, struck = &fault, false
	}
	if struck && !fault.After {
		c.suffer(fault)
		return
	}
	if err := c.execute(); err != nil {
		c.fail(err)
	}
	if struck {
		c.suffer(fault)
	}
}

// prepare is all that can be refused before execution begins.
func (c *call) prepare(w http.ResponseWriter) (err error) {
	if c.caller, err = c.s.authenticate(c.http); err != nil {
		return err
	}
	if err = c.limited(); err != nil {
		return err
	}
	c.version = c.caller.version
	if header := c.http.Header.Get("Stripe-Version"); header != "" {
		if c.version, err = parseVersion(header); err != nil {
			c.version = c.caller.version
			return err
		}
	}
	if err = c.readParams(w); err != nil {
		return err
	}
	if c.http.Method == http.MethodPost {
		c.idempotencyKey = strings.TrimSpace(c.http.Header.Get("Idempotency-Key"))
	}
	if len(c.idempotencyKey) > 255 {
		return early(invalid("", "Idempotency keys can be at most 255 characters long. You passed in a key that is %d characters long.", len(c.idempotencyKey)))
	}
	return nil
}

// readParams takes the parameters from the query of a GET or DELETE, from the
// body of a POST, and expand out of them.
func (c *call) readParams(w http.ResponseWriter) (err error) {
	c.body = c.http.URL.RawQuery
	if c.http.Method == http.MethodPost {
		body, err := io.ReadAll(http.MaxBytesReader(w, c.http.Body, maxBody))
		if err != nil {
			return early(invalid("", "The request body could not be read, or is longer than %d bytes.", maxBody))
		}
		if second(c.http) {
			return c.readJSONParams(body)
		}
		kind, _, _ := strings.Cut(c.http.Header.Get("Content-Type"), ";")
		if len(body) > 0 && kind != "application/x-www-form-urlencoded" {
			return early(invalid("", "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have questions, we can help at https://support.stripe.com/."))
		}
		if len(body) > 0 {
			c.body = strings.Trim(c.body+"&"+string(body), "&")
		}
	}
	if c.params, err = parseForm(c.body); err != nil {
		return early(err)
	}
	var in struct {
		Expand []string `p:"expand"`
	}
	if sent := c.params.remove("expand"); sent != nil {
		err = decode(&node{names: []string{"expand"}, fields: map[string]*node{"expand": sent}}, &in)
	}
	c.expand = in.Expand
	return err
}

// execute runs the handler: reads on a view, writes in a transaction.
func (c *call) execute() error {
	if c.http.Method == http.MethodGet {
		return c.alone(func() error { return c.s.read(c.http.Context(), c.account, c.handle) })
	}
	if c.idempotencyKey != "" {
		return c.executeOnce()
	}
	return c.alone(func() error { return c.s.transact(c.http.Context(), c.account, c.attempt) })
}

// attempt runs the handler in t and says whether what it did stays.
func (c *call) attempt(t *tx) (commit bool, err error) {
	err = c.handle(t)
	e, ok := errors.AsType[*apiError](err)
	if !ok {
		return err == nil, err
	}
	return e.commit, c.fill(t, e)
}

// handle runs the handler and renders its answer.
func (c *call) handle(t *tx) error {
	t.cause = &cause{ID: c.id}
	if c.idempotencyKey != "" {
		t.cause.IdempotencyKey = &c.idempotencyKey
	}
	r := &request{tx: t, http: c.http, params: c.params, platform: c.platform, version: c.version}
	answer, err := c.route.handle(r)
	if err != nil {
		return err
	}
	rendered, err := t.render(answer, c.expand, c.versionOf(answer))
	if err != nil {
		return err
	}
	c.status, c.answer = http.StatusOK, append(encode(rendered), '\n')
	return nil
}

// versionOf is the version to answer in: events are always in the account's own.
func (c *call) versionOf(answer any) version {
	switch answer := answer.(type) {
	case *Event:
		return c.caller.version
	case *page:
		if len(answer.Data) > 0 {
			return c.versionOf(answer.Data[0])
		}
	}
	return c.version
}

// fill renders the objects inside an error while their transaction is open.
func (c *call) fill(t *tx, e *apiError) error {
	for _, part := range []*any{&e.PaymentIntent, &e.PaymentMethod} {
		if *part == nil {
			continue
		}
		rendered, failed := t.render(*part, nil, c.version)
		if failed != nil {
			return failed
		}
		*part = rendered
	}
	return e
}

// fail makes err the answer.
func (c *call) fail(err error) {
	e, ok := errors.AsType[*apiError](err)
	if !ok {
		if !errors.Is(err, context.Canceled) {
			c.s.log.ErrorContext(c.http.Context(), "sandbox: an API call failed", "request", c.id, "error", err)
		}
		e = &apiError{Status: http.StatusInternalServerError, Type: "api_error",
			Message: "An unknown error occurred. The sandbox's log has the details under " + c.id + "."}
	}
	shown := *e
	if second(c.http) && shown.Code == "resource_missing" {
		shown.Code = "not_found"
	}
	if shown.Code != "" {
		shown.DocURL = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(shown.Code, "_", "-")
	}
	if c.account != "" {
		shown.RequestLogURL = c.s.url("/dashboard/" + c.account + "/logs/" + url.PathEscape(c.id))
	}
	c.problem = shown.Message
	planted, err := plant(map[string]any{"error": shown})
	if err != nil {
		c.s.log.ErrorContext(c.http.Context(), "sandbox: an error cannot be encoded", "request", c.id, "error", err)
	}
	c.status, c.answer = e.Status, append(encode(planted), '\n')
}

// respond sends the answer with Stripe's headers.
func (c *call) respond(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("Request-Id", c.id)
	h.Set("Stripe-Version", string(c.version))
	if c.overLimit != "" { // then Stripe leaves it open whether to try again
		h.Set("Stripe-Rate-Limited-Reason", c.overLimit)
	} else {
		h.Set("Stripe-Should-Retry", "false")
	}
	if c.retryAfter != "" {
		h.Set("Retry-After", c.retryAfter)
	}
	if c.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="Stripe"`)
	}
	if c.idempotencyKey != "" {
		h.Set("Idempotency-Key", c.idempotencyKey)
		h.Set("Original-Request", c.id)
	}
	if c.original != "" {
		h.Set("Original-Request", c.original)
		h.Set("Idempotent-Replayed", "true")
	}
	if sent := c.http.Header.Get("Stripe-Account"); sent != "" && c.account == sent {
		h.Set("Stripe-Account", sent)
	}
	w.WriteHeader(c.status)
	_, _ = w.Write(c.answer) // the caller may have gone
}
