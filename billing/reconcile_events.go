package billing

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/models"
)

// eventsKept is how far back Stripe lists events.
const eventsKept = 30 * 24 * time.Hour

// events fetches what Stripe could not deliver, and takes it in as if it had been.
func (c *comparison) events(ctx context.Context) error {
	all, err := c.engine().Events(ctx, c.at, c.now().Add(-eventsKept), true)
	if err != nil {
		return err
	}
	c.compared = len(all)
	for i := len(all) - 1; i >= 0; i-- { // the oldest first, as they would have come
		isNew, err := c.Inbox.fetch(ctx, c.at, all[i])
		if err != nil {
			return err
		}
		if isNew {
			c.taken++
		}
	}
	return nil
}

// fetch stores an event that was read from Stripe and promises to act on it, and
// reports whether it was new. One that came as a webhook changes nothing. It needs
// no signature: our own key read it.
func (b *Inbox) fetch(ctx context.Context, at accounts.StripeAccount, e Envelope) (bool, error) {
	d := delivery{ID: e.ID, Object: "event", Type: e.Type, Account: at.Connected, APIVersion: e.APIVersion, Livemode: e.Livemode, Created: e.Created.Unix()}
	d.Data.Object.ID, d.Data.Object.Object = e.ObjectID, e.ObjectType
	if !eventID.MatchString(d.ID) || d.Type == "" || len(d.Type) > 80 || len(d.APIVersion) > 40 || len(e.ObjectID) > 255 || len(e.ObjectType) > 60 {
		return false, nil
	}
	ignored, err := b.ignored(ctx, at.Tenant, d, []accounts.Scope{accounts.ScopePlatform, accounts.ScopeConnect})
	if err != nil {
		return false, err
	}
	now := models.At(b.Wall.Now())
	row := models.StripeEvent{
		TenantID: at.Tenant, ID: d.ID, Account: d.Account, Type: d.Type, ObjectType: e.ObjectType, ObjectID: e.ObjectID,
		APIVersion: d.APIVersion, Livemode: d.Livemode, Source: "fetched",
		State: models.EventWaiting, CreatedAt: models.At(e.Created), ReceivedAt: now,
	}
	if ignored != "" {
		row.State, row.Outcome, row.ProcessedAt = models.EventIgnored, ignored, now
	}
	var isNew bool
	err = models.InTx(ctx, b.DB, func(ctx context.Context, tx bun.Tx) error {
		var err error
		isNew, err = models.InsertStripeEvent(ctx, tx, row)
		if err != nil || !isNew || ignored != "" {
			return err
		}
		return b.stage(ctx, tx, row)
	})
	return isNew, err
}
