package upstream_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tollgate/gateway/upstream"
)

// TestAnswersAsReverseProxyGivesThem puts the same upstreams behind us and behind
// httputil.ReverseProxy and compares what a client reads.
func TestAnswersAsReverseProxyGivesThem(t *testing.T) {
	t.Parallel()
	const get, head = "GET / HTTP/1.1", "HEAD / HTTP/1.1"
	long := strings.Repeat("0123456789abcdef", 20_000)
	cases := []struct {
		name, first, answer string
		close               bool
	}{
		{"a length", get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\nx-lower: 3\r\n\r\nhello", false},
		{"no body", get, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
		{"a long body", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 320000\r\n\r\n" + long, false},
		{"the length twice", get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", false},
		{"until the end", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\nhello", true},
		{"until the end, long", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n" + long, true},
		{"HTTP/1.0", get, "HTTP/1.0 200 OK\r\nContent-Type: a/b\r\n\r\nhello", true},
		{"HTTP/1.0 with a length", get, "HTTP/1.0 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\nhello", true},
		{"HTTP/1.0 that stays", get, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", false},
		{"close", get, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", true},
		{"HEAD", head, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", false},
		{"HEAD, chunked", head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false},
		{"204", get, "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", false},
		{"304", get, "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 99\r\n\r\n", false},
		{"206", get, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5\r\n\r\nhello", false},
		{"a redirect", get, "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", false},
		{"a failure", get, "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", false},
		{"no reason", get, "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", false},
		{"a strange status", get, "HTTP/1.1 799 Strange\r\nContent-Length: 2\r\n\r\nok", false},
		{"hops", get, "HTTP/1.1 200 OK\r\nConnection: X-Private, keep-alive\r\nKeep-Alive: timeout=5\r\nX-Private: 1\r\nProxy-Authenticate: a\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok", false},
		{"cookies", get, "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok", false},
		{"compressed", get, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", false},
		{"early hints", get, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
		{"processing", get, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
		{"bare line feeds", get, "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false},
		{"a long header", get, "HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("a", 40_000) + "\r\nContent-Length: 2\r\n\r\nok", false},
		{"many headers", get, "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Many: 1\r\n", 500) + "Content-Length: 2\r\n\r\nok", false},
		{"too short a body", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 10\r\n\r\nhello", true},
		{"too short a chunked body", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true},
		{"a chunk cut off", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello", true},
		{"long chunks", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n4e200\r\n" + long + "\r\n0\r\n\r\n", false},
		{"many chunks", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("5;a=b\r\nhello\r\n", 5000) + "0\r\n\r\n", false},
		{"a trailer", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n", false},
		{"an unannounced trailer", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n", false},
		{"a trailer behind a long body", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n4e200\r\n" + long + "\r\n0\r\nX-Sum: 7\r\n\r\n", false},
		{"an announced trailer that stays out", get, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false},
		{"nothing", get, "", true},
		{"half a head", get, "HTTP/1.1 200 OK\r\nContent-", true},
		{"no HTTP", get, "SSH-2.0-OpenSSH_9.2\r\n\r\n", true},
		{"two lengths", get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", true},
		{"a length that is none", get, "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", true},
		{"a list of lengths", get, "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", true},
		{"a negative length", get, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", true},
		{"a huge length", get, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello", true},
		{"another encoding", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", true},
		{"a line without colon", get, "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n", true},
		{"a status that is none", get, "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"a switch unasked", get, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := listen(t, answers(c.answer, c.close))
			request := c.first + "\r\nHost: api.test\r\n\r\n" + c.first + "\r\nHost: api.test\r\nConnection: close\r\n\r\n"
			ours := read(ask(t, newFront(t, upstream.Options{}, url, nil).URL, request), c.first)
			theirs := read(ask(t, newPlain(t, url).URL, request), c.first)
			if ours != theirs {
				t.Errorf("the client reads\n%s\nbehind httputil.ReverseProxy it reads\n%s", ours, theirs)
			}
		})
	}
}

// Differences of purpose, each told in the package's comment.
func TestAnswersOtherThanReverseProxyGivesThem(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, answer string
		want         string
	}{
		{"another protocol", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "502"},
		{"a space in a name", "HTTP/1.1 200 OK\r\nX A: 5\r\nContent-Length: 0\r\n\r\n", "502"},
		{"a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", "502"},
		{"status 000", "HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n", "502"},
		{"length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "502"},
		{"chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "502"},
		{"a folded line", "HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n", "502"},
		{"a carriage return in a value", "HTTP/1.1 200 OK\r\nX-A: 1\r2\r\nContent-Length: 0\r\n\r\n", "502"},
		{"a NUL in a value", "HTTP/1.1 200 OK\r\nX-A: 1\x002\r\nContent-Length: 0\r\n\r\n", "502"},
		{"too long a header", "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 64<<10) + "\r\nContent-Length: 0\r\n\r\n", "502"},
		{"interim answers without end", strings.Repeat("HTTP/1.1 102 Processing\r\nX-A: "+strings.Repeat("a", 1000)+"\r\n\r\n", 70), "502"},
		{"an interim answer with a body", "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "502"},
		{"chunks that have come whole", "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "200 length 11"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, upstream.Options{}, listen(t, answers(c.answer, true)), nil)
			_, all, _ := strings.Cut("\n"+get(t, f.URL, "/"), "\nHTTP/1.1 "+c.want[:3])
			if all == "" {
				t.Fatalf("the status is not %s", c.want[:3])
			}
			if _, length, ok := strings.Cut(c.want, "length "); ok && !strings.Contains(all, "Content-Length: "+length+"\r\n") {
				t.Errorf("the client reads %q", all)
			}
		})
	}
}

// read tells all answers in a form that can be compared: what may differ from run
// to run left out, headers in order.
func read(all, first string) string {
	method, _, _ := strings.Cut(first, " ")
	r := bufio.NewReader(strings.NewReader(all))
	var b strings.Builder
	for {
		if _, err := r.Peek(1); err != nil {
			return b.String()
		}
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			fmt.Fprintf(&b, "%v in %q\n", err, all)
			return b.String()
		}
		body, err := io.ReadAll(res.Body)
		if res.StatusCode == http.StatusBadGateway {
			fmt.Fprintf(&b, "502 close %v\n", res.Close) // the words are the fronts' own
			continue
		}
		fmt.Fprintf(&b, "%d length %d chunked %v close %v\n", res.StatusCode, res.ContentLength, len(res.TransferEncoding) > 0, res.Close)
		res.Header.Del("Date")
		writeSorted(&b, res.Header)
		fmt.Fprintf(&b, "%d bytes %.40q error %v\n", len(body), body, err)
		writeSorted(&b, res.Trailer)
	}
}

func writeSorted(b *strings.Builder, h http.Header) {
	var lines []string
	for name, values := range h {
		lines = append(lines, fmt.Sprintf("  %s: %.200q\n", name, values))
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, ""))
}
