package billing

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/money"
)

// Ends ends subscriptions that somebody else than their subscriber ends, or many
// at once because what they hang on is taken away. Each is shown before, asked for
// in the transaction that takes the thing away, done by the outbox, and stays
// visible until Stripe has confirmed it.
type Ends struct {
	*Subscriptions
	Sales *Sales
}

var (
	_ accounts.Ender = (*Ends)(nil)
	_ catalog.Ender  = (*Ends)(nil)
)

// An EndTarget is what subscriptions end with.
type EndTarget struct {
	Kind  string        // models.EndOf…
	ID    string        // its uuid
	Plans []string      // of EndOfOffer: the uuids of the plans that leave the API
	As    accounts.Role // of EndOfSubscription: as what the actor ends it, publisher or admin
}

// An EndPreview is what would end with something, and what that means for money.
type EndPreview struct {
	Target  EndTarget
	Name    string // of what it ends with
	Total   int64
	Paid    int64          // subscriptions that Stripe bills
	Free    int64          // and those that cost nothing
	Waiting int64          // and those that are not paid yet
	Coming  int64          // subscriptions that were to change to it, and keep the plan they have
	Refunds []money.Amount // what a refund of the last payments comes to, one sum a currency
	Payers  int64          // how many subscriptions those are of
	Seen    string         // for the Consent of whoever has read this
	Rows    []EndRow
	Next    int64 // where the next rows begin; 0 when these are the last
}

// An EndRow is a subscription that would end.
type EndRow struct {
	Overview
	Refund money.Amount // what its last payment was, less what was given back; zero when nothing is left
}

// endPageSize is how many subscriptions a page of a preview or an ending names.
const endPageSize = 50

// a decision is an EndTarget, looked up.
type decision struct {
	kind      string
	object    accounts.Object
	role      accounts.Role // as what the actor decides
	publisher string        // whose API it is about; "" for those of several
	scope     models.EndScope
}

// Preview returns what would end, as far as the actor may decide that: who lists
// what follows after the subscription numbered after.
func (e *Ends) Preview(ctx context.Context, who accounts.Actor, t EndTarget, after int64) (EndPreview, error) {
	d, err := e.decide(ctx, who, t)
	if err != nil {
		return EndPreview{}, err
	}
	p := EndPreview{Target: t, Name: d.object.Name}
	reach, err := e.reach(ctx, e.DB, who.Tenant, d.scope)
	if err != nil {
		return p, err
	}
	reach.count(e.Subscriptions, &p)
	if p.Refunds, err = reach.sums(); err != nil {
		return p, err
	}
	p.Seen, p.Payers = reach.seen(), int64(len(reach.due))
	if t.Kind == models.EndOfPlan {
		coming, err := models.SubscriptionsChanging(ctx, e.DB, who.Tenant, models.ChangeScope{Policy: d.scope.Policies[0]})
		if err != nil {
			return p, err
		}
		p.Coming = int64(len(coming))
	}
	return p, e.addRows(ctx, who.Tenant, d.scope, after, reach, &p)
}

func (e *Ends) addRows(ctx context.Context, tenant models.TenantID, scope models.EndScope, after int64, r reach, p *EndPreview) error {
	entries, err := models.EntriesInScope(ctx, e.DB, tenant, scope, after, endPageSize+1)
	if err != nil {
		return err
	}
	if len(entries) > endPageSize {
		entries = entries[:endPageSize]
		p.Next = entries[endPageSize-1].ID
	}
	overviews, err := e.overviews(ctx, tenant, entries)
	for _, o := range overviews {
		row := EndRow{Overview: o}
		if d, ok := r.due[o.ID]; ok {
			row.Refund = d.amount
		}
		p.Rows = append(p.Rows, row)
	}
	return err
}

// decide looks up what t names, as far as who may take it away.
func (e *Ends) decide(ctx context.Context, who accounts.Actor, t EndTarget) (decision, error) {
	switch t.Kind {
	case models.EndOfSubscription:
		return e.decideOne(ctx, e.DB, who, t)
	case models.EndOfApplication:
		a, err := models.ApplicationByUUID(ctx, e.DB, who.Tenant, who.Person, t.ID)
		return endApplications(a), err
	case models.EndOfAPI, models.EndOfSale, models.EndOfOffer:
		a, err := catalog.Own(ctx, e.DB, who, t.ID)
		if err != nil || t.Kind != models.EndOfOffer {
			return endOfAPI(t.Kind, a), err
		}
		plans, err := e.plansOf(ctx, who.Tenant, t.Plans)
		return endOffers(a, plans), err
	case models.EndOfPlan:
		if !who.Runs() {
			return decision{}, fault.New(fault.NotFound, "Policy not found.")
		}
		p, err := models.PolicyByUUID(ctx, e.DB, who.Tenant, t.ID)
		return endPlan(p), err
	case models.EndOfPerson:
		if !who.Runs() {
			return decision{}, fault.New(fault.NotFound, "Person not found.")
		}
		p, err := models.PersonByID(ctx, e.DB, who.Tenant, t.ID)
		if err != nil {
			return decision{}, err
		}
		apps, err := models.Applications(ctx, e.DB, who.Tenant, p.ID)
		return endPerson(p, apps), err
	}
	return decision{}, fmt.Errorf("billing: nothing ends with %q", t.Kind)
}

func (e *Ends) plansOf(ctx context.Context, tenant models.TenantID, uuids []string) ([]models.Policy, error) {
	all, err := models.Policies(ctx, e.DB, tenant)
	return slices.DeleteFunc(all, func(p models.Policy) bool { return !slices.Contains(uuids, p.UUID) }), err
}

