package devportal_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/handlers/devportal"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/money"
	"tollgate/web/respond"
	"tollgate/web/session"
)

var (
	usd = money.MustCurrency("usd")
	now = time.Date(2026, 12, 8, 14, 32, 0, 0, time.UTC)
	ada = accounts.Actor{Tenant: 7, Domain: "acme.example", Person: "p-ada", Username: "ada", Name: "Ada", Roles: []accounts.Role{accounts.Subscriber}}
)

// A screen is one person's, or a visitor's when the actor is zero.
type screen struct{ accounts.Actor }

func (b screen) Find(context.Context, string) (accounts.Session, error) {
	return accounts.Session{Actor: b.Actor, Data: map[string]string{}}, nil
}

func (b screen) Begin(context.Context, accounts.Actor, map[string]string, accounts.Browser, string) (string, accounts.Session, error) {
	return "id", accounts.Session{Actor: b.Actor}, nil
}
func (screen) Remember(context.Context, string, map[string]string) error { return nil }
func (screen) End(context.Context, string) error                         { return nil }

// A shop is all the domain that the developer portal asks, as a test sets it.
type shop struct {
	who      accounts.Actor
	closed   bool
	listed   []catalog.Listed
	overview billing.Overview
	sheet    billing.InvoiceSheet
	page     billing.InvoicePage
	apps     []models.Application
	fails    map[string]error
	got      map[string]any
	change   *bench // where plans can be changed
	ending   string // what deleting an application comes to
	ring     *ring  // its keys
	book     book   // what was called
}

func (s *shop) note(what string, with any) error {
	if s.got == nil {
		s.got = map[string]any{}
	}
	s.got[what] = with
	return s.fails[what]
}

func (s *shop) ByDomain(context.Context, string) (models.Tenant, error) {
	return models.Tenant{ID: 7, Domain: "carbon.super", CataloguePublic: !s.closed}, nil
}

func (s *shop) Browse(_ context.Context, _ accounts.Actor, search, after string, _ int) (catalog.Page, error) {
	return catalog.Page{APIs: s.listed}, s.note("Browse", search)
}

func (s *shop) Show(context.Context, accounts.Actor, string) (catalog.Listed, error) {
	if len(s.listed) == 0 {
		return catalog.Listed{}, fault.New(fault.NotFound, "API not found.")
	}
	return s.listed[0], nil
}

func (s *shop) Mine(_ context.Context, _ accounts.Actor, q billing.ListQuery) (billing.Page, error) {
	if s.overview.UUID == "" {
		return billing.Page{}, s.note("Mine", q)
	}
	if q.Limit == 100 && (q.Ended || q.Before != 0) {
		return billing.Page{}, nil
	}
	return billing.Page{Rows: []billing.Overview{s.overview}, Next: 5}, s.note("Mine", q)
}

func (s *shop) Subscribe(_ context.Context, _ accounts.Actor, in billing.SubscribeInput) (models.Subscription, error) {
	return s.overview.Subscription, s.note("Subscribe", in)
}

func (s *shop) StartAgain(context.Context, accounts.Actor, string) (models.Subscription, error) {
	return s.overview.Subscription, s.note("StartAgain", nil)
}

func (s *shop) Refresh(context.Context, accounts.Actor, string) error { return s.note("Refresh", nil) }
func (s *shop) Resume(context.Context, accounts.Actor, string) error  { return s.note("Resume", nil) }
func (s *shop) Cancel(_ context.Context, _ accounts.Actor, _ string, when billing.CancelWhen) error {
	return s.note("Cancel", when)
}

func (s *shop) Overview(_ context.Context, _ accounts.Actor, uuid string) (billing.Overview, error) {
	if s.overview.UUID != uuid {
		return billing.Overview{}, fault.New(fault.NotFound, "Subscription not found.")
	}
	return s.overview, nil
}

func (s *shop) IssuedInvoices(context.Context, accounts.Actor, string) (billing.InvoiceSheet, error) {
	return s.sheet, nil
}

func (s *shop) Invoices(context.Context, accounts.Actor, string) (billing.InvoiceSheet, error) {
	s.sheet.Overview = s.overview
	return s.sheet, nil
}

func (s *shop) MyInvoices(_ context.Context, _ accounts.Actor, after string, _ int) (billing.InvoicePage, error) {
	return s.page, s.note("MyInvoices", after)
}

func (s *shop) List(context.Context, accounts.Actor) ([]models.Application, error) {
	return s.apps, nil
}

func (s *shop) application(uuid string) (models.Application, error) {
	for _, a := range s.apps {
		if a.UUID == uuid {
			return a, nil
		}
	}
	return models.Application{}, fault.New(fault.NotFound, "Application not found.")
}

