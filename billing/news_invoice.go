package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models"
	"tollgate/notices"
)

// tellInvoice tells what happened to an invoice since row was mirrored; row is zero
// when it is new. Each thing is told once, by whatever event we hear of it.
func (s *Subscriptions) tellInvoice(ctx context.Context, tx bun.Tx, sub models.Subscription, i Invoice, row models.Invoice, pending bool) error {
	note := func(kind, text string) error {
		return s.note(ctx, tx, sub, happening{Kind: kind, Text: text, At: i.at(kind), LinkType: "invoice", LinkID: i.ID, Dedup: fmt.Sprintf("%s.%s.%d", kind, i.ID, i.AttemptCount)})
	}
	once := func(kind, text string) error {
		return s.note(ctx, tx, sub, happening{Kind: kind, Text: text, At: i.at(kind), LinkType: "invoice", LinkID: i.ID, Dedup: kind + "." + i.ID})
	}
	called := "The invoice"
	if i.Number != "" {
		called = "Invoice " + i.Number
	}
	called += " of " + i.Total.String()
	if i.Status != "draft" && (row.ID == "" || row.Status == "draft") {
		if err := once("invoice_issued", called+" was issued."); err != nil {
			return err
		}
	}
	switch {
	case i.Status == "paid" && row.Status != i.Status:
		return once("invoice_paid", called+" was paid.")
	case i.Status == "void" && row.Status != i.Status:
		return once("invoice_voided", called+" was canceled. Nothing is owed for it.")
	case i.Status == "uncollectible" && row.Status != i.Status:
		return once("invoice_given_up", called+" was given up: the publisher does not expect it to be paid.")
	case i.Status != "open" || pending:
		return nil
	case i.ActionNeeded:
		if err := once("payment_action", "The bank asks to confirm the payment of "+i.AmountRemaining.String()+"."); err != nil {
			return err
		}
		return s.tellPayment(ctx, tx, sub, i)
	case i.AttemptCount > 0 && int(i.AttemptCount) != row.AttemptCount:
		if err := note("payment_failed", "The payment of "+i.AmountRemaining.String()+" failed. "+i.next()); err != nil {
			return err
		}
		return s.tellPayment(ctx, tx, sub, i)
	}
	return nil
}

// at returns when something happened to an invoice, as far as it says so; zero: not.
func (i Invoice) at(kind string) time.Time {
	switch kind {
	case "invoice_issued":
		return orElse(i.FinalizedAt, i.Created)
	case "invoice_paid":
		return i.PaidAt
	}
	return time.Time{}
}

// next says when a failed payment is tried again.
func (i Invoice) next() string {
	if i.NextAttempt.IsZero() {
		return "Stripe does not try it again by itself."
	}
	return "Stripe tries it again on " + day(models.At(i.NextAttempt)) + "."
}

// tellPayment tells the subscriber that a payment failed, or waits for them. Of the
// payment for a change of plan saveChange tells.
func (s *Subscriptions) tellPayment(ctx context.Context, tx bun.Tx, sub models.Subscription, i Invoice) error {
	if sub.ChangeKind == models.ChangeNow && i.BillingReason == "subscription_update" && !i.ActionNeeded {
		return nil
	}
	e, err := models.SubscriptionEntryByUUID(ctx, tx, sub.TenantID, sub.UUID)
	if err != nil {
		return err
	}
	about := "\n\nThis is about the subscription of " + e.ApplicationName + " to " + titleOf(e) + " (" + e.PolicyName + ")."
	n := notices.Notice{
		Person: e.PersonID, Kind: notices.PaymentFailed, Subscription: sub.ID, Urgent: true, Dedup: fmt.Sprintf("failed.%s.%d", i.ID, i.AttemptCount),
		Subject:  "The payment for " + titleOf(e) + " failed",
		Body:     "The payment of " + i.AmountRemaining.String() + " failed. " + i.next() + " Update the card to be sure that it works." + about,
		LinkText: "Show the subscription", Link: subscriberPage(sub),
	}
	if i.ActionNeeded {
		n.Kind, n.Dedup, n.Subject = notices.AuthenticationNeeded, "confirm."+i.ID, "Confirm the payment for "+titleOf(e)
		n.Body = "The bank asks you to confirm the payment of " + i.AmountRemaining.String() + ". It is made as soon as you have done that on Stripe's page." + about
		if url, err := s.trustedInvoice(i.HostedURL); err == nil {
			n.LinkText, n.Link = "Confirm the payment", url
		}
	}
	return s.Notices.Tell(ctx, tx, sub.TenantID, n)
}
