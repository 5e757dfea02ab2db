package stripeservice

import (
	"context"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/internal/fault"
	"tollgate/web/respond"
	"tollgate/web/session"
)

// Checkout is the way from a subscription to Stripe's pages and back.
type Checkout struct {
	Subscriptions interface {
		Overview(ctx context.Context, who accounts.Actor, uuid string) (billing.Overview, error)
		CheckoutURL(ctx context.Context, who accounts.Actor, uuid string) (string, error)
		PortalURL(ctx context.Context, who accounts.Actor, uuid, domain string) (string, error)
		CompleteSession(ctx context.Context, who accounts.Actor, id string) (billing.Completion, string, error)
	}
}

// Pay answers GET /api/am/stripe/checkout-url?subscriptionId=…: 303 to Checkout.
func (h Checkout) Pay(c *fiber.Ctx) error {
	uuid := c.Query("subscriptionId")
	if uuid == "" {
		return missing(c, "subscriptionId")
	}
	to, err := h.Subscriptions.CheckoutURL(c.UserContext(), session.Actor(c), uuid)
	if err != nil {
		return h.back(c, uuid, err)
	}
	return respond.Away(c, to)
}

// Portal answers GET /api/am/stripe/portal-url?subscriptionId=…&tenantDomain=…: 303
// to the Customer Portal.
func (h Checkout) Portal(c *fiber.Ctx) error {
	uuid, domain := c.Query("subscriptionId"), c.Query("tenantDomain")
	switch {
	case uuid == "":
		return missing(c, "subscriptionId")
	case domain == "":
		return missing(c, "tenantDomain")
	}
	to, err := h.Subscriptions.PortalURL(c.UserContext(), session.Actor(c), uuid, domain)
	if err != nil {
		return h.back(c, uuid, err)
	}
	return respond.Away(c, to)
}

// Complete answers GET /api/am/stripe/complete-session?session_id=…, where Checkout
// sends people back to. It grants nothing that Stripe has not confirmed.
func (h Checkout) Complete(c *fiber.Ctx) error {
	id := c.Query("session_id")
	if id == "" {
		return missing(c, "session_id")
	}
	done, uuid, err := h.Subscriptions.CompleteSession(c.UserContext(), session.Actor(c), id)
	switch {
	case err != nil && uuid != "" && wantsPage(c):
		session.Notice(c, "attention", "We could not ask Stripe about the payment yet. This page will show it as soon as Stripe confirms it.")
		return respond.SeeOther(c, pageOf(uuid))
	case err != nil:
		return refuse(c, err)
	case wantsPage(c):
		return landed(c, done, uuid)
	}
	switch done {
	case billing.Completed:
		return respond.JSON(c, fiber.StatusOK, map[string]string{"status": "completed"})
	case billing.AlreadyCompleted:
		return respond.JSON(c, fiber.StatusOK, map[string]string{"status": "already_completed"})
	case billing.NotYetComplete:
	}
	return respond.JSON(c, fiber.StatusPaymentRequired, failure{"Payment not yet complete. Please complete checkout before proceeding."})
}

// landed leads a person who comes back from Checkout to the subscription.
func landed(c *fiber.Ctx, done billing.Completion, uuid string) error {
	switch done {
	case billing.Completed:
		session.Notice(c, "good", "Payment received. The subscription is active.")
	case billing.NotYetComplete:
		session.Notice(c, "attention", "Stripe has not confirmed the payment yet.")
	case billing.AlreadyCompleted:
	}
	return respond.SeeOther(c, pageOf(uuid))
}

// back leads a person whose way to Stripe is closed to their subscription, which
// says how it stands; programs get WSO2's answer.
func (h Checkout) back(c *fiber.Ctx, uuid string, why error) error {
	if !wantsPage(c) {
		return refuse(c, why)
	}
	if _, err := h.Subscriptions.Overview(c.UserContext(), session.Actor(c), uuid); err != nil {
		return why
	}
	text := fault.Message(why)
	switch {
	case text == "":
		return why // nothing that people should read; the error page and the log get it
	case fault.KindOf(why) == fault.NotFound:
		text = "There is nothing to do at Stripe for this subscription right now."
	}
	session.Notice(c, "attention", text)
	return respond.SeeOther(c, pageOf(uuid))
}

// serviceStatus maps what WSO2's service answers with its own statuses.
var serviceStatus = map[fault.Kind]int{
	fault.NotFound:    fiber.StatusNotFound,
	fault.Conflict:    fiber.StatusConflict,
	fault.Unavailable: fiber.StatusServiceUnavailable,
}

func refuse(c *fiber.Ctx, err error) error {
	if status := serviceStatus[fault.KindOf(err)]; status > 0 && !wantsPage(c) {
		return respond.JSON(c, status, failure{fault.Message(err)})
	}
	return err
}

func missing(c *fiber.Ctx, parameter string) error {
	if wantsPage(c) {
		return fault.New(fault.Malformed, "This link is incomplete. Open the subscription and try again from there.")
	}
	return respond.JSON(c, fiber.StatusBadRequest, failure{"Missing required parameter: " + parameter})
}

// wantsPage reports whether the request comes from somebody who reads pages.
func wantsPage(c *fiber.Ctx) bool {
	return strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML)
}

func pageOf(uuid string) string { return "/devportal/subscriptions/" + url.PathEscape(uuid) }
