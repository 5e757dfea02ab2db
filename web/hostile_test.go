package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/internal/hostile"
	"tollgate/internal/wire"
)

// raw sends bytes to a listening portal and returns the answers until it closes
// the connection, or shows with a good request behind them that it stays open.
func raw(t *testing.T, address, request string) []int {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(c, request)
	must(t, err)
	_ = c.(*net.TCPConn).CloseWrite() // the server may have hung up already, as it should
	r := bufio.NewReader(c)
	var statuses []int
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		statuses = append(statuses, resp.StatusCode)
		if resp.Header.Get("Content-Security-Policy") == "" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("an answer %d without security headers", resp.StatusCode)
		}
	}
}

// listen starts a portal on a port of its own.
func listen(t *testing.T, w *world) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- w.app.Listener(wire.Listen(l, 1000)) }()
	t.Cleanup(func() {
		if err := w.app.ShutdownWithTimeout(5 * time.Second); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080", doors()...)
	address := listen(t, w)
	const after = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
	cases := map[string]struct {
		request string
		want    int
	}{
		"two lengths":         {"POST /door/machine/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 400},
		"two equal lengths":   {"POST /door/machine/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
		"length and coding":   {"POST /door/machine/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"coding and length":   {"POST /door/machine/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400},
		"unknown coding":      {"POST /door/machine/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
		"two codings":         {"POST /door/machine/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
		"coding in HTTP/1.0":  {"POST /door/machine/1 HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"signed length":       {"POST /door/machine/1 HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400},
		"negative length":     {"POST /door/machine/1 HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
		"two hosts":           {"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		"no host":             {"GET /healthz HTTP/1.1\r\nX: y\r\n\r\n", 400},
		"absolute target":     {"GET http://evil.example/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"authority target":    {"GET @evil.example:80/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"double slash":        {"GET //evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"asterisk":            {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"dots":                {"GET /static/../healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"encoded dots":        {"GET /static/%2e%2e/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"encoded slash":       {"GET /static/..%2fhealthz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"encoded NUL":         {"GET /healthz%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"backslash":           {"GET /\\evil.example HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"NUL in a header":     {"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400},
		"folded header":       {"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
		"space before colon":  {"GET /healthz HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", 400},
		"bare LF":             {"GET /healthz HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
		"TRACE":               {"TRACE /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 405},
		"CONNECT":             {"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405},
		"OPTIONS":             {"OPTIONS /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 405},
		"made-up method":      {"BREW /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 405},
		"too large a header":  {"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", 431},
		"too large a body":    {"POST /door/machine/1 HTTP/1.1\r\nHost: a\r\nContent-Length: " + strconv.Itoa(2<<20) + "\r\n\r\n", 413},
		"another HTTP":        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
		"TLS on a plain port": {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
	}
	for name, c := range cases {
		got := raw(t, address, c.request+after)
		if len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: answers %v, want only a %d", name, got, c.want)
		}
	}
	if got := raw(t, address, after+after); len(got) != 2 || got[0] != 200 || got[1] != 200 {
		t.Errorf("two good requests: answers %v", got)
	}
	if logged := w.logs.String(); strings.Contains(logged, "panic") {
		t.Errorf("a handler panicked:\n%s", logged)
	}
}

// What is sent to the gateway is sent to the portal too.
func TestHostileCorpus(t *testing.T) {
	t.Parallel()
	w := setup(t, "http://127.0.0.1:8080", doors()...)
	address := listen(t, w)
	t.Run("corpus", func(t *testing.T) {
		hostile.Run(t, address, hostile.Site{Get: "/healthz", Post: "/door/machine/1", Last: "/healthz"})
	})
	if logged := w.logs.String(); strings.Contains(logged, "panic") {
		t.Errorf("a handler panicked:\n%s", logged)
	}
}

func TestStrictAgreesWithItself(t *testing.T) {
	t.Parallel()
	for _, fine := range []string{"/", "/a", "/a/b?x=//y&z=..", "/a.b/c-d_e~f", "/a%20b", "/...", "/a..b", "/é"[:1] + "%C3%A9", "/a?next=%2Fb%2F..%2F"} {
		if err := odd(fine); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
	for _, bad := range []string{"", "a", "//a", "/a//b", "/a/..", "/a/.", "/a/./b", "/%2E%2E/a", "/a#b", "/a b", "/a\x7f", "/é", "http://a/"} {
		if odd(bad) == nil {
			t.Errorf("%q passes", bad)
		}
	}
}
