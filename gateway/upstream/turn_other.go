//go:build !unix

package upstream

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// A turn writes a request on a connection and waits for the first of the answer.
type turn struct{}

func (t *turn) init(syscall.RawConn) {}

// talk writes out, which is a whole request, and reads the first of the answer
// into in. It returns errStale, before anything was written, when the upstream
// has left a kept connection or sent something on it that nobody asked for.
func (c *conn) talk(out, in []byte) (int, error) {
	if c.reused && !c.alive() {
		return 0, errStale
	}
	if _, err := c.Write(out); err != nil {
		return 0, err
	}
	return c.Read(in)
}

// alive reports whether a kept connection is quiet and open. Where a read cannot
// be tried without waiting, it waits for a moment.
func (c *conn) alive() bool {
	below := c.tcp()
	_ = below.SetReadDeadline(c.home.client.wall.Now().Add(time.Millisecond))
	_, err := below.Read(make([]byte, 1))
	_ = below.SetReadDeadline(c.readBy)
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// reset reports whether the upstream broke the connection off, as one does that
// had closed it before our request came.
func reset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
