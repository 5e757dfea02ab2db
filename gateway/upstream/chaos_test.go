package upstream_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/gateway/upstream"
)

// moody answers right, in one of many ways, or fails, in one of many ways. What it
// answers names the request, so that an answer that goes to another one is seen.
func moody(c net.Conn, r *bufio.Reader) {
	for {
		req, err := readRequest(r)
		if err != nil {
			return
		}
		mood := rand.IntN(12)
		if mood == 0 { // early
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(req.URL.Path), req.URL.Path)
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		body := req.URL.Path + strings.Repeat("x", rand.IntN(60_000)*rand.IntN(2))
		switch mood {
		case 1:
			return
		case 2:
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le")
			return
		case 3:
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body)+1, body)
			return
		case 4:
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\n\r\n%s", body)
			return
		case 5:
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			return // a kept connection that dies
		case 6:
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			fallthrough
		case 7, 8, 9:
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		default:
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		}
	}
}

// Many calls at once, of which many break off somewhere on either side: no answer
// is taken for another's, no half one for a whole one, and nothing is left behind.
func TestManyCallsThatBreakOff(t *testing.T) {
	t.Parallel()
	url := listen(t, moody)
	c := upstream.New(upstream.Options{Rule: lan, MaxConns: 12})
	target := targetOf(t, url)
	var running, whole atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Add(-1)
		_, err := c.Do(w, r, &upstream.Call{Target: target, Path: r.URL.EscapedPath()})
		if e, ok := err.(*upstream.Error); ok && e.Begun {
			panic(http.ErrAbortHandler)
		} else if ok {
			w.WriteHeader(e.Kind.Status())
		}
	}))
	s.Config.ErrorLog = silent
	browser := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	var all sync.WaitGroup
	for worker := range 24 {
		all.Go(func() {
			for i := range 60 {
				if callOnce(t, browser, fmt.Sprintf("%s/call-%d-%d-", s.URL, worker, i)) {
					whole.Add(1)
				}
			}
		})
	}
	all.Wait()
	browser.CloseIdleConnections()
	s.CloseClientConnections()
	s.Close()
	if whole.Load() < 200 {
		t.Errorf("only %d of 1440 calls came through", whole.Load())
	}
	if n := running.Load(); n != 0 {
		t.Errorf("%d calls have not ended", n)
	}
	c.Close()
	for end := time.Now().Add(soon); ; time.Sleep(20 * time.Millisecond) {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left := bytes.Count(stacks, []byte("upstream.(*pump)")) + bytes.Count(stacks, []byte(fmt.Sprintf("upstream.(*Client).keep(%p", c)))
		if left == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d goroutines are left:\n%s", left, stacks)
		}
	}
}

// callOnce makes one call, perhaps with a body, and perhaps goes away before its
// end. It reports whether a whole answer came.
func callOnce(t *testing.T, browser *http.Client, url string) bool {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if rand.IntN(5) == 0 {
		time.AfterFunc(time.Duration(rand.IntN(8000))*time.Microsecond, cancel)
	}
	method, body := http.MethodGet, io.Reader(nil)
	switch rand.IntN(4) {
	case 0:
		method, body = http.MethodPost, strings.NewReader(strings.Repeat("b", rand.IntN(5000)))
	case 1:
		method, body = http.MethodPut, io.MultiReader(strings.NewReader(strings.Repeat("b", rand.IntN(100_000)))) // of unknown length
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Error(err)
		return false
	}
	res, err := browser.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		return false
	}
	if rest, mine := strings.CutPrefix(string(answer), req.URL.Path); !mine || strings.Trim(rest, "x") != "" {
		t.Errorf("%s is answered with %.60q", req.URL.Path, answer)
	}
	return true
}

// What calls leave behind is counted in a process that does nothing else, in which
// this test runs alone.
func TestNothingIsLeftBehind(t *testing.T) {
	url := listen(t, moody)
	f := newFront(t, upstream.Options{Keep: 50 * time.Millisecond}, url, nil)
	f.Config.ErrorLog = silent
	use := func() {
		browser := &http.Client{Transport: &http.Transport{}}
		var all sync.WaitGroup
		for worker := range 8 {
			all.Go(func() {
				for i := range 40 {
					callOnce(t, browser, fmt.Sprintf("%s/call-%d-%d-", f.URL, worker, i))
				}
			})
		}
		all.Wait()
		browser.CloseIdleConnections()
	}
	use()
	time.Sleep(time.Second) // until what is kept has been given up
	goroutines, files := settled(t, 1<<20, 1<<20)
	for range 3 {
		use()
	}
	after, filesAfter := settled(t, goroutines, files)
	if after > goroutines || filesAfter > files {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines and %d open files became %d and %d\n%s", goroutines, files, after, filesAfter, stacks[:runtime.Stack(stacks, true)])
	}
}

// settled waits until there are no more goroutines and open files than given, or
// for a while, and returns how many there are.
func settled(t *testing.T, goroutines, files int) (int, int) {
	t.Helper()
	var n, open int
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		n = runtime.NumGoroutine()
		if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
			open = len(entries)
		}
		if n <= goroutines && open <= files {
			break
		}
	}
	return n, open
}
