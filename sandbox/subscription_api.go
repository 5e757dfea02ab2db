package sandbox

import "reflect"

var subscriptionRoutes = []route{
	{"POST", "/v1/subscriptions", createSubscription},
	{"GET", "/v1/subscriptions", listSubscriptions},
	{"GET", "/v1/subscriptions/{id}", show[Subscription]("id")},
	{"POST", "/v1/subscriptions/{id}", updateSubscription},
	{"DELETE", "/v1/subscriptions/{id}", cancelSubscription},
	{"POST", "/v1/subscriptions/{id}/resume", resumeSubscription},
}

type itemParams struct {
	ID         string        `p:"id"`
	Price      string        `p:"price"`
	PriceData  *priceData    `p:"price_data"`
	Quantity   *int64        `p:"quantity,min=0"`
	Deleted    bool          `p:"deleted"`
	ClearUsage bool          `p:"clear_usage"` // does nothing where use is metered
	Metadata   metadataParam `p:"metadata"`
	Others     unsimulated   `p:"billing_thresholds discounts plan tax_rates"`
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
	SaveDefault string      `p:"save_default_payment_method,enum=off|on_subscription"`
	Types       []string    `p:"payment_method_types"`
	Others      unsimulated `p:"payment_method_options"`
}

// subscriptionParams are what a subscription is made and changed with.
type subscriptionParams struct {
	Items                []itemParams           `p:"items"`
	DefaultPaymentMethod *string                `p:"default_payment_method"`
	Description          *string                `p:"description,max=500"`
	Metadata             metadataParam          `p:"metadata"`
	FeePercent           clearable[feePercent]  `p:"application_fee_percent"`
	CancelAtPeriodEnd    *bool                  `p:"cancel_at_period_end"`
	CancelAt             clearable[string]      `p:"cancel_at"`
	PaymentBehavior      string                 `p:"payment_behavior,enum=allow_incomplete|default_incomplete|error_if_incomplete|pending_if_incomplete"`
	ProrationBehavior    string                 `p:"proration_behavior,enum=always_invoice|create_prorations|none"`
	ProrationDate        *int64                 `p:"proration_date"`
	PaymentSettings      *payingParams          `p:"payment_settings"`
	TrialSettings        *trialParams           `p:"trial_settings"`
	TrialEnd             string                 `p:"trial_end"`
	OffSession           bool                   `p:"off_session"`
	CollectionMethod     string                 `p:"collection_method,enum=charge_automatically|send_invoice"`
	PauseCollection      clearable[pauseParams] `p:"pause_collection"`
	AutomaticTax         *struct {
		Enabled bool        `p:"enabled,required"`
		Others  unsimulated `p:"liability"`
	} `p:"automatic_tax"`
	Others unsimulated `p:"add_invoice_items billing_schedules billing_thresholds coupon days_until_due default_source default_tax_rates discounts invoice_settings on_behalf_of pending_invoice_item_interval promotion_code transfer_data trial_from_plan"`
}

// subscriptionUpdate is what an existing subscription is changed with.
type subscriptionUpdate struct {
	subscriptionParams
	CancellationDetails *cancelDetails `p:"cancellation_details"`
	BillingCycleAnchor  string         `p:"billing_cycle_anchor,enum=now|unchanged"`
}

type cancelDetails struct {
	Comment  *string `p:"comment,max=5000"`
	Feedback *string `p:"feedback,enum=|customer_service|low_quality|missing_features|other|switched_service|too_complex|too_expensive|unused"`
}

// apply notes what a customer said about why they cancel.
func (d *cancelDetails) apply(s *Subscription) {
	if d != nil {
		set(&s.CancellationDetails.Comment, d.Comment)
		set(&s.CancellationDetails.Feedback, d.Feedback)
	}
}

type subscriptionList struct {
	listParams
	createdParam
	Customer    string      `p:"customer"`
	Price       string      `p:"price"`
	Status      string      `p:"status,enum=active|all|canceled|ended|incomplete|incomplete_expired|past_due|paused|trialing|unpaid"`
	Collection  string      `p:"collection_method,enum=charge_automatically|send_invoice"`
	TestClock   string      `p:"test_clock"`
	PeriodStart *timeRange  `p:"current_period_start"`
	PeriodEnd   *timeRange  `p:"current_period_end"`
	Others      unsimulated `p:"automatic_tax customer_account plan"`
}

