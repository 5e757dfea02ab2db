package upstream

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"tollgate/internal/fault"
)

// A Target is where an API really is. It is made once and shared by calls; its
// exported fields may be set before the first.
type Target struct {
	AllowUpgrade bool          // let clients switch to websocket
	FirstByte    time.Duration // instead of the client's, when not 0
	Idle         time.Duration // instead of the client's, when not 0

	scheme string // http, https, or that of a transport in this process
	host   string // for Host: without the scheme's own port
	addr   string // to dial, with the port
	base   string // escaped path without a slash at its end
	url    *url.URL
	home   atomic.Pointer[host]
}

// ParseTarget reads an upstream's address, such as https://api.example.com/v1.
// What is wrong with it is an Invalid fault. Other schemes than http and https are
// left to the client's Transports, which see demo:weather as the host weather.
func ParseTarget(text string) (*Target, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" {
		return nil, fault.New(fault.Invalid, "This is no URL. Write one such as https://api.example.com/v1.")
	}
	t := &Target{scheme: u.Scheme, url: u}
	if u.Scheme != "http" && u.Scheme != "https" {
		t.host = u.Host + u.Opaque
		return t, nil
	}
	port := u.Port()
	switch {
	case u.Hostname() == "":
		return nil, fault.New(fault.Invalid, "Write a URL that begins with https:// or http:// and names a host.")
	case u.User != nil || u.Fragment != "" || u.RawQuery != "" || u.ForceQuery:
		return nil, fault.New(fault.Invalid, "Write the URL without name and password, and without what follows ? or #.")
	case !plain(u.Host) || !plain(u.EscapedPath()):
		return nil, fault.New(fault.Invalid, "Write the URL with plain letters, digits and signs only; names with other letters begin with xn--.")
	case port == "" && strings.HasSuffix(u.Host, ":"):
		return nil, fault.New(fault.Invalid, "Write the port after the colon, or leave out both.")
	}
	t.host, t.base = u.Host, strings.TrimRight(u.EscapedPath(), "/")
	own := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	t.addr = u.Host
	switch port {
	case "":
		t.addr = u.Host + ":" + own
	case own:
		t.host = strings.TrimSuffix(u.Host, ":"+own)
	}
	return t, nil
}

// plain reports whether s is visible ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// A Field is one line of a header. Name is in its canonical form.
type Field struct{ Name, Value string }

// A Call is what to do with one request.
type Call struct {
	Target *Target

	// Path is escaped and clean, "" or beginning with a slash; it goes behind the
	// target's own. Query goes behind both, as it is.
	Path, Query string

	// ClientAddr, ClientHost and ClientProto are what X-Forwarded-For, -Host and
	// -Proto say. What the client itself said there is never passed on.
	ClientAddr, ClientHost, ClientProto string

	Drop    []string // canonical names of headers that stay here, as the one with the API key
	Cookies []string // names of cookies that stay here, both ways
	Set     []Field  // headers for the upstream, instead of the client's of the same names

	// Before is called once, with the upstream's final status and header, before
	// anything of it goes to the client. It may change the header, which is that of
	// the ResponseWriter. An error from it ends the call: Do returns it as it is, and
	// the ResponseWriter is as it was before.
	Before func(status int, h http.Header) error
}
