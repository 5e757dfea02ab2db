// Package peer finds out who is at the other end of a request that reverse proxies
// may have passed on.
package peer

import (
	"net/netip"
	"slices"
	"strings"
)

// forwardedAtMost is how many addresses of X-Forwarded-For are looked at.
const forwardedAtMost = 32

// Address returns who asks: remote is the address at the other end of the
// connection, forwarded are the lines of X-Forwarded-For, in their order. Each
// proxy adds the address that it was asked from at the end; so, from the end, the
// first one that is no trusted proxy is who asks, and what stands before it anybody
// may have written.
func Address(remote string, forwarded []string, trusted []netip.Prefix) string {
	asks, err := netip.ParseAddr(remote)
	if err != nil || !Trusted(asks, trusted) {
		return remote
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for n := range min(len(hops), forwardedAtMost) {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1-n]))
		if err != nil {
			break // a proxy writes addresses only
		}
		asks = hop.Unmap().WithZone("")
		if !Trusted(asks, trusted) {
			break
		}
	}
	return asks.String()
}

// Trusted reports whether a is in one of the networks.
func Trusted(a netip.Addr, networks []netip.Prefix) bool {
	a = a.Unmap()
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

// Among reports whether remote, an address with its port, is in one of the networks.
func Among(remote string, networks []netip.Prefix) bool {
	if len(networks) == 0 {
		return false
	}
	a, err := netip.ParseAddrPort(remote)
	return err == nil && Trusted(a.Addr(), networks)
}
