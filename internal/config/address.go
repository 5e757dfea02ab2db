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
	const name = "TOLLGATE_PUBLIC_URL"
	r.out.PublicURL = r.siteURL(name, r.file.Tollgate.PublicURL, "browsers find the portal", "https://portal.example.com")
	if u := r.out.PublicURL; u == nil {
		if r.value(name, r.file.Tollgate.PublicURL, "") == "" {
			r.defaultPublicURL()
		}
	} else if u.Scheme == "http" && !isLoopback(u.Hostname()) && r.out.Mode != Live {
		r.warn(name+" is %s: browsers keep secure cookies only over https or on this machine, so nobody elsewhere will be able to sign in.", u)
	}
}

// siteURL reads where one of our listeners is reached from outside, nil when the
// setting is not there or wrong. In live mode it must be https.
func (r *reader) siteURL(name string, inFile any, what, such string) *url.URL {
	text := r.value(name, inFile, "")
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		r.problem("%s is %q: it must be where %s, such as %s, without a path.", name, shown(text), what, such)
		return nil
	}
	if r.out.Mode == Live && u.Scheme != "https" {
		r.problem("%s is %q: in live mode it must begin with https://.", name, text)
	}
	u.Path = ""
	return u
}

// readGateway reads what the gateway and the counting of calls need.
func (r *reader) readGateway() {
	t := r.file.Tollgate
	r.out.GatewayURL = r.siteURL("TOLLGATE_GATEWAY_URL", t.GatewayURL, "applications find the gateway", "https://api.example.com")
	if _, port, err := net.SplitHostPort(r.out.GatewayAddr); r.out.GatewayURL == nil && err == nil && port != "0" {
		r.out.GatewayURL = LocalURL(r.out.GatewayAddr)
		if r.out.Mode == Live {
			r.warn("TOLLGATE_GATEWAY_URL is not set: developers are told to call %s, which only this machine can reach.", r.out.GatewayURL)
		}
	}
	r.out.UpstreamAllow = r.networks("TOLLGATE_UPSTREAM_ALLOW", t.UpstreamAllow, "all of them: that would let a publisher reach every machine this one can reach")
	r.out.Usage.PublishMinutes = r.number("TOLLGATE_PUBLISH_MINUTES", t.PublishMinutes, 5, 1, 60)
	r.out.Usage.CallLogDays = r.number("TOLLGATE_CALL_LOG_DAYS", t.CallLogDays, 35, 1, 400)
}

// number reads a whole number from least to most.
func (r *reader) number(name string, inFile any, fallback, least, most int) int {
	text := r.value(name, inFile, strconv.Itoa(fallback))
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		r.problem("%s is %q: it must be a whole number from %d to %d.", name, text, least, most)
		return fallback
	}
	return n
}

// readTrustedProxies reads the networks of the reverse proxies in front of us.
// Without them whoever connects is who asks.
func (r *reader) readTrustedProxies() {
	r.out.TrustedProxies = r.networks("TOLLGATE_TRUSTED_PROXIES", r.file.Tollgate.TrustedProxies, "everybody, and everybody could then claim any address")
}

// networks reads networks with commas between: 10.0.0.0/8, or 127.0.0.1 for one
// machine. all says what is wrong with a network that holds every address.
func (r *reader) networks(name string, inFile any, all string) []netip.Prefix {
	var out []netip.Prefix
	for part := range strings.SplitSeq(r.value(name, inFile, ""), ",") {
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
			r.problem("%s has %q: write addresses or networks with commas between, such as 127.0.0.1, 10.0.0.0/8.", name, strings.TrimSpace(part))
		case network.Bits() == 0:
			r.problem("%s has %q: that is %s.", name, strings.TrimSpace(part), all)
		default:
			out = append(out, network.Masked())
		}
	}
	return out
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
