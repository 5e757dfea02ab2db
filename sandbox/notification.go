package sandbox

// A Notification is an event of the second API: it names what happened to which
// object, and holds little of it. What is sent has no data at all (a "thin" event).
type Notification struct {
	base
	Context  *string        `json:"context"` // the connected account that it happened on
	Created  string         `json:"created"`
	Data     tree           `json:"data,omitempty"`
	Livemode bool           `json:"livemode"`
	Reason   any            `json:"reason"`
	Related  *relatedObject `json:"related_object,omitempty"`
	Type     string         `json:"type"`
}

// A relatedObject is what an event is about.
type relatedObject struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	URL  string `json:"url"`
}

func (*Notification) kind() string { return "v2.core.event" }

var notificationRoutes = []route{
	{"GET", "/v2/core/events", listNotifications},
	{"GET", "/v2/core/events/{id}", show[Notification]("id")},
}

func listNotifications(r *request) (any, error) {
	in, err := read[struct {
		pageParams
		ObjectID string   `p:"object_id"`
		Types    []string `p:"types"`
	}](r)
	if err != nil {
		return nil, err
	}
	filters := append(where(map[string]string{"related_object.id": in.ObjectID}), filter{"kept >= ?", []any{r.now.Add(-eventLife).UnixMilli()}})
	if in.Types != nil {
		filters = append(filters, among("type", in.Types...))
	}
	return listSecond[Notification](r, in.pageParams, func(n *Notification) any { return n }, filters...)
}

// newNotification keeps a new event.
func (t *tx) newNotification(eventType string, about *relatedObject, data tree) (*Notification, error) {
	h, err := t.home()
	if err != nil {
		return nil, err
	}
	n := &Notification{Created: stamp(t.now), Data: data, Related: about, Type: eventType}
	if h.Platform != t.account {
		n.Context = &t.account
	}
	if t.cause != nil {
		n.Reason = tree{"type": "request", "request": t.cause}
	}
	return n, t.insert(n)
}

// notify tells the destinations that listen, once t commits, that eventType
// happened: those of its own account, and those of its platform that hear of
// connected accounts.
func (t *tx) notify(eventType string, about *relatedObject, data tree) error {
	n, err := t.newNotification(eventType, about, data)
	if err != nil {
		return err
	}
	h, err := t.home()
	if err != nil {
		return err
	}
	listener, err := t.listener(h)
	if err != nil {
		return err
	}
	homes := []struct{ account, from string }{{t.account, "self"}, {listener, "other_accounts"}}
	if listener == "" || listener == t.account {
		homes = homes[:1]
	}
	for _, home := range homes {
		destinations, err := all[Destination](t.as(home.account))
		if err != nil {
			return err
		}
		for _, d := range destinations {
			if !d.wants(eventType, home.from) {
				continue
			}
			if err := t.oweNotification(n, d, home.account); err != nil {
				return err
			}
		}
	}
	return nil
}

// oweNotification plans the delivery of n to a destination of the account home.
func (t *tx) oweNotification(n *Notification, d *Destination, home string) error {
	*t.planned = true
	return t.exec(`INSERT INTO deliveries (account, event, endpoint_account, endpoint, state, due, wall_due) VALUES (?, ?, ?, ?, 'owed', ?, ?)`,
		t.account, n.ID, home, d.ID, t.s.Now().UnixMilli(), t.s.wall.Now().UnixMilli())
}

// packNotification renders an event of the second API for its destination.
func (t *tx) packNotification(p *parcel) error {
	d, err := find[Destination](t.as(p.endpointAccount), p.endpoint)
	if err != nil || d == nil || d.Status != "enabled" {
		return err
	}
	n, err := find[Notification](t.as(p.account), p.event)
	if err != nil || n == nil {
		return err
	}
	p.url, p.secrets, p.eventType = d.URL, []string{d.Secret}, n.Type
	thin := tree{"id": n.ID, "object": n.Object, "type": n.Type, "livemode": n.Livemode, "created": n.Created, "context": nil}
	if p.endpointAccount != p.account {
		thin["context"] = p.account
	}
	if n.Related != nil {
		thin["related_object"] = tree{"id": n.Related.ID, "type": n.Related.Type, "url": n.Related.URL}
	}
	if p.twist != nil {
		p.twist(thin)
	}
	p.body = encode(thin)
	return nil
}
