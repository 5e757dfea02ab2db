package respond

import (
	"net/url"

	"github.com/gofiber/fiber/v2"
)

// A Site is what every page knows of the installation it belongs to.
type Site struct {
	Mode       string   // sandbox, test or live
	PublicURL  *url.URL // how browsers reach the portal
	SandboxURL string   // the sandbox's own pages; "" without one
	Away       []string // origins we may send browsers to, such as https://checkout.stripe.com
	Name       string   // what the portals are called
}

type siteKey struct{}

// SetSite says which site c belongs to.
func SetSite(c *fiber.Ctx, s *Site) { c.Locals(siteKey{}, s) }

func site(c *fiber.Ctx) *Site {
	if s, ok := c.Locals(siteKey{}).(*Site); ok {
		return s
	}
	return &Site{}
}
