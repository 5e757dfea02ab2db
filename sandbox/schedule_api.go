package sandbox

import "reflect"

var scheduleRoutes = []route{
	{"POST", "/v1/subscription_schedules", createSchedule},
	{"GET", "/v1/subscription_schedules", listSchedules},
	{"GET", "/v1/subscription_schedules/{schedule}", show[Schedule]("schedule")},
	{"POST", "/v1/subscription_schedules/{schedule}", updateSchedule},
	{"POST", "/v1/subscription_schedules/{schedule}/release", releaseSchedule},
	{"POST", "/v1/subscription_schedules/{schedule}/cancel", cancelSchedule},
}

type scheduleDefaultParams struct {
	FeePercent    *feePercent `p:"application_fee_percent"`
	Anchor        string      `p:"billing_cycle_anchor,enum=automatic"`
	Collection    string      `p:"collection_method,enum=charge_automatically"`
	DefaultMethod *string     `p:"default_payment_method"`
	Description   *string     `p:"description,max=500"`
	Others        unsimulated `p:"automatic_tax billing_thresholds invoice_settings on_behalf_of transfer_data"`
}

// scheduleParams are what a schedule is made and changed with.
type scheduleParams struct {
	Phases      []phaseParams          `p:"phases"`
	EndBehavior string                 `p:"end_behavior,enum=cancel|release"`
	Defaults    *scheduleDefaultParams `p:"default_settings"`
	Metadata    metadataParam          `p:"metadata"`
}

// scheduleCreate is what a schedule is made with: an existing subscription, or
// phases for one that is to begin.
type scheduleCreate struct {
	scheduleParams
	From        string      `p:"from_subscription"`
	Customer    string      `p:"customer"`
	StartDate   string      `p:"start_date"`
	BillingMode *modeParams `p:"billing_mode"`
	Others      unsimulated `p:"customer_account"`
}

func createSchedule(r *request) (any, error) {
	in, err := read[scheduleCreate](r)
	if err != nil {
		return nil, err
	}
	switch {
	case in.From != "":
		return r.scheduleFrom(in)
	case in.Customer == "":
		return nil, missingParam("customer")
	case len(in.Phases) == 0:
		return nil, missingParam("phases")
	case in.StartDate == "":
		return nil, missingParam("start_date")
	}
	return r.scheduleNew(in)
}

// scheduleFrom puts a running subscription under a schedule whose one phase is
// the period that it is in.
func (r *request) scheduleFrom(in scheduleCreate) (*Schedule, error) {
	for _, other := range []struct {
		name string
		sent bool
	}{
		{"phases", in.Phases != nil}, {"customer", in.Customer != ""}, {"start_date", in.StartDate != ""}, {"end_behavior", in.EndBehavior != ""},
		{"default_settings", in.Defaults != nil}, {"metadata", !reflect.DeepEqual(in.Metadata, metadataParam{})},
	} {
		if other.sent {
			return nil, invalid(other.name, "You cannot set `%s` if `from_subscription` is set.", other.name)
		}
	}
	s, err := get[Subscription](r.tx, in.From, "from_subscription")
	if err != nil {
		return nil, err
	}
	t, err := r.onClock(s.clock())
	if err != nil {
		return nil, err
	}
	switch {
	case s.Schedule != nil:
		return nil, invalid("from_subscription", "You cannot migrate a subscription that is already attached to a schedule: `%s`.", *s.Schedule)
	case s.ended() || s.Status == subIncomplete:
		return nil, invalid("from_subscription", "You cannot migrate a subscription that is currently in the `%s` status.", s.Status)
	case s.PendingUpdate != nil:
		return nil, invalid("from_subscription", "You cannot migrate a subscription that has a pending update.")
	}
	return t.adopt(s)
}

// adopt makes the schedule of s and ties the two together.
func (t *tx) adopt(s *Subscription) (*Schedule, error) {
	p := s.period()
	c := t.newSchedule(s.Customer, s.BillingMode)
	c.Status, c.EndBehavior, c.Subscription, c.TestClock = scheduleActive, "release", &s.ID, s.TestClock
	c.DefaultSettings.FeePercent, c.DefaultSettings.DefaultPaymentMethod = s.ApplicationFeePercent, s.DefaultPaymentMethod
	c.DefaultSettings.Description = s.Description
	phase := newPhase(s.Currency)
	phase.Items, phase.StartDate, phase.EndDate, phase.Metadata = phaseItems(s), p.start.Unix(), p.end.Unix(), s.Metadata
	if s.Status == subTrialing {
		phase.TrialEnd = s.TrialEnd
	}
	if s.CancelAt != nil { // the schedule takes the cancellation over
		phase.EndDate, c.EndBehavior = *s.CancelAt, "cancel"
	}
	c.Phases, c.CurrentPhase = []Phase{phase}, &phaseSpan{phase.EndDate, phase.StartDate}
	if err := t.insert(c); err != nil {
		return nil, err
	}
	if err := t.planPhase(c); err != nil {
		return nil, err
	}
	s.Schedule = &c.ID
	if err := t.change(s); err != nil {
		return nil, err
	}
	return c, t.emit("subscription_schedule.created", c)
}

func (t *tx) newSchedule(customer string, mode billingMode) *Schedule {
	return &Schedule{BillingMode: mode, Created: t.unix(), Customer: customer, EndBehavior: "release", Metadata: map[string]string{}, Status: scheduleWaits,
		DefaultSettings: scheduleDefaults{BillingCycleAnchor: "automatic", CollectionMethod: "charge_automatically", InvoiceSettings: scheduleInvoice{Issuer: reference{"self"}}}}
}

