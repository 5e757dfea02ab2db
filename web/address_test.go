package web

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// Who asks is the first address, from the end, that is no trusted proxy; nobody can
// claim another one.
func TestWhoAsks(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for name, c := range map[string]struct {
		peer string
		said []string
		want string
	}{
		"nobody in between":          {"203.0.113.9", nil, "203.0.113.9"},
		"a stranger claims":          {"203.0.113.9", []string{"198.51.100.1"}, "203.0.113.9"},
		"one proxy":                  {"10.0.0.1", []string{"203.0.113.9"}, "203.0.113.9"},
		"one proxy, a claim":         {"10.0.0.1", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		"a claim on another line":    {"10.0.0.1", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		"two proxies":                {"10.0.0.1", []string{"198.51.100.1, 203.0.113.9, 10.2.3.4"}, "203.0.113.9"},
		"a claim to be a proxy":      {"10.0.0.1", []string{"10.9.9.9, 203.0.113.9"}, "203.0.113.9"},
		"only proxies":               {"10.0.0.1", []string{"10.9.9.9"}, "10.9.9.9"},
		"the proxy says nothing":     {"10.0.0.1", nil, "10.0.0.1"},
		"nonsense":                   {"10.0.0.1", []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		"nonsense before":            {"10.0.0.1", []string{"<script>, 203.0.113.9"}, "203.0.113.9"},
		"IPv6":                       {"2001:db8::1", []string{"2a00::1"}, "2a00::1"},
		"IPv4 written as IPv6":       {"::ffff:10.0.0.1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"a zone":                     {"10.0.0.1", []string{"fe80::1%eth0"}, "fe80::1"},
		"a port is no address":       {"10.0.0.1", []string{"203.0.113.9:1234"}, "10.0.0.1"},
		"more hops than are read":    {"10.0.0.1", []string{repeated("10.0.0.2", 40)}, "10.0.0.2"},
		"blanks and an empty member": {"10.0.0.1", []string{"  203.0.113.9  "}, "203.0.113.9"},
	} {
		var request fasthttp.RequestCtx
		request.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.ParseIP(c.peer), Port: 4711}, nil)
		for _, line := range c.said {
			request.Request.Header.Add(fiber.HeaderXForwardedFor, line)
		}
		app := fiber.New()
		ctx := app.AcquireCtx(&request)
		if got := address(ctx, trusted); got != c.want {
			t.Errorf("%s: %s asks, want %s", name, got, c.want)
		}
		app.ReleaseCtx(ctx)
	}
}

func repeated(address string, n int) string {
	all := address
	for range n - 1 {
		all += ", " + address
	}
	return all
}
