package billing

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// comparedTypes are the types of object that each kind of comparison covers: it
// heals what it covers and no longer sees.
var comparedTypes = map[string][]string{
	CompareEvents:        {"event"},
	CompareSubscriptions: {objectSubscription, objectCustomer, objectSession},
	CompareCatalogue:     {objectProduct, objectPrice, objectMeter},
	ComparePayments:      {objectRefund, objectDispute},
}

// The types of object that only comparisons look at, as Stripe spells them.
const (
	objectProduct = "product"
	objectPrice   = "price"
	objectMeter   = "billing.meter"
)

// orphanField is the field under which objects stand that nothing of ours refers to.
const orphanField = "orphan"

// A mark is what makes one difference one: the object and what differs about it.
type mark struct{ object, field string }

// A difference is one thing about which Stripe and we do not agree.
type difference struct {
	models.Drift
	heal  func(ctx context.Context, tx bun.Tx) error // stages what ends it; nil: it is only shown
	again time.Time                                  // when to look again; zero: as usual
}

// A removal is an orphan that was taken away.
type removal struct{ kind, id, name, action string }

// A comparison is one run of one kind with one account.
type comparison struct {
	*Reconciler
	job    outbox.Job
	at     accounts.StripeAccount
	what   string
	tenant models.Tenant
	open   map[mark]models.Drift // differences found before and not healed

	sold     map[soldPlan]models.MonetizedPlan // prices of ours in the account, read once
	written  map[string]bool                   // rows that a difference of this run has written already
	compared int
	found    []difference
	removed  []removal
	taken    int // events that were fetched
}

func (r *Reconciler) begin(ctx context.Context, job outbox.Job, t reconcile) (*comparison, error) {
	s := r.Subscriptions
	c := &comparison{Reconciler: r, job: job, at: accounts.StripeAccount{Tenant: job.Tenant, Connected: t.Account}, what: t.What, open: map[mark]models.Drift{}}
	var err error
	if c.tenant, err = models.TenantByID(ctx, s.DB, job.Tenant); err != nil {
		return nil, err
	}
	open, err := models.OpenDrift(ctx, s.DB, job.Tenant, t.Account, comparedTypes[t.What]...)
	for _, d := range open {
		c.open[mark{d.ObjectID, d.Field}] = d
	}
	return c, err
}

func (c *comparison) db() *bun.DB    { return c.Subscriptions.DB }
func (c *comparison) engine() Engine { return c.Subscriptions.Engine }
func (c *comparison) now() time.Time { return c.Subscriptions.Business.Now() }

// compare reads both sides and notes what differs.
func (c *comparison) compare(ctx context.Context) error {
	switch c.what {
	case CompareEvents:
		return c.events(ctx)
	case CompareSubscriptions:
		return c.subscriptions(ctx)
	case CompareCatalogue:
		if c.at.IsPlatform() {
			return c.platformCatalogue(ctx)
		}
		return c.catalogue(ctx)
	case ComparePayments:
		return c.payments(ctx)
	}
	return errors.New("billing: nobody compares " + c.what)
}

