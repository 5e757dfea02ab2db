package hostile

import (
	"fmt"
	"strings"
)

// first is a request with this first line.
func (s Site) first(line string) string { return line + "\r\nHost: a\r\n" + s.Header + "\r\n" }

func hosts(s Site) []Case {
	head := "GET " + s.Get + " HTTP/1.1\r\n" + s.Header
	all := []Case{
		{"no host", head + "\r\n", Refused, false},
		{"no host in HTTP/1.0", "GET " + s.Get + " HTTP/1.0\r\n" + s.Header + "\r\n", Refused, false},
		{"two hosts", head + "Host: a\r\nHost: b\r\n\r\n", Refused, false},
		{"two equal hosts", head + "Host: a\r\nhost: a\r\n\r\n", Refused, false},
		{"host with a blank before its colon", head + "Host : a\r\n\r\n", Refused, false},
		{"host on a folded line", head + "Host:\r\n a\r\n\r\n", Refused, false},
		{"host in another header's fold", head + "Host: a\r\nX: y\r\n Host: b\r\n\r\n", Refused, false},
		{"host last", head + "Accept: */*\r\nHost: a\r\n\r\n", Served, false},
	}
	for _, v := range []string{"a b", "a/b", "a\x00b", "a\\b", "<a>", "a@b", "a, b", "a\x7f"} {
		all = append(all, Case{fmt.Sprintf("host %q", v), head + "Host: " + v + "\r\n\r\n", Refused, false})
	}
	return all
}

func targets(s Site) []Case {
	var all []Case
	for _, target := range []string{
		"http://evil.example/", "http://evil.example:80" + s.Get, "HTTP://evil.example/", "https://evil.example/", "http://a" + s.Get, "http:///", "ftp://evil.example/",
		"@evil.example:80/", "evil.example", "evil.example:443", "*", "?", "#", "a" + s.Get, "//evil.example/", "///evil.example/", "/\\evil.example/", "\\",
	} {
		all = append(all, Case{"target " + target, s.first("GET " + target + " HTTP/1.1"), Refused, false})
	}
	for name, line := range map[string]string{
		"two blanks":              "GET  " + s.Get + " HTTP/1.1",
		"two blanks at the end":   "GET " + s.Get + "  HTTP/1.1",
		"tabs":                    "GET\t" + s.Get + "\tHTTP/1.1",
		"a blank in the target":   "GET " + s.Get + " x HTTP/1.1",
		"a blank in front":        " GET " + s.Get + " HTTP/1.1",
		"nothing in front":        "\r\n\r\nGET",
		"a NUL":                   "GET " + s.Get + "\x00 HTTP/1.1",
		"a bare CR":               "GET " + s.Get + "\rX HTTP/1.1",
		"no target":               "GET HTTP/1.1",
		"a header's line at once": "GET " + s.Get + " HTTP/1.1\nX: y",
	} {
		all = append(all, Case{"first line with " + name, s.first(line), Refused, false})
	}
	return all
}

func paths(s Site) []Case {
	var all []Case
	for _, path := range []string{
		"/../x", "/x/../../y", s.Get + "/..", s.Get + "/.", "/./" + s.Get[1:], "/%2e%2e/x", "/%2E%2E/x", "/x/%2e./y", "/..%2fx", "/x%2f..%2fy", "/x%2Fy", "/..%5cx", "/x%5Cy", "/x\\..\\y",
		"/%00", s.Get + "%00", "/x%0d%0ay", "/x%0ay", "/%zz", "/%", "/%2", "/\xc3\xa9", "/x\x80", "/x\x7f", s.Get + "#x", "/%c0%ae%c0%ae/x", "/%e0%80%af", "/..;/x", "/..;a=b/x",
	} {
		all = append(all, Case{fmt.Sprintf("path %q", path), s.first("GET " + path + " HTTP/1.1"), Turned, false})
	}
	return append(all,
		Case{"path of 9 KiB", s.first("GET /" + strings.Repeat("x", 9<<10) + " HTTP/1.1"), Turned, false},
		Case{"path of 20 KiB", s.first("GET /" + strings.Repeat("x", 20<<10) + " HTTP/1.1"), Refused, false},
	)
}

