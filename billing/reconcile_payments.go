package billing

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// paymentsKept is how far back refunds and disputes are compared: a dispute may
// come months after a payment, but what was opened since is soon known.
const paymentsKept = 35 * 24 * time.Hour

// payments compares refunds and disputes with the incidents that we know of.
func (c *comparison) payments(ctx context.Context) error {
	since := c.now().Add(-paymentsKept)
	if err := c.breathe(ctx); err != nil {
		return err
	}
	refunds, err := c.engine().RefundsSince(ctx, c.at, since)
	if err != nil {
		return err
	}
	disputes, err := c.engine().DisputesSince(ctx, c.at, since)
	if err != nil {
		return err
	}
	c.compared = len(refunds) + len(disputes)
	for _, r := range refunds {
		if err := c.comparePayment(ctx, objectRefund, r.ID, r.Charge, r.Status, "Refund of "+r.Amount.String()); err != nil {
			return err
		}
	}
	for _, d := range disputes {
		if err := c.comparePayment(ctx, objectDispute, d.ID, d.Charge, d.Status, "Dispute about "+d.Amount.String()); err != nil {
			return err
		}
	}
	return nil
}

// comparePayment notes a refund or dispute of one of our invoices that we do not
// know, or know otherwise. What the publisher sells beside us is not ours to see.
func (c *comparison) comparePayment(ctx context.Context, kind, id, charge, status, name string) error {
	ours, err := models.IncidentAt(ctx, c.db(), c.at.Tenant, c.at.Connected, id)
	if fault.KindOf(err) == fault.NotFound {
		var known bool
		if ours, known, err = c.incidentOf(ctx, charge); err != nil || !known {
			return err
		}
		ours.Status = "Not known."
	}
	if err != nil || ours.Status == status {
		return err
	}
	c.differs(difference{
		Drift: models.Drift{
			ObjectType: kind, ObjectID: id, Field: "status", AMSubscriptionID: ours.AMSubscriptionID,
			Name: name, Ours: ours.Status, Theirs: status, Remedy: takenOver,
		},
		heal: c.following(kind, id),
	})
	return nil
}

// incidentOf finds the subscription whose invoice a charge paid.
func (c *comparison) incidentOf(ctx context.Context, charge string) (models.PaymentIncident, bool, error) {
	var none models.PaymentIncident
	if charge == "" {
		return none, false, nil
	}
	if err := c.breathe(ctx); err != nil {
		return none, false, err
	}
	paid, err := c.engine().Charge(ctx, c.at, charge)
	if notThere(err) || err == nil && paid.InvoiceID == "" {
		return none, false, nil
	}
	if err != nil {
		return none, false, err
	}
	invoice, err := models.InvoiceAt(ctx, c.db(), c.at.Tenant, c.at.Connected, paid.InvoiceID)
	if fault.KindOf(err) == fault.NotFound {
		return none, false, nil
	}
	return models.PaymentIncident{AMSubscriptionID: invoice.AMSubscriptionID}, err == nil, err
}

// following stages what an event about an object would stage.
func (c *comparison) following(kind, id string) func(context.Context, bun.Tx) error {
	return func(ctx context.Context, tx bun.Tx) error {
		_, err := outbox.Stage(ctx, tx, c.at.Tenant, c.Subscriptions.Wall.Now(), syncObject{c.at.Connected, kind, id})
		return err
	}
}

// notThere reports whether err is Stripe's word that an object is not there.
func notThere(err error) bool {
	no, ok := errors.AsType[*Refused](err)
	return ok && no.Status == http.StatusNotFound
}
