package billing

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/money"
	"tollgate/usage"
)

// Books tells what was called, and what was billed, month by month. Months are UTC
// calendar months of business time. Money is that of issued invoices by their date,
// with tax, before refunds, fees and the platform's share; void invoices are not in
// it. Currencies are never added together.
type Books struct {
	DB       *bun.DB
	Business clock.Business
}

// A BooksQuery says what the books are opened for.
type BooksQuery struct {
	Own          bool      // the APIs that the actor publishes; otherwise the whole tenant, for who runs it
	Month        time.Time // any instant of it
	API          string    // uuid; "" for all
	Subscription string    // uuid; "" for all
	Lines        int       // how many subscriptions are named at most; 0 for all
}

// Takings is money of one currency.
type Takings struct {
	Invoices int64
	Invoiced money.Amount
	Paid     money.Amount
	Open     money.Amount // issued, and neither paid nor given up
	Lost     money.Amount // what Stripe calls uncollectible
}

// A BookLine is what was called and billed of one thing: an API, a plan, a
// subscription, or everything.
type BookLine struct {
	API, Plan               string // names
	APIUUID                 string
	UUID                    string // of a subscription
	Subscriber, Application string
	Calls, Counted, Units   int64
	Takings                 []Takings // by currency
}

// A Book is one month.
type Book struct {
	From, To      time.Time
	Total         BookLine
	APIs, Plans   []BookLine
	Subscriptions []BookLine     // the most units first
	More          int            // subscriptions that are not named
	Days          []usage.Bucket // every day of the month
	API           models.API     // the one asked for; zero for all
	OwnAPIs       int            // how many APIs the books are of, deleted ones too
}

// MonthOf returns the UTC month of an instant: from its start to the next one's.
func MonthOf(at time.Time) (from, to time.Time) {
	at = at.UTC()
	from = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, 1, 0)
}

// opened is what a query may read.
type opened struct {
	invoices models.InvoiceScope
	calls    usage.Scope
	apis     map[int64]models.API // of the tenant, deleted ones too
	api      models.API           // the one asked for
}

// open checks who asks and says what belongs to the answer.
func (b Books) open(ctx context.Context, who accounts.Actor, q BooksQuery) (opened, error) {
	from, to := MonthOf(q.Month)
	o := opened{invoices: models.InvoiceScope{From: models.At(from), To: models.At(to)}, calls: usage.Scope{Tenant: who.Tenant, All: !q.Own}, apis: map[int64]models.API{}}
	switch {
	case q.Own && who.Person != "" && who.Is(accounts.Publisher):
		o.invoices.Publisher = who.Person
	case !q.Own && who.Runs():
	default:
		return o, fault.New(fault.NotFound, "Not found.")
	}
	all, err := models.AllAPIs(ctx, b.DB, who.Tenant)
	if err != nil {
		return o, err
	}
	for _, a := range all {
		if q.Own && a.OwnerID != who.Person {
			continue
		}
		o.apis[a.ID] = a
		if q.API == "" && q.Own || a.UUID == q.API {
			o.calls.APIs = append(o.calls.APIs, a.ID)
		}
		if a.UUID == q.API {
			o.api, o.invoices.API, o.calls.All = a, a.ID, false
		}
	}
	if q.API != "" && o.api.ID == 0 {
		return o, fault.New(fault.NotFound, "API not found.")
	}
	return o, b.openOne(ctx, who, q, &o)
}

// openOne narrows what is read to the subscription asked for.
func (b Books) openOne(ctx context.Context, who accounts.Actor, q BooksQuery, o *opened) error {
	if q.Subscription == "" {
		return nil
	}
	sub, err := models.SubscriptionByUUID(ctx, b.DB, who.Tenant, q.Subscription)
	if err != nil {
		return err
	}
	if _, mine := o.apis[sub.APIID]; !mine {
		return fault.New(fault.NotFound, "Subscription not found.")
	}
	o.invoices.Subscription, o.calls.All, o.calls.APIs, o.calls.Subscriptions = sub.ID, false, nil, []int64{sub.ID}
	return nil
}

// Month returns what was called and billed in a month.
func (b Books) Month(ctx context.Context, who accounts.Actor, q BooksQuery) (Book, error) {
	o, err := b.open(ctx, who, q)
	if err != nil {
		return Book{}, err
	}
	book := Book{From: o.invoices.From.Time(), To: o.invoices.To.Time(), API: o.api, OwnAPIs: len(o.apis)}
	l := newLedgers()
	if !o.calls.Empty() {
		r := usage.Reports{DB: b.DB, Business: b.Business}
		calls, err := r.Share(ctx, o.calls, usage.Shares{Subscription: true, API: true, Policy: true}, book.From, book.To)
		if err != nil {
			return book, err
		}
		for _, c := range calls {
			l.call(c)
		}
		if book.Days, err = r.Buckets(ctx, o.calls, usage.ByDay, book.From, book.To); err != nil {
			return book, err
		}
	}
	bills, err := models.InvoiceSums(ctx, b.DB, who.Tenant, o.invoices)
	if err != nil {
		return book, err
	}
	for _, i := range bills {
		if err := l.bill(i); err != nil {
			return book, err
		}
	}
	return book, b.name(ctx, who.Tenant, &book, o, l, q.Lines)
}

