package sandbox

import (
	"strconv"
	"time"
)

type subscriptionCreate struct {
	subscriptionParams
	Customer           string      `p:"customer,required"`
	BillingMode        *modeParams `p:"billing_mode"`
	BillingCycleAnchor *int64      `p:"billing_cycle_anchor"`
	TrialPeriodDays    *int64      `p:"trial_period_days,min=0,most=730"`
	Currency           string      `p:"currency"`
	Unplayed           unsimulated `p:"backdate_start_date billing_cycle_anchor_config customer_account"`
}

func createSubscription(r *request) (any, error) {
	in, err := read[subscriptionCreate](r)
	if err != nil {
		return nil, err
	}
	c, err := get[Customer](r.tx, in.Customer, "customer")
	if err != nil {
		return nil, err
	}
	t, err := r.onClock(c.clock())
	if err != nil {
		return nil, err
	}
	if in.PaymentBehavior == "pending_if_incomplete" {
		return nil, invalid("payment_behavior", "You cannot create a subscription with payment_behavior=pending_if_incomplete.")
	}
	s, err := t.newSubscription(c, in, r.version)
	if err != nil {
		return nil, err
	}
	return s, t.begin(s, c, in.PaymentBehavior, in.OffSession)
}

// newSubscription is a subscription of c as the parameters describe it, not kept yet.
func (t *tx) newSubscription(c *Customer, in subscriptionCreate, at version) (*Subscription, error) {
	s := &Subscription{
		BillingCycleAnchor: t.unix(), BillingMode: modeOf(in.BillingMode, at), BillingSchedules: []struct{}{},
		CollectionMethod: "charge_automatically", Created: t.unix(), Customer: c.ID, DefaultTaxRates: []struct{}{}, Discounts: []string{},
		InvoiceSettings: subscriptionInvoice{Issuer: reference{"self"}}, StartDate: t.unix(), Status: subActive, TestClock: c.TestClock,
	}
	off := "off"
	s.PaymentSettings.SaveDefault = &off
	s.TrialSettings.EndBehavior.MissingPaymentMethod = "create_invoice"
	s.ID = t.s.newID("subscription")
	if err := t.addItems(s, in.Items); err != nil {
		return nil, err
	}
	if err := t.startAt(s, in); err != nil {
		return nil, err
	}
	return s, t.applySubscription(s, in.subscriptionParams)
}

// modeOf is the billing mode: as asked for, else what the API version says
// (Stripe: classic before 2025-09-30.clover, flexible since).
func modeOf(in *modeParams, at version) billingMode {
	kind := "flexible"
	if in != nil {
		kind = in.Type
	} else if at.before(clover) {
		kind = "classic"
	}
	if kind == "classic" {
		return billingMode{Type: kind}
	}
	return billingMode{Type: kind, Flexible: &flexibleMode{ProrationDiscounts: "included"}}
}

// addItems gives a new subscription its items. They share currency and interval.
func (t *tx) addItems(s *Subscription, in []itemParams) error {
	if len(in) == 0 {
		return missingParam("items")
	}
	if len(in) > 20 {
		return invalid("items", "A subscription can have up to 20 items.")
	}
	for n, one := range in {
		if err := t.addItem(s, one, "items["+strconv.Itoa(n)+"]"); err != nil {
			return err
		}
	}
	s.Currency = s.Items.Data[0].Price.Currency
	s.Items = itemList{Object: "list", Data: s.Items.Data, TotalCount: len(s.Items.Data), URL: "/v1/subscription_items?subscription=" + s.ID}
	return nil
}

