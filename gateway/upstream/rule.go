package upstream

import (
	"net/netip"
	"strings"

	"tollgate/internal/fault"
)

// A Rule says which addresses upstreams may have. Publishers write upstreams, so
// without it they could reach what only this machine and its network may reach.
// The zero Rule allows the public internet alone.
type Rule struct {
	Allow        []netip.Prefix // allowed whatever else holds
	AllowPrivate bool           // loopback, RFC 1918, carrier-grade NAT and unique local addresses too
}

// private is what AllowPrivate opens.
var private = prefixes("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")

// metadata is where clouds tell a machine its secrets. It stays closed with
// AllowPrivate, and one of these addresses looks public.
var metadata = prefixes("169.254.169.254/32", "fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32")

// special is the part of the public space that is no public place (RFC 6890 and
// the registries that it founded).
var special = prefixes("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

var (
	global = netip.MustParsePrefix("2000::/3")     // of IPv6, everything else has a special meaning
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // an IPv4 address in its last four bytes (RFC 6052)
)

// Allowed reports whether an upstream may have this address. IPv4 addresses
// inside IPv6 ones are judged as what they lead to.
func (r Rule) Allowed(addr netip.Addr) bool {
	if !addr.IsValid() {
		return false
	}
	addr = addr.WithZone("").Unmap()
	if within(addr, r.Allow) {
		return true
	}
	if nat64.Contains(addr) {
		b := addr.As16()
		return r.Allowed(netip.AddrFrom4([4]byte(b[12:])))
	}
	if within(addr, metadata) {
		return false
	}
	if within(addr, private) {
		return r.AllowPrivate
	}
	return !within(addr, special) && (addr.Is4() || global.Contains(addr))
}

// CheckHost returns what is wrong with a host name or an address in an upstream's
// URL, as an Invalid fault, or nil. It is for early advice only: names can change
// what they mean, so the address is judged again whenever it is dialled.
func (r Rule) CheckHost(host string) error {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case err == nil && r.Allowed(addr):
		return nil
	case err == nil:
		return fault.New(fault.Invalid, "Upstreams may not have this address. Somebody who runs the gateway can allow it.")
	case endsInNumber(host):
		return fault.New(fault.Invalid, "Write IP addresses as four numbers from 0 to 255 with dots between.")
	case !r.AllowPrivate && (host == "localhost" || strings.HasSuffix(host, ".localhost")):
		return fault.New(fault.Invalid, "Upstreams may not be on the gateway's own machine. Somebody who runs the gateway can allow it.")
	}
	return nil
}

// endsInNumber reports whether a host would be read as an IPv4 address in one of
// its old forms (0x7f.1, 2130706433, 0177.0.0.1) by a system's resolver, as the
// URL standard has it. No name ends so: there are no numeric top-level domains.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

func within(addr netip.Addr, all []netip.Prefix) bool {
	for _, p := range all {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func prefixes(all ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(all))
	for i, p := range all {
		parsed[i] = netip.MustParsePrefix(p)
	}
	return parsed
}
