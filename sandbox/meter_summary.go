package sandbox

import (
	"database/sql"
	"encoding/json"
	"math/big"
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

// A stretch is a time of which something is summed up.
type stretch struct{ start, sum, others int64 }

// summaries is the page of stretches of step seconds in which something was used, newest first.
func (r *request) summaries(m *Meter, c *Customer, p listParams, start, end, step int64) (any, error) {
	found, err := rows(r.tx, func(row *sql.Rows, s *stretch) error { return row.Scan(&s.start, &s.sum, &s.others) },
		`SELECT ? + (at - ?) / ? * ?, COALESCE(SUM(whole), 0), COUNT(*) - COUNT(whole) FROM meter_events WHERE `+within+` GROUP BY 1 ORDER BY 1 DESC`,
		start, start, step, step, r.account, m.ID, c.ID, start, end)
	if err != nil {
		return nil, err
	}
	page, more, err := pageOfStretches(found, p, func(s stretch) string { return summaryID(m.ID, c.ID, s.start, step) })
	if err != nil {
		return nil, err
	}
	used := make([]*meterSummary, len(page))
	for i, one := range page {
		if used[i], err = r.summary(m, c, one, step); err != nil {
			return nil, err
		}
	}
	return pageOf(r, used, more), nil
}

// pageOfStretches cuts the page that p asks for out of all, which nameOf names.
func pageOfStretches(all []stretch, p listParams, nameOf func(stretch) string) (page []stretch, more bool, err error) {
	limit := 10
	if p.Limit != nil {
		limit = int(*p.Limit)
	}
	find := func(id, param string) (int, error) {
		if n := slices.IndexFunc(all, func(s stretch) bool { return nameOf(s) == id }); n >= 0 {
			return n, nil
		}
		return 0, noSuch("billing.meter_event_summary", id, param)
	}
	switch {
	case p.StartingAfter != "" && p.EndingBefore != "":
		return nil, false, invalid("ending_before", "You cannot specify both `starting_after` and `ending_before`.")
	case p.EndingBefore != "":
		to, err := find(p.EndingBefore, "ending_before")
		from := max(to-limit, 0)
		return all[from:to], from > 0, err
	case p.StartingAfter != "":
		n, err := find(p.StartingAfter, "starting_after")
		if err != nil {
			return nil, false, err
		}
		all = all[n+1:]
	}
	return all[:min(limit, len(all))], len(all) > limit, nil
}

// summary is what was used in a stretch of step seconds. SQL has added it up, unless
// there are numbers that it cannot add, or the meter does not add.
func (t *tx) summary(m *Meter, c *Customer, one stretch, step int64) (*meterSummary, error) {
	value := new(big.Rat).SetInt64(one.sum)
	if one.others > 0 || !m.adds() {
		var err error
		if value, err = t.usage(m, c.ID, span{time.Unix(one.start, 0), time.Unix(one.start+step, 0)}); err != nil {
			return nil, err
		}
	}
	s := &meterSummary{AggregatedValue: json.Number(trimZeros(value.FloatString(20))), EndTime: one.start + step, Meter: m.ID, StartTime: one.start}
	s.Object = "billing.meter_event_summary"
	s.ID = summaryID(m.ID, c.ID, one.start, step)
	return s, nil
}
