package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
)

// poison stands in for what has two readings in a head. Wherever it comes to stand
// there, Go's server cannot read it: it answers what came before, says 400 and hangs
// up.
var poison = []byte("\x00\r\n\r\n")

// errTwoReadings is what reading a body ends with that has two readings.
var errTwoReadings = errors.New("proxy: the body's length can be read in two ways")

// A conn is a client's connection. It lets through what has one reading.
type conn struct {
	net.Conn
	framer
	rest  []byte      // of the poison
	plain atomic.Bool // it no longer speaks HTTP
	bad   atomic.Bool // what it said has two readings
	gone  atomic.Bool
	stats *stats
}

// Read reads what the client sent. It is called by one goroutine at a time.
func (c *conn) Read(p []byte) (int, error) {
	if c.plain.Load() {
		return c.Conn.Read(p)
	}
	if c.bad.Load() {
		return c.end(p)
	}
	n, err := c.Conn.Read(p)
	fine := c.scan(p[:n])
	if fine == n {
		return n, err
	}
	c.bad.Store(true)
	c.stats.malformed.Add(1)
	if c.state == requestLine || c.state == headerLine {
		c.rest = poison
	}
	if fine > 0 {
		return fine, nil
	}
	return c.end(p)
}

// end is what follows what was fine.
func (c *conn) end(p []byte) (int, error) {
	switch {
	case len(c.rest) > 0:
		n := copy(p, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	case c.state == requestLine || c.state == headerLine:
		return 0, io.EOF
	}
	return 0, errTwoReadings
}

// CloseWrite tells the client that nothing more will come.
func (c *conn) CloseWrite() error {
	if half, can := c.Conn.(interface{ CloseWrite() error }); can {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the connection and counts it out.
func (c *conn) Close() error {
	if !c.gone.Swap(true) {
		c.stats.connections.Add(-1)
	}
	return c.Conn.Close()
}

type connKey struct{}

// connOf returns the connection that a request came over, nil when it came over
// none of ours.
func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// A listener hands out conns, and no more of them at once than it may.
type listener struct {
	net.Listener
	stats *stats
	most  int64
}

// Accept waits for the next client. One that is too many is turned away.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.stats.connections.Add(1) > l.most {
			l.stats.connections.Add(-1)
			l.stats.turnedAway.Add(1)
			_ = c.Close()
			continue
		}
		return &conn{Conn: c, stats: l.stats}, nil
	}
}
