package sandbox_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// TestEndsOfBothBillingModes cancels at period end by the API and in the
// Customer Portal: only the portal of flexible billing leaves the flag alone.
func TestEndsOfBothBillingModes(t *testing.T) {
	t.Parallel()
	end := int(start.AddDate(0, 0, 28).Unix())
	for mode, flag := range map[string]bool{"classic": true, "flexible": false} {
		s, b := newShop(t), browse(t)
		s.must("POST /v1/billing_portal/configurations", "features[subscription_cancel][enabled]=true")
		id := s.starting(mode, "items[0][price]="+s.fixed)
		s.advance(24 * time.Hour)
		asked := int(s.server.Now().Unix())

		planned := s.must("POST /v1/subscriptions/"+id, "cancel_at_period_end=true")
		for path, want := range map[string]any{"status": "active", "cancel_at_period_end": true, "cancel_at": end, "canceled_at": asked,
			"cancellation_details.reason": "cancellation_requested"} {
			planned.want(path, want)
		}
		kept := s.must("POST /v1/subscriptions/"+id, "cancel_at_period_end=false")
		for path, want := range map[string]any{"cancel_at_period_end": false, "cancel_at": nil, "canceled_at": nil, "cancellation_details.reason": nil} {
			kept.want(path, want)
		}
		visit := s.must("POST /v1/billing_portal/sessions", "customer="+s.customer+"&return_url="+s.url+"/").text("url")
		if status, _, page := b.post(visit+"/cancel", url.Values{"subscription": {id}}); status != http.StatusSeeOther {
			t.Fatal(status, page)
		}
		left := s.must("GET /v1/subscriptions/"+id, "")
		left.want("cancel_at", end)
		left.want("cancel_at_period_end", flag)
		left.want("canceled_at", asked)

		// Deleted after all: the first word on it stays.
		s.advance(time.Hour)
		gone := s.must("DELETE /v1/subscriptions/"+id, "")
		for path, want := range map[string]any{"status": "canceled", "cancel_at": nil, "cancel_at_period_end": false, "canceled_at": asked, "ended_at": asked + 3600} {
			gone.want(path, want)
		}
	}
}

// TestAVoidInvoiceDoesNotDecide: Stripe goes by the newest invoice that is not
// void.
func TestAVoidInvoiceDoesNotDecide(t *testing.T) {
	t.Parallel()
	const month = 28*24*time.Hour + 2*time.Hour
	s := newShop(t)
	id := s.starting("flexible", "items[0][price]="+s.fixed)
	bad := s.must("POST /v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+s.customer).id()
	s.must("POST /v1/subscriptions/"+id, "default_payment_method="+bad)
	s.advance(month)
	due := s.must("GET /v1/subscriptions/"+id, "")
	due.want("status", "past_due")
	s.must("POST /v1/invoices/"+due.text("latest_invoice")+"/void", "")
	s.must("GET /v1/subscriptions/"+id, "").want("status", "active") // the one before is paid

	// Two unpaid ones: voiding the newer leaves the older, which is still owed.
	other := newShop(t)
	account := other.must("GET /v1/account", "").id()
	if r := other.post("/_sandbox/accounts/"+account+"/settings", `{"after_retries":"past_due","retry_days":[60]}`); r.status != http.StatusOK {
		t.Fatal(r.body)
	}
	id = other.starting("flexible", "items[0][price]="+other.fixed)
	bad = other.must("POST /v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+other.customer).id()
	other.must("POST /v1/subscriptions/"+id, "default_payment_method="+bad)
	other.advance(month)
	older := other.must("GET /v1/subscriptions/"+id, "").text("latest_invoice")
	other.advance(31 * 24 * time.Hour)
	newer := other.must("GET /v1/subscriptions/"+id, "").text("latest_invoice")
	other.must("POST /v1/invoices/"+newer+"/void", "")
	other.must("GET /v1/subscriptions/"+id, "").want("status", "past_due")
	good := other.must("POST /v1/payment_methods/pm_card_visa/attach", "customer="+other.customer).id()
	other.must("POST /v1/invoices/"+older+"/pay", "payment_method="+good)
	other.must("GET /v1/subscriptions/"+id, "").want("status", "active")
}
