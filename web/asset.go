package web

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/static"
)

// asset answers GET /static/*: a file that every page may load. A browser may
// keep for ever what it fetched by its hashed name.
func asset(c *fiber.Ctx) error {
	f, ok := static.Find(c.Params("*"))
	if !ok {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if f.Forever {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	c.Set(fiber.HeaderETag, f.Tag)
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), f.Tag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, f.Type)
	if f.Gzipped != nil && strings.Contains(c.Get(fiber.HeaderAcceptEncoding), "gzip") {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(f.Gzipped)
	}
	return c.Send(f.Plain)
}