func lines(s Site) []Case {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "X%d: y\r\n", i)
		}
		return b.String()
	}
	return []Case{
		{"folded line", s.get("X: a\r\n b\r\n"), Refused, false},
		{"folded line with a tab", s.get("X: a\r\n\tb\r\n"), Refused, false},
		{"folded line of nothing", s.get("X: a\r\n \r\n"), Refused, false},
		{"first line folded", "GET " + s.Get + " HTTP/1.1\r\n Host: a\r\n" + s.Header + "\r\n", Refused, false},
		{"bare LF", s.get("X: a\nY: b\r\n"), Refused, false},
		{"bare LF at the end", strings.TrimSuffix(s.get(), "\r\n") + "\n", Refused, false},
		{"bare LF everywhere", strings.ReplaceAll(s.get(), "\r\n", "\n"), Refused, false},
		{"bare CR", s.get("X: a\rY: b\r\n"), Refused, false},
		{"bare CR at a line's end", s.get("X: a\r\r\n"), Refused, false},
		{"NUL in a value", s.get("X: a\x00b\r\n"), Refused, false},
		{"another control character in a value", s.get("X: a\x01b\r\n"), Turned, false},
		{"obsolete text in a value", s.get("X: \xe9\xff\r\n"), Served, false},
		{"header of 20 KiB", s.get("X: " + strings.Repeat("x", 20<<10) + "\r\n"), Refused, false},
		{"header of 1 MiB", s.get("X: " + strings.Repeat("x", 1<<20) + "\r\n"), Refused, false},
		{"10,000 headers", s.get(many(10_000)), Refused, false},
		{"100 headers", s.get(many(100)), Served, false},
		{"head that is cut", strings.TrimSuffix(s.get(), "\r\n"), Refused, true},
		{"line that is cut", "GET " + s.Get + " HT", Refused, true},
		{"nothing at all", "", Refused, true},
		{"only line ends", strings.Repeat("\r\n", 100), Refused, true},
	}
}

func names(s Site) []Case {
	all := []Case{
		{"line without a colon", s.get("abc\r\n"), Refused, false},
		{"line of a colon", s.get(":\r\n"), Refused, false},
		{"name of nothing", s.get(": a\r\n"), Refused, false},
		{"hop by hop list", s.get("Connection: Host, Content-Length, apikey\r\n"), Served, false},
		{"proxy header", s.get("Proxy: http://evil.example/\r\n", "X-Forwarded-For: 1\r\n", "X_Forwarded_For: 2\r\n", "Forwarded: for=3\r\n"), Served, false},
	}
	for _, name := range []string{"a b", "a(b", "a/b", "a@b", "a[b", "a\"b", "a\x00b", "\xc3\xa9", "a\x7f", "a\t"} {
		all = append(all, Case{fmt.Sprintf("name %q", name), s.get(name + ": x\r\n"), Refused, false})
	}
	return all
}

func methods(s Site) []Case {
	var all []Case
	for _, m := range []string{"TRACE", "TRACK", "DEBUG", "CONNECT", "get", "G\x00T", "", "G(T", strings.Repeat("A", 9000)} {
		name := m
		if len(m) > 20 {
			name = "of 9000 letters"
		}
		all = append(all, Case{fmt.Sprintf("method %q", name), s.first(m + " " + s.Get + " HTTP/1.1"), Refused, false})
	}
	return append(all, Case{"CONNECT to a host", s.first("CONNECT evil.example:443 HTTP/1.1"), Refused, false})
}

func versions(s Site) []Case {
	var all []Case
	for _, v := range []string{"", " HTTP/0.9", " HTTP/1.2", " HTTP/2.0", " HTTP/3", " HTTP/1.10", " HTTP/01.1", " http/1.1", " HTTP/1,1", " HTTP/1.1x", " HTTP/-1.1", " HTTPS/1.1", " HTTP/1.1 HTTP/1.1"} {
		all = append(all, Case{fmt.Sprintf("version %q", v), s.first("GET " + s.Get + v), Refused, false})
	}
	return append(all,
		Case{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", Refused, false},
		Case{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", Refused, false},
		Case{"SSH", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", Refused, true},
		Case{"SMTP", "EHLO evil.example\r\nMAIL FROM:<a@b>\r\n\r\n", Refused, false},
		Case{"no text", "\x00\xff\xfe\x01\n\n\r\n\r\n", Refused, false},
	)
}

func others(s Site) []Case {
	return []Case{
		{"unknown expectation", s.post("abc", "Expect: tea\r\n", "Content-Length: 3\r\n"), Either, false},
		{"expectation without a body", s.get("Expect: 100-continue\r\n"), Served, false},
		{"body that never comes", s.post("", "Expect: 100-continue\r\n", "Content-Length: 5\r\n"), Refused, true},
		{"body far too large", s.post("abc", "Content-Length: 99999999999\r\n"), Refused, true},
		{"upgrade to HTTP/2", s.get("Connection: Upgrade, HTTP2-Settings\r\n", "Upgrade: h2c\r\n", "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"), Served, false},
		{"500 ranges", s.get("Range: bytes=" + strings.Repeat("0-,", 500) + "0-\r\n"), Served, false},
		{"body that claims to be gzip", s.post("\x1f\x8b\x08\x00", "Content-Encoding: gzip\r\n", "Content-Length: 4\r\n"), Served, false},
		{"two good requests", s.get() + s.get()[:0], Served, false},
		{"cookie of ours", s.get("Cookie: tollgate=x; __Host-tollgate=y\r\n"), Served, false},
		{"form with a request in it", s.post(smuggled, fmt.Sprintf("Content-Length: %d\r\n", len(smuggled))), Served, false},
	}
}
