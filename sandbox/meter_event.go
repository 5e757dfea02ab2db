package sandbox

import (
	"errors"
	"math/big"
	"regexp"
	"strings"
	"time"
)

// A meterEvent is one report of usage, as the API echoes it.
type meterEvent struct {
	Object     string            `json:"object"`
	Created    int64             `json:"created"`
	EventName  string            `json:"event_name"`
	Identifier string            `json:"identifier"`
	Livemode   bool              `json:"livemode"`
	Payload    map[string]string `json:"payload"`
	Timestamp  int64             `json:"timestamp"`
}

// A usageEvent is a meter event as it is kept.
type usageEvent struct {
	meter, name, identifier, customer string
	at, received                      int64 // Unix seconds
	value                             string
	due                               time.Time
	code, problem                     string // why it is to be rejected when it is aggregated
}

type meterEventCreate struct {
	EventName  string            `p:"event_name,required,max=100"`
	Identifier string            `p:"identifier,max=100"`
	Payload    map[string]string `p:"payload,required"`
	Timestamp  *int64            `p:"timestamp"`
}

func createMeterEvent(r *request) (any, error) {
	in, err := read[meterEventCreate](r)
	if err != nil {
		return nil, err
	}
	settings, err := r.settings()
	if err != nil {
		return nil, err
	}
	e := &usageEvent{name: in.EventName, identifier: either(in.Identifier, r.s.random(32)), received: r.unix(), at: r.unix()}
	if in.Timestamp != nil {
		e.at = *in.Timestamp
	}
	if err := r.checkUsage(e, in); err != nil {
		wrong, ok := errors.AsType[*apiError](err)
		if !ok || settings.UsageChecks == checksAtOnce {
			return nil, err
		}
		e.code, e.problem = wrong.Code, wrong.Message
	}
	if err := r.rememberIdentifier(e.identifier); err != nil {
		return nil, err
	}
	return &meterEvent{Object: "billing.meter_event", Created: e.received, EventName: e.name,
		Identifier: e.identifier, Payload: in.Payload, Timestamp: e.at}, r.takeIn(e, settings)
}

// checkUsage fills e with what the payload says, and says what is wrong with it.
func (r *request) checkUsage(e *usageEvent, in meterEventCreate) error {
	m, err := r.meterNamed(in.EventName)
	if err != nil {
		return err
	}
	if m == nil {
		return takesEvents(m, in.EventName)
	}
	e.meter = m.ID
	e.customer, e.value = in.Payload[m.CustomerMapping.EventPayloadKey], in.Payload[m.ValueSettings.EventPayloadKey]
	if err := takesEvents(m, in.EventName); err != nil {
		return err
	}
	customer, err := r.usageCustomer(m, in.Payload)
	if err != nil {
		return err
	}
	if e.value, err = usageValue(m, in.Payload, r.version); err != nil {
		return err
	}
	t, err := r.onClock(customer.clock())
	if err != nil {
		return err
	}
	if in.Timestamp == nil {
		e.at = t.unix()
	}
	return checkTimestamp(e.at, t.now)
}

func takesEvents(m *Meter, name string) error {
	switch {
	case m == nil:
		return invalidCode("no_meter", "event_name", "No active meter found for event name: %s.", name)
	case m.Status != "active":
		return invalidCode("archived_meter", "event_name", "The meter `%s` for event name %s is inactive.", m.ID, name)
	}
	return nil
}

// usageCustomer is the customer that an event is about.
func (t *tx) usageCustomer(m *Meter, payload map[string]string) (*Customer, error) {
	key := m.CustomerMapping.EventPayloadKey
	id := payload[key]
	if id == "" {
		return nil, invalidCode("meter_event_no_customer_defined", "payload["+key+"]", "Customer mapping key %s not found in payload.", key)
	}
	c, err := find[Customer](t, id)
	if err == nil && c == nil {
		err = invalidCode("meter_event_customer_not_found", "payload["+key+"]", "No such customer: '%s'", id)
	}
	return c, err
}

// usageSyntax is a value: a whole number or a decimal, of either sign.
var usageSyntax = regexp.MustCompile(`^[-+]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})$`)

// usageValue is how much an event reports. Meters that count need no value.
func usageValue(m *Meter, payload map[string]string, at version) (string, error) {
	if m.DefaultAggregation.Formula == "count" {
		return "1", nil
	}
	key := m.ValueSettings.EventPayloadKey
	value, ok := payload[key]
	switch value = strings.TrimSpace(value); {
	case !ok:
		return "", invalidCode("meter_event_value_not_found", "payload["+key+"]", "Value key %s not found in payload.", key)
	case !usageSyntax.MatchString(value):
		return value, invalidCode("meter_event_invalid_value", "payload["+key+"]", "Invalid value: %s is not a number.", shorten(value))
	case significant(value) > maxValueDigits && !at.before(digitsCounted):
		return value, invalidCode("meter_event_value_too_many_digits", "payload["+key+"]", "The value in the event payload can have at most %d digits. Received %s.", maxValueDigits, value)
	}
	return value, nil
}

