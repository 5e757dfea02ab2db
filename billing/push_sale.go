package billing

import (
	"context"
	"strconv"

	"tollgate/models"
)

// PushSale makes Stripe's connected accounts agree with what our rows say is sold
// of an API. It carries no intention, so it may be staged and run at any time.
type PushSale struct {
	API int64 `json:"api"`
}

// Kind names the task.
func (PushSale) Kind() string { return "billing.push_sale" }

// Subject is the API: one push of it runs at a time.
func (p PushSale) Subject() string { return "sale/" + strconv.FormatInt(p.API, 10) }

// sale is all that our rows say about one API in connected accounts.
type sale struct {
	api      models.API
	account  string // the connected account that sells it; "" when none does
	products []models.StripeProduct
	meters   []models.StripeMeter
	rows     []models.MonetizedPlan // the oldest price version first
	versions map[string]models.PriceVersion
	plans    map[int64]models.Policy
	offered  map[int64]bool
	busy     map[place]bool // where somebody is subscribed
}

// A place is one plan of the API in one account.
type place struct {
	policy  int64
	account string
}

// action is one thing to do on the way from what Stripe has to what we say.
type action int

const (
	doNothing        action = iota // nothing is left to do
	doSaveProduct                  // make the account's product, or bring it back
	doEnsureMeter                  // make the plan's meter, or bring it back
	doMarkSent                     // note that a price is about to be asked for
	doMakePrice                    // make the price, or bring it back
	doTurnOn                       // everything is there: sell
	doRetire                       // note that a price is about to leave sale
	doForget                       // a price that was never asked for
	doSeek                         // find the price that a cut-off attempt may have made
	doArchivePrice                 // take a price out of sale
	doStopMeter                    // stop a meter that nobody needs
	doArchiveProduct               // take the account's product out of sale
	doTurnOff                      // everything is gone
	doTidy                         // take back what was made for a price that was refused
)

// A step is an action and what it is about.
type step struct {
	act     action
	row     int // index of a monetized plan, -1 for none
	account string
	policy  int64
}

// selling reports whether the API is to be sold at all.
func (s sale) selling() bool {
	on := s.api.Monetization == models.MonetizationOn || s.api.Monetization == models.MonetizationEnabling
	return on && s.api.Live != nil && s.account != ""
}

// wanted reports whether a row is something that is to be sold.
func (s sale) wanted(r models.MonetizedPlan) bool {
	p, known := s.plans[r.PolicyID]
	return s.selling() && r.Account == s.account && s.offered[r.PolicyID] &&
		known && p.Live != nil && p.BillingPlan == models.PlanCommercial
}

// next says the one thing to do now. It is pure; whoever does the step writes
// what came of it into the rows and asks again. First comes what is to be sold,
// then what is not: a new price is there before the old one goes.
func (s sale) next() step {
	for i, r := range s.rows {
		if r.State == models.PushPushing && s.wanted(r) {
			return s.make(i, r)
		}
	}
	if s.selling() && s.api.Monetization == models.MonetizationEnabling {
		return step{act: doTurnOn, row: -1}
	}
	for i, r := range s.rows {
		if act := s.leave(r); act != doNothing {
			return step{act: act, row: i, account: r.Account, policy: r.PolicyID}
		}
	}
	for _, m := range s.meters {
		if m.State == models.PushPushing && s.busy[place{m.PolicyID, m.Account}] { // whoever is subscribed goes on being counted
			return step{act: doEnsureMeter, row: -1, account: m.Account, policy: m.PolicyID}
		}
		if m.State != "inactive" && !s.busy[place{m.PolicyID, m.Account}] && !s.occupied(m.Account, m.PolicyID) {
			return step{act: doStopMeter, row: -1, account: m.Account, policy: m.PolicyID}
		}
	}
	for _, p := range s.products {
		if p.State != models.PushArchived && !s.occupied(p.Account, 0) {
			return step{act: doArchiveProduct, row: -1, account: p.Account}
		}
	}
	if s.api.Monetization == models.MonetizationDisabling {
		return step{act: doTurnOff, row: -1}
	}
	return step{act: doNothing, row: -1}
}

// make says how row i comes to be: product, meter, price.
func (s sale) make(i int, r models.MonetizedPlan) step {
	st := step{row: i, account: r.Account, policy: r.PolicyID}
	m, metered := s.meter(r.PolicyID, r.Account), r.Component == componentUsage
	switch p := s.product(r.Account); {
	case p == nil || p.State != models.PushLive:
		st.act = doSaveProduct
	case metered && (m == nil || m.State != models.PushLive):
		st.act = doEnsureMeter
	case r.StripeProductID == "":
		st.act = doMarkSent
	default:
		st.act = doMakePrice
	}
	return st
}

