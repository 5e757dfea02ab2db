package sandbox

import (
	"encoding/json"
	"regexp"
	"strconv"
)

// A feePercent is a platform's share of what is paid: 0 to 100, with at most
// two decimals.
type feePercent string

var feeSyntax = regexp.MustCompile(`^(100(\.0+)?|\d{1,2}(\.\d{1,2}0*)?)$`)

func (f *feePercent) decodeParam(d *decoder, path string, n *node) {
	if !n.leaf || !feeSyntax.MatchString(n.value) {
		d.fail(invalid(path, "Invalid %s: must be a number from 0 to 100 with at most two decimals.", path))
		return
	}
	*f = feePercent(n.value)
}

// number is f as answers show it, nil for none.
func (f feePercent) number() *json.Number {
	if f == "" {
		return nil
	}
	n := json.Number(f)
	return &n
}

// applySubscription changes what needs no money: settings and cancellation.
func (t *tx) applySubscription(s *Subscription, in subscriptionParams) (err error) {
	if s.Metadata, err = in.Metadata.apply(s.Metadata); err != nil {
		return err
	}
	set(&s.Description, in.Description)
	if in.FeePercent.Sent {
		s.ApplicationFeePercent = in.FeePercent.Value.number()
	}
	if in.CollectionMethod == "send_invoice" {
		return invalid("collection_method", "This sandbox charges subscriptions automatically: it does not simulate collection_method=send_invoice.")
	}
	if in.AutomaticTax != nil && in.AutomaticTax.Enabled {
		return invalid("automatic_tax[enabled]", "This sandbox does not simulate Stripe Tax.")
	}
	if err := t.applyPause(s, in.PauseCollection); err != nil {
		return err
	}
	if in.DefaultPaymentMethod != nil {
		if err := t.setDefault(s, *in.DefaultPaymentMethod); err != nil {
			return err
		}
	}
	if p := in.PaymentSettings; p != nil {
		if err := onlyCards(p.Types); err != nil {
			return err
		}
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