// scheduleNew makes a schedule whose subscription begins now or later.
func (r *request) scheduleNew(in scheduleCreate) (*Schedule, error) {
	customer, err := get[Customer](r.tx, in.Customer, "customer")
	if err != nil {
		return nil, err
	}
	t, err := r.onClock(customer.clock())
	if err != nil {
		return nil, err
	}
	begin, err := t.instantParam(in.StartDate, "start_date")
	if err != nil {
		return nil, err
	}
	if begin < t.unix() {
		return nil, invalid("start_date", "This sandbox does not simulate schedules that begin in the past.")
	}
	c := t.newSchedule(customer.ID, modeOf(in.BillingMode, r.version))
	c.TestClock = customer.TestClock
	if c.Phases, err = t.readPhases(in.Phases, begin, r.version); err != nil {
		return nil, err
	}
	if err := t.applySchedule(c, in.scheduleParams); err != nil {
		return nil, err
	}
	if err := t.insert(c); err != nil {
		return nil, err
	}
	if err := t.planPhase(c); err != nil {
		return nil, err
	}
	if err := t.emit("subscription_schedule.created", c); err != nil || begin > t.unix() {
		return c, err
	}
	return c, t.beginSchedule(c)
}

// applySchedule changes what has nothing to do with phases.
func (t *tx) applySchedule(c *Schedule, in scheduleParams) (err error) {
	c.EndBehavior = either(in.EndBehavior, c.EndBehavior)
	if d := in.Defaults; d != nil {
		if d.FeePercent != nil {
			c.DefaultSettings.FeePercent = d.FeePercent.number()
		}
		set(&c.DefaultSettings.DefaultPaymentMethod, d.DefaultMethod)
		set(&c.DefaultSettings.Description, d.Description)
	}
	c.Metadata, err = in.Metadata.apply(c.Metadata)
	return err
}

func listSchedules(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		Customer  string      `p:"customer"`
		Scheduled *bool       `p:"scheduled"`
		Canceled  *timeRange  `p:"canceled_at"`
		Completed *timeRange  `p:"completed_at"`
		Released  *timeRange  `p:"released_at"`
		Others    unsimulated `p:"customer_account"`
	}](r)
	if err != nil {
		return nil, err
	}
	filters := append(where(map[string]string{"customer": in.Customer}), in.Created.within("created")...)
	filters = append(filters, in.Canceled.within("canceled_at")...)
	filters = append(filters, in.Completed.within("completed_at")...)
	filters = append(filters, in.Released.within("released_at")...)
	if in.Scheduled != nil && *in.Scheduled {
		filters = append(filters, eq("status", scheduleWaits))
	}
	return list[Schedule](r, in.listParams, filters...)
}

// liveSchedule is the schedule of the URL, its subscription (nil before it has
// begun), and r at the time they go by. What is over cannot be changed.
func (r *request) liveSchedule(verb string) (c *Schedule, s *Subscription, t *tx, err error) {
	if c, err = fromPath[Schedule](r, "schedule"); err != nil {
		return nil, nil, nil, err
	}
	if c.over() {
		return nil, nil, nil, invalid("", "You cannot %s a subscription schedule that is currently in the `%s` status. It must be in one of the following statuses: `not_started`, `active`.", verb, c.Status)
	}
	return r.scheduleAndClock(c.ID)
}

// scheduleAndClock is a schedule, its subscription, and t at the time they go by.
func (t *tx) scheduleAndClock(id string) (c *Schedule, s *Subscription, on *tx, err error) {
	if c, err = get[Schedule](t, id, "schedule"); err != nil {
		return nil, nil, nil, err
	}
	if c.Subscription != nil {
		if s, err = find[Subscription](t, *c.Subscription); err != nil {
			return nil, nil, nil, err
		}
	}
	on, err = t.onClock(c.clock())
	return c, s, on, err
}

func updateSchedule(r *request) (any, error) {
	in, err := read[struct {
		scheduleParams
		Proration string `p:"proration_behavior,enum=always_invoice|create_prorations|none"`
	}](r)
	if err != nil {
		return nil, err
	}
	c, s, t, err := r.liveSchedule("update")
	if err != nil {
		return nil, err
	}
	if len(in.Phases) > 0 {
		if c.Phases, err = t.changedPhases(c, in.Phases, r.version); err != nil {
			return nil, err
		}
	}
	if err := t.applySchedule(c, in.scheduleParams); err != nil {
		return nil, err
	}
	if s != nil {
		if err := t.steer(c, s, either(in.Proration, "create_prorations")); err != nil {
			return nil, err
		}
	}
	if err := t.save(c); err != nil {
		return nil, err
	}
	if err := t.planPhase(c); err != nil {
		return nil, err
	}
	return c, t.emit("subscription_schedule.updated", c)
}

func releaseSchedule(r *request) (any, error) {
	in, err := read[struct {
		Preserve bool `p:"preserve_cancel_date"`
	}](r)
	if err != nil {
		return nil, err
	}
	c, s, t, err := r.liveSchedule("release")
	if err != nil {
		return nil, err
	}
	return c, t.release(c, s, in.Preserve)
}

func cancelSchedule(r *request) (any, error) {
	in, err := read[struct {
		InvoiceNow *bool `p:"invoice_now"`
		Prorate    *bool `p:"prorate"`
	}](r)
	if err != nil {
		return nil, err
	}
	c, s, t, err := r.liveSchedule("cancel")
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c, t.endSchedule(c, scheduleCanceled, "subscription_schedule.canceled")
	}
	if err := t.cancelNow(s, in.InvoiceNow == nil || *in.InvoiceNow, in.Prorate == nil || *in.Prorate); err != nil {
		return nil, err
	}
	return get[Schedule](r.tx, c.ID, "schedule")
}
