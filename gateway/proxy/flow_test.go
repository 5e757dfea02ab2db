package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/access"
	"tollgate/gateway"
	"tollgate/gateway/proxy"
	"tollgate/gateway/upstream"
	"tollgate/usage"
)

// wantProblem checks that an answer is a problem of this kind.
func wantProblem(t *testing.T, resp *http.Response, text, kind string) map[string]any {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if resp.Header.Get("Content-Type") != "application/problem+json" || d["type"] != "https://portal.example/problems/"+kind || d["title"] == "" || d["status"] != float64(resp.StatusCode) {
		t.Errorf("want %s: %v %s", kind, resp.Header, text)
	}
	if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", resp.Header)
	}
	return d
}

func TestARefusalSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.refusal = &gateway.Refusal{
		Problem: access.Problem{Status: 429, Type: gateway.QuotaSpent, Title: "The quota is spent."}, Detail: "It is <full>.", Limit: 1000, Used: 1000,
		ResetsAt: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), RetryAfter: 90*time.Second + 1, Link: "/devportal/subscriptions/7",
		Limits: []gateway.Limit{{Name: "quota", Limit: 1000, Window: 30 * 24 * time.Hour, Resets: 90 * time.Second}},
	}
	resp, text := w.get(t, "/x", "Origin", "https://a.example")
	d := wantProblem(t, resp, text, gateway.QuotaSpent)
	id := resp.Header.Get("X-Request-Id")
	for name, want := range map[string]any{
		"limit": 1000.0, "used": 1000.0, "resets_at": "2026-12-01T00:00:00Z", "link": "https://portal.example/devportal/subscriptions/7", "detail": "It is <full>.", "request_id": id,
	} {
		if d[name] != want {
			t.Errorf("%s is %v, want %v", name, d[name], want)
		}
	}
	h := resp.Header
	if h.Get("Retry-After") != "91" || len(id) != 36 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("RateLimit") != `"quota";r=0;t=90` || h.Get("RateLimit-Policy") != `"quota";q=1000;w=2592000` {
		t.Errorf("headers %v", h)
	}
	if s := w.handler.Stats(); s.Refused[gateway.QuotaSpent] != 1 || s.RefusedCalls() != 1 {
		t.Errorf("%+v", s)
	}
}

func TestWhatTheUpstreamGets(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *proxy.Options, _ *upstream.Options) {
		o.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	resp, _ := w.ask(t, w.request(t, "POST", "/weather/1.0/a%20b?x=%2F..&y", strings.NewReader("hello"),
		"Authorization", "Bearer "+key, "Cookie", "tollgate=1; a=b; __Host-tollgate=2", "X-Request-Id", "mine", "X-Forwarded-For", "198.51.100.1, 203.0.113.9",
		"X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example", "Forwarded", "for=evil", "X-Gateway-Credential", "tgg_secret", "Connection", "X-Hop", "X-Hop", "1", "X-Other", "2"))
	seen := w.reached()[0]
	if seen.RequestURI != "/v1/a%20b?x=%2F..&y" || w.bodies[0] != "hello" || seen.Method != "POST" {
		t.Errorf("%s %s %q", seen.Method, seen.RequestURI, w.bodies[0])
	}
	for name, want := range map[string]string{
		"Apikey": "", "Authorization": "", "X-Gateway-Credential": "", "Cookie": "a=b", "X-Request-Id": resp.Header.Get("X-Request-Id"), "X-Client-Request-Id": "mine",
		"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": w.address, "Forwarded": "", "X-Hop": "", "X-Other": "2",
	} {
		if got := seen.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if calls := w.recorded(); calls[0].ID.String() != seen.Header.Get("X-Request-Id") {
		t.Errorf("the ledger has %s", calls[0].ID)
	}
	for name, values := range seen.Header {
		if strings.Contains(strings.Join(values, ""), key) {
			t.Errorf("the key is in %s", name)
		}
	}
	if strings.Contains(w.logs.String(), key) {
		t.Error("the key is in the log")
	}
}

// Where a key is: in apikey, or behind Bearer; Authorization beside apikey is the
// upstream's, unless it holds a key of ours.
func TestWhereKeysAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header []string // in apikey and Authorization
		status int
		passed string // Authorization at the upstream
	}{
		"apikey":                         {[]string{key, ""}, 200, ""},
		"bearer":                         {[]string{"", "Bearer " + key}, 200, ""},
		"bearer in small letters":        {[]string{"", "bearer  " + key + " "}, 200, ""},
		"both, the same":                 {[]string{key, "Bearer " + key}, 200, ""},
		"both, another of ours":          {[]string{key, "Bearer tgs_other"}, 200, ""},
		"the upstream's token":           {[]string{key, "Bearer eyJhbGciOi"}, 200, "Bearer eyJhbGciOi"},
		"the upstream's name and secret": {[]string{key, "Basic YTpi"}, 200, "Basic YTpi"},
		"none":                           {[]string{"", ""}, 401, ""},
		"another way to sign in":         {[]string{"", "Basic " + key}, 401, ""},
		"bearer of nothing":              {[]string{"", "Bearer"}, 401, ""},
	} {
		w := setup(t, nil)
		resp, text := w.get(t, "/x", "apikey", c.header[0], "Authorization", c.header[1])
		if resp.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, resp.StatusCode, text)
		}
		if c.status == 401 {
			if resp.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %v", name, resp.Header)
			}
			continue
		}
		if h := w.reached()[0].Header; h.Get("Authorization") != c.passed || h.Get("apikey") != "" {
			t.Errorf("%s: the upstream got %v", name, h)
		}
	}
	w := setup(t, nil)
	r := w.request(t, "GET", "/weather/1.0/x", nil)
	r.Header.Add("apikey", "tgp_other")
	if resp, _ := w.ask(t, r); resp.StatusCode != 400 {
		t.Errorf("two keys: %d", resp.StatusCode)
	}
}

