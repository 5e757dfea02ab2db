package proxy

import (
	"bytes"
	"math"
)

// A framer follows the bytes that a client sends, request by request, and finds
// what two servers could read in two ways. Go's server is lenient about some of it
// and hides it from handlers: line ends without CR, folded lines, a length beside
// chunks, chunks in HTTP/1.0. Whatever is let through has one reading.
type framer struct {
	state   state
	partial []byte // of a line whose end has not come yet
	left    int64  // bytes to come, of a body or a chunk

	// Of the head that is being read.
	old     bool  // HTTP/1.0
	chunked bool  // it says so
	length  int64 // -1: it says none
	lines   int
	hosts   int
}

// A state is what the next bytes are.
type state uint8

const (
	requestLine state = iota
	headerLine
	body
	chunkLine
	chunkData
	chunkEnd
	trailerLine
)

// Limits of what a framer follows. Go's server has its own for a whole head.
const (
	maxLines     = 200
	maxChunkLine = 1 << 10
	maxTrailer   = 16 << 10
	maxLine      = 32 << 10
)

// scan follows b, and returns how many bytes of it may be read by a server: all of
// them, or those before the line that has two readings.
func (f *framer) scan(b []byte) int {
	for at := 0; at < len(b); {
		if f.state == body || f.state == chunkData {
			n := min(int64(len(b)-at), f.left)
			at += int(n)
			if f.left -= n; f.left == 0 {
				f.state = after(f.state)
			}
			continue
		}
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			if len(f.partial)+len(b)-at > maxLine {
				return at
			}
			f.partial = append(f.partial, b[at:]...)
			return len(b)
		}
		line := b[at : at+i+1]
		if len(f.partial) > 0 {
			line = append(f.partial, line...)
			f.partial = line[:0]
		}
		if !f.line(line) {
			return at
		}
		at += i + 1
	}
	return len(b)
}

// after is what follows a body or a chunk.
func after(s state) state {
	if s == chunkData {
		return chunkEnd
	}
	return requestLine
}

// line follows one line with its end, and reports whether it has one reading.
func (f *framer) line(line []byte) bool {
	text, ok := bytes.CutSuffix(line, crlf)
	if !ok || bytes.IndexByte(text, '\r') >= 0 || bytes.IndexByte(text, 0) >= 0 {
		return false
	}
	switch f.state {
	case requestLine:
		return f.begin(text)
	case headerLine:
		if len(text) == 0 {
			return f.end()
		}
		f.lines++
		return f.lines <= maxLines && f.header(text)
	case chunkLine:
		return f.chunk(text)
	case chunkEnd:
		f.state = chunkLine
		return len(text) == 0
	case trailerLine:
		if len(text) == 0 {
			f.state = requestLine
			return true
		}
		f.left += int64(len(line))
		return f.left <= maxTrailer && named(text)
	case body, chunkData:
	}
	return false
}

var crlf = []byte("\r\n")

// folded reports whether a line goes on with the one before it, as HTTP once had it.
func folded(text []byte) bool { return text[0] == ' ' || text[0] == '\t' }

// named reports whether a line of a trailer begins with a name.
func named(text []byte) bool {
	name, _, ok := bytes.Cut(text, []byte{':'})
	return ok && len(name) > 0 && bytes.IndexByte(name, ' ') < 0 && bytes.IndexByte(name, '\t') < 0
}

// begin reads a request line. What stands before the version, Go's server judges.
func (f *framer) begin(text []byte) bool {
	old := bytes.HasSuffix(text, []byte(" HTTP/1.0"))
	if !old && !bytes.HasSuffix(text, []byte(" HTTP/1.1")) {
		return false
	}
	f.state, f.old, f.chunked, f.length, f.lines, f.hosts = headerLine, old, false, -1, 0, 0
	return true
}

// header reads a line of a head.
func (f *framer) header(text []byte) bool {
	if folded(text) {
		return false
	}
	switch text[0] | 0x20 {
	case 'c':
		if value, is := valueOf(text, "content-length"); is {
			return f.contentLength(value)
		}
	case 't':
		if value, is := valueOf(text, "transfer-encoding"); is {
			twice := f.chunked
			f.chunked = true
			return !twice && !f.old && bytes.EqualFold(value, []byte("chunked"))
		}
	case 'h':
		if _, is := valueOf(text, "host"); is {
			f.hosts++
		}
	}
	return true
}

// valueOf returns what a line says of the field with this name.
func valueOf(text []byte, name string) ([]byte, bool) {
	if len(text) <= len(name) || text[len(name)] != ':' || !bytes.EqualFold(text[:len(name)], []byte(name)) {
		return nil, false
	}
	return bytes.Trim(text[len(name)+1:], " \t"), true
}

func (f *framer) contentLength(value []byte) bool {
	if f.length >= 0 || len(value) == 0 || len(value) > 18 {
		return false
	}
	f.length = 0
	for _, d := range value {
		if d < '0' || d > '9' {
			return false
		}
		f.length = f.length*10 + int64(d-'0')
	}
	return true
}

// end decides what follows a head.
func (f *framer) end() bool {
	if f.hosts != 1 || f.chunked && f.length >= 0 {
		return false
	}
	f.state = requestLine
	switch {
	case f.chunked:
		f.state = chunkLine
	case f.length > 0:
		f.state, f.left = body, f.length
	}
	return true
}

// chunk reads the line before a chunk: hexadecimal digits, then nothing or
// extensions, which are of no interest to anybody.
func (f *framer) chunk(text []byte) bool {
	if len(text) > maxChunkLine {
		return false
	}
	digits, _, _ := bytes.Cut(text, []byte{';'})
	if len(digits) == 0 || len(digits) > 15 {
		return false
	}
	var n int64
	for _, d := range digits {
		v := hexDigits[d]
		if v == noDigit {
			return false
		}
		n = n<<4 | int64(v)
	}
	f.state, f.left = chunkData, n
	if n == 0 {
		f.state = trailerLine
	}
	return true
}

const noDigit = math.MaxUint8

// hexDigits maps a byte to its value as a hexadecimal digit.
var hexDigits = func() (t [256]uint8) {
	for i := range t {
		t[i] = noDigit
	}
	for v, d := range []byte("0123456789abcdef") {
		t[d] = uint8(v)
	}
	for v, d := range []byte("ABCDEF") {
		t[d] = uint8(10 + v)
	}
	return t
}()
