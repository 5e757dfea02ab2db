package billing

import (
	"cmp"
	"context"
	"slices"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/fault"
	"tollgate/models"
)

// A Moment is when a change of plan is to take effect.
type Moment string

// The moments that may be chosen. Now is when it is paid, where something is paid.
const (
	MomentNow         Moment = "now"
	MomentAtPeriodEnd Moment = "period-end"
)

// A Choice is a plan that a subscription has or could have.
type Choice struct {
	Plan    models.Policy
	Price   catalog.Price // zero when it is free
	Current bool          // it is the one there is
	OnSale  bool          // free, or live in the account that sells the API
	Moments []Moment      // when the change could be; none: see Why
	Why     string        // why it cannot be chosen, in a sentence
	account string        // it is sold through
	priceID string        // at Stripe
}

// Choices are what a subscription could be changed to. Refused says in a sentence
// why it cannot be changed as it stands; "" when it can.
type Choices struct {
	Overview
	Refused string
	Plans   []Choice // the current one first
}

// ChangeChoices returns the plans that the API of one of the actor's subscriptions
// offers them, with what it takes to change to each.
func (s *Subscriptions) ChangeChoices(ctx context.Context, who accounts.Actor, uuid string) (Choices, error) {
	o, err := s.Overview(ctx, who, uuid)
	if err != nil {
		return Choices{}, err
	}
	out := Choices{Overview: o, Refused: s.unchangeable(o.Subscription)}
	if o.EndAsked && out.Refused == "" {
		out.Refused = endIsAsked
	}
	out.Plans, err = s.choices(ctx, s.DB, who, o.SubscriptionEntry.Subscription)
	if err != nil {
		return out, err
	}
	for i := range out.Plans {
		if out.Plans[i].Current {
			out.Plans[i].Plan, out.Plans[i].Price = o.Plan, o.Price
		}
		if out.Refused != "" {
			out.Plans[i].Moments = nil
		}
	}
	return out, nil
}

const endIsAsked = "You asked for the end of this subscription, so its plan cannot be changed. Resume it first."

// unchangeable says why the plan of sub cannot be changed as it stands; "" when it can.
func (s *Subscriptions) unchangeable(sub models.Subscription) string {
	switch {
	case sub.Live == nil || s.StateOf(sub).Ended:
		return "This subscription has ended. Subscribe again instead."
	case sub.ChangeKind != models.NoChange:
		return "A change of plan is on its way already. Take it back first, or wait until it is done."
	case access.Hold(sub.AdminHold) != access.NoHold:
		return "The publisher has blocked this subscription, so its plan cannot be changed. Ask them first."
	case sub.MoneyHold != "":
		return "This subscription is held because of a payment that was given back or disputed. Ask the publisher first."
	case !sub.NeedsPayment:
		return ""
	case !sub.CancelAt.IsZero():
		return "This subscription is ending. Resume it first, then change its plan."
	case sub.StripeSubscriptionID == "" || sub.StripeStatus == "incomplete":
		return "The first payment has not been made. Until then, cancel it and subscribe to the other plan."
	case access.Checkout(sub.Checkout) == access.Processing:
		return "The first payment is still being processed. The plan can be changed once it has arrived."
	case sub.StripeStatus == "past_due" || sub.StripeStatus == "unpaid" || sub.StripeStatus == "paused":
		return "A payment is due. Settle it first, then change the plan."
	case sub.CollectionPaused:
		return "Payments are paused for this subscription at Stripe, so its plan cannot be changed. Ask the publisher."
	case sub.StripeStatus != "active" && sub.StripeStatus != "trialing":
		return "Stripe does not let this subscription be changed as it stands."
	}
	return ""
}

// choices returns the plans that the API of sub offers to who, the current one
// first. The prices are today's, the current plan's too.
func (s *Subscriptions) choices(ctx context.Context, db bun.IDB, who accounts.Actor, sub models.Subscription) ([]Choice, error) {
	api, err := models.APIByID(ctx, db, sub.TenantID, sub.APIID)
	if err != nil {
		return nil, err
	}
	now, err := s.currentPrice(ctx, db, sub)
	if err != nil {
		return nil, err
	}
	plans, err := s.offeredPlans(ctx, db, who, api, sub.PolicyID)
	if err != nil {
		return nil, err
	}
	all := make([]Choice, 0, len(plans))
	for _, p := range plans {
		c := Choice{Plan: p, Current: p.ID == sub.PolicyID}
		offer, err := catalog.OfferFor(ctx, db, who, api, p.UUID)
		switch k := fault.KindOf(err); {
		case err == nil:
			c.OnSale, c.Price, c.account, c.priceID = true, offer.Price, offer.Account, offer.StripePrice
		case k != fault.NotFound && k != fault.Invalid:
			return nil, err
		}
		if !c.OnSale && p.BillingPlan == models.PlanCommercial {
			if c.Price, err = newestPriceOf(ctx, db, p.ID); err != nil {
				return nil, err
			}
		}
		c.judge(sub, now)
		all = append(all, c)
	}
	return all, nil
}

