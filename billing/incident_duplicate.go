package billing

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/notices"
)

// The statuses of a duplicate: what was paid beside the subscription that counts.
const (
	duplicatePaid     = "paid"     // it waits to be given back
	duplicateReturned = "refunded" // it was
)

// saveDuplicates flags what was paid in vain: for a Stripe subscription that lived
// beside the one that counts, or after ours had been given up. A flag settles by
// itself once Stripe shows that the money went back.
func (s *Subscriptions) saveDuplicates(ctx context.Context, tx bun.Tx, sub models.Subscription, v seen) error {
	known := map[string]models.PaymentIncident{}
	for _, one := range v.rules.incidents {
		known[one.Account+"/"+one.ID] = one
	}
	for _, other := range v.others {
		paid := v.paidFirst(other.ID)
		if paid == nil || !v.inVain(sub, other) {
			continue
		}
		now := models.PaymentIncident{
			Account: other.at.Connected, ID: other.ID, TenantID: sub.TenantID, AMSubscriptionID: sub.ID, Kind: models.IncidentDuplicate,
			Status: duplicatePaid, AmountMinor: paid.AmountPaid.Minor(), Currency: paid.Currency.Code(), InvoiceID: paid.ID, CreatedAt: models.At(paid.Created),
		}
		if returned(v.rules.incidents, paid.ID) >= now.AmountMinor {
			now.Status, now.Settled = duplicateReturned, true
		}
		was := known[now.Account+"/"+now.ID]
		fresh, err := s.writeIncident(ctx, tx, was, now)
		if err != nil {
			return err
		}
		if fresh {
			if err := s.tellDuplicate(ctx, tx, sub, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// paidFirst returns the oldest invoice of a Stripe subscription that money was paid for.
func (v seen) paidFirst(subscription string) *Invoice {
	var first *Invoice
	for i, one := range v.invoices {
		if one.Subscription == subscription && one.AmountPaid.Minor() > 0 && (first == nil || one.Created.Before(first.Created)) {
			first = &v.invoices[i]
		}
	}
	return first
}

// inVain reports whether other is of no use to anybody: it lived at the same time
// as the one that counts, or none counts although ours is to be paid for.
func (v seen) inVain(sub models.Subscription, other held) bool {
	if v.kept == nil {
		return sub.NeedsPayment
	}
	return beganWithin(other.Subscription, *v.kept) || beganWithin(*v.kept, other.Subscription)
}

// beganWithin reports whether a began while b lived.
func beganWithin(a, b Subscription) bool {
	end := orElse(b.EndedAt, b.CanceledAt)
	return !a.Created.Before(b.Created) && (alive(b) || end.IsZero() || a.Created.Before(end))
}

func (s *Subscriptions) tellDuplicate(ctx context.Context, tx bun.Tx, sub models.Subscription, now models.PaymentIncident) error {
	e, err := models.SubscriptionEntryByUUID(ctx, tx, sub.TenantID, sub.UUID)
	if err != nil {
		return err
	}
	amount := amountOf(now)
	text := amount + " were paid a second time for the same subscription. The second payment counts for nothing and waits to be given back."
	if now.Settled {
		text = "The " + amount + " that were paid a second time went back."
	}
	h := happening{Kind: "duplicate", Text: text, LinkType: "invoice", LinkID: now.InvoiceID, Dedup: now.ID + "." + now.Status}
	if err := s.note(ctx, tx, sub, h); err != nil {
		return err
	}
	for person, link := range map[string]string{e.PersonID: subscriberPage(sub), e.APIOwnerID: publisherList(e)} {
		if err := s.Notices.Tell(ctx, tx, sub.TenantID, notices.Notice{
			Person: person, Kind: notices.MoneyReturned, Subscription: sub.ID, Urgent: person == e.APIOwnerID && !now.Settled,
			Subject: titleOf(e) + " was paid twice", Body: text, LinkText: "Show the subscription", Link: link, Dedup: h.Dedup,
		}); err != nil {
			return err
		}
	}
	return nil
}

// subscriberPage is where a subscriber sees a subscription.
func subscriberPage(sub models.Subscription) string { return "/devportal/subscriptions/" + sub.UUID }

// giveBackDuplicate gives back what was paid a second time.
type giveBackDuplicate struct {
	Subscription int64  `json:"subscription"`
	Account      string `json:"account"`
	Incident     string `json:"incident"`
	Invoice      string `json:"invoice"`
}

// Kind implements outbox.Task.
func (giveBackDuplicate) Kind() string { return "billing.give_back" }

// Subject implements outbox.Task.
func (t giveBackDuplicate) Subject() string { return subjectOf(t.Subscription) }

// Incidents returns what happened to payments of a subscription, newest first, for
// its owner, the publisher of its API and admins.
func (s *Subscriptions) Incidents(ctx context.Context, who accounts.Actor, uuid string) ([]models.PaymentIncident, error) {
	e, err := s.timelineOf(ctx, who, uuid)
	if err != nil {
		return nil, err
	}
	return models.IncidentsOf(ctx, s.DB, e.ID)
}

// GiveBack gives back what was paid a second time for a subscription to an API that
// the actor publishes. incident is the id that Incidents gives. It waits a little
// for Stripe, and may be asked for again: nothing is given back twice.
func (s *Subscriptions) GiveBack(ctx context.Context, who accounts.Actor, uuid, incident string) error {
	var job string
	err := models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		e, err := models.SubscriptionEntryByUUID(ctx, tx, who.Tenant, uuid)
		if err != nil {
			return err
		}
		if who.Person == "" || e.APIOwnerID != who.Person {
			return notHere()
		}
		all, err := models.IncidentsOf(ctx, tx, e.ID)
		if err != nil {
			return err
		}
		for _, one := range all {
			if one.ID == incident && one.Kind == models.IncidentDuplicate {
				job, err = s.askGiveBack(ctx, tx, who, e, one)
				return err
			}
		}
		return fault.New(fault.NotFound, "Payment not found.")
	})
	return s.done(ctx, job, err)
}

// askGiveBack promises that a duplicate goes back, once.
func (s *Subscriptions) askGiveBack(ctx context.Context, tx bun.Tx, who accounts.Actor, e models.SubscriptionEntry, one models.PaymentIncident) (string, error) {
	if one.Settled {
		return "", fault.New(fault.Conflict, "This payment has gone back already.")
	}
	t := giveBackDuplicate{e.ID, one.Account, one.ID, one.InvoiceID}
	open, err := models.OpenJobsAbout(ctx, tx, who.Tenant, t.Subject())
	if err != nil {
		return "", err
	}
	for _, j := range open {
		if j.Kind == t.Kind() { // asked for already
			return j.ID, nil
		}
	}
	text := who.Name + " gives back the " + amountOf(one) + " that were paid a second time."
	if err := s.note(ctx, tx, e.Subscription, happening{Kind: "duplicate", Text: text, By: who, LinkType: "invoice", LinkID: one.InvoiceID}); err != nil {
		return "", err
	}
	what := accounts.Object{Type: "subscription", ID: e.UUID, Name: titleOf(e)}
	if err := models.InsertAudit(ctx, tx, who.Did(s.Wall.Now(), "subscription.give_back", what, map[string]string{"invoice": one.InvoiceID, "amount": amountOf(one)})); err != nil {
		return "", err
	}
	return outbox.Stage(ctx, tx, who.Tenant, s.Wall.Now(), t)
}

// returnDuplicate performs giveBackDuplicate. What Stripe then says of the refund is
// followed like any other.
func (s *Subscriptions) returnDuplicate(ctx context.Context, job outbox.Job, t giveBackDuplicate) error {
	at := accounts.StripeAccount{Tenant: job.Tenant, Connected: t.Account}
	one, err := models.IncidentAt(ctx, s.DB, job.Tenant, t.Account, t.Incident)
	if err != nil || one.Settled {
		return err
	}
	refund, err := s.Engine.Refund(ctx, at, job.Key("refund"), t.Invoice)
	if err != nil {
		return final(err)
	}
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		_, err := outbox.Stage(ctx, tx, job.Tenant, s.Wall.Now(), syncObject{t.Account, objectRefund, refund.ID})
		return err
	})
}