func (s *shop) ByUUID(_ context.Context, _ accounts.Actor, uuid string) (models.Application, error) {
	return s.application(uuid)
}

func (s *shop) Create(_ context.Context, _ accounts.Actor, in accounts.ApplicationInput) (models.Application, error) {
	return models.Application{UUID: "app-new", Name: in.Name}, s.note("Create", in)
}

func (s *shop) Edit(_ context.Context, _ accounts.Actor, _ string, in accounts.ApplicationInput) error {
	return s.note("Edit", in)
}

func (s *shop) Delete(_ context.Context, _ accounts.Actor, _ string, c accounts.Consent) (string, error) {
	return s.ending, s.note("Delete", c)
}

func (s *shop) Preview(_ context.Context, _ accounts.Actor, t billing.EndTarget, _ int64) (billing.EndPreview, error) {
	return billing.EndPreview{Target: t, Name: "Widget", Total: 1, Paid: 1, Seen: "abc.def", Rows: []billing.EndRow{{Overview: s.overview}}}, nil
}

func (s *shop) Ending(_ context.Context, _ accounts.Actor, id string, _ int64) (billing.EndingPage, error) {
	return billing.EndingPage{Ending: models.Ending{ID: id, ObjectName: "Widget", How: models.EndsNow, ActorName: "Ada"}, Count: billing.EndingCount{Total: 2, Ended: 1, Failed: 1}}, nil
}

