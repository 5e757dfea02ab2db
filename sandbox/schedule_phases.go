package sandbox

import (
	"slices"
	"strconv"
	"time"
)

type phaseItemParams struct {
	Price    string        `p:"price,required"`
	Quantity *int64        `p:"quantity,min=0"`
	Metadata metadataParam `p:"metadata"`
	Others   unsimulated   `p:"billing_thresholds discounts plan price_data tax_rates"`
}

// phaseParams are one phase. Its end is a moment, or so many intervals.
type phaseParams struct {
	Items         []phaseItemParams `p:"items,required"`
	StartDate     string            `p:"start_date"`
	EndDate       string            `p:"end_date"`
	Iterations    *int64            `p:"iterations,min=1"` // until clover, which has duration alone
	Duration      *durationParams   `p:"duration"`
	Proration     string            `p:"proration_behavior,enum=always_invoice|create_prorations|none"`
	Metadata      metadataParam     `p:"metadata"`
	Description   *string           `p:"description,max=500"`
	DefaultMethod *string           `p:"default_payment_method"`
	FeePercent    *feePercent       `p:"application_fee_percent"`
	Currency      string            `p:"currency"`
	Collection    string            `p:"collection_method,enum=charge_automatically"`
	Anchor        string            `p:"billing_cycle_anchor,enum=automatic"`
	TrialEnd      *int64            `p:"trial_end"`
	Others        unsimulated       `p:"add_invoice_items automatic_tax billing_thresholds default_tax_rates discounts invoice_settings on_behalf_of transfer_data trial"`
}

type durationParams struct {
	Interval string `p:"interval,required,enum=day|month|week|year"`
	Count    *int64 `p:"interval_count,min=1"`
}

func newPhase(currency string) Phase {
	return Phase{AddInvoiceItems: []struct{}{}, Currency: currency, DefaultTaxRates: []struct{}{}, Discounts: []struct{}{}, Metadata: map[string]string{}, ProrationBehavior: "create_prorations"}
}

// instantParam reads a Unix timestamp, or "now".
func (t *tx) instantParam(sent, param string) (int64, error) {
	if sent == "now" {
		return t.unix(), nil
	}
	at, err := strconv.ParseInt(sent, 10, 64)
	if err != nil {
		return 0, invalid(param, "Invalid timestamp: must be an integer Unix timestamp, or now.")
	}
	return at, nil
}

// readPhases are the phases that were sent, one after the other from begin on.
func (t *tx) readPhases(sent []phaseParams, begin int64, at version) ([]Phase, error) {
	var phases []Phase
	for n, in := range sent {
		param := "phases[" + strconv.Itoa(n) + "]"
		if in.StartDate != "" {
			starts, err := t.instantParam(in.StartDate, param+"[start_date]")
			if err != nil {
				return nil, err
			}
			if starts != begin {
				return nil, invalid(param+"[start_date]", "The start date of a phase must be the end date of the phase before it (%d).", begin)
			}
		}
		p, err := t.readPhase(in, begin, param, at)
		if err != nil {
			return nil, err
		}
		if n > 0 && p.Currency != phases[0].Currency {
			return nil, invalid(param+"[currency]", "All phases of a subscription schedule must have the same currency.")
		}
		phases, begin = append(phases, p), p.EndDate
	}
	return phases, nil
}

func (t *tx) readPhase(in phaseParams, begin int64, param string, at version) (p Phase, err error) {
	if in.Iterations != nil && !at.before(clover) {
		return p, invalidCode("parameter_unknown", param+"[iterations]", "Received unknown parameter: %s[iterations]", param)
	}
	items, every, currency, err := t.readPhaseItems(in.Items, param)
	if err != nil {
		return p, err
	}
	p = newPhase(currency)
	p.Items, p.StartDate, p.TrialEnd, p.ProrationBehavior = items, begin, in.TrialEnd, either(in.Proration, p.ProrationBehavior)
	if in.Currency != "" && in.Currency != currency {
		return p, invalid(param+"[currency]", "The currency of the phase (%s) is not that of its prices (%s).", shorten(in.Currency), currency)
	}
	if p.EndDate, err = t.phaseEnd(in, begin, every, param); err != nil {
		return p, err
	}
	if in.DefaultMethod != nil && *in.DefaultMethod != "" {
		if _, err := get[PaymentMethod](t, *in.DefaultMethod, param+"[default_payment_method]"); err != nil {
			return p, err
		}
	}
	if in.FeePercent != nil {
		p.FeePercent = in.FeePercent.number()
	}
	set(&p.DefaultPaymentMethod, in.DefaultMethod)
	set(&p.Description, in.Description)
	p.Metadata, err = in.Metadata.apply(nil)
	return p, err
}

