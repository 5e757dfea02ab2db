package rest

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/usage"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Publish is WSO2's contract for the publishing of usage, word for word.
type Publish struct {
	Usage interface {
		Status(ctx context.Context, who accounts.Actor) (usage.Status, error)
		PublishNow(ctx context.Context, who accounts.Actor) error
	}
}

// published is the answer to whoever asks for usage to be published.
type published struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// publishStatus is how publishing stands. The misspelt key is the contract's; times
// are milliseconds since 1970, as text, and "0" for never.
type publishStatus struct {
	State     string `json:"state"`
	Status    string `json:"status"`
	Started   string `json:"startedTime"`
	Published string `json:"lastPublsihedTime"`
}

// Start answers POST /api/am/admin/v4/monetization/publish-usage: 202 when usage is
// being published, and 500 when it is already.
func (h Publish) Start(c *fiber.Ctx) error {
	err := h.Usage.PublishNow(c.UserContext(), session.Actor(c))
	if fault.KindOf(err) == fault.Conflict {
		return respond.JSON(c, http.StatusInternalServerError, published{"Server could not accept the request", "A job is already running"})
	}
	if err != nil {
		return err
	}
	return respond.JSON(c, http.StatusAccepted, published{"Request Accepted", "Server is running the usage publisher"})
}

// Status answers GET /api/am/admin/v4/monetization/publish-usage/status.
func (h Publish) Status(c *fiber.Ctx) error {
	s, err := h.Usage.Status(c.UserContext(), session.Actor(c))
	if err != nil {
		return err
	}
	ms := func(at time.Time) string {
		if at.IsZero() {
			return "0"
		}
		return strconv.FormatInt(at.UnixMilli(), 10)
	}
	return respond.JSON(c, http.StatusOK, publishStatus{s.State, s.Status, ms(s.Started), ms(s.Published)})
}
