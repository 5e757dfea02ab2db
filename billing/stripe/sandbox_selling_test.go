package stripe_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v82"

	"tollgate/billing"
	"tollgate/money"
)

// confirm pays a checkout session with Visa's test card, by the private calls
// that Stripe's CLI uses for it.
func (w world) confirm(t *testing.T, session, amount string) {
	t.Helper()
	p := &sdk.PaymentMethodCreateParams{Type: sdk.String("card"), Card: &sdk.PaymentMethodCreateCardParams{Token: sdk.String("tok_visa")}}
	p.SetStripeAccount(w.connected.Connected)
	card := must[*sdk.PaymentMethod](t)(w.sdk.V1PaymentMethods.Create(ctx, p))
	form := url.Values{"payment_method": {card.ID}, "expected_amount": {amount}}
	r := must[*http.Request](t)(http.NewRequestWithContext(ctx, http.MethodPost, w.Base+"/v1/payment_pages/"+session+"/confirm", strings.NewReader(form.Encode())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+testKey)
	r.Header.Set("Stripe-Account", w.connected.Connected)
	answer := must[*http.Response](t)(http.DefaultClient.Do(r))
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(answer.Body)
		t.Fatalf("confirm: %d %s", answer.StatusCode, body)
	}
	if err := json.NewDecoder(answer.Body).Decode(&struct{}{}); err != nil {
		t.Fatal(err)
	}
}

// sell opens a checkout of in's price for a new customer.
func (w world) sell(t *testing.T, in billing.PriceInput) billing.CheckoutSession {
	t.Helper()
	none(t, w.SaveProduct(ctx, w.connected, "op_1", billing.Product{ID: "tg_1", Name: "Gold"}))
	if in.Meter != "" {
		in.Meter = must[string](t)(w.EnsureMeter(ctx, w.connected, "op_2", billing.MeterInput{Name: "Calls", EventName: "tg_calls"}))
	}
	price := must[string](t)(w.CreatePrice(ctx, w.connected, "op_3", in))
	customer := must[string](t)(w.CreateCustomer(ctx, w.connected, "op_4", billing.CustomerInput{Name: "App of Ada", Email: "ada@example.com"}))
	checkout := checkoutInput()
	checkout.Customer, checkout.Price, checkout.Metered, checkout.FeePercent = customer, price, in.Meter != "", "10"
	return must[billing.CheckoutSession](t)(w.OpenCheckout(ctx, w.connected, "op_5", checkout))
}

func TestSandboxSellsASubscription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opened := w.sell(t, gold())
	if opened.Status != billing.CheckoutOpen || opened.Subscription != "" || opened.URL == "" || opened.ClientReference != "s-1" ||
		opened.Metadata["subscription"] != "s-1" || !opened.ExpiresAt.Equal(opened.Created.Add(24*time.Hour)) {
		t.Errorf("opened %+v", opened)
	}
	w.confirm(t, opened.ID, "4900")
	paid := must[billing.CheckoutSession](t)(w.Checkout(ctx, w.connected, opened.ID))
	if !paid.Settled() || paid.Subscription == "" || paid.Invoice == "" {
		t.Fatalf("paid %+v", paid)
	}
	if over := must[billing.CheckoutSession](t)(w.ExpireCheckout(ctx, w.connected, "op_6", opened.ID)); over.Status != billing.CheckoutComplete {
		t.Errorf("expired a paid checkout: %+v", over)
	}

	sub := must[billing.Subscription](t)(w.Subscription(ctx, w.connected, paid.Subscription))
	if sub.Status != "active" || sub.Customer != paid.Customer || len(sub.Items) != 1 || sub.Metadata["subscription"] != "s-1" ||
		sub.LatestInvoice != paid.Invoice || !sub.Items[0].PeriodEnd.After(sub.Items[0].PeriodStart) {
		t.Errorf("subscription %+v", sub)
	}
	if all := must[[]billing.Subscription](t)(w.SubscriptionsOf(ctx, w.connected, sub.Customer)); len(all) != 1 || all[0].ID != sub.ID {
		t.Errorf("of the customer: %+v", all)
	}

	invoice := must[billing.Invoice](t)(w.Invoice(ctx, w.connected, paid.Invoice))
	if invoice.Status != "paid" || invoice.Total != money.New(4900, usd) || invoice.AmountPaid != money.New(4900, usd) || invoice.Number == "" ||
		invoice.Subscription != sub.ID || len(invoice.Lines) != 1 || invoice.Lines[0].Price != sub.Items[0].Price ||
		invoice.Lines[0].Unit.String() != "49.00 USD" || invoice.PDFURL == "" || invoice.HostedURL == "" {
		t.Errorf("invoice %+v", invoice)
	}
	if all := must[[]billing.Invoice](t)(w.InvoicesOf(ctx, w.connected, sub.ID)); len(all) != 1 || all[0].ID != invoice.ID {
		t.Errorf("of the subscription: %+v", all)
	}
	next := must[billing.Invoice](t)(w.Preview(ctx, w.connected, sub.ID))
	if next.Total != money.New(4900, usd) || next.Number != "" || len(next.Lines) == 0 {
		t.Errorf("preview %+v", next)
	}
}

