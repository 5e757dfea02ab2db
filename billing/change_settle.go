package billing

import (
	"context"
	"time"

	"tollgate/access"
	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/models"
)

// Why a change came to nothing, for a person.
const (
	notPaidInTime  = "It was not paid in time, so everything stays as it was. You can choose the plan again."
	takenBackThere = "It was taken back at Stripe, so everything stays as it was."
	endedBefore    = "What was bought for it has ended at Stripe before it was paid, so the free plan goes on."
)

// A sold price is what a price at Stripe stands for with us. The zero one is a
// price that is none of ours.
type sold struct {
	Policy  int64
	Tier    string // the policy's name
	Version string // price version
}

// changing is what of Stripe decides about a change of plan.
type changing struct {
	now      sold      // what the price on the item stands for
	schedule *Schedule // that the subscription goes by; nil: none
	next     sold      // what the price stands for that the schedule brings
}

// lookChange adds to v what its subscription is sold as, and its schedule.
func (s *Subscriptions) lookChange(ctx context.Context, sub models.Subscription, v *seen) error {
	if v.kept == nil || len(v.kept.Items) == 0 {
		return nil
	}
	var err error
	if v.change.now, err = s.soldAt(ctx, sub, v.keptAt, v.kept.Items[0].Price); err != nil {
		return err
	}
	if v.kept.Schedule == "" || !alive(*v.kept) {
		return nil
	}
	schedule, err := s.Engine.Schedule(ctx, v.keptAt, v.kept.Schedule)
	if err != nil {
		return final(err)
	}
	v.change.schedule = &schedule
	v.change.next, err = s.soldAt(ctx, sub, v.keptAt, schedule.NextPrice)
	return err
}

// soldAt returns what a price in an account stands for, of what the API of sub
// sells or sold.
func (s *Subscriptions) soldAt(ctx context.Context, sub models.Subscription, at accounts.StripeAccount, price string) (sold, error) {
	if price == "" {
		return sold{}, nil
	}
	row, err := models.SoldFor(ctx, s.DB, sub.TenantID, sub.APIID, at.Connected, price)
	if fault.KindOf(err) == fault.NotFound {
		return sold{}, nil
	}
	return sold{Policy: row.PolicyID, Tier: row.TierName, Version: row.PriceVersionID}, err
}

// settleChange says which plan counts, in view of what Stripe bills. The price on
// Stripe's item decides; what we asked for only says what is still to come.
func (s *Subscriptions) settleChange(sub *models.Subscription, v seen) {
	switch {
	case sub.Live == nil: // it ended long ago
		return
	case sub.ChangeKind == models.ChangeByPaying:
		settlePaying(sub, v)
	case v.kept == nil || !sub.NeedsPayment:
	case !alive(*v.kept):
		if goesOnFree(*sub, *v.kept) {
			turnFree(sub)
		} else {
			followPrice(sub, v) // it may have changed just before
			dropChange(sub, "")
		}
	default:
		followPrice(sub, v)
		settlePending(sub, v)
	}
}

// followPrice gives sub the plan that Stripe bills. A price that is none of ours
// changes nothing: reconciliation shows it.
func followPrice(sub *models.Subscription, v seen) {
	now := v.change.now
	if now.Version == "" {
		return
	}
	if now.Policy != sub.PolicyID || now.Version != sub.PriceVersionID {
		sub.PolicyID, sub.TierID, sub.PriceVersionID = now.Policy, now.Tier, now.Version
	}
	if sub.PendingPolicyID == sub.PolicyID && sub.PendingPriceVersionID == sub.PriceVersionID {
		forgetChange(sub)
	}
}

// settlePending follows a change that has not happened. Each kind says by ChangeAt
// whether Stripe has taken it on: before that, its job is on the way.
func settlePending(sub *models.Subscription, v seen) {
	theirs := v.kept
	switch sub.ChangeKind {
	case models.ChangeNow:
		if theirs.Pending != nil {
			sub.CheckoutExpiresAt = models.At(theirs.Pending.Expires)
		} else if !sub.ChangeAt.IsZero() {
			dropChange(sub, notPaidInTime)
		}
	case models.ChangeAtEnd:
		settleScheduled(sub, v)
	case models.ChangeToFree:
		if !theirs.CancelAt.IsZero() {
			sub.ChangeAt, sub.CancelAt = models.At(theirs.CancelAt), 0
		} else if !sub.ChangeAt.IsZero() {
			dropChange(sub, takenBackThere)
		}
	}
	if theirs.Schedule == "" {
		sub.StripeScheduleID = ""
	}
}

// settleScheduled follows the schedule at Stripe, wherever somebody may have led it
// since we made it.
func settleScheduled(sub *models.Subscription, v seen) {
	c, next := v.change.schedule, v.change.next
	switch {
	case c != nil && next.Policy == sub.PendingPolicyID && next.Version == sub.PendingPriceVersionID:
		sub.StripeScheduleID, sub.ChangeAt = c.ID, models.At(c.NextAt)
	case sub.ChangeAt.IsZero(): // Stripe has not heard of it
	case c != nil && next.Version != "" && next.Version != sub.PriceVersionID:
		sub.PendingPolicyID, sub.TierIDPending, sub.PendingPriceVersionID = next.Policy, next.Tier, next.Version
		sub.StripeScheduleID, sub.ChangeAt = c.ID, models.At(c.NextAt)
	default:
		dropChange(sub, takenBackThere)
		sub.StripeScheduleID = "" // what is there now, if anything, is somebody else's
	}
}

