package billing

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/catalog"
	"tollgate/internal/clock"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/notices"
)

// Subscriptions sells policies of APIs to applications: it leads each
// subscription from the wish to its end, and keeps it the same as at Stripe.
type Subscriptions struct {
	DB       *bun.DB
	Engine   Engine
	Jobs     *outbox.Runner
	Wall     clock.Wall
	Business clock.Business

	Installation string        // id of this installation, put on objects at Stripe
	PublicURL    string        // of the portal, without a slash at the end
	StripePages  string        // origin of the sandbox's hosted pages; "" for Stripe's own
	Notices      *notices.Desk // who tells people; nil tells nobody
	Usage        Usage         // who counts calls; nil: nothing is sold by the call
	Patience     time.Duration // how long a request waits for Stripe before it answers
}

// SubscribeInput is what a subscriber chooses. All three are UUIDs.
type SubscribeInput struct{ Application, API, Policy string }

// Validate reports what is wrong with the form alone, before any look-up.
func (in SubscribeInput) Validate() error {
	var f fault.Fields
	f.Check(in.Application != "", "application", "Choose an application.")
	f.Check(in.Policy != "", "plan", "Choose a plan.")
	return f.Err()
}

// AlreadySubscribed says that an application has a live subscription to the API.
type AlreadySubscribed struct{ Subscription string } // its uuid

// Error returns what a person may read.
func (e *AlreadySubscribed) Error() string {
	return "This application is subscribed to the API already."
}

// Unwrap makes e a Conflict fault.
func (e *AlreadySubscribed) Unwrap() error { return fault.New(fault.Conflict, e.Error()) }

// wanted is a wish to subscribe, looked up.
type wanted struct {
	buyer models.Buyer
	api   models.API
	offer catalog.Offer
}

// Subscribe subscribes one of the actor's applications to a published API under
// a policy that it offers. Free is active at once; otherwise a checkout is opened,
// for which Subscribe waits a little. A subscription whose checkout expired or
// failed is reopened instead of made again; any other live one is an
// *AlreadySubscribed.
func (s *Subscriptions) Subscribe(ctx context.Context, who accounts.Actor, in SubscribeInput) (models.Subscription, error) {
	if err := in.Validate(); err != nil {
		return models.Subscription{}, err
	}
	var sub models.Subscription
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		w, err := s.wanted(ctx, tx, who, in)
		if err != nil {
			return err
		}
		have, live, err := models.LiveSubscription(ctx, tx, w.api.ID, w.buyer.ID)
		switch {
		case err != nil:
			return err
		case !live:
			sub, err = s.begin(ctx, tx, who, w)
			return err
		case s.StateOf(have).Next != access.StartAgain:
			return &AlreadySubscribed{have.UUID}
		}
		sub, err = s.reopen(ctx, tx, who, have, w)
		return err
	})
	if models.Taken(err) {
		return s.afterRace(ctx, who, in, err)
	}
	if err != nil {
		return models.Subscription{}, err
	}
	return s.opened(ctx, sub)
}

// afterRace answers whoever lost the race for the one live row.
func (s *Subscriptions) afterRace(ctx context.Context, who accounts.Actor, in SubscribeInput, lost error) (models.Subscription, error) {
	w, err := s.wanted(ctx, s.DB, who, in)
	if err != nil {
		return models.Subscription{}, err
	}
	have, live, err := models.LiveSubscription(ctx, s.DB, w.api.ID, w.buyer.ID)
	if err != nil || !live {
		return models.Subscription{}, fault.From(fault.Conflict, lost, "Somebody changed this subscription at the same moment. Please try again.")
	}
	return models.Subscription{}, &AlreadySubscribed{have.UUID}
}

// wanted looks up what in names, as far as who may see it. In a transaction all of
// it is held, so that nothing is withdrawn meanwhile.
func (s *Subscriptions) wanted(ctx context.Context, db bun.IDB, who accounts.Actor, in SubscribeInput) (wanted, error) {
	var w wanted
	var err error
	if w.buyer, err = models.BuyerByUUID(ctx, db, who.Tenant, in.Application); err != nil {
		return w, err
	}
	if w.buyer.PersonID != who.Person {
		return w, fault.New(fault.NotFound, "Application not found.")
	}
	if w.api, err = models.APIByUUID(ctx, db, who.Tenant, in.API); err != nil {
		return w, err
	}
	if err := hold(ctx, db, w, in.Policy); err != nil {
		return w, err
	}
	w.offer, err = catalog.OfferFor(ctx, db, who, w.api, in.Policy)
	return w, err
}

