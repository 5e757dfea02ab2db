package upstream

import (
	"bytes"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// maxHead is how many bytes an answer's headers may have, those of interim answers
// and the trailer included.
const maxHead = 64 << 10

// A framing is how the end of an answer's body is told.
type framing int

const (
	none       framing = iota // there is no body
	counted                   // by Content-Length
	chunked                   // by a chunk of length 0
	untilClose                // by the end of the connection
)

// An answer is what the head of a response says about itself.
type answer struct {
	status  int
	minor   byte // HTTP/1.minor
	last    bool // the connection carries no more after it
	odd     bool // it announces a body that may not be there
	framing framing
	left    int64  // bytes to come, of the body or of the chunk
	length  int64  // the body's; -1 unknown
	upgrade string // what it switches to

	lengths   []string // as received
	encodings []string
	options   []string // of Connection
	trailer   string   // the names it announces
}

// headEnd returns where the head that begins b ends, or 0 when more is needed.
func headEnd(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i + 1
		rest := b[at:]
		if len(rest) > 0 && rest[0] == '\n' {
			return at + 1
		}
		if len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n' {
			return at + 2
		}
	}
}

// line cuts the first line off s, without its end.
func line(s string) (first, rest string) {
	first, rest, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(first, "\r"), rest
}

// statusLine reads the first line: HTTP/1.x, a space, three digits, and anything
// after another space.
func (a *answer) statusLine(s string) error {
	if len(s) < 12 || s[:7] != "HTTP/1." || s[7] < '0' || s[7] > '9' || s[8] != ' ' || len(s) > 12 && s[12] != ' ' {
		return errHead
	}
	a.minor = s[7] - '0'
	for _, d := range []byte(s[9:12]) {
		if d < '0' || d > '9' {
			return errHead
		}
		a.status = a.status*10 + int(d-'0')
	}
	if a.status < 100 {
		return errHead
	}
	return nil
}

// field reads one line of a header. The name is in its canonical form.
func field(s string) (name, value string, err error) {
	i := strings.IndexByte(s, ':')
	if i <= 0 || !isToken(s[:i]) {
		return "", "", errHead
	}
	value = trim(s[i+1:])
	for j := range len(value) {
		if c := value[j]; c < ' ' && c != '\t' || c == 0x7f {
			return "", "", errHead
		}
	}
	return textproto.CanonicalMIMEHeaderKey(s[:i]), value, nil
}

// tokens are the bytes that names are made of (RFC 9110 §5.6.2).
var tokens = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

func isToken(s string) bool {
	for i := range len(s) {
		if !tokens[s[i]] {
			return false
		}
	}
	return s != ""
}

// parse reads a head, of which text is all, and puts what is for the client into
// h. Fields that preset holds already stay as they are.
func (a *answer) parse(text string, method string, h, preset http.Header, cookies []string) error {
	first, rest := line(text)
	if err := a.statusLine(first); err != nil {
		return err
	}
	values := make([]string, strings.Count(rest, "\n"))
	for i := range values {
		var s string
		s, rest = line(rest)
		if s == "" {
			break
		}
		name, value, err := field(s)
		if err != nil {
			return err
		}
		if !a.note(name, value) || len(preset) > 0 && preset[name] != nil || name == "Set-Cookie" && setsOne(value, cookies) {
			continue
		}
		if had := h[name]; had != nil {
			h[name] = append(had, value)
			continue
		}
		values[i] = value
		h[name] = values[i : i+1 : i+1]
	}
	for _, option := range a.options {
		for name := range strings.SplitSeq(option, ",") {
			if key := textproto.CanonicalMIMEHeaderKey(trim(name)); preset[key] == nil {
				delete(h, key)
			}
		}
	}
	return a.frame(method)
}

// note keeps what a field says about the message, and reports whether the field is
// for the client as well.
func (a *answer) note(name, value string) bool {
	switch name {
	case "Content-Length":
		a.lengths = append(a.lengths, value)
		return len(a.lengths) == 1
	case "Transfer-Encoding":
		a.encodings = append(a.encodings, value)
	case "Connection":
		a.options = append(a.options, value)
	case "Upgrade":
		a.upgrade = value
	case "Trailer":
		a.trailer += "," + value
	}
	return !aboutHop(name)
}

// setsOne reports whether a Set-Cookie header sets one of the cookies.
func setsOne(value string, cookies []string) bool {
	name, _, _ := strings.Cut(value, "=")
	name = trim(name)
	for _, c := range cookies {
		if c == name {
			return true
		}
	}
	return false
}

// frame decides how the body ends (RFC 9112 §6.3). Contradictions are errors: they
// are what smuggled answers are made of.
func (a *answer) frame(method string) error {
	a.last = a.minor == 0 && !holds(a.options, "keep-alive") || holds(a.options, "close")
	a.length = -1
	for _, l := range a.lengths {
		if l != a.lengths[0] || len(l) == 0 || len(l) > 18 || strings.Trim(l, "0123456789") != "" {
			return errFraming
		}
	}
	if len(a.lengths) > 0 {
		a.length, _ = strconv.ParseInt(a.lengths[0], 10, 64) // 18 digits fit
	}
	if len(a.encodings) > 0 && (len(a.encodings) > 1 || len(a.lengths) > 0 || a.minor == 0 || !strings.EqualFold(a.encodings[0], "chunked")) {
		return errFraming
	}
	switch {
	case a.status < 200 || a.status == http.StatusNoContent:
		a.odd = a.length > 0 || len(a.encodings) > 0
	case method == http.MethodHead || a.status == http.StatusNotModified:
	case len(a.encodings) > 0:
		a.framing = chunked
	case a.length > 0:
		a.framing, a.left = counted, a.length
	case a.length < 0:
		a.framing, a.last = untilClose, true
	}
	a.last = a.last || a.odd
	return nil
}
