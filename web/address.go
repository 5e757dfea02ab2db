package web

import (
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/internal/peer"
)

// address returns who asks.
func address(c *fiber.Ctx, trusted []netip.Prefix) string {
	return peer.Address(strings.Clone(c.IP()), forwarded(c), trusted)
}

// forwarded returns every line of X-Forwarded-For, in their order.
func forwarded(c *fiber.Ctx) []string {
	var lines []string
	for _, line := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		lines = append(lines, string(line))
	}
	return lines
}
