package upstream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/gateway/upstream"
)

var silent = log.New(io.Discard, "", 0)

func targetURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

var lan = upstream.Rule{AllowPrivate: true}

// A front is a gateway in small: a net/http server before one upstream.
type front struct {
	*httptest.Server
	client  *upstream.Client
	mu      sync.Mutex
	results []upstream.Result
	errs    []error
	done    chan struct{} // one for each call
}

// newFront serves calls to the upstream at url. Change, which may be nil, sees each
// call before it is made.
func newFront(t testing.TB, o upstream.Options, url string, change func(r *http.Request, c *upstream.Call)) *front {
	t.Helper()
	o.Rule = lan
	f := &front{client: upstream.New(o), done: make(chan struct{}, 1<<16)}
	target := targetOf(t, url)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := &upstream.Call{Target: target, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery}
		if change != nil {
			change(r, call)
		}
		res, err := f.client.Do(w, r, call)
		f.mu.Lock()
		f.results, f.errs = append(f.results, res), append(f.errs, err)
		f.mu.Unlock()
		f.done <- struct{}{}
		if failure, ok := errors.AsType[*upstream.Error](err); ok && failure.Begun {
			panic(http.ErrAbortHandler)
		} else if ok {
			http.Error(w, failure.Kind.String(), failure.Kind.Status())
		} else if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(func() {
		f.Server.CloseClientConnections()
		f.Server.Close()
		f.client.Close()
	})
	return f
}

// last waits for the next call to end and returns what Do returned.
func (f *front) last(t testing.TB) (upstream.Result, error) {
	t.Helper()
	select {
	case <-f.done:
	case <-time.After(10 * time.Second):
		t.Fatal("the call does not end")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.results[len(f.results)-1], f.errs[len(f.errs)-1]
}

// newPlain is the same with httputil.ReverseProxy.
func newPlain(t testing.TB, url string) *httptest.Server {
	t.Helper()
	target := targetURL(t, url)
	transport := &http.Transport{DisableCompression: true}
	s := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(target) },
		Transport: transport,
		ErrorLog:  silent,
	})
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
		transport.CloseIdleConnections()
	})
	return s
}

func targetOf(t testing.TB, url string) *upstream.Target {
	t.Helper()
	target, err := upstream.ParseTarget(url)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// A script is an upstream that is written byte by byte: it is run for every
// connection.
type script func(c net.Conn, r *bufio.Reader)

// listen runs a script as an upstream and returns its URL.
func listen(t testing.TB, run script) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				stop := context.AfterFunc(ctx, func() { c.Close() })
				defer stop()
				run(c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		all.Wait()
	})
	return "http://" + l.Addr().String()
}

// answers is a script that reads requests with their bodies and gives each the
// same answer, until one of the sides ends the connection.
func answers(answer string, close bool) script {
	return func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			if _, err := io.WriteString(c, answer); err != nil || close {
				return
			}
		}
	}
}

// dial opens a raw connection to a front.
func dial(t testing.TB, url string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// ask sends a raw request, which may be several, and returns all that comes until
// the front closes the connection.
func ask(t testing.TB, url, request string) string {
	t.Helper()
	c, r := dial(t, url)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(r)
	if err != nil && len(all) == 0 {
		return "error: " + err.Error()
	}
	return string(all)
}

// get is ask for one GET.
func get(t testing.TB, url, path string) string {
	t.Helper()
	return ask(t, url, "GET "+path+" HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n")
}

// expectError waits for a call that failed in a certain way.
func (f *front) expectError(t testing.TB, kind upstream.Kind, begun bool) {
	t.Helper()
	_, err := f.last(t)
	e, ok := errors.AsType[*upstream.Error](err)
	if !ok || e.Kind != kind || e.Begun != begun {
		t.Errorf("the call failed with %s, want kind %q, begun %v", describe(err), kind, begun)
	}
}

func describe(err error) string {
	if e, ok := errors.AsType[*upstream.Error](err); ok {
		return fmt.Sprintf("%q (%v), begun %v", e.Kind, e.Err, e.Begun)
	}
	return fmt.Sprint(err)
}

// serveTest serves h and returns its URL.
func serveTest(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}
