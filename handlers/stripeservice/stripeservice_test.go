package stripeservice_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/handlers/stripeservice"
	"tollgate/internal/fault"
	"tollgate/web/respond"
	"tollgate/web/session"
)

var ada = accounts.Actor{Tenant: 7, Domain: "acme.example", Person: "p-ada", Username: "ada", Roles: []accounts.Role{accounts.Subscriber}}

// everybody is a session store in which every browser is ada's.
type everybody struct{ accounts.Actor }

func (e everybody) Find(context.Context, string) (accounts.Session, error) {
	return accounts.Session{Actor: e.Actor}, nil
}

func (e everybody) Begin(context.Context, accounts.Actor, map[string]string, accounts.Browser, string) (string, accounts.Session, error) {
	return "id", accounts.Session{Actor: e.Actor}, nil
}
func (everybody) Remember(context.Context, string, map[string]string) error { return nil }
func (everybody) End(context.Context, string) error                         { return nil }

// subscriptions answers what a test says.
type subscriptions struct {
	url  string
	done billing.Completion
	err  error
	mine bool
	got  []string
	who  accounts.Actor
}

func (s *subscriptions) Overview(_ context.Context, who accounts.Actor, uuid string) (billing.Overview, error) {
	if !s.mine {
		return billing.Overview{}, fault.New(fault.NotFound, "Subscription not found.")
	}
	return billing.Overview{}, nil
}

func (s *subscriptions) CheckoutURL(_ context.Context, who accounts.Actor, uuid string) (string, error) {
	s.who, s.got = who, []string{uuid}
	return s.url, s.err
}

func (s *subscriptions) PortalURL(_ context.Context, who accounts.Actor, uuid, domain string) (string, error) {
	s.who, s.got = who, []string{uuid, domain}
	return s.url, s.err
}

func (s *subscriptions) CompleteSession(_ context.Context, who accounts.Actor, id string) (billing.Completion, string, error) {
	s.who, s.got = who, []string{id}
	if s.mine {
		return s.done, "sub-1", s.err
	}
	return s.done, "", s.err
}

// ask sends a request to the service and returns status, Location and body.
func ask(t *testing.T, s *subscriptions, path, accept string) (int, string, string) {
	t.Helper()
	keeper := session.NewKeeper(everybody{ada}, false)
	app := fiber.New(fiber.Config{Immutable: true, ErrorHandler: func(c *fiber.Ctx, err error) error {
		return c.Status(599).SendString(err.Error())
	}})
	app.Use(func(c *fiber.Ctx) error {
		respond.SetSite(c, &respond.Site{Away: []string{"https://checkout.stripe.com", "https://billing.stripe.com"}})
		if err := keeper.Open(c); err != nil {
			return err
		}
		return c.Next()
	})
	h := stripeservice.Checkout{Subscriptions: s}
	app.Get("/checkout-url", h.Pay)
	app.Get("/portal-url", h.Portal)
	app.Get("/complete-session", h.Complete)
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Header.Set("Accept", accept)
	req.AddCookie(&http.Cookie{Name: "tollgate", Value: strings.Repeat("a", 43)})
	resp, err := app.Test(req, 5000)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Location"), string(body)
}

const html, anything = "text/html,application/xhtml+xml", "*/*"

