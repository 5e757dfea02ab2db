package catalog

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// An Offer is a plan as somebody can buy it now.
type Offer struct {
	Plan        models.Policy
	Price       Price  // the zero Price when it is free
	Account     string // acct_… it is sold through; "" when it is free
	StripePrice string // price_… in that account
	Hold        string // why nobody can begin with it now, in a sentence; "" when they can
}

// The labels of an API in the developer portal, as WSO2 has them.
const (
	LabelFree     = "Free"
	LabelPaid     = "Paid"
	LabelFreemium = "Freemium"
)

// A Listed API is one that the developer portal shows.
type Listed struct {
	API      models.API
	Provider string // who publishes it, as people read it
	Offers   []Offer
	Label    string   // Free, Paid or Freemium; "" when nothing is for sale
	Members  []string // of an API product: its APIs
	Paths    []string // by which each is called, below the product's own path; "" for one that is deleted
}

// A Page is some listed APIs and where the next ones begin ("" at the end).
type Page struct {
	APIs []Listed
	Next string
}

// Browse returns at most limit published APIs in which every word of search
// occurs (in name, description or provider), from after on, with the plans that
// viewer may buy.
func (s *Service) Browse(ctx context.Context, viewer accounts.Actor, search, after string, limit int) (Page, error) {
	from, err := readMark(after)
	if err != nil {
		return Page{}, err
	}
	words := strings.Fields(strings.ToLower(search))
	ls, err := models.ListingsAfter(ctx, s.DB, viewer.Tenant, words[:min(len(words), 8)], from.Key, from.ID, limit+1)
	if err != nil {
		return Page{}, err
	}
	var page Page
	if len(ls) > limit {
		ls = ls[:limit]
		page.Next = mark{ls[limit-1].SortKey, ls[limit-1].ID}.String()
	}
	page.APIs, err = s.listed(ctx, viewer, ls)
	return page, err
}

// Show returns one published API with the plans that viewer may buy.
func (s *Service) Show(ctx context.Context, viewer accounts.Actor, uuid string) (Listed, error) {
	l, err := models.ListingByUUID(ctx, s.DB, viewer.Tenant, uuid)
	if err != nil {
		return Listed{}, err
	}
	all, err := s.listed(ctx, viewer, []models.Listing{l})
	if err != nil {
		return Listed{}, err
	}
	members, err := models.MembersOf(ctx, s.DB, l.ID)
	for _, m := range members {
		all[0].Members = append(all[0].Members, m.Name+" "+m.APIVersion)
	}
	all[0].Paths = memberPaths(members)
	return all[0], err
}

// memberPaths are the paths by which gateways know the members of a product: their
// contexts, with the version behind where an earlier one has the same.
func memberPaths(members []models.API) []string {
	var out []string
	for _, m := range members {
		path := m.Context
		switch {
		case m.Live == nil:
			path = ""
		case slices.Contains(out, path):
			path += "/" + m.APIVersion
		}
		out = append(out, path)
	}
	return out
}

// OfferFor returns the offer of a published API and a plan as viewer can buy it
// now. Run it in the transaction that subscribes, after models.HoldAPI and
// models.HoldPolicy, and neither can be taken out of sale before that commits.
func OfferFor(ctx context.Context, db bun.IDB, viewer accounts.Actor, api models.API, planUUID string) (Offer, error) {
	if api.Status != models.APIPublished || api.Live == nil {
		return Offer{}, fault.New(fault.NotFound, "API not found.")
	}
	offers, err := offersOf(ctx, db, viewer, []models.API{api})
	if err != nil {
		return Offer{}, err
	}
	for _, o := range offers[api.ID] {
		if o.Plan.UUID == planUUID && o.Hold != "" {
			return Offer{}, fault.Fields{"plan": o.Hold}.Err()
		}
		if o.Plan.UUID == planUUID {
			return o, nil
		}
	}
	return Offer{}, fault.Fields{"plan": "This plan is not for sale. Choose another one."}.Err()
}

func (s *Service) listed(ctx context.Context, viewer accounts.Actor, ls []models.Listing) ([]Listed, error) {
	apis := make([]models.API, len(ls))
	for i, l := range ls {
		apis[i] = l.API
	}
	offers, err := offersOf(ctx, s.DB, viewer, apis)
	if err != nil {
		return nil, err
	}
	all := make([]Listed, len(ls))
	for i, l := range ls {
		all[i] = Listed{API: l.API, Provider: l.Provider, Offers: offers[l.ID], Label: label(offers[l.ID])}
	}
	return all, nil
}

