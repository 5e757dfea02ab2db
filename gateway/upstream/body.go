package upstream

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Sizes of buffers: most answers fit into the small one, and long ones pay for the
// large one.
const (
	smallBuffer = 8 << 10
	largeBuffer = 32 << 10
)

var largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// maxChunkLine is how long the line before a chunk may be, its extensions included.
const maxChunkLine = 1 << 10

// unread is what was read from the upstream and not yet used.
func (x *exchange) unread() []byte { return x.in[x.lo:x.hi] }

// fill reads more from the upstream, behind what is unread.
func (x *exchange) fill() error {
	x.room()
	n, err := x.conn.Read(x.in[x.hi:])
	x.hi += n
	if n > 0 {
		return nil
	}
	return err
}

// more is fill for what comes behind the head. It is the only place that waits for
// the upstream once the answer has begun, so this is where what we have is sent to
// a client who wants to see it at once.
func (x *exchange) more() error {
	if x.dirty && x.streams {
		if err := x.flush(); err != nil {
			return err
		}
	}
	x.now = x.client.wall.Now()
	x.conn.patience(x.now, x.idle)
	return x.fill()
}

// room makes sure that something can be read behind what is unread.
func (x *exchange) room() {
	full := x.hi == len(x.in)
	if x.lo == x.hi {
		x.lo, x.hi = 0, 0
	}
	if !full {
		return
	}
	if n := copy(x.in, x.unread()); x.lo > 0 {
		x.lo, x.hi = 0, n
	}
	if len(x.in) < largeBuffer && x.large == nil { // much comes at once
		x.large = largeBuffers.Get().(*[largeBuffer]byte)
		x.hi = copy(x.large[:], x.unread())
		x.in, x.lo = x.large[:], 0
	}
	if x.hi == len(x.in) { // a long head
		x.in = append(make([]byte, 0, 2*len(x.in)), x.in...)[:2*len(x.in)]
	}
}

// next returns the next bytes of the body, which stay as they are until it is
// called again, and io.EOF behind the last.
func (x *exchange) next() ([]byte, error) {
	a := &x.ans
	if a.framing == chunked && a.left == 0 {
		if err := x.beginChunk(); err != nil {
			return nil, err
		}
	}
	if a.framing == none || a.framing == counted && a.left == 0 {
		return nil, io.EOF
	}
	if x.lo == x.hi {
		if err := x.more(); err != nil {
			if err == io.EOF && a.framing != untilClose {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	b := x.unread()
	if a.framing != untilClose {
		b = b[:min(int64(len(b)), a.left)]
		a.left -= int64(len(b))
	}
	x.lo += len(b)
	return b, nil
}

// beginChunk reads the line before a chunk, and the end of the chunk before that.
// At the last chunk it reads the trailer and ends the body.
func (x *exchange) beginChunk() error {
	if x.inChunk {
		end, err := x.cut(2)
		if err != nil || !bytes.HasSuffix(end, crlf) || len(end) != 2 {
			return unexpected(err)
		}
		x.inChunk = false
	}
	text, err := x.cut(maxChunkLine)
	if err != nil {
		return unexpected(err)
	}
	size, err := chunkSize(text)
	if err != nil {
		return err
	}
	if x.overhead = max(0, x.overhead+int64(len(text))-16-2*size); x.overhead > 16<<10 {
		return errFraming // extensions are no place for data
	}
	if size > 0 {
		x.inChunk, x.ans.left = true, size
		return nil
	}
	x.ans.framing = none
	return x.readTrailer()
}

// cut returns the next line with its end, of at most limit bytes.
func (x *exchange) cut(limit int) ([]byte, error) {
	for {
		b := x.unread()
		if i := bytes.IndexByte(b, '\n'); i >= 0 && i < limit {
			x.lo += i + 1
			return b[:i+1], nil
		}
		if len(b) >= limit {
			return nil, errFraming
		}
		if err := x.more(); err != nil {
			return nil, err
		}
	}
}

func unexpected(err error) error {
	switch err {
	case nil:
		return errFraming
	case io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// chunkSize reads the line before a chunk: hexadecimal digits, then nothing or
// extensions, which are of no interest. Other readers disagree about line ends
// within it, so it has none.
func chunkSize(text []byte) (int64, error) {
	text, ok := bytes.CutSuffix(text, crlf)
	if !ok || bytes.IndexByte(text, '\r') >= 0 {
		return 0, errFraming
	}
	digits, _, _ := bytes.Cut(text, []byte{';'})
	digits = bytes.TrimRight(digits, " \t")
	if len(digits) == 0 || len(digits) > 15 {
		return 0, errFraming
	}
	var n int64
	for _, d := range digits {
		switch {
		case '0' <= d && d <= '9':
			d -= '0'
		case 'a' <= d|0x20 && d|0x20 <= 'f':
			d = d | 0x20 - 'a' + 10
		default:
			return 0, errFraming
		}
		n = n<<4 | int64(d)
	}
	return n, nil
}

// readTrailer reads the fields behind the last chunk.
func (x *exchange) readTrailer() error {
	for {
		text, err := x.cut(maxHead - x.headBytes)
		if err != nil {
			return unexpected(err)
		}
		x.headBytes += len(text)
		s, ok := strings.CutSuffix(string(text), "\r\n")
		if !ok {
			return errFraming
		}
		if s == "" {
			return nil
		}
		name, value, err := field(s)
		if err != nil {
			return err
		}
		if inTrailer(name) {
			if x.trailer == nil {
				x.trailer = http.Header{}
			}
			x.trailer[name] = append(x.trailer[name], value)
		}
	}
}

// gather reports whether the whole body is there without more reading. Then it is
// the piece; a chunked one is made one.
func (x *exchange) gather() (bool, error) {
	a := &x.ans
	switch a.framing {
	case none:
		return true, nil
	case counted:
		if int64(x.hi-x.lo) < a.left {
			return false, nil
		}
	case untilClose:
		return false, nil
	case chunked:
		if !x.endsHere() {
			return false, nil
		}
	}
	start, to := x.lo, x.lo
	for {
		piece, err := x.next() // reads nothing: the end is here
		if err == io.EOF {
			break
		}
		if err != nil {
			return false, err
		}
		to += copy(x.in[to:], piece)
	}
	a.length = int64(to - start)
	x.piece = x.in[start:to]
	return true, nil
}

// endsHere reports whether a chunked body's last byte, its trailer included, has
// been read; where the chunks are malformed, it says no and leaves it to next.
func (x *exchange) endsHere() bool {
	for b := x.unread(); ; {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return false
		}
		size, err := chunkSize(b[:i+1])
		if err != nil {
			return false
		}
		b = b[i+1:]
		if size == 0 {
			return bytes.HasPrefix(b, crlf) || headEnd(b) > 0
		}
		if size > int64(len(b))-2 {
			return false
		}
		b = b[size+2:]
	}
}
