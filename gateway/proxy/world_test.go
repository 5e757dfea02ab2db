package proxy_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/access"
	"tollgate/gateway"
	"tollgate/gateway/proxy"
	"tollgate/gateway/upstream"
	"tollgate/usage"
)

const key = "tgp_good"

// A world is a gateway on a port of its own, an upstream behind it, and what both
// have seen.
type world struct {
	handler *proxy.Handler
	server  *proxy.Server
	address string
	logs    *lines

	mu       sync.Mutex
	pass     gateway.Pass // what the gate hands out
	refusal  *gateway.Refusal
	asked    []gateway.Ask
	settled  []int64
	calls    []usage.Call
	seen     []*http.Request // by the upstream, in order
	bodies   []string
	record   func(usage.Call) error // asked before a call is kept
	upstream http.HandlerFunc
}

// lines keeps what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Admit stands for the gate. Without the good key it refuses.
func (w *world) Admit(_ context.Context, ask gateway.Ask) (*gateway.Pass, *gateway.Refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, ask)
	if w.refusal != nil {
		return nil, w.refusal
	}
	if ask.Key != key {
		return nil, &gateway.Refusal{Problem: access.Problem{Status: 401, Type: gateway.KeyMissing, Title: "The call has no API key."}}
	}
	p := w.pass
	p.Rest = strings.TrimPrefix(ask.Path, "/weather/1.0")
	return &p, nil
}

// Settle takes a pass back.
func (w *world) Settle(_ *gateway.Pass, units int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settled = append(w.settled, units)
}

// Record keeps a call.
func (w *world) Record(_ context.Context, c usage.Call) error {
	w.mu.Lock()
	record := w.record
	w.mu.Unlock()
	if record != nil {
		if err := record(c); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, c)
	return nil
}

func (w *world) recorded() []usage.Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]usage.Call(nil), w.calls...)
}

func (w *world) reached() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*http.Request(nil), w.seen...)
}

// behind is the upstream.
func (w *world) behind(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	w.seen, w.bodies = append(w.seen, r), append(w.bodies, string(body))
	answer := w.upstream
	w.mu.Unlock()
	if answer != nil {
		answer(rw, r)
		return
	}
	_, _ = io.WriteString(rw, "fine")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// setup starts a world; change may alter its options.
func setup(t testing.TB, change func(*proxy.Options, *upstream.Options)) *world {
	t.Helper()
	w := &world{logs: &lines{}}
	behind := httptest.NewServer(http.HandlerFunc(w.behind))
	t.Cleanup(behind.Close)
	to, err := url.Parse(behind.URL + "/v1")
	must(t, err)
	w.pass = gateway.Pass{
		Tenant: -1234, Subscription: 7, UUID: "0191d3c0-0000-7000-8000-000000000007", API: 3, Policy: 5, KeyType: access.Production, Metered: true,
		Upstream: &gateway.Upstream{API: 3, URL: to}, Counting: gateway.CountSuccess(""),
		Limits: []gateway.Limit{{Name: "burst", Limit: 10, Remaining: 9, Window: time.Minute, Resets: 30 * time.Second}},
	}
	carrier := upstream.Options{Rule: upstream.Rule{AllowPrivate: true}, ClientIdle: 2 * time.Second}
	o := proxy.Options{
		Gate: w, Recorder: w, Portal: "https://portal.example/", Cookies: []string{"tollgate", "__Host-tollgate"}, KeyPrefixes: []string{"tgp_", "tgs_"},
		Log: slog.New(slog.NewTextHandler(w.logs, nil)),
	}
	if change != nil {
		change(&o, &carrier)
	}
	client := upstream.New(carrier)
	t.Cleanup(client.Close)
	o.Carrier = client
	w.handler = proxy.New(o)
	w.server = proxy.NewServer(w.handler, proxy.ServerOptions{Drain: 5 * time.Second})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w.address = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- w.server.Serve(l) }()
	t.Cleanup(func() {
		if err := w.server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

// request makes a request to the gateway with the good key; header is name, value.
func (w *world) request(t testing.TB, method, path string, body io.Reader, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.address+path, body)
	must(t, err)
	r.Header.Set("apikey", key)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	return r
}

// ask sends a request and reads the answer.
func (w *world) ask(t testing.TB, r *http.Request) (*http.Response, string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	resp, err := transport.RoundTrip(r)
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp, string(text)
}

// get asks for a path of the weather API.
func (w *world) get(t testing.TB, path string, header ...string) (*http.Response, string) {
	t.Helper()
	return w.ask(t, w.request(t, "GET", "/weather/1.0"+path, nil, header...))
}
