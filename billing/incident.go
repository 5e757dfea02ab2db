package billing

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
	"tollgate/money"
	"tollgate/notices"
)

// followCharge follows a payment to what was given back of it and to disputes about
// it: each is followed by itself.
func (s *Subscriptions) followCharge(ctx context.Context, job outbox.Job, at accounts.StripeAccount, t syncObject) error {
	charge, err := s.Engine.Charge(ctx, at, t.ID)
	if err != nil {
		return err
	}
	var next []syncObject
	if !charge.Refunded.IsZero() {
		refunds, err := s.Engine.RefundsSince(ctx, at, charge.Created)
		if err != nil {
			return err
		}
		for _, r := range refunds {
			if r.Charge == charge.ID {
				next = append(next, syncObject{t.Account, objectRefund, r.ID})
			}
		}
	}
	if charge.Disputed {
		disputes, err := s.Engine.DisputesSince(ctx, at, charge.Created)
		if err != nil {
			return err
		}
		for _, d := range disputes {
			if d.Charge == charge.ID {
				next = append(next, syncObject{t.Account, objectDispute, d.ID})
			}
		}
	}
	if len(next) == 0 {
		return s.leave(ctx, job, t, "Nothing of this payment was given back.")
	}
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		for _, one := range next {
			if err := s.handOver(ctx, tx, job, t, one); err != nil {
				return err
			}
		}
		return nil
	})
}

// followRefund follows money that was given back.
func (s *Subscriptions) followRefund(ctx context.Context, job outbox.Job, at accounts.StripeAccount, t syncObject) error {
	known, err := s.incident(ctx, at, t.ID) // before Stripe is read: see keepIncident
	if err != nil {
		return err
	}
	r, err := s.Engine.RefundByID(ctx, at, t.ID)
	if err != nil {
		return err
	}
	return s.keepIncident(ctx, job, at, t, known, models.PaymentIncident{
		Kind: models.IncidentRefund, Status: r.Status, Settled: r.Status != "pending" && r.Status != "requires_action",
		AmountMinor: r.Amount.Minor(), Currency: r.Amount.Currency().Code(), Reason: r.Reason, Charge: r.Charge, CreatedAt: models.At(r.Created),
	})
}

// followDispute follows a payment that its cardholder takes back.
func (s *Subscriptions) followDispute(ctx context.Context, job outbox.Job, at accounts.StripeAccount, t syncObject) error {
	known, err := s.incident(ctx, at, t.ID)
	if err != nil {
		return err
	}
	d, err := s.Engine.Dispute(ctx, at, t.ID)
	if err != nil {
		return err
	}
	return s.keepIncident(ctx, job, at, t, known, models.PaymentIncident{
		Kind: models.IncidentDispute, Status: d.Status, Settled: d.Over(), AmountMinor: d.Amount.Minor(), Currency: d.Amount.Currency().Code(),
		Reason: d.Reason, Charge: d.Charge, DueBy: models.At(d.EvidenceBy), CreatedAt: models.At(d.Created),
	})
}

// incident returns what is known of an incident; zero: nothing yet.
func (s *Subscriptions) incident(ctx context.Context, at accounts.StripeAccount, id string) (models.PaymentIncident, error) {
	known, err := models.IncidentAt(ctx, s.DB, at.Tenant, at.Connected, id)
	if fault.KindOf(err) == fault.NotFound {
		return models.PaymentIncident{}, nil
	}
	return known, err
}

// keepIncident writes down what Stripe says of an incident, tells the publisher, and
// has its subscription follow. known was read before Stripe was asked, so of two
// answers that cross each other the older one never wins.
func (s *Subscriptions) keepIncident(ctx context.Context, job outbox.Job, at accounts.StripeAccount, t syncObject, known, now models.PaymentIncident) error {
	number, invoice, err := s.paidFor(ctx, at, now.Charge)
	if err != nil {
		return err
	}
	sub, err := models.SubscriptionByNumber(ctx, s.DB, at.Tenant, number)
	if err != nil {
		return err
	}
	now.Account, now.ID, now.TenantID, now.AMSubscriptionID, now.InvoiceID = at.Connected, t.ID, at.Tenant, number, invoice
	now.Status, now.Reason = clip(now.Status, 40), clip(now.Reason, 80)
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		ctx, err := withEvents(ctx, tx, job)
		if err != nil {
			return err
		}
		fresh, err := s.writeIncident(ctx, tx, known, now)
		if err != nil {
			return err
		}
		if fresh {
			if err := s.tellIncident(ctx, tx, sub, now); err != nil {
				return err
			}
		}
		return s.handOver(ctx, tx, job, t, syncSubscription{number})
	})
}

