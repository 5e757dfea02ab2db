//go:build !unix

package upstream

import (
	"errors"
	"syscall"
)

// A turn writes a request on a connection and waits for the first of the answer.
type turn struct{}

func (t *turn) init(syscall.RawConn) {}

// talk writes out, which is a whole request, and reads the first of the answer
// into in. Whether a kept connection is still open shows only in trying.
func (c *conn) talk(out, in []byte) (int, error) {
	if _, err := c.Write(out); err != nil {
		return 0, err
	}
	return c.Read(in)
}

func (c *conn) alive() bool { return true }

// reset reports whether the upstream broke the connection off, as one does that
// had closed it before our request came.
func reset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