// hold locks application, API and policy, if db is a transaction.
func hold(ctx context.Context, db bun.IDB, w wanted, policy string) error {
	tx, ok := db.(bun.Tx)
	if !ok {
		return nil
	}
	if err := models.HoldApplication(ctx, tx, w.buyer.TenantID, w.buyer.ID); err != nil {
		return err
	}
	if err := models.HoldAPI(ctx, tx, w.api.ID); err != nil {
		return err
	}
	p, err := models.PolicyByUUID(ctx, tx, w.api.TenantID, policy)
	if fault.KindOf(err) == fault.NotFound {
		return nil // the offer will not be there either
	}
	if err != nil {
		return err
	}
	return models.HoldPolicy(ctx, tx, p.ID)
}

// begin makes the row of a new subscription.
func (s *Subscriptions) begin(ctx context.Context, tx bun.Tx, who accounts.Actor, w wanted) (models.Subscription, error) {
	now, live := models.At(s.Business.Now()), int64(1)
	sub := models.Subscription{
		UUID: models.NewID(), TenantID: who.Tenant, APIID: w.api.ID, ApplicationID: w.buyer.ID,
		CreatedBy: who.Username, CreatedTime: now, UpdatedTime: now, Live: &live,
	}
	s.sell(&sub, w)
	if err := models.InsertSubscription(ctx, tx, &sub); err != nil {
		return sub, err
	}
	return sub, s.ask(ctx, tx, who, sub, w, "subscription.create")
}

// reopen starts a subscription again whose checkout came to nothing, on the same row.
func (s *Subscriptions) reopen(ctx context.Context, tx bun.Tx, who accounts.Actor, sub models.Subscription, w wanted) (models.Subscription, error) {
	s.sell(&sub, w)
	sub.UpdatedBy, sub.UpdatedTime = who.Username, models.At(s.Business.Now())
	sub, err := models.SaveSubscription(ctx, tx, sub)
	if err != nil {
		return sub, err
	}
	return sub, s.ask(ctx, tx, who, sub, w, "subscription.start_again")
}

// sell writes into sub what it is sold as from now on.
func (s *Subscriptions) sell(sub *models.Subscription, w wanted) {
	sub.TierID, sub.PolicyID, sub.CreateState = w.offer.Plan.Name, w.offer.Plan.ID, "SUBSCRIBE"
	sub.NeedsPayment, sub.PriceVersionID, sub.Account = !w.offer.Price.IsFree(), w.offer.Price.Version, w.offer.Account
	sub.Checkout, sub.CheckoutSessionID, sub.CheckoutExpiresAt, sub.CheckoutProblem = string(access.NoCheckout), "", 0, ""
	if sub.NeedsPayment {
		sub.Checkout, sub.CheckoutAttempt = string(access.Opening), sub.CheckoutAttempt+1
	}
	s.judge(sub)
}

// ask records the wish and promises the checkout that it needs.
func (s *Subscriptions) ask(ctx context.Context, tx bun.Tx, who accounts.Actor, sub models.Subscription, w wanted, action string) error {
	status := models.WorkflowCreated
	if !sub.NeedsPayment {
		status = models.WorkflowApproved
	}
	if err := s.record(ctx, tx, who, sub, models.WorkflowCreation, status); err != nil {
		return err
	}
	what := accounts.Object{Type: "subscription", ID: sub.UUID, Name: strings.TrimSpace(w.api.Name + " " + w.api.APIVersion)}
	details := map[string]string{"application": w.buyer.Name, "plan": w.offer.Plan.Name}
	text := w.buyer.Name + " was subscribed to " + what.Name + " with the plan " + w.offer.Plan.DisplayName + "."
	if err := s.note(ctx, tx, sub, happening{Kind: "subscribed", Text: text, By: who, Dedup: told("subscribed", sub)}); err != nil {
		return err
	}
	if err := models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), action, what, details)); err != nil {
		return err
	}
	if !sub.NeedsPayment {
		return nil
	}
	return s.stageCheckout(ctx, tx, sub)
}

// opened waits a little for the checkout of sub, and returns sub as it then is.
func (s *Subscriptions) opened(ctx context.Context, sub models.Subscription) (models.Subscription, error) {
	until := s.Wall.Now().Add(s.Patience)
	for sub.Checkout == string(access.Opening) && s.Wall.Now().Before(until) && pause(ctx, 40*time.Millisecond) {
		s.Jobs.Wake()
		var err error
		if sub, err = models.SubscriptionByNumber(ctx, s.DB, sub.TenantID, sub.ID); err != nil {
			return sub, err
		}
	}
	s.Jobs.Wake()
	return sub, nil
}

// pause reports whether d went by before ctx was done.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