func (t *tx) addItem(s *Subscription, in itemParams, at string) error {
	p, err := t.itemPrice(in, at)
	if err != nil {
		return err
	}
	if err := sellable(p, at+"[price]"); err != nil {
		return err
	}
	if len(s.Items.Data) > 0 {
		one := s.Items.Data[0].Price
		if one.Currency != p.Currency {
			return invalid(at+"[price]", "All prices on a subscription must have the same currency.")
		}
		if one.interval() != p.interval() {
			return invalid(at+"[price]", "Currently, all prices on a subscription must have the same `recurring.interval` and `recurring.interval_count` in this sandbox.")
		}
	}
	item := SubscriptionItem{Created: t.unix(), Discounts: []string{}, Price: *p, Subscription: s.ID, TaxRates: []struct{}{}}
	item.ID, item.Object = t.s.newID("subscription_item"), item.kind()
	if item.Quantity, err = quantityOf(p, in.Quantity, at+"[quantity]"); err != nil {
		return err
	}
	if item.Metadata, err = in.Metadata.apply(nil); err != nil {
		return err
	}
	s.Items.Data = append(s.Items.Data, item)
	return nil
}

// itemPrice is the price an item names, or makes one of the data it brings.
func (t *tx) itemPrice(in itemParams, at string) (*Price, error) {
	switch {
	case in.PriceData != nil:
		return in.PriceData.price(t)
	case in.Price == "":
		return nil, missingParam(at + "[price]")
	}
	return get[Price](t, in.Price, at+"[price]")
}

// sellable reports what is wrong with selling p by subscription, if anything.
func sellable(p *Price, param string) error {
	switch {
	case p.Recurring == nil:
		return invalid(param, "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
	case !p.Active:
		return invalid(param, "The price specified is inactive. This field only accepts active prices.")
	}
	return nil
}

// quantityOf is how many units of p are bought: none of a metered price, else one
// unless more are asked for.
func quantityOf(p *Price, sent *int64, param string) (*int64, error) {
	if p.metered() {
		if sent != nil {
			return nil, invalid(param, "You cannot set a quantity for a metered price: %s.", p.ID)
		}
		return nil, nil
	}
	if sent != nil {
		return sent, nil
	}
	one := int64(1)
	return &one, nil
}

// startAt sets the trial, the anchor and the first period.
func (t *tx) startAt(s *Subscription, in subscriptionCreate) error {
	trial, err := t.trialOf(in)
	if err != nil {
		return err
	}
	if trial != nil {
		now := t.unix()
		s.TrialStart, s.TrialEnd, s.Status, s.BillingCycleAnchor = &now, trial, subTrialing, *trial
		s.setPeriod(span{t.now, time.Unix(*trial, 0).UTC()})
		return nil
	}
	if in.BillingCycleAnchor != nil {
		if *in.BillingCycleAnchor < t.unix() {
			return invalid("billing_cycle_anchor", "The billing cycle anchor must be in the future.")
		}
		s.BillingCycleAnchor = *in.BillingCycleAnchor
	}
	p := s.interval().period(time.Unix(s.BillingCycleAnchor, 0), t.now)
	p.start = t.now.Truncate(time.Second)
	s.setPeriod(p)
	return nil
}

func (t *tx) trialOf(in subscriptionCreate) (*int64, error) {
	switch {
	case in.TrialPeriodDays != nil && in.TrialEnd != "":
		return nil, invalid("trial_end", "You may only specify one of these parameters: trial_end, trial_period_days.")
	case in.TrialPeriodDays != nil && *in.TrialPeriodDays > 0:
		end := t.now.AddDate(0, 0, int(*in.TrialPeriodDays)).Unix()
		return &end, nil
	case in.TrialEnd == "" || in.TrialEnd == "now":
		return nil, nil
	}
	return t.trialTime(in.TrialEnd)
}

// trialTime reads when a trial is to end.
func (t *tx) trialTime(sent string) (*int64, error) {
	end, err := strconv.ParseInt(sent, 10, 64)
	switch {
	case err != nil || end <= t.unix():
		return nil, invalid("trial_end", "Invalid timestamp: trial_end must be an integer Unix timestamp in the future, or now.")
	case end > t.now.AddDate(0, 0, 730).Unix():
		return nil, invalid("trial_end", "Invalid timestamp: can be no more than two years in the future.")
	}
	return &end, nil
}
