package sandbox

import "slices"

var itemRoutes = []route{
	{"POST", "/v1/subscription_items", createItem},
	{"GET", "/v1/subscription_items", listItems},
	{"GET", "/v1/subscription_items/{item}", showItem},
	{"POST", "/v1/subscription_items/{item}", updateItem},
	{"DELETE", "/v1/subscription_items/{item}", deleteItem},
}

// itemSettling is how the difference that a changed item makes is settled.
type itemSettling struct {
	PaymentBehavior   string `p:"payment_behavior,enum=allow_incomplete|default_incomplete|error_if_incomplete|pending_if_incomplete"`
	ProrationBehavior string `p:"proration_behavior,enum=always_invoice|create_prorations|none"`
	ProrationDate     *int64 `p:"proration_date"`
}

// changeOne changes s as an update of it with this one item would.
func (r *request) changeOne(s *Subscription, item itemParams, how itemSettling) error {
	if s.ended() {
		return invalid("", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	in := subscriptionUpdate{subscriptionParams: subscriptionParams{Items: []itemParams{item}, PaymentBehavior: how.PaymentBehavior,
		ProrationBehavior: how.ProrationBehavior, ProrationDate: how.ProrationDate}}
	if err := orElse(in.simulated(), in.mayPend(r.version)); err != nil {
		return err
	}
	t, err := r.onClock(s.clock())
	if err != nil {
		return err
	}
	return t.update(s, in)
}

func createItem(r *request) (any, error) {
	in, err := read[struct {
		itemSettling
		Subscription string        `p:"subscription,required"`
		Price        string        `p:"price"`
		PriceData    *priceData    `p:"price_data"`
		Quantity     *int64        `p:"quantity,min=0"`
		Metadata     metadataParam `p:"metadata"`
		Others       unsimulated   `p:"billing_thresholds discounts plan tax_rates"`
	}](r)
	if err != nil {
		return nil, err
	}
	s, err := get[Subscription](r.tx, in.Subscription, "subscription")
	if err != nil {
		return nil, err
	}
	item := itemParams{Price: in.Price, PriceData: in.PriceData, Quantity: in.Quantity, Metadata: in.Metadata}
	if err := r.changeOne(s, item, in.itemSettling); err != nil {
		return nil, err
	}
	items := s.Items.Data
	if s.Coming != nil { // it is there when it is paid
		items = s.Coming.Items
	}
	return items[len(items)-1], nil
}

// itemFromPath is the item that the URL names, and its subscription.
func itemFromPath(r *request) (*Subscription, *SubscriptionItem, error) {
	id := r.path("item")
	s, err := first[Subscription](r.tx, filter{`EXISTS (SELECT 1 FROM json_each(doc, '$.items.data') WHERE json_extract(value, '$.id') = ?)`, []any{id}})
	if err != nil {
		return nil, nil, err
	}
	if s == nil {
		return nil, nil, notFound("subscription_item", id, "item")
	}
	return s, s.item(id), nil
}

func showItem(r *request) (any, error) {
	if err := noParams(r); err != nil {
		return nil, err
	}
	_, item, err := itemFromPath(r)
	return item, err
}

func updateItem(r *request) (any, error) {
	in, err := read[struct {
		itemSettling
		Price      string        `p:"price"`
		PriceData  *priceData    `p:"price_data"`
		Quantity   *int64        `p:"quantity,min=0"`
		Metadata   metadataParam `p:"metadata"`
		OffSession bool          `p:"off_session"`
		Others     unsimulated   `p:"billing_thresholds discounts plan tax_rates"`
	}](r)
	if err != nil {
		return nil, err
	}
	s, item, err := itemFromPath(r)
	if err != nil {
		return nil, err
	}
	id := item.ID
	change := itemParams{ID: id, Price: in.Price, PriceData: in.PriceData, Quantity: in.Quantity, Metadata: in.Metadata}
	if err := r.changeOne(s, change, in.itemSettling); err != nil {
		return nil, err
	}
	return s.item(id), nil
}

func deleteItem(r *request) (any, error) {
	in, err := read[struct {
		itemSettling
		ClearUsage bool `p:"clear_usage"`
	}](r)
	if err != nil {
		return nil, err
	}
	s, item, err := itemFromPath(r)
	if err != nil {
		return nil, err
	}
	left := tombstone{item.ID, item.kind(), true}
	return left, r.changeOne(s, itemParams{ID: item.ID, Deleted: true}, in.itemSettling)
}

func listItems(r *request) (any, error) {
	in, err := read[struct {
		listParams
		Subscription string `p:"subscription,required"`
	}](r)
	if err != nil {
		return nil, err
	}
	s, err := get[Subscription](r.tx, in.Subscription, "subscription")
	if err != nil {
		return nil, err
	}
	return cutPage(r, s.Items.Data, in.listParams, "subscription_item", func(i SubscriptionItem) string { return i.ID })
}

// cutPage is the page that p asks for of a list that is kept inside an object.
func cutPage[T any](r *request, whole []T, p listParams, kind string, id func(T) string) (any, error) {
	limit := 10
	if p.Limit != nil {
		limit = int(*p.Limit)
	}
	at := func(wanted, param string) (int, error) {
		n := slices.IndexFunc(whole, func(one T) bool { return id(one) == wanted })
		if n < 0 {
			return 0, noSuch(kind, wanted, param)
		}
		return n, nil
	}
	from, to := 0, len(whole)
	switch {
	case p.StartingAfter != "":
		n, err := at(p.StartingAfter, "starting_after")
		if err != nil {
			return nil, err
		}
		from = n + 1
	case p.EndingBefore != "":
		n, err := at(p.EndingBefore, "ending_before")
		if err != nil {
			return nil, err
		}
		return pageOf(r, whole[max(n-limit, 0):n], n > limit), nil
	}
	more := to-from > limit
	return pageOf(r, whole[from:min(to, from+limit)], more), nil
}
