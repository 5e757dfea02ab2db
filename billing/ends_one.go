package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
	"tollgate/notices"
)

// decideOne looks up one subscription that a publisher of its API, or an admin, ends.
func (e *Ends) decideOne(ctx context.Context, db bun.IDB, who accounts.Actor, t EndTarget) (decision, error) {
	entry, err := models.SubscriptionEntryByUUID(ctx, db, who.Tenant, t.ID)
	if err != nil {
		return decision{}, err
	}
	if !decides(who, entry, t.As) {
		return decision{}, notHere()
	}
	if e.StateOf(entry.Subscription).Ended {
		return decision{}, fault.New(fault.Conflict, "This subscription has ended already.")
	}
	return decision{
		kind: models.EndOfSubscription, role: t.As, publisher: entry.APIOwnerID, scope: models.EndScope{Subscription: entry.ID},
		object: accounts.Object{Type: "subscription", ID: entry.UUID, Name: entry.ApplicationName + ", " + entry.Title() + " " + entry.APIVersion + ", " + entry.PolicyName},
	}, nil
}

// decides reports whether who may end a subscription in a role.
func decides(who accounts.Actor, entry models.SubscriptionEntry, as accounts.Role) bool {
	switch as {
	case accounts.Publisher:
		return who.Person != "" && entry.APIOwnerID == who.Person
	case accounts.Admin:
		return who.Runs()
	case accounts.Subscriber:
	}
	return false
}

// EndOne ends a subscription as the publisher of its API, or as an admin, and waits
// a little for Stripe. It returns the ending.
func (e *Ends) EndOne(ctx context.Context, who accounts.Actor, uuid string, as accounts.Role, c accounts.Consent) (ending string, err error) {
	err = models.InTx(ctx, e.DB, func(ctx context.Context, tx bun.Tx) error {
		d, err := e.decideOne(ctx, tx, who, EndTarget{Kind: models.EndOfSubscription, ID: uuid, As: as})
		if err != nil {
			return err
		}
		if err := e.notEndingAlready(ctx, tx, d, c); err != nil {
			return err
		}
		ending, err = e.ask(ctx, tx, who, d, c)
		return err
	})
	if err != nil {
		return "", err
	}
	return ending, e.Await(ctx, ending)
}

// notEndingAlready refuses a decision that somebody has made already.
func (e *Ends) notEndingAlready(ctx context.Context, tx bun.Tx, d decision, c accounts.Consent) error {
	en, stands, err := models.StandingEnding(ctx, tx, d.scope.Subscription)
	if err != nil || !stands || en.How == models.EndsWithPeriods && c.How == models.EndsNow {
		return err
	}
	return fault.New(fault.Conflict, "It is being ended already. "+endingWords(en))
}

// TakeBack lets a subscription go on whose end the actor decided, as the publisher
// of its API or as an admin, until it has happened. An admin may take back what a
// publisher decided.
func (e *Ends) TakeBack(ctx context.Context, who accounts.Actor, uuid string, as accounts.Role) error {
	var job string
	err := models.InTx(ctx, e.DB, func(ctx context.Context, tx bun.Tx) error {
		entry, err := models.SubscriptionEntryByUUID(ctx, tx, who.Tenant, uuid)
		if err != nil {
			return err
		}
		if !decides(who, entry, as) {
			return notHere()
		}
		if e.StateOf(entry.Subscription).Ended {
			return fault.New(fault.Conflict, "This subscription has ended already.")
		}
		en, stands, err := models.StandingEnding(ctx, tx, entry.ID)
		if err != nil {
			return err
		}
		if err := mayTakeBack(en, stands, entry.Subscription, as); err != nil || !stands {
			return err
		}
		if err := models.WithdrawEndings(ctx, tx, entry.ID, models.At(e.Business.Now())); err != nil {
			return err
		}
		if job, err = e.resume(ctx, tx, who, entry.Subscription); err != nil {
			return err
		}
		return e.Notices.Tell(ctx, tx, who.Tenant, notices.Notice{
			Person: entry.PersonID, Kind: notices.SubscriptionEnding, Subscription: entry.ID, Subject: "Your subscription to " + entry.Title() + " " + entry.APIVersion + " goes on",
			Body: "Its end was taken back: it renews as before.", LinkText: "Show the subscription", Link: "/devportal/subscriptions/" + entry.UUID,
			Dedup: fmt.Sprintf("ending.%s.%d.back", en.ID, entry.ID),
		})
	})
	return e.done(ctx, job, err)
}

// mayTakeBack says why an end cannot be taken back in a role.
func mayTakeBack(en models.Ending, stands bool, sub models.Subscription, as accounts.Role) error {
	switch {
	case !stands && sub.CancelAt.IsZero():
		return nil // it goes on anyway
	case !stands:
		return fault.New(fault.Conflict, "Its subscriber canceled it, so only they can take that back.")
	case en.ActorRole == string(accounts.Admin) && as != accounts.Admin:
		return fault.New(fault.Conflict, "An admin decided this, so only an admin can take it back.")
	case en.Kind != models.EndOfSubscription && en.Kind != models.EndOfSale && en.Kind != models.EndOfOffer:
		return fault.New(fault.Conflict, en.ObjectName+" is deleted, so this subscription cannot go on.")
	}
	return nil
}

// Await waits a little for the first pieces of work of an ending, so that a page can
// show what came of a small one. What Stripe refused, and that it takes longer, is
// on the page of the ending, so neither is an error.
func (e *Ends) Await(ctx context.Context, ending string) error {
	jobs, err := models.EndingJobs(ctx, e.DB, ending, 4)
	if err != nil || e.Jobs == nil || e.Patience <= 0 {
		return err
	}
	until := e.Wall.Now().Add(e.Patience)
	for _, job := range jobs {
		left := until.Sub(e.Wall.Now())
		if left <= 0 {
			break
		}
		if err := e.Jobs.Wait(ctx, job, left); err != nil && errors.Is(err, context.Canceled) {
			return err
		}
	}
	return nil
}
