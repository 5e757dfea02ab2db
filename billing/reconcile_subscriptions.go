package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// ownPage is how many of our rows are read at a time.
const ownPage = 500

// A soldPlan is where a price of ours stands in the account.
type soldPlan struct {
	api     int64
	version string
}

// subscriptions compares every subscription in the account with ours, and what
// they hang on: customers and open checkouts. Ours are read before and after, so
// that one which is being worked on meanwhile is not taken for a difference.
func (c *comparison) subscriptions(ctx context.Context) error {
	before, err := c.ownSubscriptions(ctx)
	if err != nil {
		return err
	}
	theirs, err := calmly(ctx, c, c.engine().Subscriptions)
	if err != nil {
		return err
	}
	customers, err := calmly(ctx, c, c.engine().Customers)
	if err != nil {
		return err
	}
	open, err := calmly(ctx, c, c.engine().OpenCheckouts)
	if err != nil {
		return err
	}
	ours, err := c.ownSubscriptions(ctx)
	if err != nil {
		return err
	}
	c.compared = len(theirs) + len(customers) + len(open)
	byID := map[string]Subscription{}
	for _, one := range theirs {
		byID[one.ID] = one
	}
	current := map[string]bool{}
	for id, sub := range ours {
		current[sub.StripeSubscriptionID] = true
		if was, known := before[id]; !known || was.Version != sub.Version {
			continue
		}
		if err := c.compareSubscription(ctx, sub, byID); err != nil {
			return err
		}
	}
	for _, one := range theirs {
		if !current[one.ID] && one.Metadata[metaInstallation] == c.Subscriptions.Installation {
			if err := c.compareStranger(ctx, one); err != nil {
				return err
			}
		}
	}
	if err := c.compareCustomers(ctx, customers, theirs); err != nil {
		return err
	}
	return c.compareCheckouts(ctx, open)
}

// ownSubscriptions reads our subscriptions in the account by number.
func (c *comparison) ownSubscriptions(ctx context.Context) (map[int64]models.Subscription, error) {
	all := map[int64]models.Subscription{}
	for after := int64(0); ; {
		page, err := models.SubscriptionsAt(ctx, c.db(), c.at.Tenant, c.at.Connected, after, ownPage)
		if err != nil {
			return nil, err
		}
		for _, sub := range page {
			all[sub.ID], after = sub, sub.ID
		}
		if len(page) < ownPage {
			return all, nil
		}
	}
}

// tagged reports whether an object says that this tenant of this installation made
// it. Only such objects are ever called orphans.
func (c *comparison) tagged(metadata map[string]string) bool {
	return metadata[metaInstallation] == c.Subscriptions.Installation && metadata[metaTenant] == c.tenant.Domain
}

// syncing stages the ordinary sync of one of our subscriptions.
func (c *comparison) syncing(id int64) func(context.Context, bun.Tx) error {
	return func(ctx context.Context, tx bun.Tx) error {
		_, err := outbox.Stage(ctx, tx, c.at.Tenant, c.Subscriptions.Wall.Now(), syncSubscription{id})
		return err
	}
}

// compareSubscription notes what differs between sub and Stripe's.
func (c *comparison) compareSubscription(ctx context.Context, sub models.Subscription, byID map[string]Subscription) error {
	theirs, there := byID[sub.StripeSubscriptionID]
	if !there {
		if sub.Live != nil && sub.EndedAt.IsZero() {
			c.differs(difference{
				Drift: onSubscription(sub, "existence", "There, and "+sub.StripeStatus+".", "Not there.",
					forPerson+"Stripe does not have this subscription. Nobody is charged for it. End it here, or ask Stripe's support what became of it."),
				heal: c.syncing(sub.ID),
			})
		}
		return nil
	}
	facts, err := c.expected(ctx, sub, theirs)
	if err != nil {
		return err
	}
	for _, f := range facts {
		if f.ours == f.theirs {
			continue
		}
		d := difference{Drift: onSubscription(sub, f.field, f.ours, f.theirs, f.remedy)}
		if f.follow {
			d.heal = c.syncing(sub.ID)
		}
		c.differs(d)
	}
	return nil
}

func onSubscription(sub models.Subscription, field, ours, theirs, remedy string) models.Drift {
	return models.Drift{
		ObjectType: objectSubscription, ObjectID: sub.StripeSubscriptionID, Field: field, AMSubscriptionID: sub.ID,
		Name: "Subscription to " + sub.TierID, Ours: ours, Theirs: theirs, Remedy: remedy,
	}
}

// A fact is one thing about a subscription, as we and Stripe have it.
type fact struct {
	field, ours, theirs, remedy string
	follow                      bool // our row follows: Stripe owns it
}

const takenOver = "Taken over from Stripe, which owns it."

// expected lists what is to be the same, and what is to be as we made it.
func (c *comparison) expected(ctx context.Context, sub models.Subscription, theirs Subscription) ([]fact, error) {
	facts := []fact{{"status", sub.StripeStatus, theirs.Status, takenOver, true}}
	if !alive(theirs) {
		return facts, nil
	}
	facts = append(facts,
		fact{"collection_paused", yes(sub.CollectionPaused), yes(theirs.CollectionPaused), takenOver, true},
		fact{"period", span(sub.PeriodStart, sub.PeriodEnd), periodOf(theirs), takenOver, true})
	if sub.ChangeKind != models.ChangeToFree {
		facts = append(facts, fact{"cancel_at", said(sub.CancelAt), said(models.At(theirs.CancelAt)), takenOver, true})
	}
	more, err := c.byHand(ctx, sub, theirs)
	if err != nil {
		return nil, err
	}
	return append(facts, more...), nil
}

