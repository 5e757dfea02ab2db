//go:build unix

package main

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// callHeader carries the id of a call, to the upstream and to the client.
const callHeader = "X-Request-Id"

// An honestUpstream is an API that remembers which calls it answered so that they
// count: nine of ten.
type honestUpstream struct {
	*httptest.Server
	mu      sync.Mutex
	counted map[string]bool
	n       int
}

func newHonestUpstream(t *testing.T) *honestUpstream {
	u := &honestUpstream{counted: map[string]bool{}}
	u.Server = httptest.NewServer(http.HandlerFunc(u.answer))
	t.Cleanup(u.Close)
	return u
}

func (u *honestUpstream) answer(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.n++
	n := u.n
	if n%10 != 0 {
		u.counted[r.Header.Get(callHeader)] = true // before the answer: it may be on its way when we are asked
	}
	u.mu.Unlock()
	switch {
	case n%20 == 0:
		w.WriteHeader(http.StatusInternalServerError)
	case n%10 == 0:
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = io.WriteString(w, `{"n":`+strconv.Itoa(n)+`}`) // whoever asked may be gone
}

func (u *honestUpstream) answered() map[string]bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.counted)
}

// A crowd calls an API again and again and remembers what it saw succeed.
type crowd struct {
	url, key string
	inFlight atomic.Int64
	refused  atomic.Int64 // answered, but not with success

	mu   sync.Mutex
	seen map[string]bool

	stop chan struct{}
	wait sync.WaitGroup
}

// callers is how many call at once.
const callers = 16

func gather(url, key string) *crowd {
	c := &crowd{url: url, key: key, seen: map[string]bool{}, stop: make(chan struct{})}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	for range callers {
		c.wait.Go(func() {
			for {
				select {
				case <-c.stop:
					return
				default:
				}
				if !c.call(client) {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	return c
}

// call makes one call. It reports false when nothing answered.
func (c *crowd) call(client *http.Client) bool {
	c.inFlight.Add(1)
	defer c.inFlight.Add(-1)
	r, err := http.NewRequest(http.MethodGet, c.url, nil)
	if err != nil {
		panic(err)
	}
	r.Header.Set("apikey", c.key)
	a, err := client.Do(r)
	if err != nil {
		return false
	}
	defer a.Body.Close()
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		return false
	}
	if a.StatusCode != http.StatusOK {
		c.refused.Add(1)
		return a.StatusCode != http.StatusServiceUnavailable
	}
	c.mu.Lock()
	c.seen[a.Header.Get(callHeader)] = true
	c.mu.Unlock()
	return true
}

// disperse ends the calling.
func (c *crowd) disperse() map[string]bool {
	close(c.stop)
	c.wait.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

// count is how many calls were seen to succeed so far.
func (c *crowd) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}
