package sandbox

import (
	"database/sql"
	"fmt"
	"math/big"
	"strings"
)

// The states of a meter event.
const (
	usageWaiting = "waiting" // accepted, and not aggregated yet
	usageCounted = "counted"
	// rejected and canceled are the others; they are only written in SQL.
)

// A reading is one meter event as aggregation sees it.
type reading struct {
	at    int64
	value string
}

// usage is what the meter counted for a customer in s: events whose timestamp
// lies in it and which are aggregated by now, put together by the meter's formula.
func (t *tx) usage(m *Meter, customer string, s span) (*big.Rat, error) {
	stretch := []any{t.account, m.ID, customer, ceilSecond(s.start), ceilSecond(s.end)}
	switch {
	case m.adds():
		return t.total(stretch)
	case m.EventTimeWindow != nil:
		readings, err := t.readings(stretch, "ORDER BY at, seq")
		return aggregate(m.DefaultAggregation.Formula, m.window(readings)), err
	default:
		readings, err := t.readings(stretch, "ORDER BY at DESC, seq DESC LIMIT 1")
		return aggregate("last", readings), err
	}
}

// adds reports whether what m counts is the sum of all values.
func (m *Meter) adds() bool {
	return m.EventTimeWindow == nil && m.DefaultAggregation.Formula != "last"
}

// within is the condition for the readings of a stretch. Its columns are those of
// the index meter_events_counted.
const within = `account = ? AND meter = ? AND customer = ? AND state = 'counted' AND at >= ? AND at < ?`

func (t *tx) readings(stretch []any, tail string) ([]reading, error) {
	return rows(t, func(row *sql.Rows, one *reading) error { return row.Scan(&one.at, &one.value) },
		`SELECT at, value FROM meter_events WHERE `+within+` `+tail, stretch...)
}

// total adds up whole numbers where they are, and only fetches the others.
func (t *tx) total(stretch []any) (*big.Rat, error) {
	var sum, others int64
	if _, err := t.scan(`SELECT COALESCE(SUM(whole), 0), COUNT(*) - COUNT(whole) FROM meter_events WHERE `+within, stretch, &sum, &others); err != nil {
		return nil, err
	}
	total := new(big.Rat).SetInt64(sum)
	if others == 0 {
		return total, nil
	}
	readings, err := t.readings(stretch, "AND whole IS NULL ORDER BY at, seq")
	return total.Add(total, aggregate("sum", readings)), err
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
		value, ok := new(big.Rat).SetString(strings.TrimSpace(r.value))
		if !ok {
			continue // checked when it came
		}
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
	whole := new(big.Int).Quo(half.Num(), half.Denom())
	if !whole.IsInt64() {
		return 0, fmt.Errorf("sandbox: the use of %s is too large for an invoice: %s", m.ID, whole)
	}
	return whole.Int64(), nil
}