// leave says how a row leaves sale, if it has to.
func (s sale) leave(r models.MonetizedPlan) action {
	switch r.State {
	case models.PushArchiving:
		return s.archive(r)
	case models.PushLive:
		if !s.wanted(r) || s.superseded(r) {
			return doRetire
		}
	case models.PushPushing:
		if !s.wanted(r) {
			return s.archive(r)
		}
	case models.PushRefused:
		if r.StripeProductID != "" { // it was there before, and may have come back
			return s.archive(r)
		}
	}
	return doNothing
}

func (s sale) archive(r models.MonetizedPlan) action {
	switch {
	case r.StripeProductID == "":
		return doForget
	case r.StripePlanID == "":
		return doSeek
	default:
		return doArchivePrice
	}
}

// superseded reports whether a newer price of the same plan is live there.
func (s sale) superseded(r models.MonetizedPlan) bool {
	for _, o := range s.rows {
		if o.PolicyID == r.PolicyID && o.Account == r.Account && o.State == models.PushLive && s.number(o) > s.number(r) {
			return true
		}
	}
	return false
}

func (s sale) number(r models.MonetizedPlan) int { return s.versions[r.PriceVersionID].Number }

// occupied reports whether anything at Stripe is, or may be, on sale in an
// account: of one policy's metered prices, or of any when policy is 0.
func (s sale) occupied(account string, policy int64) bool {
	for _, r := range s.rows {
		there := r.State == models.PushPushing || r.State == models.PushLive || r.State == models.PushArchiving
		if there && r.Account == account && (policy == 0 || r.PolicyID == policy && r.Component == componentUsage) {
			return true
		}
	}
	return false
}

func (s sale) product(account string) *models.StripeProduct {
	for i := range s.products {
		if s.products[i].Account == account {
			return &s.products[i]
		}
	}
	return nil
}

func (s sale) meter(policy int64, account string) *models.StripeMeter {
	for i := range s.meters {
		if s.meters[i].PolicyID == policy && s.meters[i].Account == account {
			return &s.meters[i]
		}
	}
	return nil
}

// readSale reads all that our rows say about one API.
func (s *Sales) readSale(ctx context.Context, tenant models.TenantID, api int64) (sale, error) {
	out := sale{plans: map[int64]models.Policy{}, versions: map[string]models.PriceVersion{}, offered: map[int64]bool{}, busy: map[place]bool{}}
	var err error
	if out.api, err = models.APIByID(ctx, s.DB, tenant, api); err != nil {
		return out, err
	}
	if id := out.api.ConnectedAccountID; id != "" {
		account, err := models.ConnectedAccountByID(ctx, s.DB, tenant, id)
		if err != nil {
			return out, err
		}
		out.account = account.StripeAccount
	}
	if out.products, err = models.StripeProductsOf(ctx, s.DB, api); err != nil {
		return out, err
	}
	if out.meters, err = models.StripeMetersOf(ctx, s.DB, api); err != nil {
		return out, err
	}
	if out.rows, err = models.MonetizedPlansOf(ctx, s.DB, api); err != nil {
		return out, err
	}
	return out, s.readPlans(ctx, tenant, &out)
}

// readPlans adds what is known about the plans in out.
func (s *Sales) readPlans(ctx context.Context, tenant models.TenantID, out *sale) error {
	offers, err := models.OffersOf(ctx, s.DB, out.api.ID)
	if err != nil {
		return err
	}
	for _, o := range offers {
		out.offered[o.PolicyID] = true
	}
	var ids []int64
	for _, r := range out.rows {
		ids = append(ids, r.PolicyID)
	}
	policies, err := models.PoliciesByID(ctx, s.DB, tenant, ids)
	if err != nil {
		return err
	}
	for _, p := range policies {
		out.plans[p.ID] = p
	}
	versions, err := models.PriceVersionsOf(ctx, s.DB, ids...)
	if err != nil {
		return err
	}
	for _, v := range versions {
		out.versions[v.ID] = v
	}
	heads, err := models.Headcounts(ctx, s.DB, tenant, "api_id", out.api.ID)
	for _, h := range heads {
		out.busy[place{h.PolicyID, h.Account}] = h.Count > 0
	}
	if err != nil {
		return err
	}
	coming, err := models.ChangingTo(ctx, s.DB, tenant, "api_id", out.api.ID)
	for _, h := range coming {
		out.busy[place{h.PolicyID, h.Account}] = true
	}
	return err
}
