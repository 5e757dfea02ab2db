package upstream

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// readHead reads heads until the final one. Interim answers are passed on, except
// to clients that know none, and while the client itself is waiting for a 100,
// which net/http's server sends by itself once the body is read.
func (x *exchange) readHead() error {
	for {
		end := headEnd(x.unread())
		for end == 0 {
			if x.hi-x.lo+x.headBytes > maxHead {
				return x.bad(errHuge)
			}
			if err := x.fill(); err != nil {
				return x.unanswered(err)
			}
			end = headEnd(x.unread())
		}
		if x.headBytes += end; x.headBytes > maxHead {
			return x.bad(errHuge)
		}
		text := string(x.in[x.lo : x.lo+end])
		x.lo += end
		a := &x.ans
		*a = answer{lengths: a.lengths[:0], encodings: a.encodings[:0], options: a.options[:0]}
		if err := a.parse(text, x.r.Method, x.w.Header(), x.preset, x.call.Cookies); err != nil {
			return x.bad(err)
		}
		switch {
		case a.status >= 200:
			x.now = x.client.wall.Now()
			x.result.Status, x.result.Waited = a.status, x.now.Sub(x.start)
			return nil
		case a.status == http.StatusSwitchingProtocols:
			return nil
		case a.odd:
			return x.bad(errFraming)
		case a.status == http.StatusContinue:
			if x.expects && x.pump == nil {
				x.startPump()
			}
		case !x.expects && x.r.ProtoAtLeast(1, 1):
			x.w.WriteHeader(a.status)
		}
		x.restore()
	}
}

// bad is an answer that breaks the rules.
func (x *exchange) bad(err error) error {
	if failure := x.stopPump(); failure != nil {
		return failure
	}
	return &Error{Kind: BadAnswer, Begun: x.begun, Err: err}
}

// restore makes the ResponseWriter's header what it was before.
func (x *exchange) restore() {
	h := x.w.Header()
	clear(h)
	maps.Copy(h, x.preset)
	if x.closes && x.r.ProtoMajor == 1 {
		h["Connection"] = []string{"close"}
	}
}

// respond asks call.Before and passes the answer on. An answer that has come whole
// frees the connection before that, for Before may take its time.
func (x *exchange) respond() error {
	h := x.w.Header()
	if !x.answered() {
		x.closes = true
		if x.r.ProtoMajor == 1 { // elsewhere it would be about other calls too
			h["Connection"] = []string{"close"}
		}
	}
	whole, err := x.gather()
	if err != nil {
		return x.bad(err)
	}
	announced := x.announce(h)
	if whole {
		x.giveBack()
		if len(x.ans.encodings) > 0 && x.piece != nil && len(announced)+len(x.trailer) == 0 {
			h["Content-Length"] = []string{strconv.FormatInt(x.ans.length, 10)}
		}
	}
	if x.call.Before != nil {
		if err := x.call.Before(x.ans.status, h); err != nil {
			_ = x.stopPump()
			return err
		}
	}
	x.begun = true
	if !whole || x.now.Sub(x.start) > time.Second {
		x.extend()
	}
	x.w.WriteHeader(x.ans.status)
	if whole {
		err = x.write(x.piece)
	} else {
		x.streams, x.dirty = x.ans.length < 0 || streaming(h), true
		err = x.copyBody()
	}
	if err != nil {
		return err
	}
	x.finish(announced)
	return nil
}

// streaming reports whether the client wants to see each part as it comes.
func streaming(h http.Header) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind == "text/event-stream"
}

// write passes a part of the body on.
func (x *exchange) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	n, err := x.w.Write(b)
	x.result.Received += int64(n)
	if err != nil {
		return x.lost(err)
	}
	return nil
}

// flush sends what was written.
func (x *exchange) flush() error {
	x.dirty = false
	err := x.controller().Flush()
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return x.lost(err)
}

// lost is an answer that the client does not take.
func (x *exchange) lost(err error) error {
	return &Error{Kind: ClientGone, Begun: true, Err: err}
}

// broken is an answer that broke off, here or there.
func (x *exchange) broken(err error) error {
	if e, ours := errors.AsType[*Error](err); ours {
		return e
	}
	e := x.whose(err)
	e.Begun = true
	return e
}

// copyBody passes on a body part by part.
func (x *exchange) copyBody() error {
	for {
		b, err := x.next()
		if err == io.EOF {
			x.giveBack()
			return nil
		}
		if err != nil {
			return x.broken(err)
		}
		x.extend()
		x.dirty = true
		if err := x.write(b); err != nil {
			return err
		}
	}
}

// announce tells the client which trailer fields the upstream has announced.
func (x *exchange) announce(h http.Header) []string {
	if len(x.ans.encodings) == 0 || x.ans.trailer == "" {
		return nil
	}
	var names []string
	for name := range strings.SplitSeq(x.ans.trailer, ",") {
		if name = textproto.CanonicalMIMEHeaderKey(trim(name)); isToken(name) && inTrailer(name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		h["Trailer"] = []string{strings.Join(names, ", ")}
	}
	return names
}

// finish passes the trailer on.
func (x *exchange) finish(announced []string) {
	x.result.Complete = true
	if len(x.trailer) == 0 {
		return
	}
	_ = x.flush() // a short answer without trailer would get a length
	h := x.w.Header()
	for name, values := range x.trailer {
		if !slices.Contains(announced, name) {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// extend gives the client ClientIdle for taking the next part.
func (x *exchange) extend() {
	if x.writeBy.Sub(x.now) < x.client.opts.ClientIdle {
		x.writeBy = x.now.Add(x.client.opts.ClientIdle + x.client.opts.ClientIdle/8)
		_ = x.controller().SetWriteDeadline(x.writeBy)
	}
}
