package proxy_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// FuzzNothingOfOursIsPassedOn sends any header lines beside a key and a cookie of the
// portal's. Whatever else happens, the upstream never sees either of them.
func FuzzNothingOfOursIsPassedOn(f *testing.F) {
	for _, lines := range []string{
		"", "Connection: apikey\r\n", "Connection: close, Cookie\r\n", "APIKEY: " + key + "\r\n", "Authorization: Bearer " + key + "\r\n", "Authorization: bearer  " + key + "\r\n",
		"Cookie: tollgate=stolen\r\n", "Cookie: a=b;tollgate = stolen\r\n", "X_Forwarded_For: 1\r\n", "api_key: x\r\n", "X: y\r\n z\r\n", "Te: trailers\r\nTrailer: apikey\r\n",
		"Cookie: \"tollgate\"=x\r\n", "Upgrade: websocket\r\nConnection: upgrade\r\n", "Expect: 100-continue\r\n", "Transfer-Encoding: chunked\r\n",
	} {
		f.Add(lines)
	}
	w := setup(f, nil)
	f.Fuzz(func(t *testing.T, lines string) {
		if len(lines) > 2000 {
			return
		}
		w.mu.Lock()
		w.seen, w.bodies = nil, nil
		w.mu.Unlock()
		conn, err := net.Dial("tcp", w.address)
		must(t, err)
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(200*time.Millisecond))) // some wait for a body
		_, err = io.WriteString(conn, "GET /weather/1.0/x HTTP/1.1\r\nHost: a\r\napikey: "+key+"\r\nCookie: tollgate=stolen; a=b\r\nConnection: close\r\n"+lines+"\r\n")
		must(t, err)
		_, _ = io.Copy(io.Discard, conn)
		for _, r := range w.reached() {
			for name, values := range r.Header {
				all := strings.Join(values, "\n")
				if (name == "Apikey" || name == "Authorization") && strings.Contains(all, key) || ours(all, name) {
					t.Errorf("with %q the upstream got %s: %q", lines, name, values)
				}
			}
		}
	})
}

// ours reports whether a header holds the portal's cookie.
func ours(value, name string) bool {
	if name != "Cookie" {
		return false
	}
	r := http.Request{Header: http.Header{"Cookie": {value}}}
	_, err := r.Cookie("tollgate")
	return err == nil
}

// Every problem is in the documentation.
func TestProblemsAreDocumented(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/gateway.md")
	must(t, err)
	types := regexp.MustCompile(`(?:Type: +|[A-Z]\w+ += |\{40[23], )"([a-z]+(?:-[a-z]+)*)"`)
	n := 0
	for _, file := range []string{"problem.go", "../problem.go", "../../access/gateway.go"} {
		source, err := os.ReadFile(file)
		must(t, err)
		for _, m := range types.FindAllStringSubmatch(string(source), -1) {
			n++
			if !strings.Contains(string(docs), "`"+m[1]+"`") {
				t.Errorf("%s of %s is not in docs/gateway.md", m[1], file)
			}
		}
	}
	if n < 35 {
		t.Errorf("only %d problems were found", n)
	}
}
