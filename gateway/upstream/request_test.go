package upstream_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tollgate/gateway/upstream"
)

// echo answers with the head it got, as it was, and then the body.
func echo(c net.Conn, r *bufio.Reader) {
	for {
		var head strings.Builder
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
			if line == "\r\n" {
				break
			}
		}
		req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head.String()), r)))
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		for name, values := range req.Trailer {
			body = fmt.Appendf(body, "[trailer %s: %s]", name, strings.Join(values, "|"))
		}
		answer := head.String() + string(body)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
		return
	}
}

// sees returns the lines of the request that the upstream got, sorted behind the
// first, and its body.
func sees(t *testing.T, all string) (lines []string, body string) {
	t.Helper()
	_, all, _ = strings.Cut(all, "\r\n\r\n")
	head, body, ok := strings.Cut(all, "\r\n\r\n")
	if !ok {
		t.Fatalf("the upstream got no request: %q", all)
	}
	lines = strings.Split(head, "\r\n")
	slices.Sort(lines[1:])
	return lines, body
}

func TestWhatTheUpstreamReads(t *testing.T) {
	t.Parallel()
	url := listen(t, echo)
	host := strings.TrimPrefix(url, "http://")
	cases := []struct {
		name, request string
		want          []string // lines besides Host and Via
		body          string
	}{
		{"path and query", "GET /a%2Fb/c?x=%20&y=1;z HTTP/1.1\r\nHost: api.test\r\nAccept-Encoding: gzip, br\r\n\r\n",
			[]string{"GET /base/a%2Fb/c?x=%20&y=1;z HTTP/1.1", "Accept-Encoding: gzip, br"}, ""},
		{"hop-by-hop", "GET / HTTP/1.1\r\nHost: api.test\r\nConnection: X-Mine, X-Forwarded-For, keep-alive\r\nX-Mine: 1\r\nKeep-Alive: a\r\nProxy-Connection: a\r\nProxy-Authorization: a\r\nTe: gzip\r\nUpgrade: websocket\r\nX-Kept: 1\r\n\r\n",
			[]string{"GET /base/ HTTP/1.1", "X-Kept: 1"}, ""},
		{"trailers are welcome", "GET / HTTP/1.1\r\nHost: api.test\r\nTe: trailers\r\n\r\n", []string{"GET /base/ HTTP/1.1", "Connection: TE", "TE: trailers"}, ""},
		{"forwarding is ours", "GET / HTTP/1.1\r\nHost: api.test\r\nForwarded: for=1\r\nX-Forwarded-For: 1\r\nX-Forwarded-Host: 1\r\nX-Forwarded-Prefix: 1\r\nX-Real-Ip: 1\r\nX_Forwarded_For: 1\r\nx_real-ip: 1\r\nProxy: http://evil\r\nHttp2-Settings: a\r\n\r\n",
			[]string{"GET /base/ HTTP/1.1"}, ""},
		{"keys and cookies stay", "GET / HTTP/1.1\r\nHost: api.test\r\nX-Api-Key: secret\r\nX_Api_Key: secret\r\nCookie: a=1; tollgate=s; b=\"2\"\r\nCookie: tollgate=s\r\n\r\n",
			[]string{"GET /base/ HTTP/1.1", "Cookie: a=1; b=\"2\""}, ""},
		{"ours replaces theirs", "GET / HTTP/1.1\r\nHost: api.test\r\nX-Subscriber: evil\r\nX_Subscriber: evil\r\n\r\n", []string{"GET /base/ HTTP/1.1"}, ""},
		{"a length", "POST /p HTTP/1.1\r\nHost: api.test\r\nContent-Length: 5\r\n\r\nhello", []string{"POST /base/p HTTP/1.1", "Content-Length: 5"}, "hello"},
		{"no body", "POST /p HTTP/1.1\r\nHost: api.test\r\nContent-Length: 0\r\n\r\n", []string{"POST /base/p HTTP/1.1", "Content-Length: 0"}, ""},
		{"a long body", "PUT /p HTTP/1.1\r\nHost: api.test\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("a", 100_000), []string{"PUT /base/p HTTP/1.1", "Content-Length: 100000"}, strings.Repeat("a", 100_000)},
		{"chunks", "POST /p HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", []string{"POST /base/p HTTP/1.1", "Transfer-Encoding: chunked"}, "hello world"},
		{"a trailer", "POST /p HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n",
			[]string{"POST /base/p HTTP/1.1", "Trailer: X-Sum", "Transfer-Encoding: chunked"}, "hello[trailer X-Sum: 7]"},
		{"an earlier gateway", "GET / HTTP/1.1\r\nHost: api.test\r\nVia: 1.1 other\r\n\r\n", []string{"GET /base/ HTTP/1.1", "Via: 1.1 other"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, upstream.Options{}, url+"/base/", func(r *http.Request, c *upstream.Call) {
				c.ClientAddr, c.ClientHost, c.ClientProto = "192.0.2.7", r.Host, "https"
				c.Drop, c.Cookies, c.Set = []string{"X-Api-Key"}, []string{"tollgate"}, []upstream.Field{{Name: "X-Subscriber", Value: "me"}}
			})
			lines, body := sees(t, ask(t, f.URL, closing(c.request)))
			want := append(c.want, "Host: "+host, "Via: 1.1 tollgate", "X-Subscriber: me", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Host: api.test", "X-Forwarded-Proto: https")
			slices.Sort(want[1:])
			if !slices.Equal(lines, want) || body != c.body {
				t.Errorf("the upstream reads %q and %.60q, want %q and %.60q", lines, body, want, c.body)
			}
		})
	}
}

// closing makes the client's connection end with the request.
func closing(request string) string {
	if strings.Contains(request, "Connection: ") {
		return strings.Replace(request, "Connection: ", "Connection: close, ", 1)
	}
	return strings.Replace(request, "\r\n", "\r\nConnection: close\r\n", 1)
}

func TestNothingBreaksOutOfItsLine(t *testing.T) {
	t.Parallel()
	url := listen(t, echo)
	breaks := map[string]func(r *http.Request, c *upstream.Call){
		"a header value":      func(_ *http.Request, c *upstream.Call) { c.Set = []upstream.Field{{Name: "X-A", Value: "1\r\nX-B: 2"}} },
		"a lone line feed":    func(_ *http.Request, c *upstream.Call) { c.Set = []upstream.Field{{Name: "X-A", Value: "1\nX-B: 2"}} },
		"a carriage return":   func(_ *http.Request, c *upstream.Call) { c.ClientAddr = "1\r2" },
		"a NUL":               func(_ *http.Request, c *upstream.Call) { c.ClientHost = "a\x00b" },
		"a header name":       func(r *http.Request, _ *upstream.Call) { r.Header["X-A\r\nX-B"] = []string{"1"} },
		"a space in the path": func(_ *http.Request, c *upstream.Call) { c.Path = "/ HTTP/1.1" },
		"a line in the path":  func(_ *http.Request, c *upstream.Call) { c.Path = "/\r\nX-B:" },
		"a line in the query": func(_ *http.Request, c *upstream.Call) { c.Query = "a\r\nX-B:" },
		"a path without slash": func(_ *http.Request, c *upstream.Call) {
			c.Path = ".evil.test/"
		},
	}
	for name, change := range breaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, upstream.Options{}, url, change)
			if got := get(t, f.URL, "/"); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
				t.Errorf("the client reads %q", got)
			}
			f.expectError(t, upstream.BadCall, false)
		})
	}
}