// goesOnFree reports whether theirs ended because its period was to be the last
// paid one, and not for any other reason.
func goesOnFree(sub models.Subscription, theirs Subscription) bool {
	due := sub.ChangeAt
	if due.IsZero() {
		due = sub.PeriodEnd
	}
	asked := theirs.CancelReason == "" || theirs.CancelReason == "cancellation_requested"
	ended := models.At(orElse(theirs.EndedAt, theirs.CanceledAt))
	return sub.ChangeKind == models.ChangeToFree && theirs.Status == "canceled" && asked && !due.IsZero() && ended >= due
}

// turnFree makes sub what it was asked to become once nothing is paid any more.
func turnFree(sub *models.Subscription) {
	sub.PolicyID, sub.TierID, sub.PriceVersionID = sub.PendingPolicyID, sub.TierIDPending, ""
	sub.NeedsPayment = false
	leaveStripe(sub)
	forgetChange(sub)
}

// leaveStripe takes off sub what came from a Stripe subscription that counts no
// longer, its end too.
func leaveStripe(sub *models.Subscription) {
	sub.Account, sub.StripeSubscriptionID, sub.StripeStatus, sub.StripeScheduleID = "", "", "", ""
	sub.PeriodStart, sub.PeriodEnd, sub.PastDueSince, sub.CancelAt, sub.TrialEnds = 0, 0, 0, 0, 0
	sub.ActionNeeded, sub.RetryAt, sub.OpenInvoice, sub.CollectionPaused = false, 0, "", false
	sub.EndedAt, sub.EndReason = 0, ""
	leaveCheckout(sub)
}

func leaveCheckout(sub *models.Subscription) {
	sub.Checkout, sub.CheckoutSessionID, sub.CheckoutExpiresAt, sub.CheckoutProblem = string(access.NoCheckout), "", 0, ""
}

// settlePaying follows the checkout of a free plan that is to become a paid one.
// The free plan is served until the money is there.
func settlePaying(sub *models.Subscription, v seen) {
	switch {
	case v.kept == nil && sub.Checkout == string(access.Expired):
		dropChange(sub, notPaidInTime)
	case v.kept == nil && boughtInVain(*sub, v), v.kept != nil && !alive(*v.kept):
		dropChange(sub, endedBefore)
	case v.kept != nil && sub.Checkout == string(access.NoCheckout) && v.kept.Status != "incomplete":
		buy(sub, v.change.now)
	case v.kept != nil:
		sub.CancelAt, sub.PastDueSince = 0, 0 // of what does not count yet
	}
}

// boughtInVain reports whether the session of sub is complete and what it brought
// about has ended already.
func boughtInVain(sub models.Subscription, v seen) bool {
	for i, ours := range v.sessions {
		if ours.SessionID != sub.CheckoutSessionID || v.theirs[i].Status != CheckoutComplete {
			continue
		}
		for _, other := range v.others {
			if other.ID == v.theirs[i].Subscription && !alive(other.Subscription) {
				return true
			}
		}
	}
	return false
}

// buy makes a free subscription the paid one that it was to become. now is what
// Stripe sells, where that is known.
func buy(sub *models.Subscription, now sold) {
	if now.Version == "" {
		now = sold{sub.PendingPolicyID, sub.TierIDPending, sub.PendingPriceVersionID}
	}
	sub.PolicyID, sub.TierID, sub.PriceVersionID, sub.NeedsPayment = now.Policy, now.Tier, now.Version, true
	forgetChange(sub)
}

// forgetChange takes the change off sub that has happened, or will not.
func forgetChange(sub *models.Subscription) {
	if sub.ChangeKind == models.ChangeNow {
		sub.CheckoutExpiresAt = 0
	}
	sub.TierIDPending, sub.PendingPolicyID, sub.PendingPriceVersionID = "", 0, ""
	sub.ChangeKind, sub.ChangeAt, sub.ChangeAskedAt, sub.ChangeProblem = models.NoChange, 0, 0, ""
}

// dropChange takes the change off sub because it came to nothing; problem says why,
// and is "" where nobody wonders.
func dropChange(sub *models.Subscription, problem string) {
	if sub.ChangeKind == models.ChangeByPaying {
		leaveStripe(sub) // the free plan needs none of it
	}
	asked := sub.ChangeAskedAt
	forgetChange(sub)
	if problem != "" {
		sub.ChangeProblem, sub.ChangeAskedAt = clip(problem, 500), asked
	}
}

// problemLife is how long after it was asked for people are shown on the page of a
// subscription why a change did not happen. The timeline tells it for good.
const problemLife = 14 * 24 * time.Hour

// changeProblem returns what the page of sub says about the last change.
func (s *Subscriptions) changeProblem(sub models.Subscription) string {
	if s.Business.Now().Sub(sub.ChangeAskedAt.Time()) > problemLife {
		return ""
	}
	return sub.ChangeProblem
}
