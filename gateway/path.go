package gateway

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tollgate/internal/fault"
)

// longestPath is the most bytes a path may have, escaped.
const longestPath = 8192

// The ways in which a path cannot be understood in one way only.
var (
	errPathForm    = fault.New(fault.Malformed, "The path of a call begins with a slash.")
	errPathLong    = fault.New(fault.Malformed, "The path is longer than 8,192 bytes.")
	errPathEscape  = fault.New(fault.Malformed, "The path has a % that is not followed by two hexadecimal digits.")
	errPathSign    = fault.New(fault.Malformed, "The path has a control character, a backslash, or one of the signs ? and #, which have no place in it.")
	errPathSlash   = fault.New(fault.Malformed, "The path has an escaped slash, backslash or control character, which servers read in different ways.")
	errPathUnicode = fault.New(fault.Malformed, "The path is not UTF-8.")
	errPathDots    = fault.New(fault.Malformed, "The path has . or .. for a part. Write it without them.")
)

// CleanPath returns the one spelling of an escaped path that the gateway works
// with, so that gateway and upstream cannot take it for two different paths: what
// needs no escape has none, other escapes are in capitals, and slashes that follow
// each other are one. It fails, as Malformed, where servers disagree on what is
// meant: escaped slashes, dots for parts, control characters, text that is not
// UTF-8. A clean path comes back as it is.
func CleanPath(escaped string) (string, error) {
	switch {
	case escaped == "" || escaped[0] != '/':
		return "", errPathForm
	case len(escaped) > longestPath:
		return "", errPathLong
	case plainPath(escaped):
		return escaped, nil
	}
	out, err := respell(escaped)
	if err != nil {
		return "", err
	}
	if dotted(out) {
		return "", errPathDots
	}
	if len(out) > longestPath {
		return "", errPathLong
	}
	return out, nil
}

// plainPath reports whether path is clean, judged only as far as is quickly done:
// it has no escapes, and no part that begins with a dot.
func plainPath(path string) bool {
	for i := 1; i < len(path); i++ {
		c := path[i]
		if !literal(c) && c != '/' || path[i-1] == '/' && (c == '/' || c == '.') {
			return false
		}
	}
	return true
}

// literal reports whether a byte stands in a path as it is (RFC 3986, pchar).
func literal(c byte) bool { return unreserved(c) || strings.IndexByte("!$&'()*+,;=:@", c) >= 0 }

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// respell writes each character of a path in the one way that it is written in.
func respell(escaped string) (string, error) {
	var out strings.Builder
	out.Grow(len(escaped) + 16)
	var text []byte // what is not plain ASCII, until it is a whole character
	for i := 0; i < len(escaped); i++ {
		c, coded := escaped[i], escaped[i] == '%'
		if coded {
			if i+2 >= len(escaped) || !hexDigit(escaped[i+1]) || !hexDigit(escaped[i+2]) {
				return "", errPathEscape
			}
			c = unhex(escaped[i+1])<<4 | unhex(escaped[i+2])
			i += 2
		}
		if c >= utf8.RuneSelf {
			if text = append(text, c); !utf8.FullRune(text) {
				continue
			}
		} else if err := spelled(&out, c, coded); len(text) > 0 || err != nil {
			return "", orElse(err, errPathUnicode)
		} else {
			continue
		}
		if r, n := utf8.DecodeRune(text); n != len(text) || r == utf8.RuneError && n == 1 {
			return "", errPathUnicode
		} else if unicode.IsControl(r) {
			return "", errPathSign
		}
		for _, b := range text {
			escape(&out, b)
		}
		text = text[:0]
	}
	if len(text) > 0 {
		return "", errPathUnicode
	}
	return out.String(), nil
}

// spelled writes one byte of ASCII.
func spelled(out *strings.Builder, c byte, coded bool) error {
	switch {
	case coded && (c == '/' || c == '\\' || c < ' ' || c == 0x7f):
		return errPathSlash
	case c < ' ' || c == 0x7f || !coded && (c == '\\' || c == '?' || c == '#'):
		return errPathSign
	case c == '/':
		if s := out.String(); s == "" || s[len(s)-1] != '/' {
			out.WriteByte('/')
		}
	case unreserved(c) || !coded && literal(c):
		out.WriteByte(c)
	default:
		escape(out, c)
	}
	return nil
}

func escape(out *strings.Builder, c byte) {
	const digits = "0123456789ABCDEF"
	out.WriteByte('%')
	out.WriteByte(digits[c>>4])
	out.WriteByte(digits[c&15])
}

// dotted reports whether a part of a path is . or .., also with parameters behind
// it, which some servers take off before they look.
func dotted(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part[0] != '.' {
			continue
		}
		part, _, _ = strings.Cut(part, ";")
		part, _, _ = strings.Cut(part, "%3B")
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
