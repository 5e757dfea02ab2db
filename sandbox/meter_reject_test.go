package sandbox_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82"
)

// destination registers where thin events go, and returns its id and secret.
func (c caller) destination(in *inbox, from string, events ...string) (id, secret string) {
	c.t.Helper()
	if len(events) == 0 {
		events = []string{"v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"}
	}
	d, err := c.client(c.key).V2CoreEventDestinations.Create(c.t.Context(), &stripe.V2CoreEventDestinationCreateParams{
		Name: stripe.String("Ours"), EventPayload: stripe.String("thin"), Type: stripe.String("webhook_endpoint"),
		EnabledEvents: stripe.StringSlice(events), EventsFrom: stripe.StringSlice([]string{from}),
		Include:         stripe.StringSlice([]string{"webhook_endpoint.signing_secret", "webhook_endpoint.url"}),
		WebhookEndpoint: &stripe.V2CoreEventDestinationCreateWebhookEndpointParams{URL: stripe.String(in.url)},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if d.WebhookEndpoint.URL != in.url || !strings.HasPrefix(d.WebhookEndpoint.SigningSecret, "whsec_") || d.Status != "enabled" || d.Created.IsZero() {
		c.t.Errorf("%+v", d)
	}
	return d.ID, d.WebhookEndpoint.SigningSecret
}

// An event that was accepted is rejected when it would be counted; the platform
// learns of it by a thin event, whose data it fetches.
func TestAcceptedEventsMayBeRejectedLater(t *testing.T) {
	t.Parallel()
	s, in, other := newShop(t), newInbox(t), newInbox(t)
	_, secret := s.destination(in, "self")
	s.listen(other, "enabled_events[]=*")
	s.set(`{"usage_delay_seconds":30}`)
	s.inject(`{"meter_event":"calls","how":"reject","code":"archived_meter","times":2}`)
	keyed := s.with("Idempotency-Key", "the-key")
	keyed.must("POST /v1/billing/meter_events", "event_name=calls&identifier=one&payload[value]=5&payload[stripe_customer_id]="+s.customer)
	s.must("POST /v1/billing/meter_events", "event_name=calls&identifier=two&payload[value]=6&payload[stripe_customer_id]="+s.customer)
	s.report(7, time.Time{})
	s.advance(29 * time.Second)
	if got := in.take(); len(got) != 0 {
		t.Fatalf("told too early: %s", got[0].body)
	}
	s.advance(time.Second)
	if got := s.counted(); got != 7.0 {
		t.Errorf("counted %v", got)
	}
	got := in.take()
	if len(got) != 1 {
		t.Fatalf("%d thin events", len(got))
	}
	if _, there := got[0].event["data"]; there || got[0].event["object"] != "v2.core.event" || got[0].event["context"] != nil {
		t.Errorf("not a thin event: %s", got[0].body)
	}
	sc := s.client(oneKey)
	thin, err := sc.ParseThinEvent(got[0].body, got[0].signature, secret, stripe.WithIgnoreTolerance())
	if err != nil || thin.Type != "v1.billing.meter.error_report_triggered" || thin.RelatedObject.Type != "billing.meter" {
		t.Fatalf("%+v (%v)", thin, err)
	}
	full, err := sc.V2CoreEvents.Retrieve(t.Context(), thin.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	told := full.(*stripe.V1BillingMeterErrorReportTriggeredEvent)
	kinds := told.Data.Reason.ErrorTypes
	if told.Data.Reason.ErrorCount != 2 || len(kinds) != 1 || kinds[0].Code != "archived_meter" || kinds[0].ErrorCount != 2 || told.Data.DeveloperMessageSummary != "There are 2 invalid events" {
		t.Fatalf("%+v", told.Data)
	}
	var named []string
	for _, sample := range kinds[0].SampleErrors {
		named = append(named, sample.Request.Identifier)
	}
	if !slices.Equal(named, []string{"the-key", "two"}) || !told.Data.ValidationStart.Before(told.Data.ValidationEnd) {
		t.Errorf("samples name %v, %+v", named, told.Data)
	}
	if meter, err := told.FetchRelatedObject(); err != nil || meter.EventName != "calls" {
		t.Errorf("%+v (%v)", meter, err)
	}
	s.work()
	if types := types(other.take()); slices.Contains(types, "v1.billing.meter.error_report_triggered") {
		t.Errorf("an endpoint of the first API was told: %v", types)
	}
}

// A connected account's rejections reach its platform, with the account as context.
func TestAPlatformHearsOfItsAccountsRejections(t *testing.T) {
	t.Parallel()
	s, in, own := newSite(t), newInbox(t), newInbox(t)
	platform := s.as(oneKey)
	account := platform.must("POST /v1/accounts", "type=standard").id()
	shop := stock(platform.with("Stripe-Account", account))
	platform.destination(in, "other_accounts")
	platform.destination(own, "self")
	shop.inject(`{"meter_event":"*","how":"reject","code":"meter_event_customer_not_found"}`)
	shop.report(1, time.Time{})
	shop.advance(time.Second)
	got := in.take()
	if len(got) != 1 || got[0].event["context"] != account || len(own.take()) != 0 {
		t.Fatalf("%v", got)
	}
	id, _ := got[0].event["id"].(string)
	p := &stripe.V2CoreEventRetrieveParams{}
	if _, err := s.client(oneKey).V2CoreEvents.Retrieve(t.Context(), id, p); err == nil {
		t.Error("the platform sees it without the context")
	}
	p = &stripe.V2CoreEventRetrieveParams{}
	p.SetStripeContext(account)
	e, err := s.client(oneKey).V2CoreEvents.Retrieve(t.Context(), id, p)
	if err != nil || e.(*stripe.V1BillingMeterErrorReportTriggeredEvent).Context != account {
		t.Errorf("%+v (%v)", e, err)
	}
}

// With checks put off, what is wrong with an event is not said by the call.
func TestChecksMayComeLater(t *testing.T) {
	t.Parallel()
	s, in := newShop(t), newInbox(t)
	s.destination(in, "self")
	s.set(`{"usage_checks":"later","usage_delay_seconds":10}`)
	long := start.Add(-36 * 24 * time.Hour).Unix()
	for _, form := range []string{
		"event_name=unknown&payload[value]=1&payload[stripe_customer_id]=" + s.customer,
		"event_name=calls&payload[value]=many&payload[stripe_customer_id]=" + s.customer,
		"event_name=calls&payload[value]=1",
		"event_name=calls&payload[value]=1&payload[stripe_customer_id]=cus_none",
		fmt.Sprintf("event_name=calls&payload[value]=1&timestamp=%d&payload[stripe_customer_id]=%s", long, s.customer),
	} {
		s.must("POST /v1/billing/meter_events", form)
	}
	s.report(9, time.Time{})
	if r := s.do("POST /v1/billing/meter_events", "event_name=calls"); r.status != 400 {
		t.Errorf("without a payload: %s", r.body)
	}
	s.advance(10 * time.Second)
	if got := s.counted(); got != 9.0 {
		t.Errorf("counted %v", got)
	}
	if got := types(in.take()); !slices.Equal(got, []string{"v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"}) {
		t.Errorf("told %v", got)
	}
	codes := map[string]int64{}
	for e, err := range s.client(oneKey).V2CoreEvents.List(t.Context(), &stripe.V2CoreEventListParams{Limit: stripe.Int64(1)}) {
		if err != nil {
			t.Fatal(err)
		}
		switch e := e.(type) {
		case *stripe.V1BillingMeterErrorReportTriggeredEvent:
			for _, kind := range e.Data.Reason.ErrorTypes {
				codes[string(kind.Code)] += kind.ErrorCount
			}
		case *stripe.V1BillingMeterNoMeterFoundEvent:
			codes[string(e.Data.Reason.ErrorTypes[0].Code)] += e.Data.Reason.ErrorCount
		}
	}
	want := map[string]int64{"no_meter": 1, "meter_event_invalid_value": 1, "meter_event_no_customer_defined": 1, "meter_event_customer_not_found": 1, "timestamp_too_far_in_past": 1}
	if fmt.Sprint(codes) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", codes, want)
	}
}

func TestEventDestinationsAreKept(t *testing.T) {
	t.Parallel()
	s, in := newSite(t), newInbox(t)
	c, ctx, sc := s.as(oneKey), t.Context(), s.client(oneKey)
	id, secret := c.destination(in, "self")
	d, err := sc.V2CoreEventDestinations.Retrieve(ctx, id, nil)
	if err != nil || d.WebhookEndpoint.URL != "" || d.WebhookEndpoint.SigningSecret != "" || d.Name != "Ours" {
		t.Errorf("%+v (%v)", d, err)
	}
	d, err = sc.V2CoreEventDestinations.Update(ctx, id, &stripe.V2CoreEventDestinationUpdateParams{
		Name: stripe.String("Theirs"), Metadata: map[string]string{"a": "b"}, Include: stripe.StringSlice([]string{"webhook_endpoint.url"})})
	if err != nil || d.Name != "Theirs" || d.Metadata["a"] != "b" || d.WebhookEndpoint.URL != in.url || len(d.EnabledEvents) != 2 {
		t.Errorf("%+v (%v)", d, err)
	}
	if _, err := sc.V2CoreEventDestinations.Ping(id, nil); err != nil {
		t.Fatal(err)
	}
	s.work()
	got := in.take()
	if len(got) != 1 {
		t.Fatalf("%d pings", len(got))
	}
	if thin, err := sc.ParseThinEvent(got[0].body, got[0].signature, secret, stripe.WithIgnoreTolerance()); err != nil || thin.Type != "v2.core.event_destination.ping" {
		t.Errorf("%+v (%v)", thin, err)
	}
	if d, err = sc.V2CoreEventDestinations.Disable(ctx, id, nil); err != nil || d.Status != "disabled" || d.StatusDetails.Disabled.Reason != "user" {
		t.Errorf("%+v (%v)", d, err)
	}
	if _, err := sc.V2CoreEventDestinations.Ping(id, nil); err != nil {
		t.Error(err)
	}
	if s.work(); len(in.take()) != 0 {
		t.Error("a disabled destination was told")
	}
	if d, err = sc.V2CoreEventDestinations.Enable(ctx, id, nil); err != nil || d.Status != "enabled" {
		t.Errorf("%+v (%v)", d, err)
	}
	second, _ := c.destination(in, "self")
	var ids []string
	for d, err := range sc.V2CoreEventDestinations.List(ctx, &stripe.V2CoreEventDestinationListParams{Limit: stripe.Int64(1)}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	if !slices.Equal(ids, []string{second, id}) {
		t.Errorf("listed %v", ids)
	}
	if _, err := sc.V2CoreEventDestinations.Delete(ctx, id, nil); err != nil {
		t.Error(err)
	}
	if r := c.do("GET /v2/core/event_destinations/"+id, ""); r.status != http.StatusNotFound || r.text("error.code") != "not_found" {
		t.Errorf("%d %s", r.status, r.body)
	}
	for _, wrong := range []stripe.V2CoreEventDestinationCreateParams{
		{EventPayload: stripe.String("snapshot")}, {Type: stripe.String("amazon_eventbridge")}, {EnabledEvents: stripe.StringSlice([]string{"invoice.paid"})},
		{EnabledEvents: stripe.StringSlice([]string{})}, {WebhookEndpoint: &stripe.V2CoreEventDestinationCreateWebhookEndpointParams{URL: stripe.String("nowhere")}},
	} {
		if _, err := sc.V2CoreEventDestinations.Create(ctx, complete(wrong, in.url)); err == nil {
			t.Errorf("taken: %+v", wrong)
		}
	}
}

// complete fills in what p leaves out.
func complete(p stripe.V2CoreEventDestinationCreateParams, address string) *stripe.V2CoreEventDestinationCreateParams {
	p.Name = stripe.String("X")
	if p.EventPayload == nil {
		p.EventPayload = stripe.String("thin")
	}
	if p.Type == nil {
		p.Type = stripe.String("webhook_endpoint")
	}
	if p.EnabledEvents == nil {
		p.EnabledEvents = stripe.StringSlice([]string{"v1.billing.meter.no_meter_found"})
	}
	if p.WebhookEndpoint == nil {
		p.WebhookEndpoint = &stripe.V2CoreEventDestinationCreateWebhookEndpointParams{URL: &address}
	}
	return &p
}
