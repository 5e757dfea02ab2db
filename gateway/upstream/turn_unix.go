//go:build unix

package upstream

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// A turn writes a request on a connection and waits for the first of the answer,
// with as few system calls as can be. All happens inside one RawConn.Read: it
// arms the poller before anything is written, so that the answer cannot slip by
// between writing and waiting, and no read has to fail first to find out that
// the answer is not there yet.
type turn struct {
	raw  syscall.RawConn
	step func(fd uintptr) bool

	out, in  []byte
	kept     bool
	wrote, n int
	err      error
}

func (t *turn) init(raw syscall.RawConn) {
	t.raw, t.step = raw, t.proceed
}

// talk writes out, which is a whole request, and reads the first of the answer
// into in. It returns errStale, before anything was written, when the upstream
// has left a kept connection or sent something on it that nobody asked for.
func (c *conn) talk(out, in []byte) (int, error) {
	if _, plain := c.Conn.(*net.TCPConn); !plain {
		if c.reused && !c.alive() {
			return 0, errStale
		}
		if _, err := c.Write(out); err != nil {
			return 0, err
		}
		return c.Read(in)
	}
	t := &c.turn
	t.out, t.in, t.kept, t.wrote, t.n, t.err = out, in, c.reused, -1, 0, nil
	err := t.raw.Read(t.step)
	if t.err != nil {
		err = t.err
	}
	t.out, t.in = nil, nil
	if err == nil && t.wrote < len(out) { // it does not fit at once
		if _, err = c.Write(out[t.wrote:]); err == nil {
			return c.Read(in)
		}
	}
	return t.n, err
}

// proceed is called when the connection may have become readable. False: wait.
func (t *turn) proceed(fd uintptr) bool {
	if t.wrote < 0 {
		if t.kept && !t.glance(fd) {
			t.err = errStale
			return true
		}
		t.wrote, t.err = syscall.Write(int(fd), t.out)
		if t.err == syscall.EAGAIN || t.err == syscall.EINTR {
			t.err = nil
		}
		t.wrote = max(t.wrote, 0)
		return t.err != nil || t.wrote < len(t.out)
	}
	for {
		t.n, t.err = syscall.Read(int(fd), t.in)
		if t.err != syscall.EINTR {
			break
		}
	}
	switch {
	case t.err == syscall.EAGAIN:
		t.n, t.err = 0, nil
		return false
	case t.err != nil:
		t.n = 0
	case t.n == 0:
		t.err = io.EOF
	}
	return true
}

// glance reports whether a kept connection is quiet and open. It may eat a byte,
// but only of a connection that is of no use then.
func (t *turn) glance(fd uintptr) bool {
	var one [1]byte
	_, err := syscall.Read(int(fd), one[:])
	return err == syscall.EAGAIN || err == syscall.EINTR
}

// alive is glance from outside a turn.
func (c *conn) alive() bool {
	quiet := false
	err := c.raw.Read(func(fd uintptr) bool {
		quiet = c.glance(fd)
		return true
	})
	return err == nil && quiet
}

// reset reports whether the upstream broke the connection off, as one does that
// had closed it before our request came.
func reset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
