package upstream_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"tollgate/gateway/upstream"
)

// After an early answer the client's connection is closed, with the answer whole.
func TestAnAnswerBeforeTheBodyIsRead(t *testing.T) {
	t.Parallel()
	const size = 50_000_000
	for name, after := range map[string]func(c net.Conn, r *bufio.Reader){
		"and the connection closed": func(c net.Conn, _ *bufio.Reader) {},
		"and nothing read": func(c net.Conn, r *bufio.Reader) {
			time.Sleep(200 * time.Millisecond)
		},
		"and the rest read": func(_ net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) },
	} {
		for _, framing := range []string{fmt.Sprintf("Content-Length: %d", size), "Transfer-Encoding: chunked"} {
			t.Run(name+" "+framing, func(t *testing.T) {
				t.Parallel()
				f := newFront(t, upstream.Options{}, listen(t, func(c net.Conn, r *bufio.Reader) {
					if _, err := readRequest(r); err != nil {
						return
					}
					io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge")
					if half, ok := c.(*net.TCPConn); ok {
						_ = half.CloseWrite()
					}
					after(c, r)
				}), nil)
				c, r := dial(t, f.URL)
				go func() {
					fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: api.test\r\n%s\r\n\r\n", framing)
					var w io.Writer = c
					if !strings.Contains(framing, "Length") {
						w = httputil.NewChunkedWriter(c)
					}
					_, _ = io.CopyN(w, zeros{}, size)
				}()
				res, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				if name == "and the connection closed" && res.StatusCode == http.StatusBadGateway {
					return // the kernel may throw an unread answer away when it is told of the closing
				}
				if err != nil || res.StatusCode != 413 || string(body) != "large" || !res.Close {
					t.Errorf("the client reads %d, close %v, %q, %v", res.StatusCode, res.Close, body, err)
				}
				if result, err := f.last(t); err != nil || result.Sent >= size {
					t.Errorf("result %+v, %v", result, err)
				}
			})
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// A conversation: each part of the answer depends on a part of the request.
func TestBothDirectionsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFront(t, upstream.Options{}, listen(t, func(c net.Conn, r *bufio.Reader) {
		req, err := readRequest(r)
		if err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		w := httputil.NewChunkedWriter(c)
		lines := bufio.NewScanner(req.Body)
		for lines.Scan() {
			fmt.Fprintf(w, "you said %s\n", lines.Text())
		}
		w.Close()
		io.WriteString(c, "\r\n")
	}), nil)
	c, r := dial(t, f.URL)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n")
	w := httputil.NewChunkedWriter(c)
	var lines *bufio.Reader
	for i := range 20 {
		fmt.Fprintf(w, "line %d\n", i)
		if lines == nil {
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			lines = bufio.NewReader(res.Body)
		}
		if got, err := lines.ReadString('\n'); err != nil || got != fmt.Sprintf("you said line %d\n", i) {
			t.Fatalf("line %d is answered with %q, %v", i, got, err)
		}
	}
	w.Close()
	io.WriteString(c, "\r\n")
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("behind the last line comes %q, %v", rest, err)
	}
	if result, err := f.last(t); err != nil || !result.Complete || result.Sent != 20*7+10 {
		t.Errorf("result %+v, %v", result, err)
	}
}

func TestTheUpstreamDecidesAboutAnAnnouncedBody(t *testing.T) {
	t.Parallel()
	const request = "POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
	expecting := func(then script) script {
		return func(c net.Conn, r *bufio.Reader) {
			if req, err := readRequest(r); err != nil || req.Header.Get("Expect") != "100-continue" {
				io.WriteString(c, "HTTP/1.1 500 Unexpected\r\nContent-Length: 0\r\n\r\n")
				return
			}
			then(c, r)
		}
	}
	takes := func(c net.Conn, r *bufio.Reader) {
		body := make([]byte, 5)
		if _, err := io.ReadFull(r, body); err == nil {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%s", body)
		}
	}
	for name, run := range map[string]script{
		"it wants it": func(c net.Conn, r *bufio.Reader) { io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); takes(c, r) },
		"it says hints": func(c net.Conn, r *bufio.Reader) {
			io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
			takes(c, r)
		},
		"it says neither": takes,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, upstream.Options{}, listen(t, expecting(run)), nil)
			c, r := dial(t, f.URL)
			io.WriteString(c, request)
			if line, _ := r.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
				t.Fatalf("the client reads %q", line)
			}
			_, _ = r.ReadString('\n')
			io.WriteString(c, "hello")
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(res.Body); res.StatusCode != 200 || string(body) != "hello" || err != nil {
				t.Errorf("the client reads %d %q, %v", res.StatusCode, body, err)
			}
		})
	}
	t.Run("it refuses", func(t *testing.T) {
		t.Parallel()
		f := newFront(t, upstream.Options{}, listen(t, expecting(func(c net.Conn, r *bufio.Reader) {
			io.WriteString(c, "HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno")
			if _, err := r.ReadByte(); err == nil {
				t.Error("the body is sent all the same")
			}
		})), nil)
		c, r := dial(t, f.URL)
		io.WriteString(c, request)
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != 417 || !res.Close {
			t.Fatalf("the client reads %+v, %v", res, err)
		}
		if all, err := io.ReadAll(r); err != nil || string(all) != "no" {
			t.Errorf("then it reads %q, %v", all, err)
		}
	})
}

