// Package upstream carries calls to the APIs behind the gateway and their answers
// back. It is an HTTP/1.1 client that does its work in the goroutine of the
// handler that asks, over kept connections.
//
// Next to httputil.ReverseProxy over http.Transport it is stricter and does less:
//   - the caller learns the final status before the client does, and may stop it;
//   - answers with both Content-Length and Transfer-Encoding, folded header lines,
//     a Transfer-Encoding other than chunked, or one in HTTP/1.0 are refused;
//   - an answer that has come whole is sent with its length, not chunked;
//   - X-Forwarded-* and the like are ours alone, Via is added (RFC 9110 §7.6.3; nginx
//     as an upstream then compresses only with gzip_proxied);
//   - of upgrades only websocket is let through, where the target allows it: others,
//     such as h2c, would carry calls past the gateway;
//   - redirects are passed on, HTTP/2 and proxies from the environment are not used.
package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/internal/clock"
)

// Options are what a Client is made of. The zero value of each field means what
// its comment says.
type Options struct {
	Rule Rule // which addresses upstreams may have

	Connect    time.Duration // for name and connection, and for a place among MaxConns; 5 s
	Handshake  time.Duration // for TLS; 5 s
	FirstByte  time.Duration // from the request's last byte to the end of the answer's header; 30 s
	Idle       time.Duration // for each next part of a body, either way; 60 s
	ClientIdle time.Duration // for each next part that the client sends or takes; 60 s
	Keep       time.Duration // how long a connection nobody uses is kept; 90 s
	MaxAge     time.Duration // how long a connection is used, so that changes of names are noticed; 10 min

	MaxIdle  int // kept connections for each upstream; 256
	MaxConns int // connections for each upstream; 1024

	Via     string         // our name in Via; tollgate
	RootCAs *x509.CertPool // who vouches for upstreams; the system's

	// Lookup finds a host's addresses, for tests; the system's resolver. The Rule
	// is asked about every address that is dialled either way.
	Lookup func(host string) ([]netip.Addr, error)

	// Transports answer in this process for the schemes they are named after.
	Transports map[string]http.RoundTripper
}

// A Client carries calls to upstreams. It is safe for concurrent use.
type Client struct {
	opts   Options
	dialer net.Dialer
	tls    *tls.Config
	wall   clock.Wall // the machine's own: timeouts are of this machine

	mu      sync.Mutex // guards the following; a host's lock may be taken with it held, never the other way round
	hosts   map[string]*host
	keeping bool // whether the keeper runs

	open   atomic.Int64 // connections there are
	closed atomic.Bool
}

// New returns a Client. It opens nothing until the first call.
func New(o Options) *Client {
	fill := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	fill(&o.Connect, 5*time.Second)
	fill(&o.Handshake, 5*time.Second)
	fill(&o.FirstByte, 30*time.Second)
	fill(&o.Idle, time.Minute)
	fill(&o.ClientIdle, time.Minute)
	fill(&o.Keep, 90*time.Second)
	fill(&o.MaxAge, 10*time.Minute)
	if o.MaxIdle <= 0 {
		o.MaxIdle = 256
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 1024
	}
	if o.Via == "" {
		o.Via = "tollgate"
	}
	c := &Client{opts: o, hosts: map[string]*host{}}
	c.dialer = net.Dialer{ControlContext: c.judge}
	c.tls = &tls.Config{
		RootCAs:            o.RootCAs,
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	return c
}

// Close closes all connections, also those in use, and refuses further calls. Call
// it when the server's handlers are done.
func (c *Client) Close() {
	c.closed.Store(true)
	for _, h := range c.allHosts() {
		h.close()
	}
}

// home returns the connections to a target's host.
func (c *Client) home(t *Target) *host {
	if h := t.home.Load(); h != nil && h.client == c {
		return h
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := t.scheme + "://" + t.addr
	h := c.hosts[key]
	if h == nil {
		h = newHost(c, key, t)
		c.hosts[key] = h
	}
	t.home.Store(h)
	return h
}

// forget takes h out, unless it is in use again.
func (c *Client) forget(h *host) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.retire() {
		delete(c.hosts, h.key)
	}
}

func (c *Client) allHosts() []*host {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.hosts))
}

// beat is how often the keeper looks: how long a client's going away may stay
// unnoticed while we wait for the upstream.
const beat = 100 * time.Millisecond

// opened and shut count connections; the keeper lives as long as there are any.
func (c *Client) opened() {
	c.open.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.keeping {
		c.keeping = true
		go c.keep()
	}
}

func (c *Client) shut() { c.open.Add(-1) }

// keep breaks off connections whose client has gone away, and closes those that
// nobody has used for long. Asking every context on each beat costs less than
// context.AfterFunc in every call, of which most are over before the next beat.
func (c *Client) keep() {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for range ticker.C {
		now := c.wall.Now()
		for _, h := range c.allHosts() {
			if !h.sweep(now) {
				c.forget(h)
			}
		}
		c.mu.Lock()
		if c.open.Load() == 0 {
			c.keeping = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
}