func TestLoopsEnd(t *testing.T) {
	t.Parallel()
	var f *front
	f = newFront(t, upstream.Options{}, "http://127.0.0.1:1", func(_ *http.Request, c *upstream.Call) {
		c.Target = targetOf(t, f.URL)
	})
	if got := get(t, f.URL, "/"); !strings.HasPrefix(got, "HTTP/1.1 508 ") {
		t.Errorf("the client reads %q", got)
	}
	if n := len(f.results); n > 5 {
		t.Errorf("the call went round %d times", n)
	}
}

func TestOurCookieIsNotSetFromOutside(t *testing.T) {
	t.Parallel()
	url := listen(t, answers("HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: tollgate=evil; Path=/\r\nContent-Length: 0\r\n\r\n", true))
	f := newFront(t, upstream.Options{}, url, func(_ *http.Request, c *upstream.Call) { c.Cookies = []string{"tollgate"} })
	if got := get(t, f.URL, "/"); strings.Contains(got, "evil") || !strings.Contains(got, "Set-Cookie: a=1") {
		t.Errorf("the client reads %q", got)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "x", "http://", "http://user:pw@a.test", "https://a.test/?q", "https://a.test/#f", "https://a.test?", "https://a.test:", "https://mäx.test/", "http://a b/", "https:///path", "http://a.test:99999x/"} {
		if target, err := upstream.ParseTarget(bad); err == nil {
			t.Errorf("%q is taken as %+v", bad, target)
		}
	}
	for _, good := range []string{"http://a.test", "https://a.test:8443/v1/", "http://[2001:db8::1]:80/x%2Fy", "demo:weather", "http://A.test/ä%20"} {
		if _, err := upstream.ParseTarget(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}
