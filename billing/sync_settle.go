package billing

import (
	"time"

	"tollgate/access"
	"tollgate/models"
)

// settle says what sub becomes in view of what Stripe has. The same view gives the
// same result, whatever came before, so the order of events does not matter.
func (s *Subscriptions) settle(sub models.Subscription, v seen) models.Subscription {
	before := sub
	if v.kept == nil {
		unstarted(&sub, v)
	} else {
		started(&sub, v)
		if sub.ActivatedAt.IsZero() && everPaid(v.invoices) {
			sub.ActivatedAt = models.At(s.Business.Now())
		}
	}
	s.judge(&sub)
	if sub != before {
		sub.UpdatedTime = models.At(s.Business.Now())
	}
	return sub
}

// unstarted follows the current checkout session; an earlier one changes nothing.
func unstarted(sub *models.Subscription, v seen) {
	for i, ours := range v.sessions {
		if ours.SessionID != sub.CheckoutSessionID || !sub.EndedAt.IsZero() {
			continue
		}
		switch theirs := v.theirs[i]; theirs.Status {
		case CheckoutOpen:
			sub.Checkout, sub.CheckoutExpiresAt = string(access.Open), models.At(theirs.ExpiresAt)
		case CheckoutExpired:
			sub.Checkout = string(access.Expired)
		case CheckoutComplete:
			sub.Checkout = string(access.Processing)
		}
	}
}

// started follows the Stripe subscription.
func started(sub *models.Subscription, v seen) {
	theirs := v.kept
	sub.Account, sub.StripeSubscriptionID, sub.StripeStatus = v.keptAt.Connected, theirs.ID, theirs.Status
	sub.Checkout, sub.CheckoutProblem = string(access.NoCheckout), ""
	for i := range v.sessions {
		if got := v.theirs[i]; got.Subscription == theirs.ID && got.Status == CheckoutComplete && !got.Settled() {
			sub.Checkout = string(access.Processing)
		}
	}
	if len(theirs.Items) > 0 {
		sub.PeriodStart, sub.PeriodEnd = models.At(theirs.Items[0].PeriodStart), models.At(theirs.Items[0].PeriodEnd)
	}
	sub.CancelAt = models.At(theirs.CancelAt)
	sub.PastDueSince = pastDueSince(*sub, v)
	if !alive(*theirs) {
		ended(sub, theirs)
	}
}

// pastDueSince returns when the oldest open invoice was issued, while that blocks.
func pastDueSince(sub models.Subscription, v seen) models.Instant {
	if v.kept.Status != "past_due" {
		return 0
	}
	var since models.Instant
	for _, i := range v.invoices {
		at := models.At(i.Created)
		if i.Subscription == v.kept.ID && i.Status == "open" && (since.IsZero() || at < since) {
			since = at
		}
	}
	if since.IsZero() {
		return max(sub.PastDueSince, sub.PeriodStart)
	}
	return since
}

func ended(sub *models.Subscription, theirs *Subscription) {
	sub.CancelAt = 0
	if sub.EndedAt.IsZero() {
		sub.EndedAt = models.At(orElse(theirs.EndedAt, theirs.CanceledAt))
		sub.EndReason = clip(theirs.CancelReason, 40)
	}
	if sub.EndReason == "" {
		sub.EndReason = theirs.Status
	}
}

// orElse returns a, or b when a is not set.
func orElse(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

func everPaid(invoices []Invoice) bool {
	for _, i := range invoices {
		if i.Status == "paid" {
			return true
		}
	}
	return false
}

// sessionStatus returns what a session of ours is to be called in view of theirs.
func sessionStatus(theirs CheckoutSession, over bool) string {
	switch {
	case theirs.Status == CheckoutExpired:
		return models.SessionExpired
	case theirs.Settled(), theirs.Status == CheckoutComplete && over:
		return models.SessionCompleted
	}
	return models.SessionPending
}
