// Package proxy is the gateway's HTTP face: it takes calls from clients, asks the
// gate about each, carries it to its upstream, has it written down for good, and
// only then answers. It also answers tenants' own gateways that ask whether a call
// may pass.
package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"tollgate/access"
	"tollgate/gateway"
	"tollgate/gateway/upstream"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/usage"
)

// A Gate decides about calls. It does not wait for long.
type Gate interface {
	// Admit lets a call through or refuses it. One of the results is nil.
	Admit(ctx context.Context, ask gateway.Ask) (*gateway.Pass, *gateway.Refusal)
	// Settle gives a pass back, once, with the units that the call came to: 0 when
	// it does not count.
	Settle(p *gateway.Pass, units int64)
}

// A Carrier carries calls to upstreams, as upstream.Client does.
type Carrier interface {
	Do(w http.ResponseWriter, r *http.Request, call *upstream.Call) (upstream.Result, error)
}

// Credentials knows the credentials of tenants' own gateways.
type Credentials interface {
	// Authenticate returns whose credential text is, and the credential's id. One that
	// is nobody's is an Unauthenticated fault.
	Authenticate(ctx context.Context, text string) (models.TenantID, string, error)
}

// Options are what a Handler needs. Gate, Carrier and Recorder have no default.
type Options struct {
	Gate     Gate
	Carrier  Carrier
	Recorder usage.Recorder

	Credentials Credentials // nil: nobody may ask at /gateway/authorize
	// TenantPath returns what the paths of a tenant's APIs begin with: /t/{domain}, or
	// "" for the default tenant. It goes with Credentials.
	TenantPath func(ctx context.Context, tenant models.TenantID) (string, error)
	Ready      func(context.Context) error // why calls cannot be served, nil when they can; nil: always
	CanRecord  func() error                // why calls cannot be written down, nil when they can; nil: try
	// Refused is told of calls that the limits of a plan turned away. It may be nil.
	Refused func(tenant models.TenantID, subscription, policy int64)

	Portal      string         // where people find the portal, without a slash at its end
	Cookies     []string       // names of the portal's cookies, which are never passed on
	KeyPrefixes []string       // how keys of ours begin
	Trusted     []netip.Prefix // whose X-Forwarded-For and -Proto are believed

	MaxBody int64 // bytes of a request's body; 0: 10 MiB, negative: no limit

	Log  *slog.Logger
	Wall clock.Wall
}

// A Handler answers calls.
type Handler struct {
	opts     Options
	stats    stats
	stopping atomic.Bool
	calls    sync.Pool // of *call
	targets  targets
	loud     loud
}

// New returns a Handler.
func New(o Options) *Handler {
	o.Portal = strings.TrimSuffix(o.Portal, "/")
	if o.MaxBody == 0 {
		o.MaxBody = 10 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{opts: o}
	h.calls.New = func() any { return newCall(h) }
	return h
}

// Stats returns what was counted since the start.
func (h *Handler) Stats() Stats { return h.stats.read() }

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.stats.inFlight.Add(1)
	defer h.leave(r)
	if h.stopping.Load() {
		w.Header()["Connection"] = closing // whoever comes again finds another process
	}
	if p := suspect(r); p != nil {
		h.turnAway(w, r, p)
		return
	}
	if h.answersHere(w, r) {
		return
	}
	raw, _, _ := strings.Cut(r.RequestURI, "?")
	path, err := gateway.CleanPath(raw)
	if err != nil {
		h.tellOff(w, r, &gateway.Refusal{Problem: badRequest, Detail: fault.Message(err)})
		return
	}
	h.serve(w, r, path)
}

// leave ends a request. A panic that is no answer broken off on purpose is logged,
// and the connection closed: nobody knows what the client has got.
func (h *Handler) leave(r *http.Request) {
	h.stats.inFlight.Add(-1)
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		h.opts.Log.ErrorContext(r.Context(), "the gateway panicked", "value", v, "stack", string(debug.Stack()))
	}
	panic(http.ErrAbortHandler)
}

// suspect returns what is wrong with a request that Go's server lets through, nil
// for nothing.
func suspect(r *http.Request) *access.Problem {
	target := r.RequestURI
	switch {
	case r.Method == http.MethodConnect || r.Method == http.MethodTrace || !plainMethod(r.Method):
		return &badMethod
	case r.URL.Host != "" || r.URL.Scheme != "":
		return &otherHost
	case r.ProtoMajor != 1 || r.Host == "" || target == "" || target[0] != '/' || len(target) > 1 && target[1] == '/':
		return &badRequest
	}
	for i := range len(target) {
		if b := target[i]; b <= ' ' || b >= 0x7f || b == '\\' || b == '#' {
			return &badRequest
		}
	}
	return nil
}

// plainMethod reports whether a method is of capital letters, as all that are
// registered are but for hyphens in some of WebDAV's. TRACK and DEBUG are TRACE by
// other names.
func plainMethod(method string) bool {
	if len(method) > 20 || method == "TRACK" || method == "DEBUG" {
		return false
	}
	for i := range len(method) {
		if c := method[i]; (c < 'A' || c > 'Z') && (c != '-' || i == 0) {
			return false
		}
	}
	return true
}

// turnAway answers a request that is no call, and hangs up.
func (h *Handler) turnAway(w http.ResponseWriter, r *http.Request, p *access.Problem) {
	w.Header()["Connection"] = closing
	h.tellOff(w, r, &gateway.Refusal{Problem: *p})
}

// tellOff answers with a problem and counts it.
func (h *Handler) tellOff(w http.ResponseWriter, r *http.Request, why *gateway.Refusal) {
	h.stats.refused.add(why.Type)
	h.refuse(w, r, why, "")
}

// answersHere answers what is for the gateway itself, and reports whether it was.
func (h *Handler) answersHere(w http.ResponseWriter, r *http.Request) bool {
	switch path := r.URL.Path; {
	case path == "/healthz":
		h.health(w, r, nil)
	case path == "/readyz":
		h.health(w, r, h.ready)
	case path == "/gateway/authorize" && h.opts.Credentials != nil:
		h.authorize(w, r, r.URL.RawQuery)
	case strings.HasPrefix(path, "/gateway/authorize/") && h.opts.Credentials != nil:
		h.authorizePrefixed(w, r)
	case path == "/gateway" || strings.HasPrefix(path, "/gateway/"):
		h.tellOff(w, r, &gateway.Refusal{Problem: nothingHere})
	case preflight(r):
		h.answerPreflight(w, r)
	default:
		return false
	}
	return true
}

// preflight reports whether a browser asks if a page of another site may call (CORS).
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header["Origin"] != nil && r.Header["Access-Control-Request-Method"] != nil
}

// answerPreflight answers yes. The question comes without a key, so it can be no
// call; and whoever may call has a key, which no browser adds by itself as it does
// cookies. What pages may read of an answer, the upstream says in the answer.
func (h *Handler) answerPreflight(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Access-Control-Allow-Origin"] = anyOrigin
	header["Access-Control-Allow-Methods"] = r.Header["Access-Control-Request-Method"][:1]
	if asked := r.Header["Access-Control-Request-Headers"]; len(asked) > 0 {
		header["Access-Control-Allow-Headers"] = []string{strings.Join(asked, ", ")}
	}
	header["Access-Control-Max-Age"] = []string{"600"}
	header["Vary"] = []string{"Access-Control-Request-Method, Access-Control-Request-Headers"}
	h.leaveBody(w, r)
	w.WriteHeader(http.StatusNoContent)
}
