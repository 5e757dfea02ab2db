package stripeservice

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/internal/fault"
	"tollgate/web/respond"
)

// Clock is where the sandbox tells that its clock has moved.
type Clock struct {
	Token  string // what the sandbox shows to be believed
	Follow func(ctx context.Context, offset time.Duration) (next time.Time, err error)
}

// Told answers POST /api/am/sandbox/clock. The answer comes when everything that
// is due at that instant is done.
func (h *Clock) Told(c *fiber.Ctx) error {
	shown := strings.TrimPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
	if subtle.ConstantTimeCompare([]byte(shown), []byte(h.Token)) != 1 {
		return fault.New(fault.Unauthenticated, "Only the sandbox may move the clock.")
	}
	var in struct {
		Offset int64 `json:"offset_ms"`
	}
	if err := json.Unmarshal(c.BodyRaw(), &in); err != nil || in.Offset < 0 {
		return fault.New(fault.Malformed, "This says no time.")
	}
	next, err := h.Follow(c.UserContext(), time.Duration(in.Offset)*time.Millisecond)
	if err != nil {
		return err
	}
	var due *int64
	if !next.IsZero() {
		ms := next.UnixMilli()
		due = &ms
	}
	return respond.JSON(c, fiber.StatusOK, map[string]*int64{"next_due_ms": due})
}
