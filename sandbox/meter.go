package sandbox

import "time"

// A Meter counts what customers use.
type Meter struct {
	base
	Created         int64 `json:"created"`
	CustomerMapping struct {
		EventPayloadKey string `json:"event_payload_key"`
		Type            string `json:"type"`
	} `json:"customer_mapping"`
	DefaultAggregation struct {
		Formula string `json:"formula"`
	} `json:"default_aggregation"`
	DisplayName       string  `json:"display_name"`
	EventName         string  `json:"event_name"`
	EventTimeWindow   *string `json:"event_time_window"`
	Livemode          bool    `json:"livemode"`
	Status            string  `json:"status"`
	StatusTransitions struct {
		DeactivatedAt *int64 `json:"deactivated_at"`
	} `json:"status_transitions"`
	Updated       int64 `json:"updated"`
	ValueSettings struct {
		EventPayloadKey string `json:"event_payload_key"`
	} `json:"value_settings"`
}

func (*Meter) kind() string { return "billing.meter" }

var meterKinds = map[string]kind{
	"billing.meter":               {prefix: "mtr_test_61", random: 32},
	"billing.meter_event_summary": {prefix: "mtrusg_test_61", random: 32},
}

var meterRoutes = []route{
	{"POST", "/v1/billing/meters", createMeter},
	{"GET", "/v1/billing/meters", listMeters},
	{"GET", "/v1/billing/meters/{id}", show[Meter]("id")},
	{"POST", "/v1/billing/meters/{id}", updateMeter},
	{"POST", "/v1/billing/meters/{id}/deactivate", deactivateMeter},
	{"POST", "/v1/billing/meters/{id}/reactivate", reactivateMeter},
	{"GET", "/v1/billing/meters/{id}/event_summaries", listSummaries},
	{"POST", "/v1/billing/meter_events", createMeterEvent},
	{"POST", "/v1/billing/meter_event_adjustments", createMeterAdjustment},
}

type meterCreate struct {
	CustomerMapping *struct {
		EventPayloadKey string `p:"event_payload_key,required,max=100"`
		Type            string `p:"type,required,enum=by_id"`
	} `p:"customer_mapping"`
	DefaultAggregation struct {
		Formula string `p:"formula,required,enum=count|last|sum"`
	} `p:"default_aggregation,required"`
	DisplayName     string `p:"display_name,required,max=250"`
	EventName       string `p:"event_name,required,max=100"`
	EventTimeWindow string `p:"event_time_window,enum=day|hour"`
	ValueSettings   *struct {
		EventPayloadKey string `p:"event_payload_key,required,max=100"`
	} `p:"value_settings"`
}

func createMeter(r *request) (any, error) {
	in, err := read[meterCreate](r)
	if err != nil {
		return nil, err
	}
	taken, err := r.meterNamed(in.EventName)
	if err != nil {
		return nil, err
	}
	if taken != nil {
		return nil, invalidCode("resource_already_exists", "event_name", "A meter with the event name %s already exists: %s.", in.EventName, taken.ID)
	}
	m := &Meter{Created: r.unix(), DisplayName: in.DisplayName, EventName: in.EventName, Status: "active", Updated: r.unix()}
	m.CustomerMapping.Type, m.CustomerMapping.EventPayloadKey = "by_id", "stripe_customer_id"
	if in.CustomerMapping != nil {
		m.CustomerMapping.EventPayloadKey = in.CustomerMapping.EventPayloadKey
	}
	m.ValueSettings.EventPayloadKey = "value"
	if in.ValueSettings != nil {
		m.ValueSettings.EventPayloadKey = in.ValueSettings.EventPayloadKey
	}
	m.DefaultAggregation.Formula = in.DefaultAggregation.Formula
	if in.EventTimeWindow != "" {
		m.EventTimeWindow = &in.EventTimeWindow
	}
	if err := r.insert(m); err != nil {
		return nil, err
	}
	return m, r.emit("billing.meter.created", m)
}

func listMeters(r *request) (any, error) {
	in, err := read[struct {
		listParams
		Status string `p:"status,enum=active|inactive"`
	}](r)
	if err != nil {
		return nil, err
	}
	return list[Meter](r, in.listParams, where(map[string]string{"status": in.Status})...)
}

func updateMeter(r *request) (any, error) {
	in, err := read[struct {
		DisplayName *string `p:"display_name,max=250"`
	}](r)
	if err != nil {
		return nil, err
	}
	m, err := fromPath[Meter](r, "id")
	if err != nil {
		return nil, err
	}
	if in.DisplayName != nil {
		if m.DisplayName = *in.DisplayName; m.DisplayName == "" {
			return nil, emptyParam("display_name")
		}
	}
	return m, r.changeMeter(m, "billing.meter.updated")
}

func (t *tx) changeMeter(m *Meter, eventType string) error {
	m.Updated = t.unix()
	if err := t.save(m); err != nil {
		return err
	}
	return t.emit(eventType, m)
}

func deactivateMeter(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	m, err := fromPath[Meter](r, "id")
	if err != nil {
		return nil, err
	}
	if m.Status == "inactive" {
		return nil, invalid("id", "The meter `%s` is already inactive.", m.ID)
	}
	at := r.unix()
	m.Status, m.StatusTransitions.DeactivatedAt = "inactive", &at
	return m, r.changeMeter(m, "billing.meter.deactivated")
}

func reactivateMeter(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	m, err := fromPath[Meter](r, "id")
	if err != nil {
		return nil, err
	}
	if m.Status == "active" {
		return nil, invalid("id", "The meter `%s` is already active.", m.ID)
	}
	m.Status, m.StatusTransitions.DeactivatedAt = "active", nil
	return m, r.changeMeter(m, "billing.meter.reactivated")
}

// meterNamed is the meter that takes the events of that name, nil for none. The
// words are those of the index objects_event_name.
func (t *tx) meterNamed(name string) (*Meter, error) {
	return first[Meter](t, filter{"type = 'billing.meter' AND json_extract(doc, '$.event_name') = ?", []any{name}})
}

// How old and how early the timestamp of a meter event may be, and how long an
// identifier is remembered.
const (
	meterEventAge   = 35 * 24 * time.Hour
	meterEventAhead = 5 * time.Minute
	identifierLife  = 24 * time.Hour
)

// maxValueDigits is how many significant digits a value may have, from the
// version on that says so.
const (
	maxValueDigits         = 15
	digitsCounted  version = "2026-04-22.dahlia"
)
