package sandbox

import (
	"slices"
	"strconv"
	"time"
)

// A pendingUpdate is what callers see of a change that waits for its payment.
type pendingUpdate struct {
	BillingCycleAnchor *int64             `json:"billing_cycle_anchor"`
	Discount           *struct{}          `json:"discount"`
	Discounts          []string           `json:"discounts"`
	ExpiresAt          int64              `json:"expires_at"`
	Metadata           map[string]string  `json:"metadata"`
	SubscriptionItems  []SubscriptionItem `json:"subscription_items"`
	TrialEnd           *int64             `json:"trial_end"`
	TrialFromPlan      *bool              `json:"trial_from_plan"`
}

// A comingUpdate is what the payment of Invoice will make of a subscription.
type comingUpdate struct {
	Invoice  string             `json:"invoice"`
	At       int64              `json:"at"` // the instant that was prorated to
	Items    []SubscriptionItem `json:"items"`
	Metadata map[string]string  `json:"metadata"`
	Waited   []string           `json:"waited,omitempty"` // invoice items that would have been billed anyway
}

// pendingExpires is the timer that gives up waiting for a change to be paid.
const pendingExpires = "subscription.pending_update"

// pendingLife is the longest that a change waits (Stripe, "Pending updates").
const pendingLife = 23 * time.Hour

// unpendable is the first parameter of in that cannot wait for a payment, "" for
// none. Metadata can since 2026-05-27.dahlia.
func (in *subscriptionUpdate) unpendable(at version) string {
	sent := []struct {
		name string
		is   bool
	}{
		{"default_payment_method", in.DefaultPaymentMethod != nil}, {"description", in.Description != nil},
		{"metadata", (in.Metadata.clear || in.Metadata.set != nil) && at.before("2026-05-27.dahlia")}, {"application_fee_percent", in.FeePercent.Sent},
		{"cancel_at_period_end", in.CancelAtPeriodEnd != nil}, {"cancel_at", in.CancelAt.Sent}, {"payment_settings", in.PaymentSettings != nil},
		{"trial_settings", in.TrialSettings != nil}, {"off_session", in.OffSession}, {"collection_method", in.CollectionMethod != ""},
		{"pause_collection", in.PauseCollection.Sent}, {"automatic_tax", in.AutomaticTax != nil}, {"cancellation_details", in.CancellationDetails != nil},
	}
	for n, item := range in.Items {
		at := "items[" + strconv.Itoa(n) + "]"
		sent = append(sent, struct {
			name string
			is   bool
		}{at + "[deleted]", item.Deleted}, struct {
			name string
			is   bool
		}{at + "[metadata]", item.Metadata.clear || item.Metadata.set != nil})
	}
	for _, one := range sent {
		if one.is {
			return one.name
		}
	}
	return ""
}

// mayPend refuses what cannot wait for a payment.
func (in *subscriptionUpdate) mayPend(at version) error {
	if in.PaymentBehavior != "pending_if_incomplete" {
		return nil
	}
	if name := in.unpendable(at); name != "" {
		return invalid(name, "When `payment_behavior` is set to `pending_if_incomplete`, you can only pass supported params. `%s` is not supported. See https://stripe.com/docs/billing/subscriptions/pending-updates-reference#supported-attributes for more details.", name)
	}
	if in.TrialEnd != "" {
		return invalid("trial_end", "This sandbox does not simulate trials that end by a pending update.")
	}
	return nil
}

// updateWhenPaid changes the items of s once what that costs is paid. What costs
// nothing now happens now.
func (t *tx) updateWhenPaid(s *Subscription, in subscriptionUpdate) error {
	if err := t.dropPending(s, true); err != nil {
		return err
	}
	next, err := get[Subscription](t, s.ID, "subscription")
	if err != nil {
		return err
	}
	lines, at, err := t.applyItems(next, in.subscriptionParams)
	if err != nil {
		return err
	}
	if next.Metadata, err = in.Metadata.apply(next.Metadata); err != nil {
		return err
	}
	if len(lines) == 0 || in.ProrationBehavior != "always_invoice" {
		if err := t.putAside(next, lines); err != nil {
			return err
		}
		s.Items, s.Metadata = next.Items, next.Metadata
		return orElse(t.change(s), t.splitPhase(s))
	}
	coming := &comingUpdate{At: at.Unix(), Items: next.Items.Data, Metadata: next.Metadata}
	waiting, err := t.takePending(s)
	if err != nil {
		return err
	}
	for _, l := range waiting {
		coming.Waited = append(coming.Waited, l.Parent.InvoiceItemDetails.InvoiceItem)
	}
	if err := t.putAside(s, lines); err != nil {
		return err
	}
	return t.billComing(s, coming)
}

