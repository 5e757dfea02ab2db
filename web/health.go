package web

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/internal/fault"
	"tollgate/web/respond"
)

// readyTime is how long the parts may take to say that they are ready.
const readyTime = 2 * time.Second

// health is the answer of /healthz and /readyz.
type health struct {
	Status string `json:"status"`
}

// alive answers GET /healthz: this process serves requests.
func alive(c *fiber.Ctx) error { return respond.JSON(c, fiber.StatusOK, health{"ok"}) }

// ready answers GET /readyz: what the portal stands on answers too.
func ready(check func(context.Context) error) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if check == nil {
			return respond.JSON(c, fiber.StatusOK, health{"ready"})
		}
		ctx, cancel := context.WithTimeout(c.UserContext(), readyTime)
		defer cancel()
		if err := check(ctx); err != nil {
			return fault.From(fault.Unavailable, err, "Not ready.")
		}
		return respond.JSON(c, fiber.StatusOK, health{"ready"})
	}
}
