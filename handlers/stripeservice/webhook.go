// Package stripeservice is what WSO2's Stripe service offers under
// /api/am/stripe: the webhook, and the ways to Checkout, back from it, and to the
// Customer Portal.
package stripeservice

import (
	"bytes"
	"context"

	"github.com/gofiber/fiber/v2"

	"tollgate/internal/fault"
	"tollgate/web/respond"
)

// Webhook is where Stripe tells what happened.
type Webhook struct {
	Inbox interface {
		Receive(ctx context.Context, domain string, body []byte, signature string) error
	}
}

// failure is the only shape of an error here, as in WSO2's service.
type failure struct {
	Error string `json:"error"`
}

// webhookStatus maps what a delivery can meet to the status Stripe is told. Stripe
// sends again whatever is not 2xx.
var webhookStatus = map[fault.Kind]int{
	fault.Unauthenticated: fiber.StatusUnauthorized,
	fault.Malformed:       fiber.StatusBadRequest,
	fault.Unavailable:     fiber.StatusServiceUnavailable,
}

// Receive answers POST /api/am/stripe/webhook?tenantDomain=…. The signature is over
// the bytes as they came, so these are what is handed on.
func (h Webhook) Receive(c *fiber.Ctx) error {
	err := h.Inbox.Receive(c.UserContext(), c.Query("tenantDomain"), bytes.Clone(c.BodyRaw()), c.Get("Stripe-Signature"))
	if err == nil {
		return respond.JSON(c, fiber.StatusOK, map[string]bool{"received": true})
	}
	if status := webhookStatus[fault.KindOf(err)]; status > 0 {
		return respond.JSON(c, status, failure{fault.Message(err)})
	}
	return err
}
