package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// A conn is a connection to an upstream. One call at a time uses it.
type conn struct {
	net.Conn // TCP, or TLS over it
	turn     // how a request is written and its answer awaited

	home            *host
	born            time.Time
	used            time.Time // when it was last put back
	reused          bool
	readBy, writeBy time.Time // the deadlines that are set

	// The host's lock guards the following.
	ctx     context.Context // of the call that uses it; nil: none
	aborted bool            // closed under the call that uses it
	place   int             // in the host's list
}

// tcp returns the connection below TLS, which closes without a word.
func (c *conn) tcp() net.Conn {
	if t, ok := c.Conn.(*tls.Conn); ok {
		return t.NetConn()
	}
	return c.Conn
}

// patience lets reading wait for at least d, and for an eighth more at most: so a
// busy connection's timer is seldom touched.
func (c *conn) patience(now time.Time, d time.Duration) {
	if left := c.readBy.Sub(now); left < d || left > d+d/8 {
		c.readBy = now.Add(d + d/8)
		_ = c.SetReadDeadline(c.readBy) // an error shows at the read
	}
}

// haste is patience for writing.
func (c *conn) haste(now time.Time, d time.Duration) {
	if left := c.writeBy.Sub(now); left < d || left > d+d/8 {
		c.writeBy = now.Add(d + d/8)
		_ = c.SetWriteDeadline(c.writeBy)
	}
}

// dial connects to a host and shakes hands. The connection that it returns beside
// is the one below TLS.
func (c *Client) dial(ctx context.Context, h *host) (net.Conn, syscall.RawConn, error) {
	connect, cancel := context.WithTimeout(ctx, c.opts.Connect)
	defer cancel()
	nc, err := c.dialTCP(connect, h.addr)
	if err != nil {
		return nil, nil, err
	}
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		_ = nc.Close()
		return nil, nil, err
	}
	if h.tls == nil {
		return nc, raw, nil
	}
	hand, stop := context.WithTimeout(ctx, c.opts.Handshake)
	defer stop()
	secure := tls.Client(nc, h.tls)
	if err := secure.HandshakeContext(hand); err != nil {
		_ = nc.Close()
		return nil, nil, err
	}
	return secure, raw, nil
}

func (c *Client) dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	if c.opts.Lookup == nil {
		return c.dialer.DialContext(ctx, "tcp", addr)
	}
	name, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	found, err := c.opts.Lookup(name)
	for _, ip := range found {
		var nc net.Conn
		if nc, err = c.dialer.DialContext(ctx, "tcp", net.JoinHostPort(ip.String(), port)); err == nil {
			return nc, nil
		}
	}
	if err == nil {
		err = errors.New("the host has no address")
	}
	return nil, err
}

// judge asks the Rule about an address at the last moment before it is dialled,
// when no name stands between.
func (c *Client) judge(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !c.opts.Rule.Allowed(to.Addr()) {
		return errDenied
	}
	return nil
}