// breathe leaves the account's allowance of calls to others for a moment. The
// comparisons of one account wait one after the other.
func (c *comparison) breathe(ctx context.Context) error {
	if c.Pause <= 0 {
		return ctx.Err()
	}
	turn, _ := c.turns.LoadOrStore(c.at, make(chan struct{}, 1))
	select {
	case turn.(chan struct{}) <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-turn.(chan struct{}) }()
	t := time.NewTimer(c.Pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// calmly reads a listing of the account after a breath.
func calmly[T any](ctx context.Context, c *comparison, read func(context.Context, accounts.StripeAccount) ([]T, error)) ([]T, error) {
	if err := c.breathe(ctx); err != nil {
		return nil, err
	}
	return read(ctx, c.at)
}

// differs notes a difference, once.
func (c *comparison) differs(d difference) {
	same := func(o difference) bool { return o.ObjectID == d.ObjectID && o.Field == d.Field }
	if slices.ContainsFunc(c.found, same) {
		return
	}
	d.TenantID, d.Account = c.at.Tenant, c.at.Connected
	d.Name, d.Ours, d.Theirs, d.Remedy = clip(d.Name, 300), clip(d.Ours, 500), clip(d.Theirs, 500), clip(d.Remedy, 500)
	c.found = append(c.found, d)
}

// An orphan is an object at Stripe that carries our mark and that nothing of ours
// refers to.
type orphan struct {
	kind, id, name, state string
	born                  time.Time
	remedy                string
	action                string                          // of the audit, when it is removed
	remove                func(ctx context.Context) error // nil: that is for a person to do
}

// orphaned shows o, and removes it once it has been shown for a day. Only then is
// it certain that no work under way has yet to take it up.
func (c *comparison) orphaned(ctx context.Context, o orphan) error {
	seen, known := c.open[mark{o.id, orphanField}]
	due := c.now().Add(orphanAge)
	if known {
		due = seen.FirstSeen.Time().Add(orphanAge)
	}
	if grown := o.born.Add(orphanAge); grown.After(due) {
		due = grown
	}
	if o.remove != nil && known && !c.now().Before(due) {
		err := o.remove(ctx)
		no, refused := errors.AsType[*Refused](err)
		switch {
		case err == nil:
			c.removed = append(c.removed, removal{o.kind, o.id, o.name, o.action})
			return c.breathe(ctx)
		case !refused:
			return err
		}
		o.remedy, o.remove = forPerson+"Stripe refuses to have it removed: "+no.Message+" Look at it in Stripe's dashboard.", nil
	}
	d := difference{Drift: models.Drift{
		ObjectType: o.kind, ObjectID: o.id, Field: orphanField, Name: o.name,
		Ours: "Nothing here refers to it.", Theirs: o.state, Remedy: o.remedy,
	}}
	if o.remove != nil {
		d.again = due
	}
	c.differs(d)
	return nil
}

// conclude writes down, all or nothing, what a comparison found and what healed,
// and stages what ends the differences.
func (r *Reconciler) conclude(ctx context.Context, c *comparison, row models.Reconciliation) (models.Reconciliation, error) {
	s, now := r.Subscriptions, models.At(c.now())
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		left := maps.Clone(c.open) // the transaction may be run again
		c.written = map[string]bool{}
		again := nextNight(c.now(), row.Account, row.Kind)
		if row.Kind == CompareEvents {
			again = c.now().Add(eventsPause)
		}
		for i := range c.found {
			first, err := c.keep(ctx, tx, left, c.found[i], now)
			if err != nil {
				return err
			}
			if at := c.lookAgain(c.found[i], first); !at.IsZero() && at.Before(again) {
				again = at
			}
		}
		healed, err := heal(ctx, tx, left, now)
		if err != nil {
			return err
		}
		if err := c.tellRemovals(ctx, tx); err != nil {
			return err
		}
		row.DueAt, row.Compared, row.Found, row.Healed = models.At(again), c.compared, len(c.found)+c.taken, healed+c.taken
		return models.SaveReconciliation(ctx, tx, row)
	})
	if err == nil {
		s.Jobs.Wake()
	}
	return row, err
}

// keep writes one difference, and stages what ends it. It returns since when it
// has been seen.
func (c *comparison) keep(ctx context.Context, tx bun.Tx, left map[mark]models.Drift, d difference, now models.Instant) (models.Instant, error) {
	at := mark{d.ObjectID, d.Field}
	before, known := left[at]
	d.FirstSeen, d.LastSeen = now, now
	var err error
	if known {
		d.ID, d.FirstSeen, d.Live = before.ID, before.FirstSeen, before.Live
		err = models.SaveDrift(ctx, tx, d.Drift)
	} else {
		err = models.InsertDrift(ctx, tx, d.Drift)
	}
	delete(left, at)
	if err != nil || d.heal == nil {
		return d.FirstSeen, err
	}
	return d.FirstSeen, d.heal(ctx, tx)
}

// lookAgain says when a difference is worth another look: when it was to be, or,
// if work was staged that ends it, after ten minutes, and then after as long again
// as it has been there.
func (c *comparison) lookAgain(d difference, first models.Instant) time.Time {
	if d.heal == nil {
		return d.again
	}
	return c.now().Add(max(c.now().Sub(first.Time()), eventsPause))
}

// heal closes the differences that a comparison no longer saw.
func heal(ctx context.Context, tx bun.Tx, left map[mark]models.Drift, now models.Instant) (int, error) {
	for _, d := range left {
		d.HealedAt, d.Live = now, nil
		if err := models.SaveDrift(ctx, tx, d); err != nil {
			return 0, err
		}
	}
	return len(left), nil
}

// once reports whether this run has not written a row yet. Something may differ in
// several ways: the first one to write its row decides, and one push ends them all.
func (c *comparison) once(kind string, id any) bool {
	key := fmt.Sprint(kind, " ", id)
	before := c.written[key]
	c.written[key] = true
	return !before
}

func (c *comparison) tellRemovals(ctx context.Context, tx bun.Tx) error {
	by := accounts.System(c.at.Tenant, c.tenant.Domain)
	for _, o := range c.removed {
		what := accounts.Object{Type: "stripe_" + o.kind, ID: o.id, Name: o.name}
		details := map[string]string{"account": c.at.Connected, "reason": "nothing here refers to it"}
		if err := models.InsertAudit(ctx, tx, by.Did(c.Subscriptions.Wall.Now(), o.action, what, details)); err != nil {
			return err
		}
	}
	return nil
}