func TestBodiesThatMayNotPass(t *testing.T) {
	t.Parallel()
	url := listen(t, echo)
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		c := upstream.New(upstream.Options{Rule: lan})
		t.Cleanup(c.Close)
		target := targetOf(t, url)
		errs := make(chan error, 1)
		addr := serveTest(t, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 1000)
			_, err := c.Do(w, r, &upstream.Call{Target: target, Path: "/"})
			errs <- err
			http.Error(w, "", 413)
		})
		for _, request := range []string{
			"POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 2000\r\n\r\n" + strings.Repeat("x", 2000),
			"POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("x", 200_000),
			"POST / HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n" + strings.Repeat("x", 0x2000) + "\r\n0\r\n\r\n",
		} {
			got := ask(t, addr, request+"GET /smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 413 ") || strings.Count(got, "HTTP/1.1 ") != 1 {
				t.Errorf("the client reads %q", got)
			}
			if e, ok := wait(t, "the end", errs).(*upstream.Error); !ok || e.Kind != upstream.TooLarge {
				t.Errorf("the call ends with %v", e)
			}
		}
	})
	t.Run("broken off", func(t *testing.T) {
		t.Parallel()
		complete := make(chan bool, 1)
		f := newFront(t, upstream.Options{}, listen(t, func(_ net.Conn, r *bufio.Reader) {
			req, err := readRequest(r)
			if err == nil {
				_, err = io.Copy(io.Discard, req.Body)
			}
			complete <- err == nil
		}), nil)
		c, _ := dial(t, f.URL)
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
		time.Sleep(50 * time.Millisecond)
		c.Close()
		if wait(t, "the end", complete) {
			t.Error("the upstream takes half a request for a whole one")
		}
		f.expectError(t, upstream.ClientGone, false)
	})
}

// What is left of a body after an answer never becomes a request.
func TestNoRequestIsMadeOfABody(t *testing.T) {
	t.Parallel()
	f := newFront(t, upstream.Options{}, listen(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err == nil {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
		}
	}), nil)
	for _, head := range []string{"Content-Length: 100000\r\n", "Transfer-Encoding: chunked\r\n"} {
		c, r := dial(t, f.URL)
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: api.test\r\n"+head+"\r\n")
		go func() {
			for range 40 {
				time.Sleep(20 * time.Millisecond)
				if _, err := io.WriteString(c, "GET /smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n"); err != nil {
					return
				}
			}
		}()
		all, _ := io.ReadAll(r)
		if n := strings.Count(string(all), "HTTP/1.1 "); n != 1 {
			t.Errorf("the client reads %d answers: %q", n, all)
		}
	}
}

// A failure is told as that of the side that failed.
func TestAnUpstreamThatLeavesInTheMiddleOfABody(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{"without an answer": "", "with half an answer": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, upstream.Options{}, listen(t, func(c net.Conn, r *bufio.Reader) {
				req, err := readRequest(r)
				if err != nil {
					return
				}
				_, _ = io.ReadFull(req.Body, make([]byte, 5))
				io.WriteString(c, answer)
			}), nil)
			c, r := dial(t, f.URL)
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 100000\r\n\r\nhello") // and waits
			all, _ := io.ReadAll(r)
			if got := string(all); answer == "" && !strings.HasPrefix(got, "HTTP/1.1 502 ") || strings.Count(got, "HTTP/1.1 ") > 1 {
				t.Errorf("the client reads %q", got)
			}
			f.expectError(t, upstream.BadAnswer, answer != "")
		})
	}
}

// A deadline of the call before does not make a kept connection look dead.
func TestALongBodyGoesOverAKeptConnection(t *testing.T) {
	t.Parallel()
	f := newFront(t, upstream.Options{FirstByte: 200 * time.Millisecond}, listen(t, answers(ok, false)), nil)
	for i := range 3 {
		got := ask(t, f.URL, "POST / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 100_000))
		if !strings.HasPrefix(got, "HTTP/1.1 200 ") {
			t.Errorf("the client reads %q", got)
		}
		if res, err := f.last(t); err != nil || res.Reused != (i > 0) || res.Sent != 100_000 {
			t.Errorf("call %d: %+v, %v", i, res, err)
		}
		time.Sleep(400 * time.Millisecond)
	}
}