// significant is how many digits of a number carry it.
func significant(value string) int {
	value = strings.TrimLeft(value, "+-")
	whole, part, cut := strings.Cut(value, ".")
	part = strings.TrimRight(part, "0")
	if cut && part != "" {
		return len(strings.TrimLeft(whole+part, "0"))
	}
	return len(strings.Trim(whole, "0"))
}

func checkTimestamp(at int64, now time.Time) error {
	switch when := time.Unix(at, 0); {
	case when.After(now.Add(meterEventAhead)):
		return invalidCode("timestamp_in_future", "timestamp", "The timestamp must be no more than 5 minutes in the future.")
	case when.Before(now.Add(-meterEventAge)):
		return invalidCode("timestamp_too_far_in_past", "timestamp", "The timestamp must be within the past 35 days.")
	}
	return nil
}

// rememberIdentifier refuses an identifier that was used within a day, for
// whichever meter. Stripe's refusal carries no code: it is known by its words.
func (t *tx) rememberIdentifier(identifier string) error {
	var one int
	used, err := t.scan(`SELECT 1 FROM meter_events WHERE account = ? AND identifier = ? AND received > ? LIMIT 1`,
		[]any{t.account, identifier, t.now.Add(-identifierLife).Unix()}, &one)
	if err == nil && used {
		err = invalid("identifier", "An event already exists with identifier %s.", identifier)
	}
	return err
}

// takeIn keeps an event that was accepted. It is counted at once, or waits to be.
func (r *request) takeIn(e *usageEvent, settings AccountSettings) error {
	fault, struck := r.s.mismeter(r.account, e.name)
	delay := settings.usageDelay()
	if struck && fault.How == howLate {
		delay = fault.by(staleness)
	}
	if struck && fault.How == howReject {
		if e.code, e.problem = fault.Code, rejections[fault.Code]; e.code == "no_meter" {
			e.meter = ""
		}
	}
	e.due = r.now.Add(delay)
	waits := delay > 0 || e.code != ""
	if waits { // those of one second are aggregated together
		e.due = e.due.Add(time.Second - 1).Truncate(time.Second)
		if err := r.schedule(usageCounts, aggregation(e.meter, e.due), "", e.due); err != nil {
			return err
		}
	}
	copies := 1
	if struck && fault.How == howDuplicate {
		copies = 2
	}
	for range copies {
		if err := r.keepUsage(e, waits); err != nil {
			return err
		}
	}
	return nil
}

func (r *request) keepUsage(e *usageEvent, waits bool) error {
	var key string
	if k := r.cause.IdempotencyKey; k != nil {
		key = *k
	}
	return r.exec(`INSERT INTO meter_events (account, meter, event_name, identifier, customer, at, value, whole, received, state, due, code, problem, request_key)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, r.account, e.meter, e.name, e.identifier, e.customer, e.at, e.value, wholeOf(e.value),
		e.received, map[bool]string{true: usageWaiting, false: usageCounted}[waits], e.due.UnixMilli(), e.code, e.problem, key)
}

// summable is how large a number may be for SQL to add up: nine million of them fit.
const summable = 1_000_000_000_000

// wholeOf is a value that SQL can add up, nil for one that Go must.
func wholeOf(value string) *int64 {
	x, ok := new(big.Rat).SetString(value)
	if !ok || !x.IsInt() || !x.Num().IsInt64() {
		return nil
	}
	n := x.Num().Int64()
	if n > summable || n < -summable {
		return nil
	}
	return &n
}

func createMeterAdjustment(r *request) (any, error) {
	in, err := read[struct {
		Cancel struct {
			Identifier string `p:"identifier,required,max=100"`
		} `p:"cancel,required"`
		EventName string `p:"event_name,required,max=100"`
		Type      string `p:"type,required,enum=cancel"`
	}](r)
	if err != nil {
		return nil, err
	}
	m, err := r.meterNamed(in.EventName)
	if err != nil {
		return nil, err
	}
	if err := takesEvents(m, in.EventName); err != nil {
		return nil, err
	}
	var received int64
	found, err := r.scan(`SELECT received FROM meter_events WHERE account = ? AND identifier = ? AND meter = ? ORDER BY received DESC LIMIT 1`,
		[]any{r.account, in.Cancel.Identifier, m.ID}, &received)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, noSuch("meter event", in.Cancel.Identifier, "cancel[identifier]")
	case r.now.Sub(time.Unix(received, 0)) > identifierLife:
		return nil, invalid("cancel[identifier]", "Meter events can only be canceled within 24 hours of Stripe receiving them.")
	}
	// One that was counted twice by a fault is taken back twice.
	if err := r.exec(`UPDATE meter_events SET state = 'canceled' WHERE account = ? AND identifier = ? AND received = ? AND meter = ? AND state <> 'rejected'`,
		r.account, in.Cancel.Identifier, received, m.ID); err != nil {
		return nil, err
	}
	return tree{"object": "billing.meter_event_adjustment", "cancel": tree{"identifier": in.Cancel.Identifier},
		"event_name": in.EventName, "livemode": false, "status": "complete", "type": in.Type}, nil
}