// What the upstream says comes through, but for what is ours to say.
func TestWhatTheClientGets(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.upstream = func(rw http.ResponseWriter, _ *http.Request) {
		h := rw.Header()
		h.Set("X-Request-Id", "theirs")
		h.Set("RateLimit", "theirs")
		h.Add("Set-Cookie", "a=b")
		h.Add("Set-Cookie", "__Host-tollgate=stolen")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		h.Set("Trailer", "X-Sum")
		rw.WriteHeader(http.StatusEarlyHints)
		rw.WriteHeader(203)
		_, _ = io.WriteString(rw, "answer")
		h.Set("X-Sum", "42")
	}
	resp, text := w.get(t, "/x")
	h := resp.Header
	if resp.StatusCode != 203 || text != "answer" || len(h.Get("X-Request-Id")) != 36 || h.Get("RateLimit") != `"burst";r=9;t=30` || h.Get("X-Hop") != "" ||
		!slices.Equal(h.Values("Set-Cookie"), []string{"a=b"}) || resp.Trailer.Get("X-Sum") != "42" {
		t.Errorf("%d %v %q %v", resp.StatusCode, h, text, resp.Trailer)
	}
	w.wantOne(t, usage.Call{Status: 203, Counted: true, Units: 1})
}

// Each part of a stream is passed on when it comes.
func TestStreams(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	next := make(chan struct{})
	w.upstream = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(rw, "data: %d\n\n", i)
			_ = http.NewResponseController(rw).Flush()
			<-next
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(w.request(t, "GET", "/weather/1.0/stream", nil))
	must(t, err)
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	for i := range 3 {
		line, err := r.ReadString('\n')
		must(t, err)
		if line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("%q", line)
		}
		_, err = r.ReadString('\n')
		must(t, err)
		next <- struct{}{}
	}
	w.wantOne(t, usage.Call{Status: 200, Counted: true, Units: 1})
}

func TestBodies(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *proxy.Options, _ *upstream.Options) { o.MaxBody = 4 << 20 })
	w.upstream = func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write(bytes.Repeat([]byte("x"), 8<<20))
	}
	for name, body := range map[string]io.Reader{"counted": bytes.NewReader(make([]byte, 4<<20)), "in chunks": io.MultiReader(bytes.NewReader(make([]byte, 4<<20)))} {
		resp, text := w.ask(t, w.request(t, "POST", "/weather/1.0/x", body))
		if resp.StatusCode != 200 || len(text) != 8<<20 {
			t.Errorf("%s: %d, %d bytes", name, resp.StatusCode, len(text))
		}
	}
	for name, body := range map[string]io.Reader{"counted": bytes.NewReader(make([]byte, 4<<20+1)), "in chunks": io.MultiReader(bytes.NewReader(make([]byte, 5<<20)))} {
		resp, text := w.ask(t, w.request(t, "POST", "/weather/1.0/x", body))
		if resp.StatusCode != 413 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
		wantProblem(t, resp, text, "body-too-large")
	}
	for _, b := range w.bodies[:2] {
		if len(b) != 4<<20 {
			t.Errorf("the upstream got %d bytes", len(b))
		}
	}
	for _, c := range w.recorded() {
		if c.Counted != (c.Status == 200) {
			t.Errorf("%+v", c)
		}
	}
}

