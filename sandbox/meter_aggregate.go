package sandbox

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// usageCounts is the timer that aggregates the events of a meter which fall due at
// one instant. Its name sorts before those of invoices: of one instant, use is
// aggregated first and invoices are finalized then.
const usageCounts = "billing.meter.aggregate"

var meterTimers = map[string]func(*tx, string) error{usageCounts: aggregateUsage}

// aggregation names the timer of a meter ("" for events that have none) at an instant.
func aggregation(meter string, due time.Time) string {
	return fmt.Sprintf("%s@%d", meter, due.Unix())
}

// A late rejection is an event that was accepted and is found wanting.
type rejection struct {
	code, problem, identifier, key string
	received                       int64
}

// aggregateUsage counts what is due of one meter, and reports what it rejects.
func aggregateUsage(t *tx, id string) error {
	meter, _, _ := strings.Cut(id, "@")
	due := []any{t.account, meter, t.now.UnixMilli()}
	const waits = `account = ? AND meter = ? AND state = 'waiting' AND due <= ?`
	wrong, err := rows(t, func(row *sql.Rows, r *rejection) error {
		return row.Scan(&r.code, &r.problem, &r.identifier, &r.key, &r.received)
	}, `SELECT code, problem, identifier, request_key, received FROM meter_events WHERE `+waits+` AND code <> '' ORDER BY seq`, due...)
	if err != nil {
		return err
	}
	if err := t.exec(`UPDATE meter_events SET state = CASE WHEN code = '' THEN 'counted' ELSE 'rejected' END WHERE `+waits, due...); err != nil {
		return err
	}
	if len(wrong) == 0 {
		return nil
	}
	return t.reportRejections(meter, wrong)
}

// Error reports of rejected usage (Stripe, "Handle meter event errors").
const (
	errorReport  = "v1.billing.meter.error_report_triggered"
	noMeterFound = "v1.billing.meter.no_meter_found"
)

// sampled is how many errors of a kind a report shows.
const sampled = 10

// reportWindow is the grid of the stretches that reports are about.
const reportWindow = 10

// reportRejections tells of what was rejected of one meter, "" when there is none
// of that name.
func (t *tx) reportRejections(meter string, wrong []rejection) error {
	first, last := wrong[0].received, wrong[0].received
	for _, r := range wrong {
		first, last = min(first, r.received), max(last, r.received)
	}
	count := len(wrong)
	summary := fmt.Sprintf("There are %d invalid events", count)
	if count == 1 {
		summary = "There is 1 invalid event"
	}
	data := tree{
		"developer_message_summary": summary,
		"reason":                    tree{"error_count": count, "error_types": errorTypes(wrong)},
		"validation_start":          stamp(time.Unix(first-first%reportWindow, 0)),
		"validation_end":            stamp(time.Unix(last-last%reportWindow+reportWindow, 0)),
	}
	if meter == "" {
		return t.notify(noMeterFound, nil, data)
	}
	return t.notify(errorReport, &relatedObject{ID: meter, Type: "billing.meter", URL: "/v1/billing/meters/" + meter}, data)
}

// errorTypes sorts rejections by their code. A sample names the idempotency key of
// its call, as Stripe's do; the event's own identifier where there was none.
func errorTypes(wrong []rejection) []any {
	byCode := map[string][]rejection{}
	for _, r := range wrong {
		byCode[r.code] = append(byCode[r.code], r)
	}
	var codes []string
	for code := range byCode {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(byCode[b]), len(byCode[a])), cmp.Compare(a, b))
	})
	var types []any
	for _, code := range codes {
		all := byCode[code]
		samples := []any{}
		for _, r := range all[:min(len(all), sampled)] {
			samples = append(samples, tree{"error_message": r.problem, "request": tree{"identifier": either(r.key, r.identifier)}})
		}
		types = append(types, tree{"code": code, "error_count": len(all), "sample_errors": samples})
	}
	return types
}

// rejections are the codes with which a fault may have events rejected, and what
// Stripe's reports say with them.
var rejections = map[string]string{
	"archived_meter":                       "The meter for this event is inactive.",
	"meter_event_customer_not_found":       "The customer of this event was not found.",
	"meter_event_dimension_count_too_high": "The meter has too many combinations of dimensions.",
	"meter_event_invalid_value":            "The value of this event is not a number.",
	"meter_event_no_customer_defined":      "Customer mapping key stripe_customer_id not found in payload.",
	"meter_event_value_not_found":          "Value key value not found in payload.",
	"meter_event_value_too_many_digits":    "The value in the event payload can have at most 15 digits.",
	"missing_dimension_payload_keys":       "The payload has not all keys of the meter's dimensions.",
	"no_meter":                             "No active meter was found for this event.",
	"timestamp_in_future":                  "The timestamp is more than 5 minutes in the future.",
	"timestamp_too_far_in_past":            "The timestamp is more than 35 days in the past.",
}
