package sandbox

import (
	"encoding/json"
	"slices"
	"time"
)

// A meterSummary is what a customer used in one stretch of time.
type meterSummary struct {
	base
	AggregatedValue json.Number `json:"aggregated_value"`
	EndTime         int64       `json:"end_time"`
	Livemode        bool        `json:"livemode"`
	Meter           string      `json:"meter"`
	StartTime       int64       `json:"start_time"`
}

func listSummaries(r *request) (any, error) {
	in, err := read[struct {
		listParams
		Customer string `p:"customer,required"`
		Start    int64  `p:"start_time,required"`
		End      int64  `p:"end_time,required"`
		Grouping string `p:"value_grouping_window,enum=day|hour"`
	}](r)
	if err != nil {
		return nil, err
	}
	m, err := fromPath[Meter](r, "id")
	if err != nil {
		return nil, err
	}
	c, err := get[Customer](r.tx, in.Customer, "customer")
	if err != nil {
		return nil, err
	}
	step := map[string]int64{"": 60, "hour": 3600, "day": 86400}[in.Grouping]
	if err := checkAligned(in.Start, in.End, step); err != nil {
		return nil, err
	}
	if in.Grouping == "" {
		step = in.End - in.Start
	}
	return r.summaries(m, c, in.listParams, in.Start, in.End, step)
}

// checkAligned wants times that lie on boundaries of step seconds.
func checkAligned(start, end, step int64) error {
	unit := map[int64]string{60: "minute", 3600: "hour", 86400: "day"}[step]
	switch {
	case start%step != 0:
		return invalid("start_time", "The start_time must be aligned with %s boundaries in UTC.", unit)
	case end%step != 0:
		return invalid("end_time", "The end_time must be aligned with %s boundaries in UTC.", unit)
	case end <= start:
		return invalid("end_time", "The end_time must be after the start_time.")
	}
	return nil
}

// summaries is the page of stretches of step seconds in which something was used, newest first.
func (r *request) summaries(m *Meter, c *Customer, p listParams, start, end, step int64) (any, error) {
	used, err := r.usedStretches(m, c, start, end, step)
	if err != nil {
		return nil, err
	}
	limit := 10
	if p.Limit != nil {
		limit = int(*p.Limit)
	}
	from := 0
	if p.StartingAfter != "" {
		from = 1 + slices.IndexFunc(used, func(s *meterSummary) bool { return s.ID == p.StartingAfter })
	}
	if p.EndingBefore != "" {
		to := max(slices.IndexFunc(used, func(s *meterSummary) bool { return s.ID == p.EndingBefore }), 0)
		from, used = max(to-limit, 0), used[:to]
	}
	rest := used[from:]
	return pageOf(r, rest[:min(limit, len(rest))], len(rest) > limit), nil
}

func (t *tx) usedStretches(m *Meter, c *Customer, start, end, step int64) ([]*meterSummary, error) {
	starts, err := rows(t, scanInt, `SELECT DISTINCT ? + (at - ?) / ? * ? FROM meter_events
		WHERE account = ? AND meter = ? AND customer = ? AND at >= ? AND at < ? AND canceled = 0 ORDER BY 1 DESC`,
		start, start, step, step, t.account, m.ID, c.ID, start, end)
	if err != nil {
		return nil, err
	}
	var used []*meterSummary
	for _, from := range starts {
		value, err := t.usage(m, c.ID, span{time.Unix(from, 0), time.Unix(from+step, 0)})
		if err != nil {
			return nil, err
		}
		s := &meterSummary{AggregatedValue: json.Number(trimZeros(value.FloatString(15))), EndTime: from + step, Meter: m.ID, StartTime: from}
		s.Object = "billing.meter_event_summary"
		s.ID = summaryID(m.ID, c.ID, from, step)
		used = append(used, s)
	}
	return used, nil
}
