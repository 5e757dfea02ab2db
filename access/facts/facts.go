// Package facts reads from a subscription's row what package access needs to know.
package facts

import (
	"time"

	"tollgate/access"
	"tollgate/models"
)

// Of returns what package access needs to know of sub.
func Of(sub models.Subscription, now time.Time) access.Facts {
	return access.Facts{
		NeedsPayment: sub.NeedsPayment, Checkout: CheckoutOf(sub), Stripe: sub.StripeStatus,
		Hold: access.Hold(sub.AdminHold), MoneyHold: access.MoneyHold(sub.MoneyHold),
		Change: access.Change{
			Kind: access.ChangeKind(sub.ChangeKind), Plan: sub.TierIDPending, At: sub.ChangeAt.Time(),
			Waits: sub.ChangeKind == models.ChangeNow && sub.OpenInvoice != "",
		},
		CheckoutEnds: sub.CheckoutExpiresAt.Time(), CheckoutProblem: sub.CheckoutProblem,
		PastDueSince: sub.PastDueSince.Time(), Grace: time.Duration(sub.GraceHours) * time.Hour,
		ActionNeeded: sub.ActionNeeded, RetryAt: sub.RetryAt.Time(), CollectionPaused: sub.CollectionPaused, TrialEnds: sub.TrialEnds.Time(),
		CancelAt: sub.CancelAt.Time(), EndedAt: sub.EndedAt.Time(), ServedOnce: !sub.ActivatedAt.IsZero(), Now: now,
	}
}

// CheckoutOf returns where paying for sub stands. A checkout that failed after its
// session was there is one whose payment never came.
func CheckoutOf(sub models.Subscription) access.Checkout {
	if sub.Checkout == string(access.Failed) && sub.CheckoutSessionID != "" {
		return access.Declined
	}
	return access.Checkout(sub.Checkout)
}
