package stripe_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"tollgate/billing"
)

// endpoint is a webhook endpoint as Stripe lists it.
func endpoint(id, url, scope string) string {
	return fmt.Sprintf(`{"id":%q,"object":"webhook_endpoint","url":%q,"metadata":{"tollgate_scope":%q},"api_version":"2026-04-22.dahlia"}`, id, url, scope)
}

// made is an endpoint as Stripe answers its creation.
func made(id, url, scope, secret string) answer {
	return ok(endpoint(id, url, scope)[:len(endpoint(id, url, scope))-1] + fmt.Sprintf(`,"secret":%q}`, secret))
}

const hookURL = "https://portal.example/api/am/stripe/webhook?tenantDomain=a"

func hook() billing.WebhookInput {
	return billing.WebhookInput{URL: hookURL, Connect: true, Events: []string{"invoice.paid", "checkout.session.completed"}}
}

func TestEnsureWebhookReplacesOursAndNoOther(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/webhook_endpoints", made("we_new", hookURL, "connect", ours))
	s.say("GET /v1/webhook_endpoints",
		listing(true, endpoint("we_new", hookURL, "connect"), endpoint("we_old", hookURL, "connect"), endpoint("we_platform", hookURL, "account")),
		listing(false, endpoint("we_elsewhere", hookURL+"b", "connect"), endpoint("we_byhand", hookURL, ""), endpoint("we_older", hookURL, "connect")))
	s.say("DELETE /v1/webhook_endpoints/we_old", ok(`{"id":"we_old","deleted":true}`))
	got, err := e.EnsureWebhook(ctx, platform, "op_1", hook())
	if want := (billing.Webhook{ID: "we_new", Secret: ours, Version: "2026-04-22.dahlia"}); err != nil || got != want {
		t.Fatalf("%+v, %v", got, err)
	}
	s.expect(t, "POST /v1/webhook_endpoints", "GET /v1/webhook_endpoints", "GET /v1/webhook_endpoints",
		"DELETE /v1/webhook_endpoints/we_old", "DELETE /v1/webhook_endpoints/we_older") // the last is gone already
	s.form(t, 0, "url", hookURL, "connect", "true", "enabled_events[0]", "invoice.paid", "enabled_events[1]", "checkout.session.completed",
		"metadata[tollgate_scope]", "connect")
	if s.calls[0].Key != "op_1" {
		t.Errorf("key %q", s.calls[0].Key)
	}
}

func TestEnsureWebhookSendsTheVersionItIsGiven(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/webhook_endpoints", made("we_new", hookURL, "account", ours))
	s.say("GET /v1/webhook_endpoints", listing(false, endpoint("we_new", hookURL, "account")))
	in := hook()
	in.Connect, in.Version = false, "2025-08-27.basil"
	if _, err := e.EnsureWebhook(ctx, platform, "op_1", in); err != nil {
		t.Fatal(err)
	}
	if f := s.calls[0].Form; f.Get("api_version") != "2025-08-27.basil" || f.Get("connect") != "false" || f.Get("metadata[tollgate_scope]") != "account" {
		t.Errorf("sent %v", f)
	}
}

// A key used before gives the answer of then, whose endpoint may be gone since.
func TestEnsureWebhookDoesNotBelieveAnOldAnswer(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("POST /v1/webhook_endpoints", made("we_gone", hookURL, "connect", ours), made("we_new", hookURL, "connect", older))
	s.say("GET /v1/webhook_endpoints", listing(false))
	got, err := e.EnsureWebhook(ctx, platform, "op_1", hook())
	if err != nil || got.ID != "we_new" || got.Secret != older || s.calls[2].Key != "op_1.again" {
		t.Errorf("%+v, %v, %+v", got, err, s.calls)
	}
}

func TestEnsureWebhookWantsAUsableSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "whsec_", "secret"} {
		e, s := engine(t)
		s.say("POST /v1/webhook_endpoints", made("we_new", hookURL, "connect", secret))
		if got, err := e.EnsureWebhook(ctx, platform, "op_1", hook()); kind(err) != "unknown" {
			t.Errorf("%q: %+v, %v", secret, got, err)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	e, s := engine(t)
	s.say("GET /v1/events",
		listing(true, `{"id":"evt_2","type":"account.application.deauthorized","api_version":null,"created":1767312000,"livemode":true,
			"account":"acct_1Other","data":{"object":{"id":"ca_1","object":"application"}}}`),
		listing(false, `{"id":"evt_1","type":"invoice.paid","api_version":"2026-04-22.dahlia","created":1767225600,"livemode":false,
			"data":{"object":{"id":"in_1","object":"invoice"}}}`))
	got, err := e.Events(ctx, connected, day(1, 1), true)
	want := []billing.Envelope{
		{ID: "evt_2", Type: "account.application.deauthorized", Account: "acct_1Other", Livemode: true, Created: day(1, 2), ObjectType: "application", ObjectID: "ca_1"},
		{ID: "evt_1", Type: "invoice.paid", Account: "acct_1Weather", APIVersion: "2026-04-22.dahlia", Created: day(1, 1), ObjectType: "invoice", ObjectID: "in_1"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	s.form(t, 0, "created[gte]", "1767225600", "delivery_success", "false", "limit", "100")
	s.form(t, 1, "created[gte]", "1767225600", "delivery_success", "false", "limit", "100", "starting_after", "evt_2")

	s.say("GET /v1/events", listing(false))
	if none, err := e.Events(ctx, platform, time.Time{}, false); err != nil || len(none) != 0 {
		t.Errorf("%+v, %v", none, err)
	}
	s.form(t, 2, "limit", "100")
}