func label(offers []Offer) string {
	free := slices.ContainsFunc(offers, func(o Offer) bool { return o.Price.IsFree() })
	paid := slices.ContainsFunc(offers, func(o Offer) bool { return !o.Price.IsFree() })
	switch {
	case free && paid:
		return LabelFreemium
	case paid:
		return LabelPaid
	case free:
		return LabelFree
	}
	return ""
}

// offersOf returns what viewer can buy of each of apis: the free plans, and the
// commercial ones whose newest price is live in the connected account.
func offersOf(ctx context.Context, db bun.IDB, viewer accounts.Actor, apis []models.API) (map[int64][]Offer, error) {
	ids := make([]int64, len(apis))
	for i, a := range apis {
		ids[i] = a.ID
	}
	shelf, err := readShelf(ctx, db, viewer.Tenant, ids)
	if err != nil {
		return nil, err
	}
	offers := map[int64][]Offer{}
	for _, o := range shelf.offers {
		p, known := shelf.plans[o.PolicyID]
		if !known || p.Live == nil || !MayUse(viewer, p) {
			continue
		}
		if p.BillingPlan == models.PlanFree {
			offers[o.APIID] = append(offers[o.APIID], Offer{Plan: p})
		} else if sold, ok := shelf.sold(o); ok {
			offers[o.APIID] = append(offers[o.APIID], sold)
		}
	}
	return offers, nil
}

// shelf is what is needed to say what some APIs sell.
type shelf struct {
	offers   []models.Offer
	plans    map[int64]models.Policy
	prices   map[string]Price // by price version
	rows     []models.MonetizedPlan
	accounts map[int64]string // by API, where it is monetized
	lost     map[string]models.Instant
}

func readShelf(ctx context.Context, db bun.IDB, tenant models.TenantID, apis []int64) (shelf, error) {
	s := shelf{plans: map[int64]models.Policy{}, prices: map[string]Price{}}
	var err error
	if s.offers, err = models.OffersOf(ctx, db, apis...); err != nil {
		return s, err
	}
	var ids []int64
	for _, o := range s.offers {
		ids = append(ids, o.PolicyID)
	}
	plans, err := models.PoliciesByID(ctx, db, tenant, ids)
	if err != nil {
		return s, err
	}
	for _, p := range plans {
		s.plans[p.ID] = p
	}
	versions, err := models.PriceVersionsOf(ctx, db, ids...)
	if err != nil {
		return s, err
	}
	for _, v := range versions {
		if s.prices[v.ID], err = PriceOf(v); err != nil {
			return s, err
		}
	}
	if s.rows, err = models.MonetizedPlansOf(ctx, db, apis...); err != nil {
		return s, err
	}
	if s.accounts, err = models.SellingAccounts(ctx, db, apis...); err != nil {
		return s, err
	}
	s.lost, err = models.LostAccounts(ctx, db, tenant)
	return s, err
}

// sold returns the offer of a commercial plan, if it is live where its API sells.
func (s shelf) sold(o models.Offer) (Offer, bool) {
	account := s.accounts[o.APIID]
	best := Offer{Plan: s.plans[o.PolicyID], Account: account}
	if !s.lost[account].IsZero() {
		best.Hold = "This plan cannot be bought at the moment: the publisher's account at Stripe is not connected. Please try again later, or ask the publisher."
	}
	for _, r := range s.rows {
		live := r.APIID == o.APIID && r.PolicyID == o.PolicyID && r.Account == account && r.State == models.PushLive
		if live && s.prices[r.PriceVersionID].Number > best.Price.Number {
			best.Price, best.StripePrice = s.prices[r.PriceVersionID], r.StripePlanID
		}
	}
	return best, account != "" && best.StripePrice != ""
}

// MayUse reports whether a plan's role permissions let viewer have it. Roles are
// compared as WSO2 spells them too, such as Internal/subscriber.
func MayUse(viewer accounts.Actor, p models.Policy) bool {
	if p.PermissionType == "" {
		return true
	}
	has := slices.ContainsFunc(p.PermissionRoles, func(role string) bool {
		role = strings.TrimPrefix(strings.ToLower(role), "internal/")
		return role == "everyone" || viewer.Is(accounts.Role(role))
	})
	return has == (p.PermissionType == "ALLOW")
}

// mark is where a page begins: behind this listing.
type mark struct {
	Key string
	ID  int64
}

func (m mark) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func readMark(s string) (mark, error) {
	var m mark
	if s == "" {
		return m, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return m, fault.From(fault.Malformed, err, "This page does not exist. Begin at the first one.")
	}
	return m, nil
}
