package billing

import (
	"context"

	"tollgate/access"
	"tollgate/access/facts"
	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
)

// StateOf returns what sub may do now, and the words for it.
func (s *Subscriptions) StateOf(sub models.Subscription) access.State {
	return access.Of(facts.Of(sub, s.Business.Now()))
}

// judge writes into sub what follows from its other columns: its status, when it
// was first served, and whether it still counts.
func (s *Subscriptions) judge(sub *models.Subscription) access.State {
	now := models.At(s.Business.Now())
	state := s.StateOf(*sub)
	if state.ServesSome() && sub.ActivatedAt.IsZero() {
		sub.ActivatedAt = now
	}
	if state.Ended {
		if sub.EndedAt.IsZero() {
			sub.EndedAt = now
		}
		sub.Live, sub.CreateState = nil, "UN_SUBSCRIBE"
		forgetChange(sub)
	}
	sub.Status = string(state.Status)
	return state
}

// An Overview is a subscription with the names of what it joins, its state, its
// plan, and the price it was sold at, which need not be the plan's newest.
type Overview struct {
	models.SubscriptionEntry
	State access.State
	Plan  models.Policy
	Price catalog.Price // zero when it is free

	Changing *PendingChange // the change of plan that is on its way; nil: none

	// What is under way at Stripe, where one subscription is asked for.
	EndAsked     bool   // it is being ended, and Stripe has not confirmed that
	StripeSilent bool   // Stripe did not answer when it was last asked
	EndTold      string // who else than its subscriber ends it, when and why; "" when nobody does

	// AccountLost is since when Stripe does not let us use the account it is sold
	// through, so that what is shown is what was known then; zero: it does.
	AccountLost models.Instant
}

// Overview returns one of the actor's subscriptions.
func (s *Subscriptions) Overview(ctx context.Context, who accounts.Actor, uuid string) (Overview, error) {
	e, err := models.SubscriptionEntryByUUID(ctx, s.DB, who.Tenant, uuid)
	if err != nil {
		return Overview{}, err
	}
	if e.PersonID != who.Person {
		return Overview{}, notHere()
	}
	return s.overview(ctx, e)
}

// SubscriptionOfMyAPI returns a subscription to an API that the actor publishes.
func (s *Subscriptions) SubscriptionOfMyAPI(ctx context.Context, who accounts.Actor, uuid string) (Overview, error) {
	e, err := models.SubscriptionEntryByUUID(ctx, s.DB, who.Tenant, uuid)
	if err != nil {
		return Overview{}, err
	}
	if e.APIOwnerID != who.Person {
		return Overview{}, notHere()
	}
	return s.overview(ctx, e)
}

func (s *Subscriptions) overview(ctx context.Context, e models.SubscriptionEntry) (Overview, error) {
	all, err := s.overviews(ctx, e.TenantID, []models.SubscriptionEntry{e})
	if err != nil {
		return Overview{}, err
	}
	return all[0], s.underWay(ctx, &all[0])
}

// underWay adds to o what Stripe still has to do.
func (s *Subscriptions) underWay(ctx context.Context, o *Overview) error {
	customer := ensureCustomer{Application: o.ApplicationID, Account: o.Account}
	jobs, err := models.OpenJobsAbout(ctx, s.DB, o.TenantID, subjectOf(o.ID), customer.Subject())
	for _, j := range jobs {
		o.EndAsked = o.EndAsked || j.Kind == endSubscription{}.Kind()
		o.StripeSilent = o.StripeSilent || j.Problem != ""
	}
	if err != nil {
		return err
	}
	if en, stands, err := models.StandingEnding(ctx, s.DB, o.ID); err != nil {
		return err
	} else if stands {
		o.EndTold = endingWords(en)
	}
	return nil
}

// overviews adds to subscriptions of one tenant what they were sold as.
func (s *Subscriptions) overviews(ctx context.Context, tenant models.TenantID, es []models.SubscriptionEntry) ([]Overview, error) {
	var ids []int64
	for _, e := range es {
		ids = append(ids, e.PolicyID)
		if e.PendingPolicyID != 0 {
			ids = append(ids, e.PendingPolicyID)
		}
	}
	policies, err := models.PoliciesByID(ctx, s.DB, tenant, ids)
	if err != nil {
		return nil, err
	}
	plans := map[int64]models.Policy{}
	for _, p := range policies {
		plans[p.ID] = p
	}
	versions, err := models.PriceVersionsOf(ctx, s.DB, ids...)
	if err != nil {
		return nil, err
	}
	prices := map[string]catalog.Price{}
	for _, v := range versions {
		if prices[v.ID], err = catalog.PriceOf(v); err != nil {
			return nil, err
		}
	}
	lost, err := models.LostAccounts(ctx, s.DB, tenant)
	if err != nil {
		return nil, err
	}
	all := make([]Overview, len(es))
	for i, e := range es {
		all[i] = Overview{SubscriptionEntry: e, State: s.StateOf(e.Subscription), Plan: plans[e.PolicyID], Price: prices[e.PriceVersionID], AccountLost: lost[e.Account]}
		all[i].Changing, all[i].ChangeProblem = s.pendingChange(e.Subscription, plans, prices), s.changeProblem(e.Subscription)
	}
	return all, nil
}

// A ListQuery narrows a list of subscriptions. Zero fields do not.
type ListQuery struct {
	Application, API string   // uuids
	Statuses         []string // as WSO2 spells them
	Ended            bool     // ended ones instead of live ones
	Search           string   // part of a name
	Before           int64    // where the page before ended
	Limit            int      // rows on a page; 25 when zero, at most 100
}

// A Page of subscriptions. Next is for ListQuery.Before; 0 when this is the last page.
type Page struct {
	Rows []Overview
	Next int64
}

// Mine lists the actor's subscriptions, newest first.
func (s *Subscriptions) Mine(ctx context.Context, who accounts.Actor, q ListQuery) (Page, error) {
	return s.list(ctx, who, q, models.SubscriptionFilter{Person: who.Person})
}

// ToMyAPIs lists the subscriptions to the APIs that the actor publishes, newest first.
func (s *Subscriptions) ToMyAPIs(ctx context.Context, who accounts.Actor, q ListQuery) (Page, error) {
	return s.list(ctx, who, q, models.SubscriptionFilter{Publisher: who.Person})
}

func (s *Subscriptions) list(ctx context.Context, who accounts.Actor, q ListQuery, f models.SubscriptionFilter) (Page, error) {
	if who.Person == "" {
		return Page{}, nil
	}
	f.Application, f.API, f.Statuses, f.Ended, f.Search, f.Before = q.Application, q.API, q.Statuses, q.Ended, q.Search, q.Before
	limit := pageSize(q.Limit)
	es, err := models.SubscriptionEntries(ctx, s.DB, who.Tenant, f, limit+1)
	if err != nil {
		return Page{}, err
	}
	var p Page
	if len(es) > limit {
		p.Next, es = es[limit-1].ID, es[:limit]
	}
	p.Rows, err = s.overviews(ctx, who.Tenant, es)
	return p, err
}

func pageSize(limit int) int {
	if limit <= 0 {
		return 25
	}
	return min(limit, 100)
}

// own returns one of the actor's subscriptions; others' look absent.
func (s *Subscriptions) own(ctx context.Context, who accounts.Actor, uuid string) (models.Subscription, error) {
	o, err := s.Overview(ctx, who, uuid)
	return o.Subscription, err
}

func notHere() error { return fault.New(fault.NotFound, "Subscription not found.") }
