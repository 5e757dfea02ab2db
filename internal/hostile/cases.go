package hostile

import (
	"fmt"
	"strings"
)

// get is a GET with more lines.
func (s Site) get(lines ...string) string {
	return "GET " + s.Get + " HTTP/1.1\r\nHost: a\r\n" + s.Header + strings.Join(lines, "") + "\r\n"
}

// post is a POST with more lines and what follows them.
func (s Site) post(rest string, lines ...string) string {
	return "POST " + s.Post + " HTTP/1.1\r\nHost: a\r\n" + s.Header + strings.Join(lines, "") + "\r\n" + rest
}

// chunked is a POST in chunks.
func (s Site) chunked(body string) string { return s.post(body, "Transfer-Encoding: chunked\r\n") }

// smuggled is the request that must never be seen.
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

func lengths(s Site) []Case {
	all := []Case{
		{"two lengths", s.post("abcde", "Content-Length: 3\r\n", "Content-Length: 5\r\n"), Refused, false},
		{"two lengths, the longer first", s.post("abcde", "Content-Length: 5\r\n", "Content-Length: 3\r\n"), Refused, false},
		{"two equal lengths", s.post("abc", "Content-Length: 3\r\n", "Content-Length: 3\r\n"), Refused, false},
		{"two lengths in capitals and not", s.post("abcde", "content-length: 3\r\n", "CONTENT-LENGTH: 5\r\n"), Refused, false},
		{"space before the colon of a length", s.post("abc", "Content-Length : 3\r\n"), Refused, false},
		{"tab before the colon of a length", s.post("abc", "Content-Length\t: 3\r\n"), Refused, false},
		{"length on a folded line", s.post("abc", "Content-Length:\r\n 3\r\n"), Refused, false},
		{"length in another header's fold", s.post(smuggled, "X: a\r\n Content-Length: 40\r\n"), Refused, false},
		{"length behind a bare LF", s.post("abc", "X: a\nContent-Length: 3\r\n"), Refused, false},
		{"length behind a bare CR", s.post("abc", "X: a\rContent-Length: 3\r\n"), Refused, false},
		{"body shorter than its length", s.post("abc", "Content-Length: 5\r\n"), Refused, true},
		{"length of a GET", strings.Replace(s.post("abc", "Content-Length: 3\r\n"), "POST "+s.Post, "GET "+s.Get, 1), Served, false},
		{"good length", s.post("abc", "content-length:3 \r\n"), Served, false},
		{"length of 0", s.post("", "Content-Length: 0\r\n"), Served, false},
	}
	for _, v := range []string{"5, 5", "3,5", "+3", "-1", "-0", "0x3", "3a", "", " ", "3 3", "3;", "1e1", "3.0", "99999999999999999999999", "٣", "\"3\"", "3\x00", "3\x0b"} {
		all = append(all, Case{fmt.Sprintf("length %q", v), s.post("abc", "Content-Length: "+v+"\r\n"), Refused, false})
	}
	return all
}

func codings(s Site) []Case {
	const end = "0\r\n\r\n"
	te := "Transfer-Encoding: chunked\r\n"
	all := []Case{
		{"length and chunks", s.post(end, "Content-Length: 4\r\n", te), Refused, false},
		{"chunks and length", s.post(end, te, "Content-Length: 4\r\n"), Refused, false},
		{"chunks and length, a request within", s.post("0\r\n\r\n"+smuggled, "Content-Length: 46\r\n", te), Refused, false},
		{"chunks twice", s.post(end, te, te), Refused, false},
		{"chunks and identity", s.post(end, te, "Transfer-Encoding: identity\r\n"), Refused, false},
		{"identity and chunks", s.post(end, "Transfer-Encoding: identity\r\n", te), Refused, false},
		{"coding on a folded line", s.post(end, "Transfer-Encoding:\r\n chunked\r\n"), Refused, false},
		{"space before the colon of a coding", s.post(end, "Transfer-Encoding : chunked\r\n"), Refused, false},
		{"coding behind a bare LF", s.post(end, "X: a\nTransfer-Encoding: chunked\r\n"), Refused, false},
		{"coding in HTTP/1.0", strings.Replace(s.chunked(end), "HTTP/1.1", "HTTP/1.0", 1), Refused, false},
		{"length and coding in HTTP/1.0", strings.Replace(s.post(end, te, "Content-Length: 5\r\n"), "HTTP/1.1", "HTTP/1.0", 1), Refused, false},
		{"coding of another spelling", s.post(end, "Transfer_Encoding: chunked\r\n"), Split, false},
		{"chunks in capitals", s.post(end, "TRANSFER-ENCODING: Chunked\r\n"), Served, false},
		{"chunks of a GET", strings.Replace(s.chunked(end), "POST "+s.Post, "GET "+s.Get, 1), Served, false},
	}
	for _, v := range []string{"xchunked", "chunked, identity", "identity", "identity, chunked", "chunked, chunked", "gzip, chunked", "gzip", "chunked;q=1", "\"chunked\"", "chunked\x00", "\x0bchunked", "chun ked", "", ",chunked"} {
		all = append(all, Case{fmt.Sprintf("coding %q", v), s.post(end, "Transfer-Encoding: "+v+"\r\n"), Refused, false})
	}
	return all
}

