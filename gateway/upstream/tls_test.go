package upstream_test

import (
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