// billComing makes the invoice that a change waits for, and has it paid with the
// card at hand. If that fails, the change is pending.
func (t *tx) billComing(s *Subscription, coming *comingUpdate) error {
	c, err := get[Customer](t, s.Customer, "customer")
	if err != nil {
		return err
	}
	before := s.was
	i, err := t.renewalInvoice(s, c, nil, s.period())
	if err != nil {
		return err
	}
	i.BillingReason, i.AutoAdvance = "subscription_update", false
	coming.Invoice, s.Coming, s.LatestInvoice = i.ID, coming, &i.ID
	if err := t.save(s); err != nil {
		return err
	}
	if err := t.keepDraft(i, false); err != nil {
		return err
	}
	if err := t.finalize(i, c); err != nil || i.Status != invoiceOpen {
		return orElse(err, t.refresh(s))
	}
	m, err := t.methodFor(i, s, c)
	if err != nil {
		return err
	}
	v, err := t.collect(i, m, attempt{})
	if err != nil || v.paid() {
		return orElse(err, t.refresh(s))
	}
	if err := t.refresh(s); err != nil {
		return err
	}
	s.was = before
	return t.pend(s, coming)
}

// pend shows the change that s waits for, until it is paid or has expired.
func (t *tx) pend(s *Subscription, coming *comingUpdate) error {
	expires := t.now.Add(pendingLife)
	if end := s.period().end; end.Before(expires) {
		expires = end
	}
	s.PendingUpdate = &pendingUpdate{ExpiresAt: expires.Unix(), SubscriptionItems: coming.Items}
	if !sameWords(coming.Metadata, s.Metadata) {
		s.PendingUpdate.Metadata = coming.Metadata
	}
	if err := t.schedule(pendingExpires, s.ID, s.clock(), time.Unix(expires.Unix(), 0)); err != nil {
		return err
	}
	return t.change(s)
}

func sameWords(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

// applyComing makes the change of s happen: its invoice is paid.
func (t *tx) applyComing(s *Subscription) error {
	pended := s.PendingUpdate != nil
	p := s.period()
	s.Items.Data, s.Items.TotalCount, s.Metadata = s.Coming.Items, len(s.Coming.Items), s.Coming.Metadata
	s.setPeriod(p)
	s.Coming, s.PendingUpdate = nil, nil
	if s.Status == subPastDue || s.Status == subUnpaid {
		s.Status = subActive
	}
	if err := t.unschedule(pendingExpires, s.ID); err != nil {
		return err
	}
	if err := t.save(s); err != nil {
		return err
	}
	before := s.was
	if pended {
		if err := t.emit("customer.subscription.pending_update_applied", s); err != nil {
			return err
		}
	}
	s.was = before // the event of the update says what changed
	if err := t.change(s); err != nil {
		return err
	}
	return t.splitPhase(s)
}

// expirePending is the timer of a change that nobody paid.
func expirePending(t *tx, id string) error {
	s, err := find[Subscription](t, id)
	if err != nil || s == nil || s.Coming == nil {
		return err
	}
	return t.dropPending(s, true)
}

// dropPending forgets the change that s waits for. Use that its invoice would
// have billed is lost, as at Stripe; items that waited before wait again.
func (t *tx) dropPending(s *Subscription, void bool) error {
	if s.Coming == nil {
		return nil
	}
	coming := s.Coming
	for n := range s.Items.Data {
		item := &s.Items.Data[n]
		stays := slices.ContainsFunc(coming.Items, func(i SubscriptionItem) bool { return i.ID == item.ID && i.Price.ID == item.Price.ID })
		if item.Price.metered() && s.flexible() && !stays {
			item.Since = coming.At
		}
	}
	s.Coming, s.PendingUpdate = nil, nil
	if err := t.unschedule(pendingExpires, s.ID); err != nil {
		return err
	}
	if err := t.save(s); err != nil {
		return err
	}
	for _, id := range coming.Waited {
		item, err := find[InvoiceItem](t, id)
		if err != nil || item == nil {
			return err
		}
		item.Invoice = nil
		if err := t.save(item); err != nil {
			return err
		}
	}
	if err := t.voidComing(coming.Invoice, void); err != nil {
		return err
	}
	before := s.was
	if err := t.emit("customer.subscription.pending_update_expired", s); err != nil {
		return err
	}
	s.was = before
	return t.change(s)
}

func (t *tx) voidComing(id string, void bool) error {
	i, err := find[Invoice](t, id)
	if err != nil || !void || i == nil || i.Status != invoiceOpen {
		return err
	}
	return t.void(i)
}
