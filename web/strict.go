package web

import (
	"bytes"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/internal/fault"
)

// strict refuses requests whose framing or target two servers could read in two
// ways, and closes the connection, so that nothing smuggled behind them is read.
func (p *portal) strict(c *fiber.Ctx) error {
	why := ambiguous(c.Request().Header.RawHeaders())
	if why == nil {
		why = odd(string(c.Request().Header.RequestURI()))
	}
	if why == nil {
		return c.Next()
	}
	c.Response().SetConnectionClose()
	return fault.From(fault.Malformed, why, "This request cannot be read.")
}

// ambiguous says what is wrong with raw header lines. Besides what the server
// itself refuses, these are folded lines, line ends without CR, and more than
// one way to tell where the body ends.
func ambiguous(raw []byte) error {
	hosts, lengths, codings := 0, 0, 0
	for line := range bytes.Lines(raw) {
		if bytes.Contains(line, []byte{0}) || !bytes.HasSuffix(line, []byte("\r\n")) && bytes.HasSuffix(line, []byte("\n")) {
			return errors.New("web: a header line with a NUL or without CR")
		}
		if line[0] == ' ' || line[0] == '\t' {
			return errors.New("web: a folded header line")
		}
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch strings.ToLower(string(name)) {
		case "host":
			hosts++
		case "content-length":
			lengths++
		case "transfer-encoding":
			codings++
		}
	}
	if hosts != 1 || lengths+codings > 1 {
		return errors.New("web: not one Host, or not one body length")
	}
	return nil
}

// odd says what is wrong with a request target. It must be a path of ours,
// neither another server's address nor one that reads as such.
func odd(target string) error {
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		return errors.New("web: the target is not a path")
	}
	for i := range len(target) {
		if b := target[i]; b <= ' ' || b >= 0x7f || b == '\\' || b == '#' {
			return errors.New("web: the target has a sign that must be encoded")
		}
	}
	path, _, _ := strings.Cut(target, "?")
	low := strings.ToLower(path)
	for _, bad := range []string{"%00", "%2f", "%5c", "/../", "/./", "%2e%2e", "//"} {
		if strings.Contains(low, bad) {
			return errors.New("web: the path can be read in two ways")
		}
	}
	if strings.HasSuffix(low, "/..") || strings.HasSuffix(low, "/.") {
		return errors.New("web: the path can be read in two ways")
	}
	return nil
}