// ask sends a request and returns status, Location and body. form is nil for a GET.
func (s *shop) ask(t *testing.T, path string, form url.Values) (int, string, string) {
	t.Helper()
	keeper := session.NewKeeper(screen{s.who}, false)
	app := fiber.New(fiber.Config{Immutable: true, ErrorHandler: func(c *fiber.Ctx, err error) error {
		if fault.KindOf(err) == fault.NotFound {
			return c.SendStatus(fiber.StatusNotFound)
		}
		return c.Status(fiber.StatusInternalServerError).SendString(err.Error())
	}})
	app.Use(func(c *fiber.Ctx) error {
		respond.SetSite(c, &respond.Site{})
		if err := keeper.Open(c); err != nil {
			return err
		}
		return c.Next()
	})
	s.routes(app)
	req := httptest.NewRequest(http.MethodGet, path, nil)
	if form != nil {
		req = httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if s.who.SignedIn() {
		req.AddCookie(&http.Cookie{Name: "tollgate", Value: strings.Repeat("a", 43)})
	}
	resp, err := app.Test(req, 5000)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Location"), string(body)
}

func (s *shop) routes(app *fiber.App) {
	wall := clock.NewWall(func() time.Time { return now })
	business := clock.NewBusiness(wall)
	catalogue := devportal.Catalogue{Catalog: s, Tenants: s}
	api := devportal.API{Catalog: s, Tenants: s, Subscriptions: s, Applications: s, Gateway: "https://gateway.example"}
	if s.ring == nil {
		s.ring = &ring{}
	}
	applications := devportal.Applications{Applications: s, Subscriptions: s, Keys: s.ring}
	way := devportal.Way{Gateway: "https://gateway.example", Catalog: s}
	meter := devportal.Meter{Wall: wall, Business: business, Ledger: &s.book}
	keys := devportal.Keys{Applications: applications, Way: way, Business: business}
	subscription := devportal.Subscription{Meter: meter, Way: way, Keys: s.ring, Subscriptions: s}
	invoices := devportal.Invoices{Business: business, Subscriptions: s}
	app.Get("/devportal", catalogue.Show)
	app.Get("/devportal/apis/:id", api.Show)
	app.Post("/devportal/apis/:id/subscribe", api.Subscribe)
	app.Get("/devportal/applications", applications.List)
	app.Get("/devportal/applications/new", applications.New)
	app.Post("/devportal/applications/new", applications.Create)
	app.Get("/devportal/applications/:id", applications.Show)
	app.Get("/devportal/applications/:id/edit", applications.Edit)
	app.Post("/devportal/applications/:id/edit", applications.Save)
	app.Post("/devportal/applications/:id/keys", keys.Generate)
	app.Get("/devportal/applications/:id/keys/:key", keys.Show)
	app.Post("/devportal/applications/:id/keys/:key/rotate", keys.Rotate)
	app.Post("/devportal/applications/:id/keys/:key/revoke", keys.Revoke)
	ends := devportal.Ends{Ends: s, Applications: s}
	app.Get("/devportal/applications/:id/delete", ends.Show)
	app.Post("/devportal/applications/:id/delete", ends.Delete)
	app.Get("/devportal/endings/:id", ends.Ending)
	app.Get("/devportal/subscriptions", devportal.Subscriptions{Subscriptions: s}.Show)
	app.Get("/devportal/subscriptions/:id", subscription.Show)
	app.Get("/devportal/subscriptions/:id/invoice", invoices.Show)
	app.Post("/devportal/subscriptions/:id/refresh", subscription.Refresh)
	app.Post("/devportal/subscriptions/:id/start-again", subscription.StartAgain)
	app.Post("/devportal/subscriptions/:id/resume", subscription.Resume)
	app.Post("/devportal/subscriptions/:id/cancel", subscription.Cancel)
	app.Get("/devportal/invoices", invoices.List)
	used := devportal.Usage{Applications: applications, Meter: meter, Subscriptions: s}
	calls := devportal.Calls{Meter: meter, Kept: 35, Subscriptions: s, Log: &s.book}
	app.Get("/devportal/usage", used.All)
	app.Get("/devportal/usage.csv", used.AllCSV)
	app.Get("/devportal/applications/:id/usage", used.Application)
	app.Get("/devportal/applications/:id/usage.csv", used.ApplicationCSV)
	app.Get("/devportal/subscriptions/:id/usage", used.Subscription)
	app.Get("/devportal/subscriptions/:id/usage.csv", used.SubscriptionCSV)
	app.Get("/devportal/subscriptions/:id/calls", calls.Show)
	app.Get("/devportal/subscriptions/:id/calls.csv", calls.CSV)
	if s.change != nil {
		change := devportal.Change{Subscriptions: s.change}
		app.Get("/devportal/subscriptions/:id/change", change.Show)
		app.Post("/devportal/subscriptions/:id/change", change.Confirm)
		app.Post("/devportal/subscriptions/:id/change/undo", change.Undo)
	}
}

func gold() catalog.Price {
	return catalog.Price{Version: "v1", Model: models.FixedRate, Amount: money.New(4900, usd), Cycle: "month"}
}

func weather() catalog.Listed {
	rate, err := money.ParseRate("0.002", usd)
	if err != nil {
		panic(err)
	}
	policy := func(uuid, name string, quota, burst int64) models.Policy {
		return models.Policy{UUID: uuid, Name: name, DisplayName: name, QuotaType: "requestCount", Quota: quota, UnitTime: 1, TimeUnit: "min", RateLimitCount: burst, RateLimitTimeUnit: "sec", StopOnQuotaReach: true}
	}
	return catalog.Listed{
		API:      models.API{UUID: "api-1", Name: "Weather", APIVersion: "v1", Context: "weather", Description: "Forecasts."},
		Provider: "Northwind", Label: catalog.LabelFreemium,
		Offers: []catalog.Offer{
			{Plan: policy("plan-free", "Free", 10, 0)},
			{Plan: policy("plan-gold", "Gold", 1000, 5), Price: gold()},
			{Plan: policy("plan-payg", "Pay as you go", 0, 0), Price: catalog.Price{Version: "v2", Model: models.DynamicRate, Rate: rate, Cycle: "month"}},
		},
	}
}

// subscribed returns a subscription in a state that follows from facts.
func subscribed(f access.Facts) billing.Overview {
	f.Now = now
	o := billing.Overview{State: access.Of(f), Price: gold(), Plan: weather().Offers[1].Plan}
	o.APIContext, o.APICounting = "weather", models.CountSuccess
	o.UUID, o.APIUUID, o.APIName, o.APIVersion, o.PolicyName, o.ApplicationUUID, o.ApplicationName = "sub-1", "api-1", "Weather", "v1", "Gold", "app-1", "Widget"
	o.NeedsPayment, o.Checkout, o.StripeStatus, o.CreatedTime = f.NeedsPayment, string(f.Checkout), f.Stripe, models.At(now)
	o.CheckoutExpiresAt, o.CancelAt, o.EndedAt, o.Status = models.At(f.CheckoutEnds), models.At(f.CancelAt), models.At(f.EndedAt), string(o.State.Status)
	o.TenantID, o.ID, o.PolicyID = 7, 11, 21
	if f.Stripe != "" {
		o.StripeSubscriptionID, o.ActivatedAt = "sub_1", models.At(now.AddDate(0, -4, 0))
		o.PeriodStart, o.PeriodEnd = models.At(time.Date(2026, 11, 14, 10, 14, 0, 0, time.UTC)), models.At(time.Date(2026, 12, 14, 10, 14, 0, 0, time.UTC))
	}
	one := int64(1)
	o.APILive, o.ApplicationLive = &one, &one
	return o
}

func (s *shop) Timeline(context.Context, accounts.Actor, string, billing.TimelineQuery) (billing.TimelinePage, error) {
	return billing.TimelinePage{}, nil
}

func (s *shop) TimelineCSV(context.Context, accounts.Actor, string) ([][]string, error) {
	return nil, nil
}
