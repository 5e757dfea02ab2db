package session

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

type requestIDKey struct{}

// SetRequestID says what the request of c is called in logs and in the audit.
func SetRequestID(c *fiber.Ctx, id string) { c.Locals(requestIDKey{}, id) }

type addressKey struct{}

// SetAddress says which address the request of c came from.
func SetAddress(c *fiber.Ctx, address string) { c.Locals(addressKey{}, address) }

// Address returns the address that the request of c came from, as far as proxies
// that are trusted say so.
func Address(c *fiber.Ctx) string {
	if address, ok := c.Locals(addressKey{}).(string); ok {
		return address
	}
	return strings.Clone(c.IP())
}

// request makes the net/http view of c: method, URL, host, headers, no body.
// Everything is copied, because Fiber uses its memory again.
func request(c *fiber.Ctx) *http.Request {
	h := make(http.Header, 16)
	for k, v := range c.Request().Header.All() {
		h.Add(string(k), string(v))
	}
	u, err := url.ParseRequestURI(string(c.Request().RequestURI()))
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	r := &http.Request{
		Method: strings.Clone(c.Method()), URL: u, RequestURI: u.RequestURI(), Host: string(c.Request().Host()),
		Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, RemoteAddr: Address(c),
	}
	return r.WithContext(c.UserContext())
}

// headers is an http.ResponseWriter that takes headers only.
type headers http.Header

// Header returns the headers.
func (h headers) Header() http.Header { return http.Header(h) }

// Write refuses a body.
func (headers) Write([]byte) (int, error) { return 0, http.ErrNotSupported }

// WriteHeader is ignored: the status is Fiber's.
func (headers) WriteHeader(int) {}