func TestSandboxEndsASubscription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opened := w.sell(t, gold())
	w.confirm(t, opened.ID, "4900")
	id := must[billing.CheckoutSession](t)(w.Checkout(ctx, w.connected, opened.ID)).Subscription

	ending := must[billing.Subscription](t)(w.CancelSubscription(ctx, w.connected, "op_6", id, billing.CancelAtPeriodEnd))
	if ending.Status != "active" || !ending.CancelAt.Equal(ending.Items[0].PeriodEnd) {
		t.Errorf("ending %+v", ending)
	}
	for _, key := range []string{"op_7", "op_8"} {
		if on := must[billing.Subscription](t)(w.ResumeSubscription(ctx, w.connected, key, id)); !on.CancelAt.IsZero() {
			t.Errorf("resumed %+v", on)
		}
	}
	for _, key := range []string{"op_9", "op_10"} { // the second finds it over
		if over := must[billing.Subscription](t)(w.CancelSubscription(ctx, w.connected, key, id, billing.CancelNow)); over.Status != "canceled" || over.EndedAt.IsZero() {
			t.Errorf("over %+v", over)
		}
	}
	if late := must[billing.Subscription](t)(w.CancelSubscription(ctx, w.connected, "op_11", id, billing.CancelAtPeriodEnd)); late.Status != "canceled" {
		t.Errorf("late %+v", late)
	}
	if _, err := w.Preview(ctx, w.connected, id); kind(err) != "refused" {
		t.Errorf("preview of what is over: %v", err)
	}
}

func TestSandboxSellsByUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opened := w.sell(t, calls(t, "0.2"))
	w.confirm(t, opened.ID, "0")
	paid := must[billing.CheckoutSession](t)(w.Checkout(ctx, w.connected, opened.ID))
	if !paid.Settled() || paid.Subscription == "" {
		t.Fatalf("paid %+v", paid)
	}
	next := must[billing.Invoice](t)(w.Preview(ctx, w.connected, paid.Subscription))
	if len(next.Lines) == 0 || next.Lines[0].Unit.String() != "0.002 USD" || !next.Total.IsZero() {
		t.Errorf("preview %+v", next)
	}
}

func TestSandboxExpiresACheckout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opened := w.sell(t, gold())
	for _, key := range []string{"op_6", "op_7"} {
		if over := must[billing.CheckoutSession](t)(w.ExpireCheckout(ctx, w.connected, key, opened.ID)); over.Status != billing.CheckoutExpired {
			t.Errorf("%+v", over)
		}
	}
}

func TestSandboxCustomerPortal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := billing.PortalConfiguration{Headline: "Weather", ReturnURL: "https://portal.example"}
	id := must[string](t)(w.EnsurePortalConfiguration(ctx, w.connected, "op_1", "", in))
	if again := must[string](t)(w.EnsurePortalConfiguration(ctx, w.connected, "op_2", id, in)); again != id {
		t.Errorf("%s became %s", id, again)
	}
	if other := must[string](t)(w.EnsurePortalConfiguration(ctx, w.connected, "op_3", "bpc_1Gone", in)); other == id {
		t.Errorf("a configuration that is gone became %s", other)
	}
	customer := must[string](t)(w.CreateCustomer(ctx, w.connected, "op_4", billing.CustomerInput{Name: "Ada"}))
	open := must[string](t)(w.OpenPortal(ctx, w.connected, "op_5", billing.PortalInput{Customer: customer, Configuration: id, ReturnURL: "https://portal.example"}))
	if !strings.HasPrefix(open, w.Base) {
		t.Errorf("opened at %s", open)
	}
}
