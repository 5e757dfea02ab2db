package sandbox

import (
	"database/sql"
	"math/big"
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

func createMeterEvent(r *request) (any, error) {
	in, err := read[struct {
		EventName  string            `p:"event_name,required,max=100"`
		Identifier string            `p:"identifier,max=100"`
		Payload    map[string]string `p:"payload,required"`
		Timestamp  *int64            `p:"timestamp"`
	}](r)
	if err != nil {
		return nil, err
	}
	m, err := first[Meter](r.tx, eq("event_name", in.EventName))
	if err != nil {
		return nil, err
	}
	if err := takesEvents(m, in.EventName); err != nil {
		return nil, err
	}
	customer, value, err := r.readPayload(m, in.Payload)
	if err != nil {
		return nil, err
	}
	t, err := r.onClock(customer.clock())
	if err != nil {
		return nil, err
	}
	at := t.unix()
	if in.Timestamp != nil {
		at = *in.Timestamp
	}
	if err := checkTimestamp(at, t.now); err != nil {
		return nil, err
	}
	identifier := either(in.Identifier, r.s.random(32))
	if err := r.rememberIdentifier(m, identifier); err != nil {
		return nil, err
	}
	err = r.exec(`INSERT INTO meter_events (account, meter, identifier, customer, at, value, received) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		r.account, m.ID, identifier, customer.ID, at, value, r.unix())
	return &meterEvent{Object: "billing.meter_event", Created: r.unix(), EventName: in.EventName,
		Identifier: identifier, Payload: in.Payload, Timestamp: at}, err
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

// readPayload finds the customer and the value that an event is about.
func (t *tx) readPayload(m *Meter, payload map[string]string) (*Customer, string, error) {
	key := m.CustomerMapping.EventPayloadKey
	id, ok := payload[key]
	if !ok || id == "" {
		return nil, "", invalidCode("meter_event_no_customer_defined", "payload["+key+"]", "Missing customer: the payload needs the key %s.", key)
	}
	c, err := find[Customer](t, id)
	if err != nil {
		return nil, "", err
	}
	if c == nil {
		return nil, "", invalidCode("meter_event_customer_not_found", "payload["+key+"]", "No such customer: '%s'", id)
	}
	if m.DefaultAggregation.Formula == "count" {
		return c, "1", nil
	}
	key = m.ValueSettings.EventPayloadKey
	value, ok := payload[key]
	if !ok {
		return nil, "", invalidCode("meter_event_value_not_found", "payload["+key+"]", "Missing value: the payload needs the key %s.", key)
	}
	if !decimalSyntax.MatchString(value) {
		return nil, "", invalidCode("meter_event_invalid_value", "payload["+key+"]", "Invalid value: %s is not a number.", shorten(value))
	}
	return c, value, nil
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

// rememberIdentifier refuses an identifier that was used within a day.
func (t *tx) rememberIdentifier(m *Meter, identifier string) error {
	var one int
	used, err := t.scan(`SELECT 1 FROM meter_events WHERE account = ? AND meter = ? AND identifier = ? AND received > ? LIMIT 1`,
		[]any{t.account, m.ID, identifier, t.now.Add(-identifierLife).Unix()}, &one)
	if err == nil && used {
		err = invalidCode("duplicate_meter_event", "identifier", "An event already exists with identifier %s.", identifier)
	}
	return err
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
	m, err := first[Meter](r.tx, eq("event_name", in.EventName))
	if err != nil {
		return nil, err
	}
	if err := takesEvents(m, in.EventName); err != nil {
		return nil, err
	}
	var seq, received int64
	found, err := r.scan(`SELECT seq, received FROM meter_events WHERE account = ? AND meter = ? AND identifier = ? ORDER BY seq DESC LIMIT 1`,
		[]any{r.account, m.ID, in.Cancel.Identifier}, &seq, &received)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, noSuch("meter event", in.Cancel.Identifier, "cancel[identifier]")
	case r.now.Sub(time.Unix(received, 0)) > identifierLife:
		return nil, invalid("cancel[identifier]", "Meter events can only be canceled within 24 hours of Stripe receiving them.")
	}
	if err := r.exec(`UPDATE meter_events SET canceled = 1 WHERE seq = ?`, seq); err != nil {
		return nil, err
	}
	return tree{"object": "billing.meter_event_adjustment", "cancel": tree{"identifier": in.Cancel.Identifier},
		"event_name": in.EventName, "livemode": false, "status": "complete", "type": in.Type}, nil
}

// A reading is one meter event as aggregation sees it.
type reading struct {
	at    int64
	value string
}

// usage is what the meter counted for a customer in s: events whose timestamp
// lies in it, put together by the meter's formula.
func (t *tx) usage(m *Meter, customer string, s span) (*big.Rat, error) {
	readings, err := rows(t, func(row *sql.Rows, one *reading) error { return row.Scan(&one.at, &one.value) },
		`SELECT at, value FROM meter_events WHERE account = ? AND meter = ? AND customer = ? AND at >= ? AND at < ? AND canceled = 0 ORDER BY at, seq`,
		t.account, m.ID, customer, ceilSecond(s.start), ceilSecond(s.end))
	if err != nil {
		return nil, err
	}
	return aggregate(m.DefaultAggregation.Formula, m.window(readings)), nil
}

// window keeps the last reading of each hour or day for meters that say so.
func (m *Meter) window(readings []reading) []reading {
	if m.EventTimeWindow == nil {
		return readings
	}
	length := int64(3600)
	if *m.EventTimeWindow == "day" {
		length *= 24
	}
	var last []reading
	for _, r := range readings {
		if n := len(last); n > 0 && last[n-1].at/length == r.at/length {
			last[n-1] = r
			continue
		}
		last = append(last, r)
	}
	return last
}

func aggregate(formula string, readings []reading) *big.Rat {
	total := new(big.Rat)
	for _, r := range readings {
		value, _ := new(big.Rat).SetString(strings.TrimSpace(r.value)) // checked when it came
		if formula == "last" {
			total = value
			continue
		}
		total.Add(total, value)
	}
	return total
}

// quantity is usage as an invoice counts it: whole units, never less than none.
func (t *tx) quantity(m *Meter, customer string, s span) (int64, error) {
	used, err := t.usage(m, customer, s)
	if err != nil || used.Sign() <= 0 {
		return 0, err
	}
	half := new(big.Rat).Add(used, big.NewRat(1, 2))
	return new(big.Int).Quo(half.Num(), half.Denom()).Int64(), nil
}