func chunks(s Site) []Case {
	var all []Case
	for name, body := range map[string]string{
		"bare LF in an extension":            "3;a\nb\r\nabc\r\n0\r\n\r\n",
		"bare LF behind a size":              "3\nabc\r\n0\r\n\r\n",
		"bare LF behind an extension":        "3;a\nabc\r\n0\r\n\r\n",
		"bare LF behind data":                "3\r\nabc\n0\r\n\r\n",
		"bare LF at the end":                 "3\r\nabc\r\n0\n\n",
		"bare LF behind the last extension":  "3\r\nabc\r\n0;a\n\n",
		"bare CR in an extension":            "3;a\rb\r\nabc\r\n0\r\n\r\n",
		"NUL in an extension":                "3;a\x00b\r\nabc\r\n0\r\n\r\n",
		"size with 0x":                       "0x3\r\nabc\r\n0\r\n\r\n",
		"size with a sign":                   "+3\r\nabc\r\n0\r\n\r\n",
		"size below 0":                       "-3\r\nabc\r\n0\r\n\r\n",
		"size with a blank before":           " 3\r\nabc\r\n0\r\n\r\n",
		"size of letters":                    "g\r\nabc\r\n0\r\n\r\n",
		"size of nothing":                    "\r\nabc\r\n0\r\n\r\n",
		"size of an extension only":          ";a\r\nabc\r\n0\r\n\r\n",
		"size of 17 digits":                  "10000000000000003\r\nabc\r\n0\r\n\r\n",
		"size that overflows":                "ffffffffffffffff3\r\nabc\r\n0\r\n\r\n",
		"size with an underscore":            "1_0\r\nabc\r\n0\r\n\r\n",
		"more data than the size":            "3\r\nabcd\r\n0\r\n\r\n",
		"no line end behind data":            "3\r\nabc0\r\n\r\n",
		"a request instead of a chunk":       smuggled,
		"a request behind a bare LF":         "3;\n" + smuggled + "0\r\n\r\n",
		"an extension of 20 KiB":             "3;" + strings.Repeat("a", 20<<10) + "\r\nabc\r\n0\r\n\r\n",
		"two requests in one extension line": "0;\r" + smuggled + "\r\n\r\n",
	} {
		all = append(all, Case{"chunks: " + name, s.chunked(body), Refused, false})
	}
	return append(all,
		Case{"chunks: good ones", s.chunked("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), Served, false},
		Case{"chunks: an extension", s.chunked("3;a=b\r\nabc\r\n0\r\n\r\n"), Served, false},
		Case{"chunks: cut in the data", s.chunked("5\r\nab"), Refused, true},
		Case{"chunks: cut in a size", s.chunked("5"), Refused, true},
		Case{"chunks: cut before the end", s.chunked("3\r\nabc\r\n"), Refused, true},
	)
}

func trailers(s Site) []Case {
	var all []Case
	for name, trailer := range map[string]string{
		"folded":               "X: a\r\n b\r\n",
		"bare LF":              "X: a\nY: b\r\n",
		"bare CR":              "X: a\rY: b\r\n",
		"NUL":                  "X: a\x00\r\n",
		"no colon":             "X\r\n",
		"of 20 KiB":            "X: " + strings.Repeat("x", 20<<10) + "\r\n",
		"first line folded":    " X: a\r\n",
		"space before a colon": "X : a\r\n",
	} {
		all = append(all, Case{"trailer: " + name, s.chunked("3\r\nabc\r\n0\r\n" + trailer + "\r\n"), Refused, false})
	}
	return append(all,
		Case{"trailer: a good one", s.chunked("3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"), Served, false},
		Case{"trailer: a length", s.chunked("3\r\nabc\r\n0\r\nContent-Length: 50\r\n\r\n"), Either, false},
		Case{"trailer: cut", s.chunked("3\r\nabc\r\n0\r\nX-Sum: 1\r\n"), Refused, true},
	)
}
