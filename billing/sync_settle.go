package billing

import (
	"time"

	"tollgate/access"
	"tollgate/models"
)

// settle says what sub becomes in view of what Stripe has and of our settings. The
// same view gives the same result, whatever came before, so the order of events
// does not matter.
func (s *Subscriptions) settle(sub models.Subscription, v seen) models.Subscription {
	before := sub
	switch {
	case v.kept == nil:
		unstarted(&sub, v)
	case v.declined && sub.ChangeKind != models.ChangeByPaying:
		declined(&sub)
	default:
		started(&sub, v)
		if sub.ActivatedAt.IsZero() && everPaid(v.invoices) {
			sub.ActivatedAt = models.At(s.Business.Now())
		}
	}
	sub.GraceHours, sub.MoneyHold = v.rules.grace, v.rules.moneyHold(v)
	s.settleChange(&sub, v)
	s.judge(&sub)
	if sub != before {
		sub.UpdatedTime = models.At(s.Business.Now())
	}
	return sub
}

// declined takes off sub what was bought for it and never paid, so that it can be
// started again.
func declined(sub *models.Subscription) {
	session, account := sub.CheckoutSessionID, sub.Account
	leaveStripe(sub)
	sub.Account = account
	sub.Checkout, sub.CheckoutSessionID = string(access.Failed), session
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
	sub.Checkout, sub.CheckoutProblem, sub.CheckoutExpiresAt = string(access.NoCheckout), "", 0
	if v.moneyOnItsWay() {
		sub.Checkout = string(access.Processing)
	}
	if len(theirs.Items) > 0 {
		sub.PeriodStart, sub.PeriodEnd = models.At(theirs.Items[0].PeriodStart), models.At(theirs.Items[0].PeriodEnd)
	}
	sub.CancelAt, sub.CollectionPaused, sub.TrialEnds = models.At(theirs.CancelAt), theirs.CollectionPaused, 0
	if theirs.Status == "trialing" {
		sub.TrialEnds = models.At(theirs.TrialEnd)
	}
	sub.PastDueSince = pastDueSince(*sub, v)
	sub.OpenInvoice, sub.RetryAt, sub.ActionNeeded = "", 0, false
	if open := v.oldestOpen(); open != nil {
		sub.OpenInvoice, sub.RetryAt, sub.ActionNeeded = open.ID, models.At(open.NextAttempt), open.ActionNeeded
	}
	if !alive(*theirs) {
		ended(sub, theirs)
	}
}

// moneyOnItsWay reports whether the checkout of the kept subscription is complete,
// and its money has not come yet.
func (v seen) moneyOnItsWay() bool {
	for i := range v.sessions {
		if got := v.theirs[i]; v.kept != nil && got.Subscription == v.kept.ID && got.Status == CheckoutComplete && !got.Settled() {
			return true
		}
	}
	return false
}

// oldestOpen returns the oldest open invoice of the kept subscription; nil: none is.
func (v seen) oldestOpen() *Invoice {
	var oldest *Invoice
	for i, one := range v.invoices {
		if v.kept != nil && one.Subscription == v.kept.ID && one.Status == "open" && (oldest == nil || one.Created.Before(oldest.Created)) {
			oldest = &v.invoices[i]
		}
	}
	return oldest
}

// pastDueSince returns when the oldest open invoice became due, while that blocks.
func pastDueSince(sub models.Subscription, v seen) models.Instant {
	if v.kept.Status != "past_due" {
		return 0
	}
	if open := v.oldestOpen(); open != nil {
		return models.At(orElse(open.FinalizedAt, open.Created))
	}
	return max(sub.PastDueSince, sub.PeriodStart)
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
