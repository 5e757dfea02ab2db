package billing_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/billing"
	"tollgate/models"
	"tollgate/notices"
)

// at is where the seller of the town is paid.
func (w *town) at() accounts.StripeAccount {
	return accounts.StripeAccount{Tenant: w.a.tenant, Connected: w.a.account}
}

// play plays somebody whom only the sandbox has: a bank, or an account's owner.
func (w *town) play(t *testing.T, path string, in any) map[string]any {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(w.base+path, "application/json", bytes.NewReader(body)) //nolint:noctx,gosec // the sandbox of this test
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v %v", path, answer.StatusCode, out, err)
	}
	w.settle(t)
	return out
}

// tellPeople gives a town a desk for notices.
func (w *town) tellPeople() {
	w.sell.Notices = &notices.Desk{DB: w.db, Wall: w.sell.Wall, Business: w.sell.Business, PublicURL: w.sell.PublicURL}
}

// Money that goes back, a dispute, and what each holds, by Stripe's own events.
func TestRefundsAndDisputesOnTheSandbox(t *testing.T) {
	t.Parallel()
	w := openTown(t)
	w.tellPeople()
	w.rule(t, "", true, true)
	sub := w.buys(t, w.a.gold, "4900")
	refund, err := w.engine.Refund(bg, w.at(), "k1", w.newestInvoice(t, sub).ID)
	if err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	if got := w.want(t, sub.UUID, "BLOCKED", true); w.sell.StateOf(got).Reason != access.HeldByRefund {
		t.Errorf("held by %s", w.sell.StateOf(got).Reason)
	}
	w.advance(t, 32*24*time.Hour) // the next month is paid
	w.want(t, sub.UUID, "UNBLOCKED", true)

	if refund.Charge == "" {
		t.Errorf("refund %+v", refund)
	}
	second := w.charge(t, w.newestInvoice(t, sub).ID)
	dispute, _ := w.play(t, "/_sandbox/disputes", map[string]string{"charge": second, "reason": "fraudulent"})["id"].(string)
	if got := w.want(t, sub.UUID, "BLOCKED", true); w.sell.StateOf(got).Reason != access.HeldByDispute {
		t.Errorf("held by %s", w.sell.StateOf(got).Reason)
	}
	w.play(t, "/_sandbox/disputes/"+dispute, map[string]string{"status": "won"})
	w.want(t, sub.UUID, "UNBLOCKED", true)
	if got := w.incidents(t, sub); !slices.Equal(got, []string{"dispute won true 4900", "refund succeeded true 4900"}) {
		t.Errorf("incidents %v", got)
	}
	for _, e := range w.events(t, w.a.tenant) {
		if e.State != models.EventDone && e.State != models.EventIgnored {
			t.Errorf("event left over: %+v", e)
		}
	}
}

// charge returns what paid an invoice.
func (w *town) charge(t *testing.T, invoice string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(bg, http.MethodGet, w.base+"/v1/charges?limit=100", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+platformKey)
	r.Header.Set("Stripe-Account", w.a.account)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, one := range list.Data {
		if c, err := w.engine.Charge(bg, w.at(), one.ID); err == nil && c.InvoiceID == invoice {
			return c.ID
		}
	}
	t.Fatalf("nothing paid %s", invoice)
	return ""
}

// A renewal that fails: time to pay, its end by the clock alone, the bank's question,
// and the new card that settles everything.
func TestGraceAndTheBankOnTheSandbox(t *testing.T) {
	t.Parallel()
	w := openTown(t)
	w.tellPeople()
	w.rule(t, "48", false, false)
	sub := w.buys(t, w.a.gold, "4900")
	w.card(t, sub, "pm_card_chargeCustomerFail")
	w.advance(t, 31*24*time.Hour)
	w.advance(t, 2*time.Hour)
	late := w.want(t, sub.UUID, "UNBLOCKED", true)
	if late.StripeStatus != "past_due" || late.RetryAt.IsZero() || late.OpenInvoice == "" {
		t.Fatalf("late: %+v", late)
	}
	due, err := w.sell.NextDue(bg)
	if err != nil || due.IsZero() {
		t.Fatal(due, err)
	}
	w.advance(t, due.Sub(w.box.Now()))
	w.sweep(t)
	w.want(t, sub.UUID, "BLOCKED", true)
	if got := w.kinds(t, sub); count(got, "payment_failed") == 0 || count(got, "grace_began") != 1 || count(got, "grace_ended") != 1 {
		t.Errorf("timeline %v", got)
	}
	w.card(t, sub, "pm_card_authenticationRequired")
	w.advance(t, 8*24*time.Hour)
	asked := w.row(t, sub.UUID)
	if state := w.sell.StateOf(asked); !asked.ActionNeeded || state.Next != access.Authenticate {
		t.Errorf("%s, next %s", state.Label, state.Next)
	}
	if got := w.told(t); count(got, "buyer authentication_needed") != 1 {
		t.Errorf("told %v", got)
	}
	w.card(t, sub, "pm_card_visa") // which has Stripe try again
	w.want(t, sub.UUID, "UNBLOCKED", true)
}

