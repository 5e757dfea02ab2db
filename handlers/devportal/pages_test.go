package devportal_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/money"
)

// holds fails unless a page has every text.
func holds(t *testing.T, body string, texts ...string) {
	t.Helper()
	flat := strings.Join(strings.Fields(body), " ")
	for _, text := range texts {
		if !strings.Contains(flat, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}

func TestCatalogueIsPublicUnlessClosed(t *testing.T) {
	t.Parallel()
	s := &shop{listed: []catalog.Listed{weather()}}
	status, _, body := s.ask(t, "/devportal?q=rain", nil)
	if status != 200 || s.got["Browse"] != "rain" {
		t.Fatalf("%d, searched %v", status, s.got["Browse"])
	}
	holds(t, body, "Weather v1", "Freemium", "49.00", "Northwind", "/devportal/apis/api-1")
	if _, _, body = s.ask(t, "/devportal?label=Paid", nil); strings.Contains(body, "/devportal/apis/api-1") {
		t.Error("a freemium API is listed as paid")
	}
	s.closed = true
	for _, path := range []string{"/devportal?q=rain", "/devportal/apis/api-1"} {
		if status, to, _ := s.ask(t, path, nil); status != 303 || to != "/sign-in?next="+url.QueryEscape(path) {
			t.Errorf("closed, %s: %d %s", path, status, to)
		}
	}
	s.who = ada
	if status, _, _ := s.ask(t, "/devportal", nil); status != 200 {
		t.Errorf("closed, signed in: %d", status)
	}
}

func TestAnAPIsPlans(t *testing.T) {
	t.Parallel()
	s := &shop{listed: []catalog.Listed{weather()}}
	status, _, body := s.ask(t, "/devportal/apis/api-1", nil)
	if status != 200 {
		t.Fatal(status, body)
	}
	holds(t, body, "Free", "Gold", "49.00", "a month", "0.002", "per call", "1,000 calls a minute", "10 calls a minute", "Subscribe", "/sign-in?next=")
	s.who, s.apps = ada, []models.Application{{UUID: "app-1", Name: "Widget"}, {UUID: "app-2", Name: "Planner"}}
	s.overview = subscribed(access.Facts{NeedsPayment: true, Stripe: "active"})
	_, _, body = s.ask(t, "/devportal/apis/api-1", nil)
	holds(t, body, "Widget", "Planner", "disabled", "/devportal/subscriptions/sub-1")
	s.who.Roles = []accounts.Role{accounts.Publisher}
	_, _, body = s.ask(t, "/devportal/apis/api-1", nil)
	holds(t, body, "not signed in as a subscriber")
	s.listed = nil
	if status, _, _ := s.ask(t, "/devportal/apis/nope", nil); status != 404 {
		t.Errorf("an unknown API: %d", status)
	}
}

func TestSubscribing(t *testing.T) {
	t.Parallel()
	fresh := func() *shop {
		return &shop{who: ada, listed: []catalog.Listed{weather()}, apps: []models.Application{{UUID: "app-1", Name: "Widget"}}, fails: map[string]error{}}
	}
	form := url.Values{"plan": {"plan-gold"}, "application": {"app-1"}}

	s := fresh()
	s.overview = subscribed(access.Facts{NeedsPayment: true, Checkout: access.Open, CheckoutEnds: now.Add(time.Hour)})
	if status, to, _ := s.ask(t, "/devportal/apis/api-1/subscribe", form); status != 303 || to != "/devportal/subscriptions/sub-1" {
		t.Errorf("subscribed: %d %s", status, to)
	}
	if s.got["Subscribe"] != (billing.SubscribeInput{Application: "app-1", API: "api-1", Policy: "plan-gold"}) {
		t.Errorf("asked for %+v", s.got["Subscribe"])
	}

	s = fresh()
	s.fails["Subscribe"] = &billing.AlreadySubscribed{Subscription: "sub-7"}
	if status, to, _ := s.ask(t, "/devportal/apis/api-1/subscribe", form); status != 303 || to != "/devportal/subscriptions/sub-7" {
		t.Errorf("subscribed before: %d %s", status, to)
	}

	s = fresh()
	s.fails["Subscribe"] = fault.Fields{"plan": "This plan is not for sale."}.Err()
	status, _, body := s.ask(t, "/devportal/apis/api-1/subscribe", url.Values{"plan": {"plan-x"}, "application": {"new"}, "application_name": {"My <b>app</b>"}})
	if status != 422 || s.got["Create"] != (accounts.ApplicationInput{Name: "My <b>app</b>"}) || s.got["Subscribe"].(billing.SubscribeInput).Application != "app-new" {
		t.Errorf("a plan off sale: %d, %+v", status, s.got)
	}
	holds(t, body, "This plan is not for sale.")

	s = fresh()
	s.fails["Create"] = fault.Fields{"name": "You have an application of this name already."}.Err()
	status, _, body = s.ask(t, "/devportal/apis/api-1/subscribe", url.Values{"plan": {"plan-gold"}, "application": {"new"}, "application_name": {"My <b>app</b>"}})
	if _, asked := s.got["Subscribe"]; status != 422 || asked {
		t.Errorf("a name taken: %d", status)
	}
	holds(t, body, "You have an application of this name already.", "My &lt;b&gt;app&lt;/b&gt;")
}

func TestApplications(t *testing.T) {
	t.Parallel()
	s := &shop{who: ada, apps: []models.Application{{UUID: "app-1", Name: "Widget", Description: "On the wall."}}, fails: map[string]error{}}
	for path, text := range map[string]string{
		"/devportal/applications": "Widget", "/devportal/applications/new": "name=\"name\"",
		"/devportal/applications/app-1": "On the wall.", "/devportal/applications/app-1/edit": "On the wall.",
	} {
		status, _, body := s.ask(t, path, nil)
		if status != 200 {
			t.Errorf("%s: %d %s", path, status, body)
		}
		holds(t, body, text)
	}
	for _, path := range []string{"/devportal/applications/x", "/devportal/applications/x/edit"} {
		if status, _, _ := s.ask(t, path, nil); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, to, _ := s.ask(t, "/devportal/applications/new", url.Values{"name": {"N"}, "description": {"D"}}); status != 303 || to != "/devportal/applications/app-new" || s.got["Create"] != (accounts.ApplicationInput{Name: "N", Description: "D"}) {
		t.Errorf("created: %d %s %+v", status, to, s.got["Create"])
	}
	if status, to, _ := s.ask(t, "/devportal/applications/app-1/edit", url.Values{"name": {"N"}}); status != 303 || to != "/devportal/applications/app-1" {
		t.Errorf("saved: %d %s", status, to)
	}
	if status, to, _ := s.ask(t, "/devportal/applications/app-1/delete", url.Values{}); status != 303 || to != "/devportal/applications" {
		t.Errorf("deleted: %d %s", status, to)
	}
	for _, op := range []string{"Create", "Edit"} {
		s.fails[op] = fault.Fields{"name": "Enter a name."}.Err()
	}
	for _, path := range []string{"/devportal/applications/new", "/devportal/applications/app-1/edit"} {
		status, _, body := s.ask(t, path, url.Values{"name": {""}, "description": {"typed & kept"}})
		if status != 422 {
			t.Errorf("%s: %d", path, status)
		}
		holds(t, body, "Enter a name.", "typed &amp; kept")
	}
}

// What an application is subscribed to is shown before it is deleted, the box has to
// be ticked, and what changed meanwhile is shown again.
func TestDeletingASubscribedApplicationIsConfirmed(t *testing.T) {
	t.Parallel()
	const path = "/devportal/applications/app-1/delete"
	s := &shop{who: ada, apps: []models.Application{{UUID: "app-1", Name: "Widget"}}, overview: subscribed(access.Facts{NeedsPayment: true, Stripe: "active", Now: now}), fails: map[string]error{}}
	s.fails["Delete"] = &accounts.Unconfirmed{Count: 1}
	if status, to, _ := s.ask(t, path, url.Values{}); status != 303 || to != path {
		t.Errorf("not shown yet: %d %s", status, to)
	}
	status, _, body := s.ask(t, path, nil)
	if status != 200 {
		t.Errorf("shown: %d", status)
	}
	holds(t, body, "Delete Widget", `name="seen" value="abc.def"`, "1 subscription is to end", `name="how" value="now"`)
	seen := url.Values{"seen": {"abc.def"}, "how": {"now"}}
	status, _, body = s.ask(t, path, seen)
	if status != 422 {
		t.Errorf("not ticked: %d", status)
	}
	holds(t, body, "Tick this to confirm.")
	seen.Set("agree", "on")
	s.fails["Delete"] = &accounts.Unconfirmed{Count: 2, Changed: true}
	status, _, body = s.ask(t, path, seen)
	if status != 409 {
		t.Errorf("changed: %d", status)
	}
	holds(t, body, "The subscriptions changed while you were reading.")
	delete(s.fails, "Delete")
	s.ending = "end-1"
	if status, to, _ := s.ask(t, path, seen); status != 303 || to != "/devportal/endings/end-1" || s.got["Delete"] != (accounts.Consent{Seen: "abc.def", How: models.EndsNow}) {
		t.Errorf("deleted: %d %s %+v", status, to, s.got["Delete"])
	}
	status, _, body = s.ask(t, "/devportal/endings/end-1", nil)
	if status != 200 {
		t.Errorf("progress: %d", status)
	}
	holds(t, body, "1 of 2 subscriptions have ended.", "Stripe refused", "Open work")
}

func TestASubscriptionSaysItsStateAndWhatToDo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		f     access.Facts
		texts []string
	}{
		"to pay":     {access.Facts{NeedsPayment: true, Checkout: access.Open, CheckoutEnds: now.Add(23*time.Hour + 28*time.Minute)}, []string{"Payment needed", "Complete Payment", "/api/am/stripe/checkout-url?subscriptionId=sub-1", "9 Dec 2026, 14:00 UTC", "23 h 28 min", "49.00"}},
		"opening":    {access.Facts{NeedsPayment: true, Checkout: access.Opening}, []string{"Preparing payment"}},
		"too late":   {access.Facts{NeedsPayment: true, Checkout: access.Expired}, []string{"Canceled: not paid in time", "Start again", "/devportal/subscriptions/sub-1/start-again"}},
		"on its way": {access.Facts{NeedsPayment: true, Checkout: access.Processing}, []string{"Payment processing"}},
		"active":     {access.Facts{NeedsPayment: true, Stripe: "active"}, []string{"Active", "Manage billing", "View Invoice", "Cancel subscription", "portal-url?subscriptionId=sub-1"}},
		"ending":     {access.Facts{NeedsPayment: true, Stripe: "active", CancelAt: now.AddDate(0, 1, 0)}, []string{"Ends on", "8 Jan 2027", "/devportal/subscriptions/sub-1/resume"}},
		"past due":   {access.Facts{NeedsPayment: true, Stripe: "past_due"}, []string{"Payment needed", "portal-url"}},
		"blocked":    {access.Facts{NeedsPayment: true, Stripe: "active", Hold: access.HoldAll}, []string{"Blocked"}},
		"over":       {access.Facts{NeedsPayment: true, Stripe: "canceled", ServedOnce: true, EndedAt: now}, []string{"Ended", "8 Dec 2026"}},
		"free":       {access.Facts{}, []string{"Active"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shop{who: ada, overview: subscribed(tt.f)}
			for _, path := range []string{"/devportal/subscriptions/sub-1", "/devportal/subscriptions"} {
				status, _, body := s.ask(t, path, nil)
				if status != 200 {
					t.Fatal(status, body)
				}
				if path != "/devportal/subscriptions" {
					holds(t, body, tt.texts...)
				} else {
					holds(t, body, s.overview.State.Label, "Weather v1", "Widget")
				}
			}
		})
	}
	s := &shop{who: ada}
	if status, _, _ := s.ask(t, "/devportal/subscriptions/sub-9", nil); status != 404 {
		t.Errorf("somebody else's: %d", status)
	}
}

func TestWishesForASubscription(t *testing.T) {
	t.Parallel()
	s := &shop{who: ada, overview: subscribed(access.Facts{NeedsPayment: true, Stripe: "active"}), fails: map[string]error{}}
	for path, op := range map[string]string{"refresh": "Refresh", "start-again": "StartAgain", "resume": "Resume", "cancel": "Cancel"} {
		form := url.Values{"when": {"period-end"}}
		for _, err := range []error{nil, fault.New(fault.Conflict, "No."), fault.New(fault.Unavailable, "Later.")} {
			s.fails[op] = err
			if status, to, _ := s.ask(t, "/devportal/subscriptions/sub-1/"+path, form); status != 303 || to != "/devportal/subscriptions/sub-1" {
				t.Errorf("%s, %v: %d %s", path, err, status, to)
			}
		}
		s.fails[op] = fault.New(fault.NotFound, "Subscription not found.")
		if status, _, _ := s.ask(t, "/devportal/subscriptions/sub-1/"+path, form); status != 404 {
			t.Errorf("%s of somebody else's: %d", path, status)
		}
		s.fails[op] = nil
	}
	if s.got["Cancel"] != billing.CancelAtPeriodEnd {
		t.Errorf("canceled %v", s.got["Cancel"])
	}
	s.ask(t, "/devportal/subscriptions/sub-1/cancel", url.Values{"when": {"now"}})
	if s.got["Cancel"] != billing.CancelNow {
		t.Errorf("canceled %v", s.got["Cancel"])
	}
	delete(s.got, "Cancel")
	status, _, body := s.ask(t, "/devportal/subscriptions/sub-1/cancel", url.Values{"when": {"tomorrow"}})
	if _, asked := s.got["Cancel"]; status != 422 || asked {
		t.Errorf("an odd moment: %d", status)
	}
	holds(t, body, "Choose when it ends.")
}

func TestTheListIsNarrowed(t *testing.T) {
	t.Parallel()
	s := &shop{who: ada, overview: subscribed(access.Facts{})}
	_, _, body := s.ask(t, "/devportal/subscriptions?show=ended&q=wea&before=9", nil)
	q := s.got["Mine"].(billing.ListQuery)
	if !q.Ended || q.Search != "wea" || q.Before != 9 {
		t.Errorf("asked for %+v", q)
	}
	holds(t, body, "before=5&amp;q=wea&amp;show=ended")
	s.ask(t, "/devportal/subscriptions?show=active&before=x", nil)
	if q = s.got["Mine"].(billing.ListQuery); q.Ended || !slices.Contains(q.Statuses, "UNBLOCKED") || slices.Contains(q.Statuses, "BLOCKED") || q.Before != 0 {
		t.Errorf("asked for %+v", q)
	}
}

func TestInvoicePages(t *testing.T) {
	t.Parallel()
	invoice := func(id, status string) billing.Invoice {
		return billing.Invoice{
			ID: id, Number: "N-" + id, Status: status, Currency: usd, Subtotal: money.New(4900, usd), Total: money.New(4900, usd), AmountDue: money.New(4900, usd), Created: now,
			HostedURL: "https://invoice.stripe.com/i/" + id, PDFURL: "javascript:alert(1)",
			Lines: []billing.InvoiceLine{{Description: "1 × Gold", Quantity: 1, Amount: money.New(4900, usd), PeriodStart: now, PeriodEnd: now.AddDate(0, 1, 0)}},
		}
	}
	current, upcoming := invoice("in2", "open"), invoice("", "draft")
	s := &shop{who: ada, overview: subscribed(access.Facts{NeedsPayment: true, Stripe: "active"})}
	s.sheet = billing.InvoiceSheet{Current: &current, Past: []billing.Invoice{invoice("in1", "paid")}, Upcoming: &upcoming}
	status, _, body := s.ask(t, "/devportal/subscriptions/sub-1/invoice", nil)
	if status != 200 {
		t.Fatal(status, body)
	}
	holds(t, body, "N-in2", "Open", "49.00", "1 × Gold", "8 Jan 2027", "N-in1", "Not final", "https://invoice.stripe.com/i/in2")
	if strings.Contains(body, "javascript:") {
		t.Error("the page leads to a script")
	}
	_, _, body = s.ask(t, "/devportal/subscriptions/sub-1/invoice?invoice=in1", nil)
	holds(t, body, "N-in1", "Paid")
	if status, _, _ := s.ask(t, "/devportal/subscriptions/sub-1/invoice?invoice=in9", nil); status != 404 {
		t.Errorf("an unknown invoice: %d", status)
	}
	if status, _, _ := s.ask(t, "/devportal/subscriptions/sub-9/invoice", nil); status != 404 {
		t.Errorf("somebody else's: %d", status)
	}
	s.sheet = billing.InvoiceSheet{UpcomingNote: "Stripe does not answer right now."}
	_, _, body = s.ask(t, "/devportal/subscriptions/sub-1/invoice", nil)
	holds(t, body, "Stripe does not answer right now.", "No invoice is issued")
	_, _, body = s.ask(t, "/devportal/subscriptions/sub-1", nil)
	holds(t, body, "Active")

	r := billing.InvoiceRow{Total: money.New(4900, usd)}
	r.ID, r.Number, r.Status, r.SubscriptionUUID, r.APIName, r.PolicyName, r.CreatedAt = "in1", "N-in1", "paid", "sub-1", "Weather", "Gold", models.At(now)
	s.page = billing.InvoicePage{Rows: []billing.InvoiceRow{r}, Next: "17.in1"}
	_, _, body = s.ask(t, "/devportal/invoices?after=18.in2", nil)
	holds(t, body, "N-in1", "Weather, Gold", "/devportal/subscriptions/sub-1/invoice?invoice=in1", "after=17.in1")
	if s.got["MyInvoices"] != "18.in2" {
		t.Errorf("asked after %v", s.got["MyInvoices"])
	}
}
