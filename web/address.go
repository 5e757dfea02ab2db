package web

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// forwardedAtMost is how many addresses of X-Forwarded-For are looked at.
const forwardedAtMost = 32

// address returns who asks. Each proxy adds the address that it was asked from at
// the end of X-Forwarded-For; so, from the end, the first one that is no trusted
// proxy is who asks, and what stands before it anybody may have written.
func address(c *fiber.Ctx, trusted []netip.Prefix) string {
	peer := strings.Clone(c.IP())
	asks, err := netip.ParseAddr(peer)
	if err != nil || !among(asks, trusted) {
		return peer
	}
	hops := strings.Split(strings.Join(forwarded(c), ","), ",")
	for n := range min(len(hops), forwardedAtMost) {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1-n]))
		if err != nil {
			break // a proxy writes addresses only
		}
		asks = hop.Unmap().WithZone("")
		if !among(asks, trusted) {
			break
		}
	}
	return asks.String()
}

// forwarded returns every line of X-Forwarded-For, in their order.
func forwarded(c *fiber.Ctx) []string {
	var lines []string
	for _, line := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		lines = append(lines, string(line))
	}
	return lines
}

func among(a netip.Addr, networks []netip.Prefix) bool {
	a = a.Unmap()
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a) })
}
