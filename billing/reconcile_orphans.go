package billing

import (
	"context"
	"slices"

	"tollgate/internal/fault"
	"tollgate/models"
)

// compareStranger looks at a subscription with our mark that is no current one of
// ours: a second one, one we have not heard of yet, or an orphan.
func (c *comparison) compareStranger(ctx context.Context, theirs Subscription) error {
	row, err := models.StripeSubscriptionAt(ctx, c.db(), c.at.Tenant, c.at.Connected, theirs.ID)
	switch {
	case err == nil && !alive(theirs):
		return nil // an earlier one
	case err == nil:
		return c.belongs(ctx, row.AMSubscriptionID, theirs, "second", "Not charged: another one counts.")
	case fault.KindOf(err) != fault.NotFound:
		return err
	}
	sub, err := c.Subscriptions.hinted(ctx, c.at, theirs.Customer, theirs.Metadata)
	if err == nil {
		return c.belongs(ctx, sub, theirs, "link", "Not known yet.")
	}
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	if !alive(theirs) || !c.tagged(theirs.Metadata) {
		return nil
	}
	return c.orphanSubscription(ctx, theirs)
}

// belongs notes that theirs is one of ours', whose sync takes it over or ends it.
func (c *comparison) belongs(ctx context.Context, id int64, theirs Subscription, field, ours string) error {
	sub, err := models.SubscriptionByNumber(ctx, c.db(), c.at.Tenant, id)
	if err != nil {
		return err
	}
	d := onSubscription(sub, field, ours, "There, and "+theirs.Status+".", "Our subscription is synchronized: it takes this one over, or ends it and flags what was paid twice.")
	d.ObjectID = theirs.ID
	c.differs(difference{Drift: d, heal: c.syncing(id)})
	return nil
}

// orphanSubscription shows a subscription that belongs to nobody here. One that
// was paid is never ended by itself: somebody has to give the money back.
func (c *comparison) orphanSubscription(ctx context.Context, theirs Subscription) error {
	if err := c.breathe(ctx); err != nil {
		return err
	}
	invoices, err := c.engine().InvoicesOf(ctx, c.at, theirs.ID)
	if err != nil {
		return err
	}
	o := orphan{
		kind: objectSubscription, id: theirs.ID, name: "Subscription of customer " + theirs.Customer, state: "There, and " + theirs.Status + ".", born: theirs.Created,
		remedy: "Nothing was paid for it. It is canceled at Stripe after it has been seen for a day.", action: "stripe.orphan_canceled",
		remove: func(ctx context.Context) error {
			_, err := c.engine().CancelSubscription(ctx, c.at, c.job.Key("orphan."+theirs.ID), theirs.ID, CancelNow)
			return err
		},
	}
	if theirs.Status == "active" && metered(theirs) { // ending it would charge for what was counted
		o.remove, o.remedy = nil, forPerson+"calls may have been counted for it, and nobody here can use it. Find out whose it is in Stripe's dashboard, and cancel it there without an invoice."
	}
	for _, i := range invoices {
		if i.Status == "paid" && i.AmountPaid.Minor() > 0 {
			o.remove = nil
			o.state = "There, " + theirs.Status + ", and paid for."
			o.remedy = forPerson + "urgent. Somebody pays for it and can use nothing. Find out who in Stripe's dashboard, cancel it there and refund what was paid."
		}
	}
	return c.orphaned(ctx, o)
}

// metered reports whether a subscription is charged by use: such items have no quantity.
func metered(s Subscription) bool {
	return slices.ContainsFunc(s.Items, func(i Item) bool { return i.Quantity == 0 })
}

// compareCustomers notes our customers that are gone, and customers with our mark
// that no application has.
func (c *comparison) compareCustomers(ctx context.Context, theirs []Customer, subs []Subscription) error {
	ours, err := models.SharedCustomersAt(ctx, c.db(), c.at.Connected)
	if err != nil {
		return err
	}
	there, busy, known := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, one := range theirs {
		there[one.ID] = !one.Deleted
	}
	for _, s := range subs {
		busy[s.Customer] = true
	}
	for _, row := range ours {
		known[row.SharedCustomerID] = true
		if row.TenantID == c.at.Tenant && row.DeletedAt.IsZero() && !there[row.SharedCustomerID] {
			if err := c.lostCustomer(ctx, row); err != nil {
				return err
			}
		}
	}
	for _, one := range theirs {
		if one.Deleted || known[one.ID] || one.Metadata[metaInstallation] != c.Subscriptions.Installation {
			continue
		}
		if err := c.orphanCustomer(ctx, one, busy[one.ID]); err != nil {
			return err
		}
	}
	return nil
}

// lostCustomer notes a customer of ours that the listing did not have. It is read
// by itself first: it may have been made while the listing was read.
func (c *comparison) lostCustomer(ctx context.Context, row models.SharedCustomer) error {
	if err := c.breathe(ctx); err != nil {
		return err
	}
	one, err := c.engine().Customer(ctx, c.at, row.SharedCustomerID)
	if notThere(err) {
		err, one.Deleted = nil, true
	}
	if err != nil || !one.Deleted {
		return err
	}
	c.differs(difference{
		Drift: models.Drift{
			ObjectType: objectCustomer, ObjectID: row.SharedCustomerID, Field: "existence", Name: "Customer of an application",
			Ours: "There.", Theirs: "Deleted.", Remedy: "Taken over from Stripe: its subscriptions have ended there. The next purchase makes a new customer.",
		},
		heal: c.following(objectCustomer, row.SharedCustomerID),
	})
	return nil
}

func (c *comparison) orphanCustomer(ctx context.Context, one Customer, busy bool) error {
	others, err := models.OthersApplication(ctx, c.db(), c.at.Tenant, one.Metadata["application"])
	if err != nil || others { // in an account that both use
		return err
	}
	o := orphan{
		kind: objectCustomer, id: one.ID, name: one.Name, state: "There, without subscriptions.", born: one.Created,
		remedy: "Nothing hangs on it. It is deleted at Stripe after it has been seen for a day.", action: "stripe.orphan_deleted",
		remove: func(ctx context.Context) error {
			return c.engine().DeleteCustomer(ctx, c.at, c.job.Key("orphan."+one.ID), one.ID)
		},
	}
	if busy {
		o.remove, o.state = nil, "There, with subscriptions."
		o.remedy = shownOnly + "it has had subscriptions, so its invoices are kept."
	}
	return c.orphaned(ctx, o)
}

// compareCheckouts notes open checkouts with our mark that nothing here waits for:
// whoever pays one gets a subscription that nobody has asked for.
func (c *comparison) compareCheckouts(ctx context.Context, open []CheckoutSession) error {
	for _, one := range open {
		if !c.tagged(one.Metadata) {
			continue
		}
		_, err := models.CheckoutSessionByID(ctx, c.db(), c.at.Tenant, one.ID)
		if err == nil {
			continue // the sweep looks at those
		}
		if fault.KindOf(err) != fault.NotFound {
			return err
		}
		err = c.orphaned(ctx, orphan{
			kind: objectSession, id: one.ID, name: "Checkout of customer " + one.Customer, state: "Open until " + said(models.At(one.ExpiresAt)) + ".", born: one.Created,
			remedy: "It expires by itself, or is closed after it has been seen for a day.", action: "stripe.orphan_expired",
			remove: func(ctx context.Context) error {
				_, err := c.engine().ExpireCheckout(ctx, c.at, c.job.Key("orphan."+one.ID), one.ID)
				return err
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
