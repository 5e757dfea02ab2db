package sandbox

import (
	"database/sql"
	"strconv"
	"time"

	"tollgate/sandbox/views"
)

// meterTables are what the page of a meter shows of its use.
func (t *tx) meterTables(id string) ([]views.Table, error) {
	m, err := find[Meter](t, id)
	if err != nil || m == nil {
		return nil, err
	}
	use, err := t.useTable(m)
	if err != nil {
		return nil, err
	}
	events, err := t.usageTable(m.ID)
	return []views.Table{use, events}, err
}

// A useLine is what one customer used of a meter.
type useLine struct {
	customer                             string
	counted, waiting, rejected, canceled int64
	last                                 int64
}

// useTable is the use per customer, who reported last on top.
func (t *tx) useTable(m *Meter) (views.Table, error) {
	table := views.Table{Caption: "Use per customer, of all time", Heads: []string{"Customer", "Use", "Events counted", "Waiting", "Rejected", "Canceled", "Last event"},
		Empty: "Nothing was used. POST /v1/billing/meter_events reports it."}
	lines, err := rows(t, func(row *sql.Rows, l *useLine) error {
		return row.Scan(&l.customer, &l.counted, &l.waiting, &l.rejected, &l.canceled, &l.last)
	}, `SELECT customer, SUM(state = 'counted'), SUM(state = 'waiting'), SUM(state = 'rejected'), SUM(state = 'canceled'), MAX(at)
		FROM meter_events WHERE account = ? AND meter = ? GROUP BY customer ORDER BY MAX(seq) DESC LIMIT ?`, t.account, m.ID, shownObjects)
	if err != nil {
		return table, err
	}
	always := span{time.Unix(0, 0), time.Unix(1<<40, 0)}
	for _, l := range lines {
		used, err := t.usage(m, l.customer, always)
		if err != nil {
			return table, err
		}
		table.Rows = append(table.Rows, []views.Cell{t.customerCell(l.customer), {Text: trimZeros(used.FloatString(15)), Number: true}, count(l.counted), count(l.waiting),
			count(l.rejected), count(l.canceled), {Text: when(l.last)}})
	}
	return table, nil
}

func count(n int64) views.Cell { return views.Cell{Text: strconv.FormatInt(n, 10), Number: true} }

func (t *tx) customerCell(id string) views.Cell {
	if id == "" {
		return views.Cell{Text: "None named"}
	}
	return views.Cell{Text: id, Href: "/dashboard/" + t.account + "/customer/" + id}
}

// A usageLine is a meter event as its page shows it.
type usageLine struct {
	name, identifier, customer, value, state, code string
	at, received, due                              int64
}

// usageTable lists the newest events of a meter; those of none with "".
func (t *tx) usageTable(meter string) (views.Table, error) {
	table := views.Table{Caption: "Meter events, newest first", Heads: []string{"Identifier", "Customer", "Value", "Used", "Received", "State"}, Empty: "No events came."}
	if meter == "" {
		table.Caption, table.Heads[1], table.Empty = "Events that no meter takes, newest first", "Event name", "There were none."
	}
	lines, err := rows(t, func(row *sql.Rows, l *usageLine) error {
		return row.Scan(&l.name, &l.identifier, &l.customer, &l.value, &l.state, &l.code, &l.at, &l.received, &l.due)
	}, `SELECT event_name, identifier, customer, value, state, code, at, received, due FROM meter_events
		WHERE account = ? AND meter = ? ORDER BY seq DESC LIMIT ?`, t.account, meter, shownObjects)
	for _, l := range lines {
		whose := t.customerCell(l.customer)
		if meter == "" {
			whose = views.Cell{Text: l.name}
		}
		text, tone := l.stateWords()
		table.Rows = append(table.Rows, []views.Cell{{Text: l.identifier, ID: true}, whose, {Text: l.value, Number: true},
			{Text: when(l.at)}, {Text: when(l.received)}, {Text: text, Tone: tone}})
	}
	return table, err
}

// stateWords say what became of an event.
func (l usageLine) stateWords() (text, tone string) {
	switch l.state {
	case usageWaiting:
		return "Waits until " + time.UnixMilli(l.due).UTC().Format("15:04:05"), "attention"
	case usageCounted:
		return "Counted", "good"
	case "rejected":
		return "Rejected: " + l.code, "bad"
	}
	return "Canceled", "quiet"
}
