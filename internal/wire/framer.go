package wire

import (
	"bytes"
	"math"
)

// A framer follows the bytes that a client sends, request by request, and finds
// what two servers could read in two ways: line ends without CR, folded lines, two
// lengths, a length beside chunks, chunks in HTTP/1.0, other codings, names with
// blanks, hosts that are none. It judges how a message is framed, not what it asks.
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

// Limits of what a framer follows. Servers have their own for a whole head.
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

// inHead reports whether what comes next belongs to a head.
func (f *framer) inHead() bool { return f.state == requestLine || f.state == headerLine }

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
		return f.left <= maxTrailer && nameOf(text) != nil
	case body, chunkData:
	}
	return false
}

var crlf = []byte("\r\n")

// begin reads a request line. What stands before the version, the server judges.
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
	name := nameOf(text)
	if name == nil {
		return false
	}
	switch len(name) {
	case len("host"):
		if is(name, "host") {
			f.hosts++
			return hostFormed(valueOf(text, name))
		}
	case len("content-length"):
		if is(name, "content-length") {
			return f.contentLength(valueOf(text, name))
		}
	case len("transfer-encoding"):
		if is(name, "transfer-encoding") {
			twice := f.chunked
			f.chunked = true
			return !twice && !f.old && is(valueOf(text, name), "chunked")
		}
	}
	return true
}

// nameOf returns the name that a line begins with, nil when there is none: then it
// may go on with the line before it, as HTTP once had it.
func nameOf(text []byte) []byte {
	for i, c := range text {
		if c == ':' && i > 0 {
			return text[:i]
		}
		if !tokens[c] {
			return nil
		}
	}
	return nil
}

// valueOf returns what a line says behind its name.
func valueOf(text, name []byte) []byte { return bytes.Trim(text[len(name)+1:], " \t") }

func is(text []byte, lower string) bool { return bytes.EqualFold(text, []byte(lower)) }

// hostFormed reports whether a host could be one (RFC 3986 §3.2.2), with its port.
func hostFormed(host []byte) bool {
	for _, c := range host {
		if !hostBytes[c] {
			return false
		}
	}
	return true
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

// tokens are the bytes that names are made of (RFC 9110 §5.6.2), and hostBytes those
// of hosts.
var (
	tokens    = setOf("!#$%&'*+-.^_`|~")
	hostBytes = setOf("-._~%!$&'()*+,;=:[]")
)

// setOf returns letters, digits and more.
func setOf(more string) (t [256]bool) {
	for c := range t {
		low := c | 0x20
		t[c] = '0' <= c && c <= '9' || 'a' <= low && low <= 'z'
	}
	for _, c := range []byte(more) {
		t[c] = true
	}
	return t
}

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
