package upstream_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tollgate/gateway/upstream"
)

// soon is how long a test waits for what should happen at once.
const soon = 5 * time.Second

func wait[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(soon):
		t.Fatalf("%s does not happen", what)
	}
	return v
}

func readRequest(r *bufio.Reader) (*http.Request, error) { return http.ReadRequest(r) }

func TestEventsComeAtOnce(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"chunked":        "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
		"until close":    "Content-Type: text/event-stream\r\n\r\n",
		"of some length": "Content-Type: text/event-stream; charset=utf-8\r\nContent-Length: 100000\r\n\r\n",
		"another type":   "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next, gone := make(chan string), make(chan struct{})
			f := newFront(t, upstream.Options{}, listen(t, func(c net.Conn, r *bufio.Reader) {
				if _, err := readRequest(r); err != nil {
					return
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\n"+head)
				go func() {
					_, _ = r.ReadByte()
					close(gone)
				}()
				for event := range next {
					if strings.Contains(head, "chunked") {
						event = fmt.Sprintf("%x\r\n%s\r\n", len(event), event)
					}
					io.WriteString(c, event)
				}
				<-gone
			}), nil)
			c, r := dial(t, f.URL)
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				event := fmt.Sprintf("data: %d\n\n", i)
				next <- event
				got := make([]byte, len(event))
				if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != event {
					t.Fatalf("event %d is read as %q, %v", i, got, err)
				}
			}
			close(next)
			c.Close()
			wait(t, "the upstream's seeing that the client has gone", gone)
			f.expectError(t, upstream.ClientGone, true)
		})
	}
}

func TestAClientThatGoesAwayIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	asked, gone := make(chan struct{}), make(chan error)
	f := newFront(t, upstream.Options{}, listen(t, func(_ net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err != nil {
			return
		}
		asked <- struct{}{}
		_, err := r.ReadByte()
		gone <- err
	}), nil)
	c, _ := dial(t, f.URL)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
	wait(t, "the request", asked)
	c.Close()
	if err := wait(t, "the end", gone); err == nil {
		t.Error("the upstream is sent something more")
	}
	f.expectError(t, upstream.ClientGone, false)
}

func TestTimeLimits(t *testing.T) {
	t.Parallel()
	const fast = 200 * time.Millisecond
	silence := func(begin string) script {
		return func(c net.Conn, r *bufio.Reader) {
			if _, err := readRequest(r); err == nil {
				io.WriteString(c, begin)
				_, _ = r.ReadByte()
			}
		}
	}
	cases := []struct {
		name  string
		begin string
		kind  upstream.Kind
		begun bool
		want  string
	}{
		{"no answer", "", upstream.Timeout, false, "HTTP/1.1 504"},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Le", upstream.Timeout, false, "HTTP/1.1 504"},
		{"an interim answer only", "HTTP/1.1 102 Processing\r\n\r\n", upstream.Timeout, false, "HTTP/1.1 102"},
		{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", upstream.Timeout, true, "error: "},
		{"half a chunked body", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", upstream.Timeout, true, "HTTP/1.1 200"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, upstream.Options{FirstByte: fast, Idle: fast}, listen(t, silence(c.begin)), nil)
			start := time.Now()
			got := get(t, f.URL, "/")
			if !strings.HasPrefix(got, c.want) && !(c.begun && got == "") {
				t.Errorf("the client reads %q", got)
			}
			if took := time.Since(start); took < fast || took > soon {
				t.Errorf("it took %v", took)
			}
			if c.begun && strings.HasSuffix(got, "0\r\n\r\n") {
				t.Error("half an answer looks like a whole one")
			}
			f.expectError(t, c.kind, c.begun)
		})
	}
}

func TestBeforeComesBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	url := listen(t, answers("HTTP/1.1 200 OK\r\nX-Theirs: 1\r\nContent-Length: 5\r\n\r\nhello", false))
	var hold, held = make(chan struct{}), make(chan string)
	f := newFront(t, upstream.Options{}, url, func(_ *http.Request, c *upstream.Call) {
		c.Before = func(status int, h http.Header) error {
			held <- fmt.Sprint(status, h["X-Theirs"], h["Content-Length"])
			<-hold
			h.Set("X-Units", "1")
			return nil
		}
	})
	c, r := dial(t, f.URL)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
	if got := wait(t, "the look before", held); got != "200[1] [5]" && got != "200 [1] [5]" {
		t.Errorf("before sees %s", got)
	}
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if b, err := r.ReadByte(); err == nil {
		t.Errorf("the client has got %q already", b)
	}
	_ = c.SetReadDeadline(time.Now().Add(soon))
	close(hold)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.Header.Get("X-Units") != "1" || res.Header.Get("X-Theirs") != "1" {
		t.Fatalf("the answer is %v, %v", res, err)
	}
	if res, err := f.last(t); err != nil || !res.Complete || res.Received != 5 || res.Status != 200 {
		t.Errorf("result %+v, %v", res, err)
	}
}

func TestBeforeCanStopTheCall(t *testing.T) {
	t.Parallel()
	stop := errors.New("the ledger is full")
	bodies := map[string]string{
		"short": "Content-Length: 5\r\n\r\nhello", "long": "Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000),
		"chunked": "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "none": "Content-Length: 0\r\n\r\n",
	}
	for name, rest := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := listen(t, answers("HTTP/1.1 200 OK\r\nX-Theirs: 1\r\n"+rest, false))
			f := newFront(t, upstream.Options{}, url, func(_ *http.Request, c *upstream.Call) {
				c.Before = func(int, http.Header) error { return stop }
			})
			got := get(t, f.URL, "/")
			if !strings.HasPrefix(got, "HTTP/1.1 503 ") || strings.Contains(got, "Theirs") || strings.Contains(got, "xxx") {
				t.Errorf("the client reads %.300q", got)
			}
			if res, err := f.last(t); err != stop || res.Received != 0 || res.Complete {
				t.Errorf("result %+v, %v", res, err)
			}
		})
	}
}

func TestSlowAndStalledClients(t *testing.T) {
	t.Parallel()
	f := newFront(t, upstream.Options{ClientIdle: 200 * time.Millisecond}, listen(t, echo), nil)
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 10\r\n\r\nhello",
		"POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 100000\r\n\r\nhello",
		"POST / HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
	} {
		got := ask(t, f.URL, request)
		if !strings.HasPrefix(got, "HTTP/1.1 408 ") {
			t.Errorf("to %q the client reads %q", request, got)
		}
		f.expectError(t, upstream.ClientSlow, false)
	}
	// One that takes nothing of a long answer.
	long := listen(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"+strings.Repeat("x", 100_000_000), false))
	stalled := newFront(t, upstream.Options{ClientIdle: 200 * time.Millisecond}, long, nil)
	c, _ := dial(t, stalled.URL)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
	stalled.expectError(t, upstream.ClientGone, true)
}