func listSubscriptions(r *request) (any, error) {
	in, err := read[subscriptionList](r)
	if err != nil {
		return nil, err
	}
	filters := where(map[string]string{"customer": in.Customer, "collection_method": in.Collection, "test_clock": in.TestClock})
	if in.Price != "" {
		filters = append(filters, filter{`EXISTS (SELECT 1 FROM json_each(doc, '$.items.data') WHERE json_extract(value, '$.price.id') = ?)`, []any{in.Price}})
	}
	if in.TestClock == "" && in.Customer == "" { // as Stripe has it
		filters = append(filters, filter{sql: "json_extract(doc, '$.test_clock') IS NULL"})
	}
	filters = append(filters, in.PeriodStart.within("items.data[0].current_period_start")...)
	filters = append(filters, in.PeriodEnd.within("items.data[0].current_period_end")...)
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

func updateSubscription(r *request) (any, error) {
	in, err := read[subscriptionUpdate](r)
	if err != nil {
		return nil, err
	}
	s, err := fromPath[Subscription](r, "id")
	if err != nil {
		return nil, err
	}
	t, err := r.onClock(s.clock())
	if err != nil {
		return nil, err
	}
	if s.ended() {
		in.CancellationDetails.apply(s)
		return s, t.updateEnded(s, in)
	}
	if err := in.mayPend(r.version); err != nil {
		return nil, err
	}
	in.CancellationDetails.apply(s)
	if err := in.simulated(); err != nil {
		return nil, err
	}
	if s.Schedule != nil && (in.CancelAtPeriodEnd != nil || in.CancelAt.Sent) {
		return nil, invalid("", "The subscription is managed by the subscription schedule `%s`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.", *s.Schedule)
	}
	return s, t.update(s, in)
}

// updateEnded changes the little that can be changed of what is over.
func (t *tx) updateEnded(s *Subscription, in subscriptionUpdate) (err error) {
	left := in
	left.CancellationDetails, left.Metadata = nil, metadataParam{}
	if !reflect.DeepEqual(left, subscriptionUpdate{}) {
		return invalid("", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	if s.Metadata, err = in.Metadata.apply(s.Metadata); err != nil {
		return err
	}
	return t.change(s)
}

// simulated refuses what Stripe would do and this sandbox does not play.
func (in *subscriptionUpdate) simulated() error {
	switch {
	case in.BillingCycleAnchor == "now":
		return invalid("billing_cycle_anchor", "This sandbox does not simulate moving the billing cycle: leave billing_cycle_anchor unchanged.")
	}
	return nil
}

// update changes a living subscription, and does what follows at once.
func (t *tx) update(s *Subscription, in subscriptionUpdate) error {
	if in.PaymentBehavior == "pending_if_incomplete" {
		return t.updateWhenPaid(s, in)
	}
	before := text(s.DefaultPaymentMethod)
	if err := t.applySubscription(s, in.subscriptionParams); err != nil {
		return err
	}
	if err := t.moveTrial(s, in.TrialEnd); err != nil {
		return err
	}
	if len(in.Items) > 0 {
		if err := t.changeItems(s, in.subscriptionParams); err != nil {
			return err
		}
	}
	if in.TrialEnd == "now" && s.Status == subTrialing {
		return t.endTrialNow(s)
	}
	if err := t.change(s); err != nil {
		return err
	}
	if err := t.splitPhase(s); err != nil {
		return err
	}
	if s.DefaultPaymentMethod == nil || *s.DefaultPaymentMethod == before {
		return nil
	}
	return orElse(t.retryOpen(s), t.refresh(s))
}

func cancelSubscription(r *request) (any, error) {
	in, err := read[struct {
		InvoiceNow *bool          `p:"invoice_now"`
		Prorate    *bool          `p:"prorate"`
		Details    *cancelDetails `p:"cancellation_details"`
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
	in.Details.apply(s)
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