// writeIncident writes now over known, and reports whether it says something new.
// When somebody wrote meanwhile it is a Conflict.
func (s *Subscriptions) writeIncident(ctx context.Context, tx bun.Tx, known, now models.PaymentIncident) (bool, error) {
	now.UpdatedAt, now.Version = models.At(s.Business.Now()), known.Version
	if known.ID == "" {
		added, err := models.InsertIncident(ctx, tx, now)
		if err == nil && !added {
			err = fault.New(fault.Conflict, "Somebody has just written this down.")
		}
		return true, err
	}
	same := known
	same.UpdatedAt = now.UpdatedAt
	if same == now {
		return false, nil
	}
	return known.Status != now.Status || known.AmountMinor != now.AmountMinor, models.SaveIncident(ctx, tx, now)
}

// paidFor returns which subscription of ours a payment was for, and which invoice.
func (s *Subscriptions) paidFor(ctx context.Context, at accounts.StripeAccount, id string) (int64, string, error) {
	if id == "" {
		return 0, "", notHere()
	}
	charge, err := s.Engine.Charge(ctx, at, id)
	if err != nil {
		return 0, "", err
	}
	if charge.InvoiceID == "" {
		return 0, "", notHere() // a payment of the publisher's own
	}
	number, err := s.ofInvoice(ctx, at, charge.InvoiceID)
	return number, charge.InvoiceID, err
}

// tellIncident writes an incident into the timeline and tells the publisher.
func (s *Subscriptions) tellIncident(ctx context.Context, tx bun.Tx, sub models.Subscription, now models.PaymentIncident) error {
	e, err := models.SubscriptionEntryByUUID(ctx, tx, sub.TenantID, sub.UUID)
	if err != nil {
		return err
	}
	text, kind := incidentText(now), notices.MoneyReturned
	h := happening{Kind: now.Kind, Text: text, LinkType: now.Kind, LinkID: now.ID, Dedup: now.ID + "." + now.Status}
	if err := s.note(ctx, tx, sub, h); err != nil {
		return err
	}
	n := notices.Notice{
		Person: e.APIOwnerID, Subscription: sub.ID, Dedup: h.Dedup, Subject: "Money went back for " + titleOf(e),
		Body: text + "\n\nIt is about the subscription of " + e.Subscriber + " to " + titleOf(e) + ".", LinkText: "Show the subscriptions", Link: publisherList(e),
	}
	if now.Kind == models.IncidentDispute {
		kind, n.Subject, n.Urgent = notices.PaymentDisputed, "A payment for "+titleOf(e)+" is disputed", !now.Settled
		if now.Settled {
			n.Subject = "The dispute about a payment for " + titleOf(e) + " is over"
		}
	}
	n.Kind = kind
	return s.Notices.Tell(ctx, tx, sub.TenantID, n)
}

// titleOf is what a subscription is to, for people.
func titleOf(e models.SubscriptionEntry) string { return e.Title() + " " + e.APIVersion }

// publisherList is where a publisher sees the subscriptions to an API.
func publisherList(e models.SubscriptionEntry) string {
	return "/publisher/subscriptions?api=" + e.APIUUID
}

// incidentText says an incident in a sentence or two.
func incidentText(p models.PaymentIncident) string {
	amount := amountOf(p)
	if p.Kind == models.IncidentRefund {
		return refundText(amount, p.Status)
	}
	switch p.Status {
	case "won":
		return "The dispute about the payment of " + amount + " was won: the money stays."
	case "lost":
		return "The dispute about the payment of " + amount + " was lost: the money went back."
	case "under_review":
		return "The bank looks at the dispute about the payment of " + amount + "."
	case "warning_needs_response", "warning_under_review", "warning_closed", "prevented":
		return "The bank asks about the payment of " + amount + "; that is not a dispute yet."
	}
	text := "The payment of " + amount + " is disputed through the bank."
	if !p.DueBy.IsZero() {
		text += " Stripe takes evidence until " + day(p.DueBy) + "."
	}
	return text
}

func refundText(amount, status string) string {
	switch status {
	case "succeeded":
		return amount + " were given back."
	case "failed", "canceled":
		return "Giving back " + amount + " failed; the money is still here."
	}
	return amount + " are being given back."
}

func amountOf(p models.PaymentIncident) string {
	c, err := money.ParseCurrency(p.Currency)
	if err != nil {
		return fmt.Sprint(p.AmountMinor)
	}
	return money.New(p.AmountMinor, c).String()
}
