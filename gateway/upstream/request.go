package upstream

import (
	"bytes"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// hops is how often a call may come through us: an upstream that is the gateway
// itself would go round for ever.
const hops = 4

// appendHead appends the request line and header that the upstream gets. Switch
// is the protocol to switch to, "" for none.
func (x *exchange) appendHead(b []byte) ([]byte, error) {
	r, call, t := x.r, x.call, x.call.Target
	if call.Path != "" && call.Path[0] != '/' {
		return b, errBreak
	}
	start := len(b)
	b = append(append(b, r.Method...), ' ')
	b = append(b, t.base...)
	b = append(b, call.Path...)
	if t.base == "" && call.Path == "" {
		b = append(b, '/')
	}
	if call.Query != "" {
		b = append(append(b, '?'), call.Query...)
	}
	if bytes.IndexByte(b[start+len(r.Method)+1:], ' ') >= 0 {
		return b, errBreak
	}
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(append(b, t.host...), '\r', '\n')
	lines := 2

	named := r.Header["Connection"]
	for name, values := range r.Header {
		if !x.passesOn(name, named) {
			continue
		}
		for _, v := range values {
			if name == "Cookie" && len(call.Cookies) > 0 {
				if v = withoutCookies(v, call.Cookies); v == "" {
					continue
				}
			}
			b = appendField(b, name, v)
			lines++
		}
	}
	b, more := x.appendOurs(b)
	b = append(b, '\r', '\n')
	if !clean(b[start:], lines+more+1) {
		return b, errBreak
	}
	return b, nil
}

// clean reports whether b, of which so many lines were written, holds nothing else
// that would make one line two for somebody. Looking at the whole at once is cheap.
func clean(b []byte, lines int) bool {
	return bytes.Count(b, crlf[:1]) == lines && bytes.Count(b, crlf[1:]) == lines && bytes.IndexByte(b, 0) < 0
}

var crlf = []byte("\r\n")

// appendOurs appends the lines that are about this hop, and returns their number.
func (x *exchange) appendOurs(b []byte) ([]byte, int) {
	r, call := x.r, x.call
	n := 0
	field := func(name, value string) {
		b = appendField(b, name, value)
		n++
	}
	for _, f := range call.Set {
		field(f.Name, f.Value)
	}
	if call.ClientAddr != "" {
		field("X-Forwarded-For", call.ClientAddr)
	}
	if call.ClientHost != "" {
		field("X-Forwarded-Host", call.ClientHost)
	}
	if call.ClientProto != "" {
		field("X-Forwarded-Proto", call.ClientProto)
	}
	version := "1.1 "
	if !r.ProtoAtLeast(1, 1) {
		version = "1.0 "
	}
	field("Via", version+x.client.opts.Via)
	switch {
	case x.upgrade:
		field("Connection", "Upgrade")
		field("Upgrade", "websocket")
	case holds(r.Header["Te"], "trailers"):
		field("Connection", "TE")
		field("TE", "trailers")
	}
	switch {
	case hasBody(r) && r.ContentLength > 0:
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, r.ContentLength, 10), '\r', '\n')
		n++
	case hasBody(r):
		field("Transfer-Encoding", "chunked")
		if names := trailerNames(r.Trailer); names != "" {
			field("Trailer", names)
		}
	case r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH":
		field("Content-Length", "0")
	}
	if x.expects {
		field("Expect", "100-continue")
	}
	return b, n
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ':', ' ')
	return append(append(b, value...), '\r', '\n')
}

// passesOn reports whether a header of the client's is for the upstream too.
// Connection is what the client names there.
func (x *exchange) passesOn(name string, connection []string) bool {
	if hidden(name) || len(connection) > 0 && holds(connection, name) {
		return false
	}
	twin := name
	if strings.IndexByte(name, '_') >= 0 { // CGI makes the same name of X_Forwarded_For and X-Forwarded-For
		twin = textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
		if hidden(twin) {
			return false
		}
	}
	if slices.Contains(x.call.Drop, twin) {
		return false
	}
	for i := range x.call.Set {
		if x.call.Set[i].Name == twin {
			return false
		}
	}
	return true
}

// hidden reports whether a request's header is never passed on: it is about one
// hop, or something only we may say, or known for doing harm in a CGI (Proxy).
func hidden(name string) bool {
	switch name {
	case "Content-Length", "Host", "Expect", "Forwarded", "X-Real-Ip", "Http2-Settings", "Proxy":
		return true
	}
	return aboutHop(name) || strings.HasPrefix(name, "X-Forwarded")
}

// aboutHop reports whether a header is about one connection only (RFC 9110 §7.6.1).
func aboutHop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// holds reports whether one of the comma-separated lists holds token, in any case.
func holds(lists []string, token string) bool {
	for _, list := range lists {
		for list != "" {
			var item string
			item, list, _ = strings.Cut(list, ",")
			item, _, _ = strings.Cut(item, ";")
			if strings.EqualFold(trim(item), token) {
				return true
			}
		}
	}
	return false
}

// trim takes off the white space that may stand around values in a header.
func trim(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// withoutCookies takes the cookies with these names out of a Cookie header.
func withoutCookies(header string, names []string) string {
	if !slices.ContainsFunc(names, func(name string) bool { return strings.Contains(header, name) }) {
		return header
	}
	kept := make([]string, 0, strings.Count(header, ";")+1)
	for pair := range strings.SplitSeq(header, ";") {
		pair = trim(pair)
		if name, _, _ := strings.Cut(pair, "="); pair != "" && !slices.Contains(names, trim(name)) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "; ")
}

// looped reports whether a call has come through us too often.
func (x *exchange) looped() bool {
	via := x.r.Header["Via"]
	if len(via) == 0 {
		return false
	}
	n := 0
	for _, list := range via {
		for item := range strings.SplitSeq(list, ",") {
			f := strings.Fields(item)
			if len(f) > 1 && f[1] == x.client.opts.Via {
				n++
			}
		}
	}
	return n >= hops
}

func trailerNames(t http.Header) string {
	names := make([]string, 0, len(t))
	for name := range t {
		if inTrailer(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// inTrailer reports whether a field may come in a trailer: nothing that decides
// where a message ends, who may see it or how it is to be read (RFC 9110 §6.5.1).
func inTrailer(name string) bool {
	switch name {
	case "Content-Length", "Content-Type", "Content-Encoding", "Content-Range", "Host", "Authorization", "Cookie", "Set-Cookie", "Expect", "Via":
		return false
	}
	return !aboutHop(name)
}
