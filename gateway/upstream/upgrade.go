package upstream

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// switchProtocols passes a 101 on, and then everything both ways until both sides
// have ended. When one has, the other gets the time of an idle body for its rest.
func (x *exchange) switchProtocols() error {
	if !x.upgrade || !holds(x.ans.options, "upgrade") || !strings.EqualFold(x.ans.upgrade, "websocket") || x.ans.odd {
		return &Error{Kind: BadAnswer, Err: errSwitch}
	}
	h := x.w.Header()
	h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	x.result.Status, x.result.Waited = x.ans.status, x.client.wall.Now().Sub(x.start)
	if x.call.Before != nil {
		if err := x.call.Before(x.ans.status, h); err != nil {
			return err
		}
	}
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	if err := h.Write(&head); err != nil {
		return err
	}
	head.WriteString("\r\n")
	client, buffered, err := x.controller().Hijack()
	if err != nil {
		return &Error{Kind: BadAnswer, Err: err}
	}
	defer client.Close()
	x.begun = true
	head.Write(x.unread())
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	return x.tunnel(client, head.Bytes(), bytes.Clone(early))
}

// tunnel sends each side what there is for it already, and then copies.
func (x *exchange) tunnel(client net.Conn, forClient, forUpstream []byte) error {
	up := x.conn
	_ = client.SetDeadline(time.Time{})
	_ = up.SetDeadline(time.Time{})
	up.readBy, up.writeBy = time.Time{}, time.Time{}
	x.result.Upgraded = true
	x.result.Received -= int64(len(forClient) - (x.hi - x.lo)) // the head is no body
	var errs [2]error
	var both sync.WaitGroup
	both.Go(func() { x.result.Received, errs[0] = x.oneWay(client, up.Conn, forClient, x.result.Received) })
	both.Go(func() { x.result.Sent, errs[1] = x.oneWay(up.Conn, client, forUpstream, 0) })
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return x.broken(err)
	}
	x.result.Complete = true
	return nil
}

// oneWay copies from one side to the other until its end, and passes the end on. An
// error ends both ways.
func (x *exchange) oneWay(to, from net.Conn, first []byte, count int64) (int64, error) {
	n, err := to.Write(first)
	count += int64(n)
	if err == nil {
		var more int64
		more, err = io.Copy(to, from)
		count += more
	}
	if half, can := to.(interface{ CloseWrite() error }); err == nil && can {
		err = half.CloseWrite()
	}
	if err != nil {
		_ = to.Close()
		_ = from.Close()
		return count, err
	}
	_ = to.SetReadDeadline(x.client.wall.Now().Add(x.idle))
	return count, nil
}
