package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// A host is the connections to one upstream's host and port.
type host struct {
	client *Client
	key    string
	addr   string      // to dial
	tls    *tls.Config // nil over plain TCP

	mu      sync.Mutex // guards the following
	idle    []*conn    // the last one used is the last
	all     []*conn    // idle or in use; a conn knows its place
	dialing int        // places taken by connections to come
	queue   []chan *conn
	retired bool // no longer known to the client
}

func newHost(c *Client, key string, t *Target) *host {
	h := &host{client: c, key: key, addr: t.addr}
	if t.scheme == "https" {
		h.tls = c.tls.Clone()
		h.tls.ServerName = strings.TrimSuffix(t.url.Hostname(), ".")
	}
	return h
}

// get returns a connection for a call under ctx: a kept one unless fresh is asked
// for, else a new one. When there are as many as there may be, it waits its turn.
func (h *host) get(ctx context.Context, fresh bool) (*conn, error) {
	h.mu.Lock()
	if h.retired {
		h.mu.Unlock()
		return nil, errRetired
	}
	if n := len(h.idle); n > 0 && !fresh {
		c := h.idle[n-1]
		h.idle[n-1] = nil
		h.idle = h.idle[:n-1]
		c.ctx = ctx
		h.mu.Unlock()
		return c, nil
	}
	if fresh {
		h.makeRoom()
	}
	if len(h.all)+h.dialing < h.client.opts.MaxConns {
		h.dialing++
		h.mu.Unlock()
		return h.dial(ctx)
	}
	turn := make(chan *conn, 1)
	h.queue = append(h.queue, turn)
	h.mu.Unlock()
	return h.wait(ctx, turn, fresh)
}

// makeRoom closes a kept connection where there is no place for a new one. It is
// called with the lock held.
func (h *host) makeRoom() {
	if n := len(h.idle); n > 0 && len(h.all)+h.dialing >= h.client.opts.MaxConns {
		c := h.idle[0]
		h.idle = slices.Delete(h.idle, 0, 1)
		h.remove(c)
		go c.Close() // TLS says good-bye first, which may take time
	}
}

// wait waits for a connection to come back, or for the place of one that was closed.
func (h *host) wait(ctx context.Context, turn chan *conn, fresh bool) (*conn, error) {
	timer := time.NewTimer(h.client.opts.Connect)
	defer timer.Stop()
	var err error
	select {
	case c := <-turn:
		return h.served(ctx, c, fresh)
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = errBusy
	}
	h.mu.Lock()
	if i := slices.Index(h.queue, turn); i >= 0 {
		h.queue = slices.Delete(h.queue, i, i+1)
		h.mu.Unlock()
		return nil, err
	}
	h.mu.Unlock()
	if c := <-turn; c != nil { // it came in the same moment: somebody else may have it
		h.put(c, h.client.wall.Now())
	} else {
		h.leave()
	}
	return nil, err
}

func (h *host) served(ctx context.Context, c *conn, fresh bool) (*conn, error) {
	if c != nil && fresh {
		h.mu.Lock()
		h.remove(c)
		h.dialing++
		h.mu.Unlock()
		_ = c.Close()
		c = nil
	}
	if c == nil {
		return h.dial(ctx)
	}
	h.mu.Lock()
	c.ctx = ctx
	h.mu.Unlock()
	return c, nil
}

// dial uses a place that is taken in dialing.
func (h *host) dial(ctx context.Context) (*conn, error) {
	nc, raw, err := h.client.dial(ctx, h)
	if err == nil && h.client.closed.Load() {
		_ = nc.Close()
		err = errClosed
	}
	if err != nil {
		h.leave()
		return nil, err
	}
	c := &conn{Conn: nc, home: h, born: h.client.wall.Now(), ctx: ctx}
	c.init(raw)
	h.mu.Lock()
	h.dialing--
	c.place = len(h.all)
	h.all = append(h.all, c)
	h.mu.Unlock()
	h.client.opened()
	return c, nil
}

// leave gives back a place in dialing.
func (h *host) leave() {
	h.mu.Lock()
	h.dialing--
	h.next()
	h.mu.Unlock()
}

// put takes a connection back on which nothing is outstanding.
func (h *host) put(c *conn, now time.Time) {
	h.mu.Lock()
	if c.aborted || h.client.closed.Load() || h.client.opts.MaxAge < now.Sub(c.born) {
		h.mu.Unlock()
		h.discard(c)
		return
	}
	c.ctx, c.used, c.reused = nil, now, true
	if len(h.queue) > 0 {
		turn := h.queue[0]
		h.queue = slices.Delete(h.queue, 0, 1)
		turn <- c
		h.mu.Unlock()
		return
	}
	full := len(h.idle) >= h.client.opts.MaxIdle
	if !full {
		h.idle = append(h.idle, c)
	}
	h.mu.Unlock()
	if full {
		h.discard(c)
	}
}

// discard closes a connection that was in use.
func (h *host) discard(c *conn) {
	h.mu.Lock()
	h.remove(c)
	h.next()
	h.mu.Unlock()
	_ = c.Close()
}

// remove forgets a connection. It is called with the lock held.
func (h *host) remove(c *conn) {
	last := len(h.all) - 1
	h.all[c.place] = h.all[last]
	h.all[c.place].place = c.place
	h.all[last] = nil
	h.all = h.all[:last]
	c.ctx = nil
	h.client.shut()
}

// next gives a free place to the first who waits. It is called with the lock held.
func (h *host) next() {
	if len(h.queue) > 0 && len(h.all)+h.dialing < h.client.opts.MaxConns {
		h.dialing++
		h.queue[0] <- nil
		h.queue = slices.Delete(h.queue, 0, 1)
	}
}

// sweep breaks off the calls whose client has gone away and closes connections
// kept too long. It reports whether any are left.
func (h *host) sweep(now time.Time) bool {
	h.mu.Lock()
	var broken []net.Conn
	for _, c := range h.all {
		if c.ctx != nil && !c.aborted && c.ctx.Err() != nil {
			c.aborted = true
			broken = append(broken, c.tcp())
		}
	}
	var old []*conn
	for len(h.idle) > 0 && now.Sub(h.idle[0].used) > h.client.opts.Keep {
		old = append(old, h.idle[0])
		h.remove(h.idle[0])
		h.idle = slices.Delete(h.idle, 0, 1)
	}
	left := len(h.all)+h.dialing+len(h.queue) > 0
	h.mu.Unlock()
	for _, c := range broken {
		_ = c.Close()
	}
	for _, c := range old {
		_ = c.tcp().Close()
	}
	return left
}

// retire reports whether h has no connections; then it will have none any more.
func (h *host) retire() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.retired = len(h.all)+h.dialing+len(h.queue) == 0
	return h.retired
}

func (h *host) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.all {
		c.aborted = true
		_ = c.tcp().Close()
	}
	for _, c := range h.idle {
		h.remove(c)
	}
	h.idle = nil
}
