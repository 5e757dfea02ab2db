package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// deauthorize sends Stripe's OAuth call, which is in no OpenAPI description.
func (c caller) deauthorize(form string) reply {
	c.t.Helper()
	plain := httptest.NewServer(c.server.Handler())
	defer plain.Close()
	site := *c.site
	site.url = plain.URL
	return caller{&site, c.key, c.header}.do("POST /oauth/deauthorize", form)
}

func TestAnAccountTakesItsAccessAwayAndGivesItBack(t *testing.T) {
	t.Parallel()
	s, platform, account := connectedShop(t)
	in := newInbox(t)
	platform.listen(in, "enabled_events[]=*&connect=true&api_version=2025-08-27.basil")
	id := s.subscribed(s.fixed, "1", "pm_card_visa")
	s.work()
	in.take()

	if r := platform.deauthorize("client_id=ca_any&stripe_user_id=" + account); r.status != http.StatusOK || r.text("stripe_user_id") != account {
		t.Fatal(r.body)
	}
	s.work()
	told := in.take()
	if len(told) != 1 || told[0].event["type"] != "account.application.deauthorized" || told[0].event["account"] != account {
		t.Fatalf("the platform heard %v", told)
	}
	object, _ := told[0].event["data"].(map[string]any)["object"].(map[string]any)
	if name, _ := object["id"].(string); object["object"] != "application" || !strings.HasPrefix(name, "ca_") {
		t.Errorf("the event is about %v", object)
	}
	for _, line := range []string{"GET /v1/subscriptions/" + id, "POST /v1/products", "GET /v1/account"} {
		if r := s.do(line, ""); r.status != http.StatusForbidden || r.text("error.code") != "account_invalid" || !strings.Contains(r.text("error.message"), "Application access may have been revoked.") {
			t.Errorf("%s: %d %s", line, r.status, r.body)
		}
	}
	if r := platform.do("GET /v1/accounts/"+account, ""); r.status != http.StatusForbidden {
		t.Error(r.body)
	}
	if r := platform.do("POST /v1/account_links", "account="+account+"&type=account_onboarding&refresh_url=http://a.test/&return_url=http://a.test/"); r.status != http.StatusForbidden {
		t.Error(r.body)
	}
	platform.must("GET /v1/accounts", "").want("data.0", nil)
	if r := platform.deauthorize("client_id=ca_any&stripe_user_id=" + account); r.status != http.StatusUnauthorized || r.text("error") != "invalid_client" {
		t.Error(r.body)
	}

	// What runs there goes on, and nobody hears of it.
	s.advance(28*24*time.Hour + 2*time.Hour)
	if told := in.take(); len(told) != 0 {
		t.Errorf("the platform heard %v", told)
	}
	for _, address := range []string{"/_sandbox/accounts/" + account + "/connect"} {
		if r := s.post(address, ""); r.status != http.StatusOK {
			t.Fatal(r.body)
		}
		if r := s.post(address, ""); r.status != http.StatusConflict {
			t.Error(r.body)
		}
	}
	s.work()
	if told := in.take(); len(told) != 1 || told[0].event["type"] != "account.application.authorized" {
		t.Errorf("the platform heard %v", told)
	}
	s.must("GET /v1/invoices", "subscription="+id).want("data.1.status", "paid")
}

func TestOnlyItsPlatformGivesUpAnAccount(t *testing.T) {
	t.Parallel()
	s, platform, account := connectedShop(t)
	own := platform.must("GET /v1/account", "").id()
	for form, status := range map[string]int{
		"client_id=ca_any&stripe_user_id=acct_none": http.StatusUnauthorized, "client_id=ca_any&stripe_user_id=" + own: http.StatusUnauthorized,
		"client_id=ca_any": http.StatusBadRequest, "stripe_user_id=" + account: http.StatusBadRequest,
	} {
		if r := platform.deauthorize(form); r.status != status || r.text("error_description") == "" {
			t.Errorf("%s: %d %s", form, r.status, r.body)
		}
	}
	if r := platform.as(anotherKey).deauthorize("client_id=ca_any&stripe_user_id=" + account); r.status != http.StatusUnauthorized {
		t.Errorf("a stranger disconnected the account: %s", r.body)
	}
	if r := platform.as("sk_live_0123456789abcdef").deauthorize("client_id=ca_any&stripe_user_id=" + account); r.status != http.StatusUnauthorized {
		t.Error(r.body)
	}
	b := browse(t)
	d := s.url + "/dashboard/" + account
	for _, access := range []string{"disconnect", "disconnect", "connect"} {
		if status, to, _ := b.post(d+"/access", url.Values{"access": {access}}); status != http.StatusSeeOther || to != "/dashboard/"+account {
			t.Fatal(status, to)
		}
		if r := s.do("GET /v1/account", ""); (r.status == http.StatusOK) != (access == "connect") {
			t.Errorf("after %s: %d", access, r.status)
		}
	}
	if status, _ := b.open(d); status != http.StatusOK {
		t.Error(status)
	}
}