// A body that does not come is not waited for, and one that nobody wants neither.
func TestBodiesThatDoNotCome(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for header, want := range map[string]string{"apikey: " + key + "\r\nContent-Length: 5": "408", "apikey: " + key + "\r\nTransfer-Encoding: chunked": "408", "Content-Length: 5": "401", "Transfer-Encoding: chunked": "401"} {
		conn, err := net.Dial("tcp", w.address)
		must(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "POST /weather/1.0/x HTTP/1.1\r\nHost: a\r\n"+header+"\r\n\r\n")
		must(t, err)
		must(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
		text, err := io.ReadAll(conn)
		must(t, err)
		if !strings.HasPrefix(string(text), "HTTP/1.1 "+want) {
			t.Errorf("%q: %q", header, text)
		}
	}
	if len(w.reached()) != 0 {
		for _, b := range w.bodies {
			if b != "" {
				t.Errorf("the upstream got %q", b)
			}
		}
	}
}

// Whoever hangs up breaks off the upstream's work, and pays nothing for it.
func TestAClientThatHangsUp(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	arrived, ended := make(chan struct{}), make(chan struct{})
	w.upstream = func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(ended)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if _, err := http.DefaultTransport.RoundTrip(w.request(t, "GET", "/weather/1.0/x", nil).WithContext(ctx)); err == nil {
		t.Fatal("an answer came")
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the upstream goes on")
	}
	w.eventually(t, func() bool { return len(w.calls) == 1 })
	w.wantOne(t, usage.Call{Status: 499})
}

// An answer that breaks off is broken off: it must not look like a whole one. It has
// begun, so it counts.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.upstream = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Length", "1000000")
		_, _ = rw.Write(make([]byte, 100_000))
		_ = http.NewResponseController(rw).Flush()
		panic(http.ErrAbortHandler)
	}
	resp, err := http.DefaultTransport.RoundTrip(w.request(t, "GET", "/weather/1.0/x", nil))
	must(t, err)
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("it looks whole")
	}
	w.wantOne(t, usage.Call{Status: 200, Counted: true, Units: 1})
	if w.handler.Stats().Cut != 1 {
		t.Errorf("%+v", w.handler.Stats())
	}
}

// upgrade asks for a websocket at address, and returns the connection and the answer.
func upgrade(t *testing.T, address string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(15*time.Second)))
	_, err = io.WriteString(conn, "GET /weather/1.0/live HTTP/1.1\r\nHost: a\r\napikey: "+key+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	must(t, err)
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	must(t, err)
	return conn, r, resp
}

// echo is an upstream that speaks websocket, or what looks like it.
func echo(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "websocket" {
		rw.WriteHeader(426)
		return
	}
	conn, buffered, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	_, _ = io.Copy(conn, buffered)
}

// A websocket is one call; what goes over it is not HTTP, and nobody reads it.
func TestUpgrades(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.upstream = echo
	up := *w.pass.Upstream
	up.Upgrades = true
	w.pass.Upstream = &up
	conn, r, resp := upgrade(t, w.address)
	if resp.StatusCode != 101 || len(resp.Header.Get("X-Request-Id")) != 36 {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	for _, frame := range []string{"\x81\x02hi", "GET / HTTP/9\n\n\x00", "0;\n"} {
		_, err := io.WriteString(conn, frame)
		must(t, err)
		got := make([]byte, len(frame))
		_, err = io.ReadFull(r, got)
		must(t, err)
		if string(got) != frame {
			t.Errorf("%q", got)
		}
	}
	must(t, conn.Close())
	w.wantOne(t, usage.Call{Status: 101, Counted: true, Units: 1})
}

func TestUpgradesHaveToBeAllowed(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.upstream = echo
	_, _, resp := upgrade(t, w.address)
	if resp.StatusCode != 426 {
		t.Errorf("%d", resp.StatusCode)
	}
	w.wantOne(t, usage.Call{Status: 426})
}

// The upstream's address may be that of a transport in this process.
func TestUpstreamsInThisProcess(t *testing.T) {
	t.Parallel()
	w := setup(t, func(_ *proxy.Options, u *upstream.Options) {
		u.Transports = map[string]http.RoundTripper{"demo": demo{}}
	})
	to, err := url.Parse("demo:weather")
	must(t, err)
	w.pass.Upstream = &gateway.Upstream{API: 3, URL: to}
	if resp, text := w.get(t, "/today"); resp.StatusCode != 200 || text != "sunny" {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	w.wantOne(t, usage.Call{Status: 200, Counted: true, Units: 1})
}

type demo struct{}

// RoundTrip answers that it is sunny.
func (demo) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	_, _ = rec.WriteString("sunny")
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}
