package sandbox

import (
	"encoding/json"
	"strconv"
	"time"
)

var subscriptionRoutes = []route{
	{"POST", "/v1/subscriptions", createSubscription},
	{"GET", "/v1/subscriptions", listSubscriptions},
	{"GET", "/v1/subscriptions/{id}", show[Subscription]("id")},
	{"POST", "/v1/subscriptions/{id}", updateSubscription},
	{"DELETE", "/v1/subscriptions/{id}", cancelSubscription},
	{"GET", "/v1/subscription_items", listItems},
}

type itemParams struct {
	ID       string        `p:"id"`
	Price    string        `p:"price"`
	Quantity *int64        `p:"quantity,min=0"`
	Deleted  bool          `p:"deleted"`
	Metadata metadataParam `p:"metadata"`
}

type modeParams struct {
	Type     string `p:"type,required,enum=classic|flexible"`
	Flexible *struct {
		Discounts string `p:"proration_discounts,enum=included|itemized"`
	} `p:"flexible"`
}

type trialParams struct {
	End *struct {
		Missing string `p:"missing_payment_method,required,enum=cancel|create_invoice|pause"`
	} `p:"end_behavior"`
}

type payingParams struct {
	SaveDefault string   `p:"save_default_payment_method,enum=off|on_subscription"`
	Types       []string `p:"payment_method_types"`
}

// subscriptionParams are what a subscription is made and changed with.
type subscriptionParams struct {
	Items                []itemParams      `p:"items"`
	DefaultPaymentMethod *string           `p:"default_payment_method"`
	Description          *string           `p:"description,max=500"`
	Metadata             metadataParam     `p:"metadata"`
	FeePercent           *decimal          `p:"application_fee_percent"`
	CancelAtPeriodEnd    *bool             `p:"cancel_at_period_end"`
	CancelAt             clearable[string] `p:"cancel_at"`
	PaymentBehavior      string            `p:"payment_behavior,enum=allow_incomplete|default_incomplete|error_if_incomplete|pending_if_incomplete"`
	ProrationBehavior    string            `p:"proration_behavior,enum=always_invoice|create_prorations|none"`
	ProrationDate        *int64            `p:"proration_date"`
	PaymentSettings      *payingParams     `p:"payment_settings"`
	TrialSettings        *trialParams      `p:"trial_settings"`
	TrialEnd             string            `p:"trial_end"`
	OffSession           bool              `p:"off_session"`
	CollectionMethod     string            `p:"collection_method,enum=charge_automatically"`
}

// applySubscription changes what needs no money: settings and cancellation.
func (t *tx) applySubscription(s *Subscription, in subscriptionParams) (err error) {
	if s.Metadata, err = in.Metadata.apply(s.Metadata); err != nil {
		return err
	}
	set(&s.Description, in.Description)
	if in.FeePercent != nil {
		fee := json.Number(*in.FeePercent)
		s.ApplicationFeePercent = &fee
	}
	if in.DefaultPaymentMethod != nil {
		if err := t.setDefault(s, *in.DefaultPaymentMethod); err != nil {
			return err
		}
	}
	if p := in.PaymentSettings; p != nil {
		if p.SaveDefault != "" {
			s.PaymentSettings.SaveDefault = &p.SaveDefault
		}
		s.PaymentSettings.MethodTypes = p.Types
	}
	if in.TrialSettings != nil && in.TrialSettings.End != nil {
		s.TrialSettings.EndBehavior.MissingPaymentMethod = in.TrialSettings.End.Missing
	}
	return t.applyCancellation(s, in)
}

func (t *tx) setDefault(s *Subscription, id string) error {
	if id == "" {
		s.DefaultPaymentMethod = nil
		return nil
	}
	m, err := get[PaymentMethod](t, id, "default_payment_method")
	if err != nil {
		return err
	}
	if m.Customer == nil || *m.Customer != s.Customer {
		return invalid("default_payment_method", "The customer does not have a payment method with the ID %s. The payment method must be attached to the customer.", id)
	}
	s.DefaultPaymentMethod = &m.ID
	return nil
}