func endApplications(apps ...models.Application) decision {
	return decision{
		kind: models.EndOfApplication, role: accounts.Subscriber, scope: models.EndScope{Applications: numbers(apps)},
		object: accounts.Object{Type: "application", ID: apps[0].UUID, Name: apps[0].Name},
	}
}

func numbers(apps []models.Application) []int64 {
	ids := []int64{}
	for _, a := range apps {
		ids = append(ids, a.ID)
	}
	return ids
}

func endPerson(p models.Person, apps []models.Application) decision {
	return decision{
		kind: models.EndOfPerson, role: accounts.Admin, scope: models.EndScope{Applications: numbers(apps)},
		object: accounts.Object{Type: "person", ID: p.ID, Name: p.DisplayName},
	}
}

// endOfAPI is the end of everything that is subscribed to a, or of what is paid for
// when a merely leaves sale.
func endOfAPI(kind string, a models.API) decision {
	return decision{
		kind: kind, role: accounts.Publisher, publisher: a.OwnerID, scope: models.EndScope{API: a.ID, Paid: kind == models.EndOfSale},
		object: accounts.Object{Type: "api", ID: a.UUID, Name: strings.TrimSpace(a.Name + " " + a.APIVersion)},
	}
}

func endOffers(a models.API, plans []models.Policy) decision {
	d := endOfAPI(models.EndOfOffer, a)
	d.scope.Policies = []int64{}
	var names []string
	for _, p := range plans {
		d.scope.Policies, names = append(d.scope.Policies, p.ID), append(names, p.DisplayName)
	}
	d.object.Name = strings.Join(names, ", ") + " of " + d.object.Name
	return d
}

func endPlan(p models.Policy) decision {
	return decision{
		kind: models.EndOfPlan, role: accounts.Admin, scope: models.EndScope{Policies: []int64{p.ID}},
		object: accounts.Object{Type: "plan", ID: p.UUID, Name: p.DisplayName},
	}
}

// A reach is the subscriptions that a decision is about, and what was last paid for
// each of them.
type reach struct {
	subs []models.Subscription
	due  map[int64]payment // by subscription
}

// A payment is the last one of a subscription, less what was given back of it.
type payment struct {
	invoice string
	amount  money.Amount
}

// reach reads what a decision is about.
func (e *Ends) reach(ctx context.Context, db bun.IDB, tenant models.TenantID, scope models.EndScope) (reach, error) {
	r := reach{due: map[int64]payment{}}
	var err error
	if r.subs, err = models.SubscriptionsInScope(ctx, db, tenant, scope); err != nil || len(r.subs) == 0 {
		return r, err
	}
	last, err := models.LastPayments(ctx, db, tenant, scope)
	if err != nil {
		return r, err
	}
	back, err := models.RefundedOf(ctx, db, tenant, scope)
	if err != nil {
		return r, err
	}
	for id, i := range last {
		currency, err := money.ParseCurrency(i.Currency)
		if err != nil {
			return r, fmt.Errorf("billing: invoice %s: %w", i.ID, err)
		}
		if left := i.AmountPaidMinor - back[i.ID]; left > 0 {
			r.due[id] = payment{i.ID, money.New(left, currency)}
		}
	}
	return r, nil
}

// count writes into p how many there are of each sort.
func (r reach) count(s *Subscriptions, p *EndPreview) {
	p.Total = int64(len(r.subs))
	for _, sub := range r.subs {
		switch {
		case !sub.NeedsPayment:
			p.Free++
		case sub.StripeSubscriptionID == "":
			p.Waiting++
		default:
			p.Paid++
		}
	}
}

// sums adds what would be given back, each currency by itself.
func (r reach) sums() ([]money.Amount, error) {
	by := map[string]money.Amount{}
	for _, d := range r.due {
		code := d.amount.Currency().Code()
		sum, ok := by[code]
		if !ok {
			by[code] = d.amount
			continue
		}
		var err error
		if by[code], err = sum.Add(d.amount); err != nil {
			return nil, fmt.Errorf("billing: sum of refunds: %w", err)
		}
	}
	var all []money.Amount
	for _, sum := range by {
		all = append(all, sum)
	}
	slices.SortFunc(all, func(a, b money.Amount) int { return cmp.Compare(a.Currency().Code(), b.Currency().Code()) })
	return all, nil
}

// seen names exactly the subscriptions, and after a point what would be given back.
func (r reach) seen() string {
	ids, money := sha256.New(), sha256.New()
	for _, sub := range r.subs {
		fmt.Fprintln(ids, sub.ID, sub.NeedsPayment, sub.StripeSubscriptionID)
		if d, ok := r.due[sub.ID]; ok {
			fmt.Fprintln(money, sub.ID, d.invoice, d.amount)
		}
	}
	return hex.EncodeToString(ids.Sum(nil)[:16]) + "." + hex.EncodeToString(money.Sum(nil)[:16])
}

// agreed reports whether c was given to exactly this.
func (r reach) agreed(c accounts.Consent) bool {
	now := r.seen()
	if c.Refund {
		return c.Seen == now
	}
	theirs, _, _ := strings.Cut(c.Seen, ".")
	ours, _, _ := strings.Cut(now, ".")
	return theirs == ours
}

// trivial reports whether nothing is lost with it: whatever is there was not paid
// for in time.
func (r reach) trivial() bool {
	return !slices.ContainsFunc(r.subs, func(s models.Subscription) bool { return s.Status != "REJECTED" })
}