func TestWSO2sContract(t *testing.T) {
	t.Parallel()
	gone := fault.New(fault.NotFound, "No pending checkout session found for the given subscription")
	for name, tt := range map[string]struct {
		s              subscriptions
		path, accept   string
		status         int
		location, body string
	}{
		"to Checkout":                   {subscriptions{url: "https://checkout.stripe.com/c/pay/cs_1#x"}, "/checkout-url?subscriptionId=u1", html, 303, "https://checkout.stripe.com/c/pay/cs_1#x", ""},
		"to Checkout, a program":        {subscriptions{url: "https://checkout.stripe.com/c/pay/cs_1"}, "/checkout-url?subscriptionId=u1", anything, 303, "https://checkout.stripe.com/c/pay/cs_1", ""},
		"no parameter":                  {subscriptions{}, "/checkout-url", anything, 400, "", `{"error":"Missing required parameter: subscriptionId"}`},
		"no parameter, a person":        {subscriptions{}, "/checkout-url", html, 599, "", "incomplete"},
		"nothing to pay":                {subscriptions{err: gone}, "/checkout-url?subscriptionId=u1", anything, 404, "", `{"error":"No pending checkout session found for the given subscription"}`},
		"nothing to pay, its owner":     {subscriptions{err: gone, mine: true}, "/checkout-url?subscriptionId=u1", html, 303, "/devportal/subscriptions/u1", ""},
		"nothing to pay, somebody else": {subscriptions{err: gone}, "/checkout-url?subscriptionId=u1", html, 599, "", "No pending"},
		"Stripe is away, a program":     {subscriptions{err: fault.New(fault.Unavailable, "Try again.")}, "/checkout-url?subscriptionId=u1", anything, 503, "", `{"error":"Try again."}`},
		"a bug":                         {subscriptions{err: errors.New("secret"), mine: true}, "/checkout-url?subscriptionId=u1", html, 599, "", "secret"},
		"an address of somebody else's": {subscriptions{url: "https://evil.example/"}, "/checkout-url?subscriptionId=u1", anything, 599, "", "not an address"},
		"to the Customer Portal":        {subscriptions{url: "https://billing.stripe.com/p/1"}, "/portal-url?subscriptionId=u1&tenantDomain=acme.example", html, 303, "https://billing.stripe.com/p/1", ""},
		"the portal without a tenant":   {subscriptions{}, "/portal-url?subscriptionId=u1", anything, 400, "", "tenantDomain"},
		"the portal without an id":      {subscriptions{}, "/portal-url?tenantDomain=a", anything, 400, "", "subscriptionId"},
		"the portal of somebody else":   {subscriptions{err: fault.New(fault.NotFound, "Subscription not found.")}, "/portal-url?subscriptionId=u1&tenantDomain=b", anything, 404, "", `{"error":"Subscription not found."}`},
		"completed":                     {subscriptions{done: billing.Completed, mine: true}, "/complete-session?session_id=cs_1", anything, 200, "", `{"status":"completed"}`},
		"completed before":              {subscriptions{done: billing.AlreadyCompleted, mine: true}, "/complete-session?session_id=cs_1", anything, 200, "", `{"status":"already_completed"}`},
		"not complete":                  {subscriptions{mine: true}, "/complete-session?session_id=cs_1", anything, 402, "", `{"error":"Payment not yet complete. Please complete checkout before proceeding."}`},
		"an unknown session":            {subscriptions{err: fault.New(fault.NotFound, "No checkout session found for the given session_id")}, "/complete-session?session_id=x", anything, 404, "", `{"error":"No checkout session found for the given session_id"}`},
		"no session":                    {subscriptions{}, "/complete-session", anything, 400, "", "session_id"},
		"back from Checkout":            {subscriptions{done: billing.Completed, mine: true}, "/complete-session?session_id=cs_1", html, 303, "/devportal/subscriptions/sub-1", ""},
		"back without having paid":      {subscriptions{mine: true}, "/complete-session?session_id=cs_1", html, 303, "/devportal/subscriptions/sub-1", ""},
		"back while Stripe is away":     {subscriptions{mine: true, err: errors.New("timeout")}, "/complete-session?session_id=cs_1", html, 303, "/devportal/subscriptions/sub-1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, location, body := ask(t, &tt.s, tt.path, tt.accept)
			if status != tt.status || location != tt.location || !strings.Contains(body, tt.body) || strings.HasPrefix(tt.body, "{") && body != tt.body {
				t.Errorf("got %d %q %s", status, location, body)
			}
			if len(tt.s.got) > 0 && tt.s.who.Person != ada.Person {
				t.Errorf("asked as %+v", tt.s.who)
			}
		})
	}
}

// inbox answers what a test says, and keeps what it was given.
type inbox struct {
	err               error
	domain, signature string
	body              []byte
}

func (b *inbox) Receive(_ context.Context, domain string, body []byte, signature string) error {
	b.domain, b.body, b.signature = domain, body, signature
	return b.err
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"taken":      {nil, 200, `{"received":true}`},
		"forged":     {fault.New(fault.Unauthenticated, "Invalid signature"), 401, `{"error":"Invalid signature"}`},
		"unreadable": {fault.New(fault.Malformed, "Invalid JSON payload"), 400, `{"error":"Invalid JSON payload"}`},
		"no secret":  {fault.New(fault.Unavailable, "Webhook secret not configured"), 503, `{"error":"Webhook secret not configured"}`},
		"a bug":      {errors.New("database is away"), 500, "database is away"},
	} {
		b := &inbox{err: tt.err}
		app := fiber.New(fiber.Config{Immutable: true})
		app.Post("/webhook", stripeservice.Webhook{Inbox: b}.Receive)
		const raw = "{ \"id\" : \"evt_1\" }\n\x1f\x8b"
		req := httptest.NewRequest(http.MethodPost, "/webhook?tenantDomain=acme.example", strings.NewReader(raw))
		req.Header.Set("Stripe-Signature", "t=1,v1=ab")
		req.Header.Set("Content-Encoding", "gzip") // is not believed: the signature is over what came
		resp, err := app.Test(req, 5000)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != tt.status || string(body) != tt.body {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
		if string(b.body) != raw || b.domain != "acme.example" || b.signature != "t=1,v1=ab" {
			t.Errorf("%s: handed on %q %q %q", name, b.body, b.domain, b.signature)
		}
	}
}
