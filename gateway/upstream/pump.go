package upstream

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A pump carries a request's body to the upstream while the exchange waits for the
// answer, which may come earlier.
type pump struct {
	client    *Client
	dst       *conn
	src       io.Reader
	trailer   *http.Header
	control   *http.ResponseController
	length    int64 // -1: chunked
	idle      time.Duration
	firstByte time.Duration

	sent    atomic.Int64
	ended   atomic.Bool // the client has sent all
	discard atomic.Bool // nobody wants the rest
	done    chan struct{}
	failure *Error // of the client's; set before done
	broken  bool   // the upstream takes no more; set before done

	mu       sync.Mutex // guards the deadlines that the exchange sets too
	answered bool       // the exchange minds the one for the answer
	readBy   time.Time  // the client's
}

func (x *exchange) startPump() {
	p := &pump{
		client: x.client, dst: x.conn, src: x.r.Body, trailer: &x.r.Trailer, control: x.controller(),
		length: x.r.ContentLength, idle: x.idle, firstByte: x.firstByte(), done: make(chan struct{}),
	}
	x.pump = p
	_ = p.control.EnableFullDuplex() // the answer may begin while the body is still coming
	x.conn.readBy = time.Time{}
	_ = x.conn.SetReadDeadline(time.Time{}) // the time for the answer begins with the end of the request
	go p.run()
}

func (p *pump) run() {
	defer close(p.done)
	buffer := largeBuffers.Get().(*[largeBuffer]byte)
	defer largeBuffers.Put(buffer)
	for !p.ended.Load() {
		p.hurry()
		n, err := p.src.Read(buffer[chunkRoom : largeBuffer-len(crlf)])
		if err == io.EOF || p.length >= 0 && p.sent.Load()+int64(n) == p.length {
			p.ended.Store(true)
		} else if err != nil {
			if !p.discard.Load() {
				p.failure = unsent(err)
				_ = p.dst.tcp().Close() // half a request must not look like a whole one
			}
			return
		}
		if p.discard.Load() {
			continue
		}
		if err := p.write(buffer[:], n); err != nil {
			p.broken = true // an answer that says why may be there all the same
			break
		}
		p.sent.Add(int64(n))
	}
	p.mu.Lock()
	if !p.answered {
		_ = p.dst.SetReadDeadline(p.client.wall.Now().Add(p.firstByte))
	}
	p.mu.Unlock()
}

// chunkRoom is where the data begin, behind the line that says how many.
const chunkRoom = 8

// write sends buffer[chunkRoom:][:n], as a chunk when the length is unknown, and
// what comes behind the last one.
func (p *pump) write(buffer []byte, n int) error {
	from, to := chunkRoom, chunkRoom+n
	if p.length < 0 && n > 0 {
		size := append(strconv.AppendInt(make([]byte, 0, chunkRoom), int64(n), 16), crlf...)
		from -= copy(buffer[chunkRoom-len(size):], size)
		to += copy(buffer[to:], crlf)
	}
	b := buffer[from:to]
	if p.length < 0 && p.ended.Load() {
		b = append(append(b[:len(b):len(b)], "0\r\n"...), p.trailerLines()...)
	}
	if len(b) == 0 {
		return nil
	}
	p.dst.haste(p.client.wall.Now(), p.idle)
	_, err := p.dst.Write(b)
	return err
}

// trailerLines is the trailer and the empty line.
func (p *pump) trailerLines() []byte {
	var b []byte
	for name, values := range *p.trailer {
		for _, v := range values {
			if f := appendField(nil, name, v); inTrailer(name) && isToken(name) && clean(f, 1) {
				b = append(b, f...)
			}
		}
	}
	return append(b, crlf...)
}

// hurry gives the client ClientIdle for the next part.
func (p *pump) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.client.wall.Now(); !p.discard.Load() && p.readBy.Sub(now) < p.client.opts.ClientIdle {
		p.readBy = now.Add(p.client.opts.ClientIdle + p.client.opts.ClientIdle/8)
		_ = p.control.SetReadDeadline(p.readBy)
	}
}

// giveUp lets the client send for a moment more, and throws it away: it may not
// look at the answer before it has sent some more.
func (p *pump) giveUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.discard.Store(true)
	if !p.ended.Load() {
		_ = p.control.SetReadDeadline(p.client.wall.Now().Add(lingering))
	}
}

// sentAll reports whether the upstream has got the whole request.
func (x *exchange) sentAll() bool {
	if x.pump == nil {
		return !x.expects
	}
	if !x.pump.ended.Load() {
		return false
	}
	select {
	case <-x.pump.done:
	case <-time.After(lastWrite): // the upstream does not read what it has answered
		return false
	}
	return !x.pump.broken && x.pump.failure == nil
}

// lastWrite is how long the end of a request may take once its answer is there.
const lastWrite = 50 * time.Millisecond

// answered tells the pump that the answer has begun, and reports whether the
// client has sent everything by then.
func (x *exchange) answered() bool {
	if x.pump == nil {
		return !x.expects
	}
	x.pump.mu.Lock()
	x.pump.answered = true
	x.pump.mu.Unlock()
	x.conn.readBy = time.Time{}
	return x.pump.ended.Load()
}

// stopPump ends the pump and returns what was wrong with the client's side. A
// client that has not sent everything by then cannot send another request.
func (x *exchange) stopPump() *Error {
	p := x.pump
	if p == nil {
		if x.closes { // the server will look for the body's end: not for long
			_ = x.controller().SetReadDeadline(x.client.wall.Now().Add(lingering))
		}
		return nil
	}
	x.pump = nil
	if !p.ended.Load() {
		x.closes = true
		if x.begun {
			_ = x.flush() // so that it knows
		}
		p.giveUp()
	}
	if x.conn != nil { // the call has failed, else it would have been given back
		_ = x.conn.tcp().Close()
	}
	<-p.done
	if !p.ended.Load() {
		x.closes = true
		_ = p.control.SetReadDeadline(x.client.wall.Now().Add(lingering))
	}
	x.result.Sent = p.sent.Load()
	return p.failure
}

// lingering is how long we listen to a client whose body nobody wants any more.
const lingering = 500 * time.Millisecond