// offeredPlans returns the living policies that an API offers and who may use, and
// the one called current although it may be offered no more, which comes first.
func (s *Subscriptions) offeredPlans(ctx context.Context, db bun.IDB, who accounts.Actor, api models.API, current int64) ([]models.Policy, error) {
	offers, err := models.OffersOf(ctx, db, api.ID)
	if err != nil {
		return nil, err
	}
	ids := []int64{current}
	for _, o := range offers {
		ids = append(ids, o.PolicyID)
	}
	plans, err := models.PoliciesByID(ctx, db, api.TenantID, ids)
	if err != nil {
		return nil, err
	}
	plans = slices.DeleteFunc(plans, func(p models.Policy) bool {
		return p.ID != current && (p.Live == nil || !catalog.MayUse(who, p))
	})
	slices.SortFunc(plans, func(a, b models.Policy) int {
		switch current {
		case a.ID:
			return -1
		case b.ID:
			return 1
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return plans, nil
}

// currentPrice returns the price that sub was sold at; zero when it is free.
func (s *Subscriptions) currentPrice(ctx context.Context, db bun.IDB, sub models.Subscription) (catalog.Price, error) {
	if sub.PriceVersionID == "" {
		return catalog.Price{}, nil
	}
	versions, err := models.PriceVersionsOf(ctx, db, sub.PolicyID)
	if err != nil {
		return catalog.Price{}, err
	}
	for _, v := range versions {
		if v.ID == sub.PriceVersionID {
			return catalog.PriceOf(v)
		}
	}
	return catalog.Price{}, fault.New(fault.NotFound, "Price not found.")
}

func newestPriceOf(ctx context.Context, db bun.IDB, policy int64) (catalog.Price, error) {
	var newest models.PriceVersion
	versions, err := models.PriceVersionsOf(ctx, db, policy)
	for _, v := range versions {
		if v.Number > newest.Number {
			newest = v
		}
	}
	if err != nil || newest.ID == "" {
		return catalog.Price{}, err
	}
	return catalog.PriceOf(newest)
}

// judge says when sub, sold at now, can change to c, or why not. Stripe bills one
// subscription in one currency; its period is kept as it is.
func (c *Choice) judge(sub models.Subscription, now catalog.Price) {
	free, paid := c.Price.IsFree(), sub.NeedsPayment
	switch {
	case c.Current:
		c.Why = "This is the plan there is."
	case !c.OnSale:
		c.Why = "It is not on sale right now."
	case free && !paid, !free && !paid:
		c.Moments = []Moment{MomentNow}
	case free:
		c.Moments = []Moment{MomentAtPeriodEnd}
	case c.account != sub.Account:
		c.Why = "It is sold through another account now. Cancel this subscription and subscribe to it anew."
	case c.Price.Currency() != now.Currency():
		c.Why = "It is charged in another currency. Cancel this subscription and subscribe to it anew."
	case c.Price.Cycle != now.Cycle:
		c.Why = "It is billed by the " + c.Price.Cycle + ", yours by the " + now.Cycle + ". Cancel this subscription and subscribe to it anew."
	default:
		c.Moments = []Moment{MomentNow, MomentAtPeriodEnd}
	}
}

// kind returns how the change to c is made.
func (c Choice) kind(sub models.Subscription, when Moment) string {
	switch {
	case !sub.NeedsPayment && c.Price.IsFree():
		return models.NoChange // at once, and Stripe has no part in it
	case !sub.NeedsPayment:
		return models.ChangeByPaying
	case c.Price.IsFree():
		return models.ChangeToFree
	case when == MomentNow:
		return models.ChangeNow
	}
	return models.ChangeAtEnd
}

// choose finds what is wished among choices.
func choose(all []Choice, plan string, when Moment) (Choice, error) {
	i := slices.IndexFunc(all, func(c Choice) bool { return c.Plan.UUID == plan })
	switch {
	case i < 0:
		return Choice{}, fault.Fields{"plan": "This plan is not offered. Choose another one."}.Err()
	case len(all[i].Moments) == 0:
		return Choice{}, fault.Fields{"plan": all[i].Why}.Err()
	case !slices.Contains(all[i].Moments, when):
		return Choice{}, fault.Fields{"when": "This change can only be " + map[Moment]string{MomentNow: "made now.", MomentAtPeriodEnd: "made when the period ends."}[all[i].Moments[0]]}.Err()
	}
	return all[i], nil
}
