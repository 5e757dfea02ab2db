package sandbox

var eventKinds = map[string]kind{"event": {prefix: "evt_1", random: 23, complete: completeEvent}}

var eventRoutes = []route{
	{"GET", "/v1/events", listEvents},
	{"GET", "/v1/events/{id}", show[Event]("id")},
	{"POST", "/v1/events/{id}/retry", retryEvent},
}

// undelivered is, of deliveries d, those that have failed so far: tried, or lost
// on their way, and never taken.
const undelivered = `(d.state <> 'delivered' AND EXISTS (SELECT 1 FROM attempts a WHERE a.delivery = d.id))`

// completeEvent counts the endpoints that have not taken the event yet. The
// object inside stays as it was.
func completeEvent(t *tx, o tree) error {
	var pending int64
	_, err := t.scan(`SELECT COUNT(*) FROM deliveries d WHERE d.event = ? AND (d.state = 'owed' OR `+undelivered+`)`, []any{o["id"]}, &pending)
	o["pending_webhooks"] = pending
	return orElse(err, errStay)
}

func listEvents(r *request) (any, error) {
	in, err := read[struct {
		listParams
		createdParam
		DeliverySuccess *bool    `p:"delivery_success"`
		Type            string   `p:"type"`
		Types           []string `p:"types"`
	}](r)
	if err != nil {
		return nil, err
	}
	if in.Type != "" && in.Types != nil {
		return nil, invalid("types", "You may only specify one of these parameters: type, types.")
	}
	if len(in.Types) > 20 {
		return nil, invalid("types", "You may list at most 20 types.")
	}
	filters := append(in.Created.within("created"), filter{"kept >= ?", []any{r.now.Add(-eventLife).UnixMilli()}})
	if in.Type != "" {
		filters = append(filters, typeFilter(in.Type))
	}
	if in.Types != nil {
		filters = append(filters, among("type", in.Types...))
	}
	if in.DeliverySuccess != nil {
		filters = append(filters, deliveredFilter(*in.DeliverySuccess))
	}
	return list[Event](r, in.listParams, filters...)
}

// typeFilter is events of a type, or of a family: "invoice.*".
func typeFilter(name string) filter {
	return filter{"json_extract(doc, '$.type') GLOB ?", []any{globSafe(name)}}
}

// deliveredFilter is events that every endpoint took, or those that did not
// reach one of theirs so far. What nobody has tried to deliver yet is neither.
func deliveredFilter(delivered bool) filter {
	if delivered {
		return filter{sql: "id NOT IN (SELECT event FROM deliveries d WHERE d.state = 'owed' OR " + undelivered + ")"}
	}
	return filter{sql: "id IN (SELECT event FROM deliveries d WHERE " + undelivered + ")"}
}

// globSafe keeps the stars of a pattern and takes all other magic out of it.
func globSafe(s string) string {
	safe := ""
	for _, c := range s {
		if c == '?' || c == '[' {
			safe += "[" + string(c) + "]"
			continue
		}
		safe += string(c)
	}
	return safe
}

// retryEvent owes an event to an endpoint once more, whatever happened before.
func retryEvent(r *request) (any, error) {
	in, err := read[struct {
		Account  string `p:"account"`
		Endpoint string `p:"webhook_endpoint"`
	}](r)
	if err != nil {
		return nil, err
	}
	e, err := fromPath[Event](r, "id")
	if err != nil {
		return nil, err
	}
	return e, r.resend(e, in.Endpoint)
}

// resend owes e again: to one endpoint, or with "" to all that it was sent to.
func (t *tx) resend(e *Event, endpoint string) error {
	if endpoint != "" {
		if err := t.oweAgain(e, endpoint); err != nil {
			return err
		}
	}
	*t.planned = true
	return t.exec(`UPDATE deliveries SET state = 'owed', tries = 0, due = ?, wall_due = ? WHERE event = ? AND (endpoint = ? OR ? = '')`,
		t.s.Now().UnixMilli(), t.s.wall.Now().UnixMilli(), e.ID, endpoint, endpoint)
}

// oweAgain makes sure that there is a delivery of e to an endpoint, also to one
// that did not listen when e happened.
func (t *tx) oweAgain(e *Event, endpoint string) error {
	h, err := t.home()
	if err != nil {
		return err
	}
	for _, account := range []string{t.account, h.Platform} {
		found, err := find[Endpoint](t.as(account), endpoint)
		if err != nil {
			return err
		}
		if found != nil {
			return t.exec(`INSERT INTO deliveries (account, event, endpoint_account, endpoint, state, due, wall_due) VALUES (?, ?, ?, ?, 'owed', 0, 0)
				ON CONFLICT (event, endpoint) DO NOTHING`, t.account, e.ID, account, endpoint)
		}
	}
	return noSuch("webhook_endpoint", endpoint, "webhook_endpoint")
}
