package upstream_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/gateway/upstream"
)

// Whatever an upstream sends, the client reads what net/http's own reader reads,
// or is told that there was no answer. Chunks are read by httputil's reader for
// comparison.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		ok, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-A: b\r\n\r\n",
		"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n" + ok, "HTTP/1.0 200 OK\r\n\r\nhello", "HTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n05 \r\nhello\r\n00\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
		"HTTP/1.0 200 \n0:\x04\n\n",
	} {
		f.Add([]byte(seed))
	}
	target, next := saying(f)
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := upstream.New(upstream.Options{Rule: lan, FirstByte: time.Second, Idle: time.Second})
		defer c.Close()
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/", nil) // never sent twice
		next.Store(&answer)
		_, err := c.Do(w, r, &upstream.Call{Target: target, Path: "/"})
		if err != nil {
			if e, ours := err.(*upstream.Error); !ours || !e.Begun && (w.Body.Len() > 0 || len(w.Header()) > 0) {
				t.Fatalf("%v, and the client reads %q %v", err, w.Body, w.Header())
			}
			return
		}
		res, err := standard(answer)
		if err != nil {
			t.Fatalf("net/http finds %v in %q; we pass on %d %q", err, answer, w.Code, w.Body)
		}
		body, err := io.ReadAll(res.Body)
		if res.StatusCode != w.Code || string(body) != w.Body.String() || err != nil {
			t.Fatalf("of %q net/http makes %d %q, %v; we make %d %q", answer, res.StatusCode, body, err, w.Code, w.Body)
		}
		for name, values := range w.Header() {
			if theirs := strings.Join(res.Header[name], "|"); name != "Content-Length" && name != "Trailer" && !strings.HasPrefix(name, http.TrailerPrefix) && theirs != strings.Join(values, "|") && res.Trailer[name] == nil {
				t.Fatalf("of %q net/http makes %s: %q; we make %q", answer, name, theirs, values)
			}
		}
	})
}

// saying is an upstream that answers what it is told to, and goes.
func saying(f *testing.F) (*upstream.Target, *atomic.Pointer[[]byte]) {
	next := new(atomic.Pointer[[]byte])
	url := listen(f, func(c net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err == nil {
			c.Write(*next.Load())
		}
	})
	return targetOf(f, url), next
}

// standard is how net/http reads an answer, with its interim ones left out.
func standard(answer []byte) (*http.Response, error) {
	r := bufio.NewReader(bytes.NewReader(answer))
	for {
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode >= 200 {
			return res, err
		}
	}
}

func FuzzChunks(f *testing.F) {
	for _, seed := range []string{"0\r\n", "5\r\nhello\r\n0\r\n", "5;x\r\nhello\r\n0;y\r\n", "5\nhello\r\n0\r\n", "5\r\nhello0\r\n", "-5\r\n", "0x5\r\n", " 5\r\n", "5 \r\n", "fffffffffffffffff\r\n", "5\r\nhel"} {
		f.Add([]byte(seed))
	}
	target, next := saying(f)
	f.Fuzz(func(t *testing.T, chunks []byte) {
		c := upstream.New(upstream.Options{Rule: lan, FirstByte: time.Second, Idle: time.Second})
		defer c.Close()
		w := httptest.NewRecorder()
		answer := []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + string(chunks) + "\r\n")
		next.Store(&answer)
		_, err := c.Do(w, httptest.NewRequest("POST", "/", nil), &upstream.Call{Target: target, Path: "/"})
		want, wantErr := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(chunks)))
		if err == nil && (wantErr != nil || w.Body.String() != string(want)) {
			t.Fatalf("of %q httputil makes %q, %v; we make %q", chunks, want, wantErr, w.Body)
		}
	})
}
