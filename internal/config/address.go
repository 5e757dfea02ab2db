package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

func (r *reader) readAddresses() {
	r.out.Addr = r.address("TOLLGATE_ADDR", r.file.Tollgate.Addr, "127.0.0.1:8080")
	r.out.GatewayAddr = r.address("TOLLGATE_GATEWAY_ADDR", r.file.Tollgate.GatewayAddr, "127.0.0.1:8243")
	r.out.SandboxAddr = r.address("TOLLGATE_SANDBOX_ADDR", r.file.Tollgate.SandboxAddr, "127.0.0.1:12111")
	r.out.MetricsAddr = r.address("TOLLGATE_METRICS_ADDR", r.file.Tollgate.MetricsAddr, "")
	r.refuseSharedPorts()
}

// address reads one "host:port". "off" is allowed where there need not be any.
func (r *reader) address(name string, inFile any, fallback string) string {
	v := r.value(name, inFile, fallback)
	if fallback == "" && (v == "" || v == "off") {
		return ""
	}
	_, port, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		r.problem("%s is %q: it must be host:port, such as 127.0.0.1:8080; port 0 takes a free one.", name, v)
		return ""
	}
	return v
}

func (r *reader) refuseSharedPorts() {
	taken := map[string]string{}
	for _, a := range []struct{ name, addr string }{
		{"TOLLGATE_ADDR", r.out.Addr}, {"TOLLGATE_GATEWAY_ADDR", r.out.GatewayAddr},
		{"TOLLGATE_SANDBOX_ADDR", r.out.SandboxAddr}, {"TOLLGATE_METRICS_ADDR", r.out.MetricsAddr},
	} {
		_, port, err := net.SplitHostPort(a.addr)
		if err != nil || port == "0" {
			continue
		}
		if other, ok := taken[a.addr]; ok {
			r.problem("%s and %s are both %s: give each an address of its own.", other, a.name, a.addr)
		}
		taken[a.addr] = a.name
	}
}

// LocalURL returns how a browser on this machine reaches a listener on addr
// ("host:port"). An address on all interfaces is reached as localhost.
func LocalURL(addr string) *url.URL {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return &url.URL{Scheme: "http", Host: addr}
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
}

func (r *reader) readPublicURL() {
	text := r.value("TOLLGATE_PUBLIC_URL", r.file.Tollgate.PublicURL, "")
	if text == "" {
		r.defaultPublicURL()
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		r.problem("TOLLGATE_PUBLIC_URL is %q: it must be where browsers find the portal, such as https://portal.example.com, without a path.", shown(text))
		return
	}
	switch {
	case r.out.Mode == Live && u.Scheme != "https":
		r.problem("TOLLGATE_PUBLIC_URL is %q: in live mode it must begin with https://.", text)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		r.warn("TOLLGATE_PUBLIC_URL is %s: browsers keep secure cookies only over https or on this machine, so nobody elsewhere will be able to sign in.", text)
	}
	u.Path = ""
	r.out.PublicURL = u
}

// readTrustedProxies reads the networks of the reverse proxies in front of us, with
// commas between: 10.0.0.0/8, or 127.0.0.1 for one machine. Without them whoever
// connects is who asks.
func (r *reader) readTrustedProxies() {
	for part := range strings.SplitSeq(r.value("TOLLGATE_TRUSTED_PROXIES", r.file.Tollgate.TrustedProxies, ""), ",") {
		text := strings.TrimSpace(part)
		if text == "" {
			continue
		}
		if !strings.Contains(text, "/") {
			if a, err := netip.ParseAddr(text); err == nil {
				text = netip.PrefixFrom(a, a.BitLen()).String()
			}
		}
		network, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			r.problem("TOLLGATE_TRUSTED_PROXIES has %q: write addresses or networks with commas between, such as 127.0.0.1, 10.0.0.0/8.", strings.TrimSpace(part))
		case network.Bits() == 0:
			r.problem("TOLLGATE_TRUSTED_PROXIES has %q: that is everybody, and everybody could then claim any address.", strings.TrimSpace(part))
		default:
			r.out.TrustedProxies = append(r.out.TrustedProxies, network.Masked())
		}
	}
}

func (r *reader) defaultPublicURL() {
	if r.out.Mode == Live {
		r.problem("TOLLGATE_PUBLIC_URL is not set: live mode needs it, beginning with https://.")
		return
	}
	if _, port, err := net.SplitHostPort(r.out.Addr); err == nil && port != "0" {
		r.out.PublicURL = LocalURL(r.out.Addr)
	}
}

// shown is a URL as a problem may repeat it: without a password.
func shown(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "unreadable"
	}
	return u.Redacted()
}

// isLoopback reports whether host is this machine.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
