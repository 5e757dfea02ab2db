package upstream_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/gateway/upstream"
)

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// counted counts the connections that a script serves.
func counted(n *atomic.Int64, run script) script {
	return func(c net.Conn, r *bufio.Reader) {
		n.Add(1)
		run(c, r)
	}
}

// oneByOne serves one call after the other and returns how many connections they took.
func oneByOne(t *testing.T, o upstream.Options, run script, calls int) int64 {
	t.Helper()
	var n atomic.Int64
	f := newFront(t, o, listen(t, counted(&n, run)), nil)
	c, r := dial(t, f.URL)
	for i := range calls {
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 || !strings.HasSuffix(string(body), "ok") {
			t.Fatalf("call %d is answered with %d %.60q, %v", i, res.StatusCode, body, err)
		}
		f.last(t)
		time.Sleep(20 * time.Millisecond) // until the upstream's last word has arrived
	}
	return n.Load()
}

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000) + "ok"
	cases := []struct {
		name string
		run  script
		kept bool
	}{
		{"a length", answers(ok, false), true},
		{"a long body", answers(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(long), long), false), true},
		{"chunks", answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n", false), true},
		{"long chunks", answers(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(long), long), false), true},
		{"HTTP/1.0 that stays", answers("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", false), true},
		{"HTTP/1.0", answers("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false), false},
		{"close", answers("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false), false},
		{"closed without a word", answers(ok, true), false},
		{"a second answer unasked", answers(ok+ok, false), false},
		{"bytes too many", answers(ok+"!", false), false},
		{"bytes too many, later", func(c net.Conn, r *bufio.Reader) {
			for {
				if _, err := readRequest(r); err != nil {
					return
				}
				io.WriteString(c, ok)
				time.Sleep(5 * time.Millisecond)
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			}
		}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := int64(4)
			if c.kept {
				want = 1
			}
			if n := oneByOne(t, upstream.Options{}, c.run, 4); n != want {
				t.Errorf("4 calls take %d connections, want %d", n, want)
			}
		})
	}
	t.Run("too long", func(t *testing.T) {
		t.Parallel()
		if n := oneByOne(t, upstream.Options{MaxAge: time.Nanosecond}, answers(ok, false), 3); n != 3 {
			t.Errorf("3 calls take %d connections", n)
		}
	})
}

func TestNobodysConnectionsAreClosedAfterAWhile(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 10)
	f := newFront(t, upstream.Options{Keep: 100 * time.Millisecond}, listen(t, func(c net.Conn, r *bufio.Reader) {
		answers(ok, false)(c, r)
		closed <- struct{}{}
	}), nil)
	get(t, f.URL, "/")
	wait(t, "the closing", closed)
	time.Sleep(250 * time.Millisecond) // until the client has forgotten the upstream
	if got := get(t, f.URL, "/"); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("after that the client reads %q", got)
	}
}

// A kept connection may be closed by the upstream in the very moment in which we
// use it. What may be sent twice is; what may not is not.
func TestAConnectionThatDiesUnderARequest(t *testing.T) {
	t.Parallel()
	cases := []struct {
		request string
		want    string
		seen    int64
	}{
		{"GET / HTTP/1.1\r\nHost: a\r\n", "200", 3},
		{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n", "200", 3},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n", "502", 2},
		{"PATCH / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n", "502", 2},
	}
	for _, c := range cases {
		name, _, _ := strings.Cut(c.request, " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen atomic.Int64
			f := newFront(t, upstream.Options{}, listen(t, func(conn net.Conn, r *bufio.Reader) {
				for {
					req, err := readRequest(r)
					if err != nil {
						return
					}
					io.Copy(io.Discard, req.Body)
					if seen.Add(1) == 2 {
						return // read, and gone without an answer
					}
					io.WriteString(conn, ok)
				}
			}), nil)
			body := ""
			if strings.Contains(c.request, "Length") {
				body = "hi"
			}
			ask(t, f.URL, c.request+"Connection: close\r\n\r\n"+body)
			got := ask(t, f.URL, c.request+"Connection: close\r\n\r\n"+body)
			if !strings.HasPrefix(got, "HTTP/1.1 "+c.want) || seen.Load() != c.seen {
				t.Errorf("the client reads %.40q, the upstream %d requests, want %s and %d", got, seen.Load(), c.want, c.seen)
			}
		})
	}
}

func TestNoMoreConnectionsThanAllowed(t *testing.T) {
	t.Parallel()
	var now, most, n atomic.Int64
	url := listen(t, counted(&n, func(c net.Conn, r *bufio.Reader) {
		for {
			if _, err := readRequest(r); err != nil {
				return
			}
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(5 * time.Millisecond)
			now.Add(-1)
			io.WriteString(c, ok)
		}
	}))
	f := newFront(t, upstream.Options{MaxConns: 3}, url, nil)
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if got := get(t, f.URL, "/"); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
				t.Errorf("the client reads %q", got)
			}
		})
	}
	all.Wait()
	if most.Load() > 3 || n.Load() > 3 {
		t.Errorf("%d calls at once, over %d connections", most.Load(), n.Load())
	}
}

func TestWaitingForAConnectionEnds(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}, 10), make(chan struct{})
	f := newFront(t, upstream.Options{MaxConns: 1, Connect: time.Second}, listen(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err == nil {
			asked <- struct{}{}
			<-release
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
		}
	}), nil)
	first := make(chan string)
	go func() { first <- get(t, f.URL, "/") }()
	wait(t, "the first request", asked)
	if got := get(t, f.URL, "/"); !strings.HasPrefix(got, "HTTP/1.1 503 ") {
		t.Errorf("the second client reads %q", got)
	}
	f.expectError(t, upstream.Busy, false)
	close(release)
	if got := wait(t, "the first answer", first); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("the first client reads %q", got)
	}
	if got := get(t, f.URL, "/"); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("the third client reads %q", got)
	}
}

func TestUpstreamsThatCannotBeReached(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, url := range []string{"http://" + l.Addr().String(), "http://no-such-name.invalid", "http://127.0.0.1:0"} {
		f := newFront(t, upstream.Options{}, url, nil)
		if got := get(t, f.URL, "/"); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
			t.Errorf("%s: the client reads %q", url, got)
		}
		f.expectError(t, upstream.NoConnect, false)
	}
}

func TestAClosedClientServesNobody(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	f := newFront(t, upstream.Options{}, listen(t, func(_ net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err == nil {
			asked <- struct{}{}
			_, _ = r.ReadByte()
		}
	}), nil)
	got := make(chan string)
	go func() { got <- get(t, f.URL, "/") }()
	wait(t, "the request", asked)
	f.client.Close()
	if answer := wait(t, "the end of the call", got); !strings.HasPrefix(answer, "HTTP/1.1 502 ") {
		t.Errorf("the client reads %q", answer)
	}
	if answer := get(t, f.URL, "/"); !strings.HasPrefix(answer, "HTTP/1.1 502 ") {
		t.Errorf("afterwards it reads %q", answer)
	}
}