// phaseEnd is when a phase ends: one interval of its prices unless it says.
func (t *tx) phaseEnd(in phaseParams, begin int64, every interval, param string) (int64, error) {
	ways := 0
	for _, sent := range []bool{in.EndDate != "", in.Iterations != nil, in.Duration != nil} {
		if sent {
			ways++
		}
	}
	count, from := 1, time.Unix(begin, 0)
	switch {
	case ways > 1:
		return 0, invalid(param, "You may only specify one of these parameters: end_date, iterations, duration.")
	case in.EndDate != "":
		end, err := t.instantParam(in.EndDate, param+"[end_date]")
		if err == nil && end <= begin {
			err = invalid(param+"[end_date]", "The end date of a phase must be after its start date (%d).", begin)
		}
		return end, err
	case in.Iterations != nil:
		count = int(*in.Iterations)
	case in.Duration != nil:
		every = interval{in.Duration.Interval, 1}
		if in.Duration.Count != nil {
			every.count = int(*in.Duration.Count)
		}
	}
	end := every.boundary(from, count)
	if end.After(t.now.AddDate(5, 0, 0)) {
		return 0, invalid(param, "A phase cannot end more than five years from now.")
	}
	return end.Unix(), nil
}

// readPhaseItems are the items of a phase, how often they renew, and in which currency.
func (t *tx) readPhaseItems(sent []phaseItemParams, param string) (items []PhaseItem, every interval, currency string, err error) {
	if len(sent) == 0 {
		return nil, every, "", missingParam(param + "[items]")
	}
	for n, in := range sent {
		at := param + "[items][" + strconv.Itoa(n) + "]"
		p, err := get[Price](t, in.Price, at+"[price]")
		if err != nil {
			return nil, every, "", err
		}
		if p.Recurring == nil {
			return nil, every, "", sellable(p, at+"[price]")
		}
		if n == 0 {
			every, currency = p.interval(), p.Currency
		}
		if p.interval() != every || p.Currency != currency {
			return nil, every, "", invalid(at+"[price]", "All prices of a phase must have the same currency and, in this sandbox, the same interval.")
		}
		if slices.ContainsFunc(items, func(i PhaseItem) bool { return i.Price == p.ID }) {
			return nil, every, "", invalid(at+"[price]", "The price %s stands in this phase twice.", p.ID)
		}
		item := PhaseItem{Discounts: []struct{}{}, Price: p.ID, TaxRates: []struct{}{}}
		if item.Quantity, err = quantityOf(p, in.Quantity, at+"[quantity]"); err != nil {
			return nil, every, "", err
		}
		if item.Metadata, err = in.Metadata.apply(nil); err != nil {
			return nil, every, "", err
		}
		items = append(items, item)
	}
	return items, every, currency, nil
}

// changedPhases are the phases that c is to have from now on. Phases that are
// over may be left out; the running one keeps its beginning.
func (t *tx) changedPhases(c *Schedule, sent []phaseParams, at version) ([]Phase, error) {
	if sent[0].StartDate == "" {
		return nil, invalid("phases", "The subscription schedule update is missing at least one phase with a `start_date` to anchor end dates to.")
	}
	begin, err := t.instantParam(sent[0].StartDate, "phases[0][start_date]")
	if err != nil {
		return nil, err
	}
	known := slices.ContainsFunc(c.Phases, func(p Phase) bool { return p.StartDate == begin && begin <= t.unix() })
	if c.Status == scheduleActive && !known {
		return nil, invalid("phases[0][start_date]", "You can not modify the start date of the current phase.")
	}
	if c.Status == scheduleWaits && begin < t.unix() {
		return nil, invalid("phases[0][start_date]", "This sandbox does not simulate schedules that begin in the past.")
	}
	phases, err := t.readPhases(sent, begin, at)
	if err != nil || c.Status == scheduleWaits {
		return phases, err
	}
	for n, p := range phases {
		if !slices.ContainsFunc(c.Phases, func(old Phase) bool { return old.StartDate == p.StartDate }) && p.StartDate < t.unix() {
			return nil, invalid("phases["+strconv.Itoa(n)+"][start_date]", "You can not modify the start date of the current phase.")
		}
	}
	if last := phases[len(phases)-1]; last.EndDate <= t.unix() {
		return nil, invalid("phases["+strconv.Itoa(len(phases)-1)+"][end_date]", "The last phase must end in the future.")
	}
	return phases, nil
}
