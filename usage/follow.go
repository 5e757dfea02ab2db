package usage

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// DriftObject is the type of object under which differences of units are kept. Nothing
// heals them but a person, or time.
const DriftObject = objectUsage

// A FollowQuery narrows the comparisons of units.
type FollowQuery struct {
	Own      bool // only of APIs that the actor publishes; otherwise the actor runs the tenant
	Disagree bool // only those that differ
	After    string
	Limit    int // 0: 50
}

// A Followed is the units of one subscription, plan and period, from the gateways'
// own count to the line of the invoice.
type Followed struct {
	models.UsageCompareEntry
	// Differs says what does not agree, one sentence each; none while it agrees.
	Differs []string
}

// A FollowPage is a page of comparisons. Next is where the following page begins; ""
// when this is the last one.
type FollowPage struct {
	Rows []Followed
	Next string
}

// narrow returns q for models, once the actor is known to be allowed.
func (q FollowQuery) narrow(who accounts.Actor) (models.UsageCompareQuery, error) {
	out := models.UsageCompareQuery{Disagree: q.Disagree, Limit: q.Limit}
	switch {
	case q.Own && who.Person != "" && who.Is(accounts.Publisher):
		out.Publisher = who.Person
	case !q.Own && who.Runs():
	default:
		return out, fault.New(fault.NotFound, "Not found.")
	}
	return out, nil
}

// Follow lists the units of every subscription that is sold by the call, period by
// period, the newest first.
func (c *Comparer) Follow(ctx context.Context, who accounts.Actor, q FollowQuery) (FollowPage, error) {
	if q.Limit <= 0 {
		q.Limit = 50
	}
	narrow, err := q.narrow(who)
	if err != nil {
		return FollowPage{}, err
	}
	after, err := readPlace(q.After)
	if err != nil {
		return FollowPage{}, err
	}
	narrow.Limit++
	es, err := models.UsageCompareEntries(ctx, c.Publisher.DB, who.Tenant, narrow, after)
	if err != nil {
		return FollowPage{}, err
	}
	var p FollowPage
	if len(es) > q.Limit {
		es = es[:q.Limit]
		last := es[q.Limit-1]
		p.Next = fmt.Sprintf("%d.%d.%d", last.PeriodStart, last.SubscriptionID, last.PolicyID)
	}
	for _, e := range es {
		p.Rows = append(p.Rows, Followed{e, disagreements(e.UsageCompare)})
	}
	return p, nil
}

// readPlace reads where a page begins; "" is the first one.
func readPlace(after string) (models.UsageComparePlace, error) {
	if after == "" {
		return models.UsageComparePlace{}, nil
	}
	var n [3]int64
	parts := strings.Split(after, ".")
	wrong := len(parts) != len(n)
	for i := 0; i < len(n) && !wrong; i++ {
		var err error
		n[i], err = strconv.ParseInt(parts[i], 10, 64)
		wrong = err != nil || n[i] <= 0
	}
	if wrong {
		return models.UsageComparePlace{}, fault.New(fault.Malformed, "This page does not exist. Begin at the first one.")
	}
	return models.UsageComparePlace{PeriodStart: models.Instant(n[0]), Subscription: n[1], Policy: n[2]}, nil
}

// disagreements says what differs in a comparison, from the gateways to the invoice.
// While Stripe is still counting, or something is on its way, nothing differs.
func disagreements(c models.UsageCompare) []string {
	if c.Agrees {
		return nil
	}
	var out []string
	say := func(a, b int64, more, fewer string) {
		if a != b {
			word := more
			if a < b {
				word = fewer
			}
			out = append(out, fmt.Sprintf(word, units(max(a-b, b-a))))
		}
	}
	if c.Gateway > c.Ledger {
		say(c.Ledger, c.Gateway, "", "%s were served and are not in the ledger. They are not billed.")
	}
	say(c.Sent+c.Waiting+c.Unbillable, c.Ledger, "%s are in windows and not in the ledger.", "%s are in the ledger and in no window.")
	if c.Stripe != nil {
		say(*c.Stripe, c.Sent, "Stripe counts %s more than were sent.", "Stripe counts %s fewer than were sent.")
	}
	if c.Invoiced != nil {
		say(*c.Invoiced, max(c.Sent, 0), "The invoice bills %s more than were sent.", "The invoice bills %s fewer than were sent.")
	}
	return out
}

// A FollowedOne is one period of one subscription, with what it is made of.
type FollowedOne struct {
	Subscription models.SubscriptionEntry
	Now          *Followed  // the period that is shown; nil while nothing is followed
	Periods      []Followed // of the subscription, the newest first; at most 60
	Windows      []models.UsageWindow
	Drifts       []models.Drift // that are open
	Meter        string         // mtr_… of the period's plan; "" when there is none
}

// mostPeriods are five years of months.
const mostPeriods = 60

// mostWindows is how many windows of a period are listed: a month has about 800.
const mostWindows = 2_000

// FollowOne returns the units of a period of a subscription: the one under the plan
// called plan that began at start (milliseconds), or else the newest. With own it is
// only there for the publisher of the API, otherwise only for who runs the tenant.
func (c *Comparer) FollowOne(ctx context.Context, who accounts.Actor, own bool, uuid, plan, start string) (FollowedOne, error) {
	db := c.Publisher.DB
	q, err := FollowQuery{Own: own, Limit: mostPeriods}.narrow(who)
	if err != nil {
		return FollowedOne{}, err
	}
	var out FollowedOne
	if out.Subscription, err = models.SubscriptionEntryByUUID(ctx, db, who.Tenant, uuid); err != nil {
		return out, err
	}
	if own && out.Subscription.APIOwnerID != who.Person {
		return FollowedOne{}, fault.New(fault.NotFound, "Subscription not found.")
	}
	q.Subscription = out.Subscription.ID
	es, err := models.UsageCompareEntries(ctx, db, who.Tenant, q, models.UsageComparePlace{})
	if err != nil {
		return out, err
	}
	for _, e := range es {
		out.Periods = append(out.Periods, Followed{e, disagreements(e.UsageCompare)})
	}
	at := slices.IndexFunc(out.Periods, func(f Followed) bool {
		return plan == "" && start == "" || f.PlanUUID == plan && strconv.FormatInt(int64(f.PeriodStart), 10) == start
	})
	if at < 0 {
		if plan != "" || start != "" {
			err = fault.New(fault.NotFound, "This period is not followed.")
		}
		return out, err
	}
	out.Now = &out.Periods[at]
	return out, c.madeOf(ctx, who.Tenant, &out)
}

// madeOf adds the windows and open differences of the period that is shown.
func (c *Comparer) madeOf(ctx context.Context, tenant models.TenantID, out *FollowedOne) (err error) {
	db, row := c.Publisher.DB, out.Now.UsageCompare
	out.Windows, err = models.Windows(ctx, db, models.WindowQuery{Tenant: &tenant, Subscription: row.SubscriptionID, Policy: row.PolicyID,
		From: row.PeriodStart, To: row.PeriodEnd, NewestFirst: true, Limit: mostWindows})
	if err != nil {
		return err
	}
	meters, err := models.StripeMetersOf(ctx, db, out.Subscription.APIID)
	if err != nil {
		return err
	}
	for _, m := range meters {
		if m.Account == row.Account && m.PolicyID == row.PolicyID {
			out.Meter = m.MeterID
		}
	}
	open, err := models.OpenDrift(ctx, db, tenant, row.Account, objectUsage)
	for _, d := range open {
		if d.AMSubscriptionID == row.SubscriptionID {
			out.Drifts = append(out.Drifts, d)
		}
	}
	return err
}
