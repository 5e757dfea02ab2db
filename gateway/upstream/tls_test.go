package upstream_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tollgate/gateway/upstream"
)

// secure serves TLS until nobody has asked for as long as idle, and returns its URL,
// under the name in its certificate, and who vouches for it.
func secure(t *testing.T, idle time.Duration) (string, *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_, _ = io.Copy(c, rw.Reader)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %d", r.Proto, r.TLS.ServerName, r.TLS.NegotiatedProtocol, len(body))
	}))
	s.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	s.Config.ErrorLog, s.Config.IdleTimeout = silent, idle
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return strings.Replace(s.URL, "127.0.0.1", "example.com", 1), roots
}

func TestTLS(t *testing.T) {
	t.Parallel()
	named, roots := secure(t, 0)
	t.Run("verified", func(t *testing.T) {
		t.Parallel()
		f := newFront(t, upstream.Options{RootCAs: roots, Lookup: lookupLocal}, named, allowUpgrade)
		for i := range 3 {
			if got := get(t, f.URL, "/"); !strings.HasSuffix(got, "\r\n\r\nHTTP/1.1 example.com http/1.1 0") {
				t.Errorf("the client reads %q", got)
			}
			if res, _ := f.last(t); res.Reused != (i > 0) {
				t.Errorf("call %d: reused %v", i, res.Reused)
			}
		}
		long := "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 1_000_000)
		if got := ask(t, f.URL, long); !strings.HasSuffix(got, "http/1.1 1000000") {
			t.Errorf("the client reads %q", got)
		}
		c, r := dial(t, f.URL)
		io.WriteString(c, wantWebsocket)
		if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 101 {
			t.Fatal(res, err)
		}
		fmt.Fprintln(c, "hello")
		c.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(r); err != nil || string(got) != "hello\n" {
			t.Errorf("the client reads %q, %v", got, err)
		}
	})
	t.Run("closed while it was kept", func(t *testing.T) {
		t.Parallel()
		named, roots := secure(t, 20*time.Millisecond)
		f := newFront(t, upstream.Options{RootCAs: roots, Lookup: lookupLocal}, named, nil)
		for range 4 {
			if got := ask(t, f.URL, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"); !strings.HasSuffix(got, "http/1.1 1") {
				t.Errorf("the client reads %q", got)
			}
			time.Sleep(60 * time.Millisecond)
		}
	})
	for name, o := range map[string]upstream.Options{"unknown authority": {Lookup: lookupLocal}, "another name": {RootCAs: roots, Lookup: lookupLocal}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := named
			if name == "another name" {
				url = strings.Replace(named, "example.com", "another.test", 1)
			}
			f := newFront(t, o, url, nil)
			if got := get(t, f.URL, "/"); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
				t.Errorf("the client reads %q", got)
			}
			f.expectError(t, upstream.NoConnect, false)
		})
	}
}

// The gateway's own side may speak HTTP/2, where an early answer ends one stream.
func TestClientsOfHTTP2(t *testing.T) {
	t.Parallel()
	url := listen(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := readRequest(r)
			if err != nil {
				return
			}
			if req.URL.Path == "/early" {
				io.WriteString(c, "HTTP/1.1 413 Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge")
				_, _ = io.Copy(io.Discard, r) // closing at once would take the answer back
				return
			}
			body, _ := io.ReadAll(req.Body)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: %d\r\n\r\n", len(body))
		}
	})
	client := upstream.New(upstream.Options{Rule: lan})
	t.Cleanup(client.Close)
	target := targetOf(t, url)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := client.Do(w, r, &upstream.Call{Target: target, Path: r.URL.EscapedPath()}); err != nil {
			t.Error(describe(err))
			panic(http.ErrAbortHandler)
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	for _, c := range []struct {
		path   string
		body   io.Reader
		status int
		answer string
		sum    string
	}{
		{"/", nil, 200, "hello", "0"},
		{"/", strings.NewReader("short"), 200, "hello", "5"},
		{"/", strings.NewReader(strings.Repeat("x", 1_000_000)), 200, "hello", "1000000"},
		{"/early", io.LimitReader(zeros{}, 1_000_000), 413, "large", ""},
		{"/", nil, 200, "hello", "0"},
	} {
		res, err := s.Client().Post(s.URL+c.path, "a/b", c.body)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.ProtoMajor != 2 || res.StatusCode != c.status || string(answer) != c.answer || res.Trailer.Get("X-Sum") != c.sum {
			t.Errorf("%s: %d %q, trailer %v, %v", c.path, res.StatusCode, answer, res.Trailer, err)
		}
	}
}