// byHand lists what only a person can have changed, in Stripe's dashboard.
func (c *comparison) byHand(ctx context.Context, sub models.Subscription, theirs Subscription) ([]fact, error) {
	var facts []fact
	if theirs.CollectionPaused {
		facts = append(facts, fact{"collection", "Charged every period.", "Paused.",
			shownOnly + "somebody paused it in Stripe's dashboard, and only there it can be resumed. Until then nobody pays, and calls are not served.", false})
	}
	if n := len(theirs.Items); n != 1 {
		facts = append(facts, fact{"items", "One price.", fmt.Sprint(n, " prices."),
			forPerson + "somebody added or removed a price in Stripe's dashboard. The subscriber is charged for all of them. Remove what does not belong there.", false})
	} else if q := theirs.Items[0].Quantity; q > 1 {
		facts = append(facts, fact{"quantity", "1", fmt.Sprint(q),
			forPerson + "somebody changed the quantity in Stripe's dashboard. The subscriber is charged as many times. Set it to 1 there.", false})
	}
	if at := theirs.DiscountedAt; !at.IsZero() && at.After(theirs.Created.Add(time.Hour)) {
		facts = append(facts, fact{"discount", "As when it was bought.", "A coupon since " + said(models.At(at)) + ".",
			shownOnly + "the account's owner granted it in Stripe's dashboard, and may. Invoices show it; the plan's price here does not.", false})
	}
	if !c.Subscriptions.names(theirs.Metadata, sub) {
		facts = append(facts, fact{"metadata", "Our mark.", "Changed or removed.",
			shownOnly + "it is still known here by its id. Put " + metaSubscription + " = " + sub.UUID + " back into its metadata in Stripe's dashboard.", false})
	}
	for _, add := range []func(context.Context, models.Subscription, Subscription) (fact, error){c.customerFact, c.priceFact, c.scheduleFact} {
		f, err := add(ctx, sub, theirs)
		if err != nil {
			return nil, err
		}
		facts = append(facts, f)
	}
	return facts, nil
}

func (c *comparison) customerFact(ctx context.Context, sub models.Subscription, theirs Subscription) (fact, error) {
	ours, err := models.SharedCustomerOf(ctx, c.db(), sub.ApplicationID, c.at.Connected)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return fact{}, err
	}
	return fact{"customer", ours.SharedCustomerID, theirs.Customer,
		forPerson + "another customer pays for it than the application's. Look at both in Stripe's dashboard.", false}, nil
}

// priceFact compares the price that is charged with the plan's. Another one of
// ours is another plan, which the sync takes over; a foreign one is only shown.
func (c *comparison) priceFact(ctx context.Context, sub models.Subscription, theirs Subscription) (fact, error) {
	f := fact{field: "price"}
	if sub.PriceVersionID == "" || len(theirs.Items) != 1 || theirs.Items[0].Price == "" {
		return f, nil
	}
	prices, err := c.soldHere(ctx)
	if err != nil {
		return f, err
	}
	ours, known := prices[soldPlan{sub.APIID, sub.PriceVersionID}]
	if !known || ours.StripePlanID == "" {
		return f, nil
	}
	f.ours, f.theirs = ours.StripePlanID, theirs.Items[0].Price
	f.remedy = forPerson + "somebody put a price on it in Stripe's dashboard that is of no plan here. The subscriber is charged that price. Put the plan's price back there, or change the plan here."
	for place, other := range prices {
		if place.api == sub.APIID && other.StripePlanID == f.theirs {
			f.remedy, f.follow = "It is the price of the plan "+other.TierName+": the subscription moves to that plan here too.", true
		}
	}
	return f, nil
}

func (c *comparison) soldHere(ctx context.Context) (map[soldPlan]models.MonetizedPlan, error) {
	if c.sold == nil {
		rows, err := models.MonetizedPlansAt(ctx, c.db(), c.at.Connected)
		if err != nil {
			return nil, err
		}
		c.sold = map[soldPlan]models.MonetizedPlan{}
		for _, r := range rows {
			c.sold[soldPlan{r.APIID, r.PriceVersionID}] = r
		}
	}
	return c.sold, nil
}

// scheduleFact compares the schedule. One of which nothing comes any more lets go
// by itself, and is no difference.
func (c *comparison) scheduleFact(ctx context.Context, sub models.Subscription, theirs Subscription) (fact, error) {
	f := fact{"schedule", sub.StripeScheduleID, theirs.Schedule, takenOver, true}
	if f.ours == f.theirs || f.theirs == "" {
		return f, nil
	}
	if err := c.breathe(ctx); err != nil {
		return f, err
	}
	schedule, err := c.engine().Schedule(ctx, c.at, f.theirs)
	if err == nil && schedule.NextPrice == "" {
		f.theirs = f.ours
	}
	return f, err
}

func yes(b bool) string { return map[bool]string{true: "yes", false: "no"}[b] }

// said says an instant for people; "never" when there is none.
func said(at models.Instant) string {
	if at.IsZero() {
		return "never"
	}
	return day(at)
}

// span and periodOf say a period, to the second: Stripe knows nothing finer.
func span(from, to models.Instant) string { return said(from) + " – " + said(to) }

func periodOf(s Subscription) string {
	if len(s.Items) == 0 {
		return span(0, 0)
	}
	return span(models.At(s.Items[0].PeriodStart), models.At(s.Items[0].PeriodEnd))
}