// A customer deleted in Stripe's dashboard, and an account that lets nobody in any more.
func TestLostCustomersAndAccountsOnTheSandbox(t *testing.T) {
	t.Parallel()
	w := openTown(t)
	w.tellPeople()
	sub := w.buys(t, w.a.gold, "4900")
	customer, err := models.SharedCustomerOf(bg, w.db, sub.ApplicationID, w.a.account)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.engine.DeleteCustomer(bg, w.at(), "k2", customer.SharedCustomerID); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	w.want(t, sub.UUID, "BLOCKED", false)
	again := w.buys(t, w.a.gold, "4900")

	w.play(t, "/_sandbox/accounts/"+w.a.account+"/disconnect", nil)
	if o, err := w.sell.Overview(bg, w.a.buyer, again.UUID); err != nil || o.AccountLost.IsZero() || o.State.Status != access.Unblocked {
		t.Errorf("lost at %s, %s, %v", o.AccountLost.Time(), o.State.Status, err)
	}
	if _, err := w.sell.Subscribe(bg, w.a.buyer, billing.SubscribeInput{Application: w.a.app2, API: w.a.api, Policy: w.a.gold}); err == nil {
		t.Error("something was sold")
	}
	w.play(t, "/_sandbox/accounts/"+w.a.account+"/connect", nil)
	if o, err := w.sell.Overview(bg, w.a.buyer, again.UUID); err != nil || !o.AccountLost.IsZero() {
		t.Errorf("still lost: %v", err)
	}
	if got := w.told(t); count(got, "publisher account_lost") != 1 {
		t.Errorf("told %v", got)
	}
}

// Two payment pages are paid: one payment goes back, by the publisher's hand.
func TestPaidTwiceOnTheSandbox(t *testing.T) {
	t.Parallel()
	w := openTown(t)
	w.tellPeople()
	sub := w.subscribe(t, w.a.gold)
	session, err := w.engine.Checkout(bg, w.at(), sub.CheckoutSessionID)
	if err != nil {
		t.Fatal(err)
	}
	price, err := models.SoldAs(bg, w.db, w.a.apiID, w.a.version, w.a.account)
	if err != nil {
		t.Fatal(err)
	}
	stray, err := w.engine.OpenCheckout(bg, w.at(), "stray", billing.CheckoutInput{
		Customer: session.Customer, Price: price.StripePlanID, Metadata: session.Metadata, SuccessURL: "https://portal.example/a", CancelURL: "https://portal.example/b",
	})
	if err != nil {
		t.Fatal(err)
	}
	w.pay(t, sub.CheckoutSessionID)
	w.pay(t, stray.ID)
	w.settle(t)
	w.settle(t)
	w.want(t, sub.UUID, "UNBLOCKED", true)
	all, err := w.sell.Incidents(bg, w.a.publisher, sub.UUID)
	if err != nil || len(all) != 1 || all[0].Kind != models.IncidentDuplicate || all[0].AmountMinor != 4900 {
		t.Fatalf("incidents %+v, %v", all, err)
	}
	if err := w.sell.GiveBack(bg, w.a.publisher, sub.UUID, all[0].ID); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	w.settle(t)
	if got := w.incidents(t, sub); !slices.Equal(got, []string{"duplicate refunded true 4900", "refund succeeded true 4900"}) {
		t.Errorf("incidents %v", got)
	}
	w.want(t, sub.UUID, "UNBLOCKED", true)
}