// ledgers are lines under construction.
type ledgers struct {
	total                     *BookLine
	apis, plans, subscription map[int64]*BookLine // by number
}

func newLedgers() *ledgers {
	return &ledgers{&BookLine{}, map[int64]*BookLine{}, map[int64]*BookLine{}, map[int64]*BookLine{}}
}

// lines are those that something of a subscription belongs to.
func (l *ledgers) lines(api, policy, subscription int64) []*BookLine {
	at := func(m map[int64]*BookLine, id int64) *BookLine {
		if m[id] == nil {
			m[id] = &BookLine{}
		}
		return m[id]
	}
	return []*BookLine{l.total, at(l.apis, api), at(l.plans, policy), at(l.subscription, subscription)}
}

func (l *ledgers) call(c usage.Share) {
	for _, line := range l.lines(c.API, c.Policy, c.Subscription) {
		line.Calls += c.Calls
		line.Counted += c.Counted
		line.Units += c.Quantity
	}
}

func (l *ledgers) bill(i models.InvoiceSum) error {
	t, err := takings(i)
	if err != nil {
		return err
	}
	for _, line := range l.lines(i.APIID, i.PolicyID, i.SubscriptionID) {
		if line.Takings, err = take(line.Takings, t); err != nil {
			return err
		}
	}
	return nil
}

// takings are the money of a sum of invoices of one status.
func takings(i models.InvoiceSum) (Takings, error) {
	c, err := money.ParseCurrency(i.Currency)
	if err != nil {
		return Takings{}, err
	}
	rest := max(i.DueMinor-i.PaidMinor, 0)
	t := Takings{Invoices: i.Invoices, Invoiced: money.New(i.TotalMinor, c), Paid: money.New(i.PaidMinor, c), Open: money.New(0, c), Lost: money.New(0, c)}
	switch i.Status {
	case "open":
		t.Open = money.New(rest, c)
	case "uncollectible":
		t.Lost = money.New(rest, c)
	}
	return t, nil
}

// take adds t to what there is of its currency.
func take(all []Takings, t Takings) ([]Takings, error) {
	at, there := slices.BinarySearchFunc(all, t, func(a, b Takings) int { return cmp.Compare(a.Invoiced.Currency().Code(), b.Invoiced.Currency().Code()) })
	if !there {
		return slices.Insert(all, at, t), nil
	}
	a := all[at]
	a.Invoices += t.Invoices
	for _, pair := range []struct {
		to   *money.Amount
		more money.Amount
	}{{&a.Invoiced, t.Invoiced}, {&a.Paid, t.Paid}, {&a.Open, t.Open}, {&a.Lost, t.Lost}} {
		sum, err := pair.to.Add(pair.more)
		if err != nil {
			return nil, err
		}
		*pair.to = sum
	}
	all[at] = a
	return all, nil
}

// name gives the lines their names and puts them in order.
func (b Books) name(ctx context.Context, tenant models.TenantID, book *Book, o opened, l *ledgers, most int) error {
	book.Total = *l.total
	for id, a := range o.apis {
		if line := l.apis[id]; line != nil {
			line.API, line.APIUUID = a.Name+" "+a.APIVersion, a.UUID
			book.APIs = append(book.APIs, *line)
		}
	}
	plans, err := models.AllPolicies(ctx, b.DB, tenant)
	if err != nil {
		return err
	}
	for _, p := range plans {
		if line := l.plans[p.ID]; line != nil {
			line.Plan = p.DisplayName
			book.Plans = append(book.Plans, *line)
		}
	}
	byName := func(x, y BookLine) int {
		return cmp.Or(byUnits(x, y), cmp.Compare(x.API+x.Plan, y.API+y.Plan), cmp.Compare(x.APIUUID, y.APIUUID))
	}
	slices.SortStableFunc(book.APIs, byName)
	slices.SortStableFunc(book.Plans, byName)
	return b.nameSubscriptions(ctx, tenant, book, l, most)
}

func byUnits(a, b BookLine) int { return cmp.Compare(b.Units, a.Units) }

// nameSubscriptions names the subscriptions with the most units, at most so many
// unless that is 0.
func (b Books) nameSubscriptions(ctx context.Context, tenant models.TenantID, book *Book, l *ledgers, most int) error {
	var ids []int64
	for id := range l.subscription {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(x, y int64) int {
		return cmp.Or(byUnits(*l.subscription[x], *l.subscription[y]), cmp.Compare(y, x))
	})
	if most > 0 && len(ids) > most {
		book.More = len(ids) - most
		ids = ids[:most]
	}
	entries, err := models.SubscriptionEntriesNumbered(ctx, b.DB, tenant, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		line, e := *l.subscription[id], entries[id]
		line.UUID, line.API, line.APIUUID, line.Plan = e.UUID, e.Title()+" "+e.APIVersion, e.APIUUID, e.PolicyName
		line.Subscriber, line.Application = e.Subscriber, e.ApplicationName
		book.Subscriptions = append(book.Subscriptions, line)
	}
	return nil
}
