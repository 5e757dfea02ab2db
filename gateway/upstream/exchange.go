package upstream

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"sync"
	"time"
)

// An exchange is one call under way: the request, the connection it goes over, and
// how far the answer has come. It is used again for other calls.
type exchange struct {
	client *Client
	w      http.ResponseWriter
	r      *http.Request
	call   *Call
	idle   time.Duration
	conn   *conn // nil before and after the call uses one
	start  time.Time
	now    time.Time // as it was when something last came
	result Result

	out     []byte // the request's head, and its body when that is small
	expects bool   // the client waits for 100 before it sends its body
	upgrade bool   // it asks for websocket, and may
	pump    *pump  // sends the body when it is not small

	first     [smallBuffer]byte
	large     *[largeBuffer]byte // in use as in; nil: first is
	in        []byte
	lo, hi    int // in[lo:hi] is unread
	headBytes int // how long the heads have been
	ans       answer
	inChunk   bool  // the end of a chunk is to come
	overhead  int64 // bytes around chunks beyond what is usual
	trailer   http.Header
	piece     []byte // the whole body, when it is there at once

	preset  http.Header // what the ResponseWriter's header held before; nil: nothing
	begun   bool
	closes  bool      // the client's connection is not used again
	streams bool      // the client wants to see what comes at once
	dirty   bool      // something written may not have been sent
	writeBy time.Time // the deadline for writing to the client that is set
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// maxInline is how long a body may be that is read before a connection is taken,
// so that slow clients hold none, and that can be sent again.
const maxInline = 16 << 10

// Do passes r on as call says and its answer to w. R comes from net/http's server,
// whose WriteTimeout bounds quick answers; for others Do moves the deadlines. It
// returns an *Error or what call.Before returned. When the Error says Begun, the
// caller has to panic with http.ErrAbortHandler after it has noted the Result.
func (c *Client) Do(w http.ResponseWriter, r *http.Request, call *Call) (Result, error) {
	x := exchanges.Get().(*exchange)
	x.client, x.w, x.r, x.call, x.start = c, w, r, call, c.wall.Now()
	x.in, x.idle = x.first[:], c.opts.Idle
	if call.Target.Idle > 0 {
		x.idle = call.Target.Idle
	}
	defer x.free()
	err := x.run()
	_ = x.stopPump() // what was wrong with the client's side is in err, if it matters still
	x.result.Took = c.wall.Now().Sub(x.start)
	return x.result, err
}

// free ends whatever is still going on, also after a panic, and gives x back.
func (x *exchange) free() {
	x.stopPump()
	x.drop()
	if x.large != nil {
		largeBuffers.Put(x.large)
	}
	out, lengths, encodings, options := x.out[:0], x.ans.lengths[:0], x.ans.encodings[:0], x.ans.options[:0]
	if cap(out) > 2*maxInline {
		out = nil
	}
	clear(lengths[:cap(lengths)])
	clear(encodings[:cap(encodings)])
	clear(options[:cap(options)])
	x.reset()
	x.out, x.ans.lengths, x.ans.encodings, x.ans.options = out, lengths, encodings, options
	exchanges.Put(x)
}

// reset forgets all but the bytes of the buffer, which are not worth the time.
func (x *exchange) reset() {
	x.client, x.w, x.r, x.call, x.idle, x.start, x.result = nil, nil, nil, nil, 0, time.Time{}, Result{}
	x.now = time.Time{}
	x.out, x.expects, x.upgrade, x.pump = nil, false, false, nil
	x.large, x.in, x.lo, x.hi, x.headBytes, x.ans = nil, nil, 0, 0, 0, answer{}
	x.inChunk, x.overhead, x.trailer, x.piece = false, 0, nil, nil
	x.preset, x.begun, x.closes, x.streams, x.dirty, x.writeBy = nil, false, false, false, false, time.Time{}
}

func (x *exchange) run() error {
	if x.r.Method == http.MethodConnect {
		return &Error{Kind: BadCall, Err: errors.New("CONNECT is for proxies")}
	}
	if x.looped() {
		return &Error{Kind: Loop}
	}
	if transport, ok := x.client.opts.Transports[x.call.Target.scheme]; ok {
		return x.runHere(transport)
	}
	inline, err := x.prepare()
	if err != nil {
		return err
	}
	if h := x.w.Header(); len(h) > 0 {
		x.preset = maps.Clone(h)
	}
	if inline {
		err = x.send()
	} else {
		err = x.sendLong()
	}
	if err == nil {
		err = x.readHead()
	}
	switch {
	case err != nil:
	case x.ans.status == http.StatusSwitchingProtocols:
		err = x.switchProtocols()
	default:
		err = x.respond()
	}
	if err != nil && !x.begun {
		x.restore()
		if x.now = x.client.wall.Now(); x.now.Sub(x.start) > time.Second {
			x.extend() // for what the caller says instead
		}
	}
	return err
}

// prepare writes the request into x.out, and reports whether all of it is there.
func (x *exchange) prepare() (bool, error) {
	r := x.r
	if x.call.Target.addr == "" {
		return false, &Error{Kind: NoConnect, Err: errors.New("nothing carries " + x.call.Target.scheme)}
	}
	body := hasBody(r)
	x.expects = body && holds(r.Header["Expect"], "100-continue")
	x.upgrade = !body && x.call.Target.AllowUpgrade && r.ProtoMajor == 1 && r.Method == http.MethodGet &&
		holds(r.Header["Connection"], "upgrade") && holds(r.Header["Upgrade"], "websocket")
	var err error
	if x.out, err = x.appendHead(x.out[:0]); err != nil {
		return false, &Error{Kind: BadCall, Err: err}
	}
	if !body {
		return true, nil
	}
	if r.ContentLength < 0 || r.ContentLength > maxInline || x.expects {
		return false, nil
	}
	n := len(x.out)
	x.out = append(x.out, make([]byte, r.ContentLength)...)
	x.hurry(x.client.wall.Now())
	if _, err = io.ReadFull(r.Body, x.out[n:]); err != nil {
		return false, unsent(err)
	}
	return true, nil
}

// hasBody reports whether a body follows the request's header.
func hasBody(r *http.Request) bool {
	return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
}

// take gets a connection.
func (x *exchange) take(fresh bool) error {
	for {
		h := x.client.home(x.call.Target)
		c, err := h.get(x.r.Context(), fresh)
		if err == errRetired {
			x.call.Target.home.CompareAndSwap(h, nil)
			continue
		}
		if err != nil {
			return unconnected(x.r.Context(), err)
		}
		x.conn, x.result.Reused = c, c.reused
		return nil
	}
}

// send sends a request that is in x.out as a whole, and waits for the first of the
// answer. A kept connection that turns out to be dead is replaced: by another kept
// one when nothing was sent, else by a new one, once, when sending the request
// twice does no harm (RFC 9110 §9.2.2).
func (x *exchange) send() error {
	for fresh := false; ; {
		if err := x.take(fresh); err != nil {
			return err
		}
		now := x.client.wall.Now()
		x.conn.patience(now, x.firstByte())
		x.conn.haste(now, x.idle)
		n, err := x.conn.talk(x.out, x.in)
		if n > 0 {
			x.hi = n
			x.result.Sent = max(0, x.r.ContentLength)
			return nil
		}
		again := errors.Is(err, errStale)
		if !again && x.conn.reused && idempotent(x.r) && x.r.Context().Err() == nil && (reset(err) || err == io.EOF) {
			again, fresh = true, true
		}
		x.drop()
		if !again {
			return x.unanswered(err)
		}
	}
}

// sendLong begins to send a request whose body another goroutine carries.
func (x *exchange) sendLong() error {
	for x.conn == nil {
		if err := x.take(false); err != nil {
			return err
		}
		x.conn.patience(x.client.wall.Now(), x.firstByte()) // a deadline that has passed would end the look too
		if x.conn.reused && !x.conn.alive() {
			x.drop()
		}
	}
	x.conn.haste(x.client.wall.Now(), x.idle)
	if _, err := x.conn.Write(x.out); err != nil {
		return x.unanswered(err)
	}
	if !x.expects {
		x.startPump()
		return nil
	}
	x.conn.patience(x.client.wall.Now(), expectPatience)
	err := x.fill()
	if errors.Is(err, os.ErrDeadlineExceeded) { // it does not say: then it gets the body
		x.startPump()
		return nil
	}
	if err != nil {
		return x.unanswered(err)
	}
	x.conn.patience(x.client.wall.Now(), x.firstByte())
	return nil
}

// expectPatience is how long the upstream may think about a body that the client
// announces (RFC 9110 §10.1.1 asks not to wait for ever).
const expectPatience = time.Second

func (x *exchange) firstByte() time.Duration {
	if d := x.call.Target.FirstByte; d > 0 {
		return d
	}
	return x.client.opts.FirstByte
}

// unanswered says why no answer came, or not the whole of its head.
func (x *exchange) unanswered(err error) error {
	if err == io.EOF {
		err = errEarly
	}
	return x.whose(err)
}

// whose finds out whose failure it is that err told of. It looks at the context
// first: a client whose time is taken from it counts as gone for net/http.
func (x *exchange) whose(err error) *Error {
	theirs := failed(x.r.Context(), err)
	if failure := x.stopPump(); failure != nil {
		return failure
	}
	return theirs
}

// idempotent reports whether a request may be sent twice.
func idempotent(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// giveBack puts the connection back when nothing is outstanding on it.
func (x *exchange) giveBack() {
	c := x.conn
	if c == nil {
		return
	}
	if x.ans.last || x.lo != x.hi || !x.sentAll() {
		x.drop()
		return
	}
	x.conn = nil
	c.home.put(c, x.now)
}

// drop closes the connection.
func (x *exchange) drop() {
	if c := x.conn; c != nil {
		x.conn = nil
		c.home.discard(c)
	}
}

// controller reaches what a ResponseWriter can do beyond its interface.
func (x *exchange) controller() *http.ResponseController { return http.NewResponseController(x.w) }

// hurry gives the client ClientIdle from now on for the next part of its body.
func (x *exchange) hurry(now time.Time) {
	_ = x.controller().SetReadDeadline(now.Add(x.client.opts.ClientIdle))
}