// applyCancellation puts off the end of s, or takes that back.
func (t *tx) applyCancellation(s *Subscription, in subscriptionParams) error {
	if in.CancelAtPeriodEnd != nil && in.CancelAt.Sent {
		return invalid("cancel_at", "You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
	}
	if in.CancelAtPeriodEnd != nil {
		if *in.CancelAtPeriodEnd {
			t.cancelLater(s, s.period().end.Unix(), true)
		} else {
			s.keepOn()
		}
	}
	if !in.CancelAt.Sent {
		return nil
	}
	if in.CancelAt.Cleared {
		s.keepOn()
		return nil
	}
	at, err := t.cancelTime(s, in.CancelAt.Value)
	if err != nil {
		return err
	}
	t.cancelLater(s, at, false)
	return nil
}

func (t *tx) cancelTime(s *Subscription, sent string) (int64, error) {
	if sent == "min_period_end" || sent == "max_period_end" {
		return s.period().end.Unix(), nil
	}
	at, err := strconv.ParseInt(sent, 10, 64)
	if err != nil || at <= t.unix() {
		return 0, invalid("cancel_at", "The `cancel_at` must be a timestamp in the future.")
	}
	return at, nil
}

// cancelLater makes s end at a time to come. Stripe notes when that was asked for.
func (t *tx) cancelLater(s *Subscription, at int64, flag bool) {
	now, reason := t.unix(), "cancellation_requested"
	s.CancelAt, s.CancelAtPeriodEnd = &at, flag
	s.CanceledAt, s.CancellationDetails.Reason = &now, &reason
}

// keepOn takes a cancellation back that has not happened.
func (s *Subscription) keepOn() {
	s.CancelAt, s.CancelAtPeriodEnd, s.CanceledAt = nil, false, nil
	s.CancellationDetails = cancellation{}
}

type subscriptionList struct {
	listParams
	createdParam
	Customer string `p:"customer"`
	Price    string `p:"price"`
	Status   string `p:"status,enum=active|all|canceled|ended|incomplete|incomplete_expired|past_due|paused|trialing|unpaid"`
}

func listSubscriptions(r *request) (any, error) {
	in, err := read[subscriptionList](r)
	if err != nil {
		return nil, err
	}
	filters := where(map[string]string{"customer": in.Customer, "items.data[0].price.id": in.Price})
	switch in.Status {
	case "":
		filters = append(filters, compare("status", "!=", subCanceled), compare("status", "!=", subIncompleteExpired))
	case "all":
	case "ended":
		filters = append(filters, among("status", subCanceled, subIncompleteExpired))
	default:
		filters = append(filters, eq("status", in.Status))
	}
	return list[Subscription](r, in.listParams, append(filters, in.Created.within("created")...)...)
}

func listItems(r *request) (any, error) {
	in, err := read[struct {
		listParams
		Subscription string `p:"subscription,required"`
	}](r)
	if err != nil {
		return nil, err
	}
	s, err := get[Subscription](r.tx, in.Subscription, "subscription")
	if err != nil {
		return nil, err
	}
	return pageOf(r, s.Items.Data, false), nil
}

func updateSubscription(r *request) (any, error) {
	in, err := read[subscriptionParams](r)
	if err != nil {
		return nil, err
	}
	s, err := fromPath[Subscription](r, "id")
	if err != nil {
		return nil, err
	}
	if s.ended() {
		return nil, invalid("", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	if in.PaymentBehavior == "pending_if_incomplete" {
		return nil, invalid("payment_behavior", "This sandbox does not simulate pending updates: use allow_incomplete, default_incomplete or error_if_incomplete.")
	}
	t, err := r.onClock(s.clock())
	if err != nil {
		return nil, err
	}
	before := s.DefaultPaymentMethod
	if err := t.applySubscription(s, in); err != nil {
		return nil, err
	}
	if in.TrialEnd == "now" && s.Status == subTrialing {
		if err := t.endTrialNow(s); err != nil {
			return nil, err
		}
	}
	if len(in.Items) > 0 {
		if err := t.changeItems(s, in); err != nil {
			return nil, err
		}
	}
	if err := t.change(s); err != nil {
		return nil, err
	}
	if s.DefaultPaymentMethod != nil && s.DefaultPaymentMethod != before {
		return s, t.retryOpen(s)
	}
	return s, nil
}

// endTrialNow makes the period that the trial was end now, so that the timer
// bills it.
func (t *tx) endTrialNow(s *Subscription) error {
	now := t.unix()
	s.TrialEnd = &now
	p := s.period()
	p.end = t.now.Truncate(time.Second)
	s.setPeriod(p)
	return nil
}

// retryOpen has the latest invoice of an unpaid subscription paid with its new card.
func (t *tx) retryOpen(s *Subscription) error {
	i, err := t.latest(s)
	if err != nil || i == nil || i.Status != invoiceOpen || s.Status == subIncomplete {
		return err
	}
	c, err := get[Customer](t, s.Customer, "customer")
	if err != nil {
		return err
	}
	return t.collectOffSession(i, c)
}

func cancelSubscription(r *request) (any, error) {
	in, err := read[struct {
		InvoiceNow *bool `p:"invoice_now"`
		Prorate    *bool `p:"prorate"`
		Details    *struct {
			Comment  *string `p:"comment,max=5000"`
			Feedback *string `p:"feedback,enum=customer_service|low_quality|missing_features|other|switched_service|too_complex|too_expensive|unused"`
		} `p:"cancellation_details"`
	}](r)
	if err != nil {
		return nil, err
	}
	s, err := fromPath[Subscription](r, "id")
	if err != nil {
		return nil, err
	}
	if s.ended() {
		return nil, notFound("subscription", s.ID, "id")
	}
	t, err := r.onClock(s.clock())
	if err != nil {
		return nil, err
	}
	if in.Details != nil {
		s.CancellationDetails.Comment, s.CancellationDetails.Feedback = in.Details.Comment, in.Details.Feedback
	}
	return s, t.cancelNow(s, in.InvoiceNow != nil && *in.InvoiceNow, in.Prorate != nil && *in.Prorate)
}

// cancelNow ends s at once. With bill, what was used is invoiced; with prorate,
// the rest of what was paid becomes credit.
func (t *tx) cancelNow(s *Subscription, bill, prorate bool) error {
	waiting := s.Status == subIncomplete
	if prorate && !waiting && s.Status != subTrialing {
		if err := t.creditRest(s); err != nil {
			return err
		}
	}
	if err := t.cancel(s, "cancellation_requested"); err != nil {
		return err
	}
	if waiting {
		i, err := t.latest(s)
		if err != nil || i == nil || i.Status != invoiceOpen {
			return err
		}
		return t.void(i)
	}
	if !bill {
		return nil
	}
	return t.lastInvoice(s, false)
}
