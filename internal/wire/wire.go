// Package wire stands between clients and our HTTP servers. It lets through what
// has one reading only, so that a proxy in front of us or a server behind us cannot
// see other requests than we do. Both servers of ours are lenient about some of it
// and hide it from handlers.
package wire

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
)

// poison stands in for what has two readings in a head. Wherever it comes to stand
// there, no server can read it: it answers what came before, says 400 and hangs up.
var poison = []byte("\x00\r\n\r\n")

// errTwoReadings is what reading a body ends with that has two readings.
var errTwoReadings = errors.New("wire: the body's length can be read in two ways")

// A Conn is a client's connection.
type Conn struct {
	net.Conn
	framer
	counts *counts
	rest   []byte      // of the poison
	plain  atomic.Bool // it no longer speaks HTTP
	bad    atomic.Bool // what it said has two readings
	gone   atomic.Bool
}

// Read reads what the client sent. It is called by one goroutine at a time.
func (c *Conn) Read(p []byte) (int, error) {
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
	c.counts.malformed.Add(1)
	if c.inHead() {
		c.rest = poison
	}
	if fine > 0 {
		return fine, nil
	}
	return c.end(p)
}

// end is what follows what was fine.
func (c *Conn) end(p []byte) (int, error) {
	switch {
	case len(c.rest) > 0:
		n := copy(p, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	case c.inHead():
		return 0, io.EOF
	}
	return 0, errTwoReadings
}

// Release lets everything through from now on: the connection becomes a websocket.
func (c *Conn) Release() { c.plain.Store(true) }

// Malformed reports whether what the client sent had two readings.
func (c *Conn) Malformed() bool { return c.bad.Load() }

// CloseWrite tells the client that nothing more will come.
func (c *Conn) CloseWrite() error {
	if half, can := c.Conn.(interface{ CloseWrite() error }); can {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the connection and counts it out.
func (c *Conn) Close() error {
	if !c.gone.Swap(true) {
		c.counts.open.Add(-1)
	}
	return c.Conn.Close()
}

type counts struct{ open, malformed, turnedAway atomic.Int64 }

// Counts are what a Listener has counted since it was made.
type Counts struct {
	Open       int64 // connections now
	Malformed  int64 // connections that were closed for what has two readings
	TurnedAway int64 // connections there was no room for
}

// A Listener hands out Conns, and no more of them at once than it may.
type Listener struct {
	net.Listener
	most   int64
	counts counts
}

// Listen returns l as a Listener of at most so many connections at once.
func Listen(l net.Listener, most int64) *Listener { return &Listener{Listener: l, most: most} }

// Accept waits for the next client. One that is too many is turned away.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.counts.open.Add(1) <= l.most {
			return &Conn{Conn: c, counts: &l.counts}, nil
		}
		l.counts.open.Add(-1)
		l.counts.turnedAway.Add(1)
		_ = c.Close()
	}
}

// Counts returns what was counted.
func (l *Listener) Counts() Counts {
	return Counts{Open: l.counts.open.Load(), Malformed: l.counts.malformed.Load(), TurnedAway: l.counts.turnedAway.Load()}
}
