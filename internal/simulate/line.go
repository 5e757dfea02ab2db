package simulate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Call is one request to Stripe.
type Call struct {
	Method, Path, Query string
	Account             string // Stripe-Account; "" for the platform's own
	Platform            string // the secret key it comes with
	Key                 string // its idempotency key
	Form                string
}

// String is how a log shows c.
func (c Call) String() string {
	text := c.Method + " " + c.Path
	if c.Account != "" {
		text += " at " + c.Account
	}
	if c.Key != "" {
		text += " under " + c.Key
	}
	return text
}

// An Outcome is what becomes of a call. The zero Outcome is Stripe's own answer.
type Outcome struct {
	Verdict
	Status int           // answered instead of Stripe, with Fail or FailLate; 0 cuts the connection
	Code   string        // Stripe's error code with Status
	Text   string        // Stripe's words with Status, which it says only if the call succeeds
	Delay  time.Duration // before the answer arrives
}

// A Line is the way to Stripe. It keeps the books on every request: what breaks a
// rule that holds for every request is in Wrong.
type Line struct {
	// Hook is asked before each call. It may wait.
	Hook func(ctx context.Context, c Call) Outcome
	// Owner says whose a key and an account are, "" when they do not go together.
	Owner func(key, account string) string

	to    http.RoundTripper
	store *Store
	now   func() time.Time

	mu    sync.Mutex
	keys  map[string]used // by platform key, account and idempotency key
	wrong []string
	known *memory

	Calls, Reads atomic.Int64 // that went to Stripe; of them, reads
}

// used is a request that came under an idempotency key.
type used struct {
	print [sha256.Size]byte
	what  string
	first time.Time
}

// used are the idempotency keys so far.
func (l *Line) used() map[string]used {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.keys)
}

// reuse goes back to when there were only keys.
func (l *Line) reuse(keys map[string]used) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys = maps.Clone(keys)
}

// keyLife is how long Stripe remembers a key for sure.
const keyLife = 24 * time.Hour

// NewLine returns a line to Stripe at to, used by programs on store, by the clock now.
func NewLine(to http.RoundTripper, store *Store, now func() time.Time) *Line {
	return &Line{to: to, store: store, now: now, keys: map[string]used{}}
}

// Wrong returns what broke a rule so far.
func (l *Line) Wrong() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.wrong...)
}

func (l *Line) blame(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// Tap is the line to Stripe as p uses it.
func (w *World) Tap(p *Program) http.RoundTripper { return tap{w.Line, p.Handle} }

// A tap is the line as one program uses it.
type tap struct {
	*Line
	h *Handle
}

// RoundTrip implements http.RoundTripper.
func (t tap) RoundTrip(r *http.Request) (*http.Response, error) {
	c, body, err := callOf(r)
	if err != nil {
		return nil, err
	}
	t.check(c)
	var o Outcome
	if t.Hook != nil {
		o = t.Hook(r.Context(), c)
	}
	if t.h.dead.Load() {
		return nil, errDead
	}
	if o.Verdict == Fail {
		return o.answer(r)
	}
	answer, err := t.pass(r, c, body)
	if err := wait(r.Context(), o.Delay); err != nil {
		return nil, err
	}
	if t.h.dead.Load() {
		return nil, errDead
	}
	if o.Verdict == FailLate && (o.Text == "" || err == nil && answer.StatusCode == http.StatusOK) {
		return o.answer(r)
	}
	return answer, err
}

// wait lets d go by on the clock of the bubble.
func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func callOf(r *http.Request) (Call, []byte, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return Call{}, nil, err
		}
		if err := r.Body.Close(); err != nil {
			return Call{}, nil, err
		}
	}
	return Call{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Account: r.Header.Get("Stripe-Account"),
		Platform: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), Key: r.Header.Get("Idempotency-Key"), Form: string(body),
	}, body, nil
}

// check holds c against the rules that every request keeps.
func (l *Line) check(c Call) {
	if l.store.busy() {
		l.blame("I-O5: %s while a transaction is open", c)
	}
	if l.Owner != nil && l.Owner(c.Platform, c.Account) == "" {
		l.blame("I-O6: %s goes with another tenant's key", c)
	}
	if c.Method == http.MethodGet {
		return
	}
	if c.Key == "" {
		l.blame("I-O1: %s has no idempotency key", c)
		return
	}
	print := sha256.Sum256([]byte(c.Method + " " + c.Path + "?" + c.Query + "\n" + c.Form))
	id := c.Platform + " " + c.Account + " " + c.Key
	l.mu.Lock()
	before, again := l.keys[id]
	if !again {
		l.keys[id] = used{print, c.String() + " " + c.Form, l.now()}
	}
	l.mu.Unlock()
	switch {
	case again && before.print != print:
		l.blame("I-O3, I-O4: two requests under one key:\n%s\n%s %s", before.what, c, c.Form)
	case again && l.now().Sub(before.first) >= keyLife:
		l.blame("I-O4: %s was sent again after %s", c, l.now().Sub(before.first))
	}
}

// answer is what comes instead of Stripe's own.
func (o Outcome) answer(r *http.Request) (*http.Response, error) {
	if o.Status == 0 {
		return nil, fmt.Errorf("simulate: the connection was cut: %w", io.ErrUnexpectedEOF)
	}
	if o.Status == http.StatusGatewayTimeout {
		return nil, errors.New("simulate: timeout")
	}
	kind := "api_error"
	if o.Status < http.StatusInternalServerError {
		kind = "invalid_request_error"
	}
	if o.Status == http.StatusConflict {
		kind = "idempotency_error"
	}
	body := fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":%q}}`, kind, o.Code, cmp.Or(o.Text, "This failure was asked for."))
	return &http.Response{
		Status: http.StatusText(o.Status), StatusCode: o.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}, "Request-Id": {"req_simulated"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// pass takes c to Stripe, or answers it from memory.
func (l *Line) pass(r *http.Request, c Call, body []byte) (*http.Response, error) {
	if l.known != nil {
		return l.known.pass(l, r, c, body)
	}
	return l.send(r, c, body)
}

func (l *Line) send(r *http.Request, c Call, body []byte) (*http.Response, error) {
	l.Calls.Add(1)
	if c.Method == http.MethodGet {
		l.Reads.Add(1)
	}
	out := r.Clone(r.Context())
	out.Body = io.NopCloser(bytes.NewReader(body))
	return l.to.RoundTrip(out)
}
