package billing

import (
	"context"
	"errors"

	"tollgate/internal/fault"
	"tollgate/models"
)

// rules are what our own settings and the history of payments say about a
// subscription.
type rules struct {
	grace         int  // hours, as the customer's, the plan's or the tenant's setting says
	holdOnDispute bool // of the tenant
	holdOnRefund  bool
	incidents     []models.PaymentIncident
	mirrored      map[string]bool // Stripe subscriptions that were known before
}

// rulesFor reads what holds for sub.
func (s *Subscriptions) rulesFor(ctx context.Context, sub models.Subscription) (rules, error) {
	tenant, err := models.TenantByID(ctx, s.DB, sub.TenantID)
	if err != nil {
		return rules{}, err
	}
	r := rules{grace: tenant.GraceHours, holdOnDispute: tenant.HoldOnDispute, holdOnRefund: tenant.HoldOnRefund, mirrored: map[string]bool{}}
	plans, err := models.PoliciesByID(ctx, s.DB, sub.TenantID, []int64{sub.PolicyID})
	if err != nil {
		return r, err
	}
	for _, plan := range plans {
		if plan.GraceHours != nil {
			r.grace = *plan.GraceHours
		}
	}
	customer, err := models.SharedCustomerOf(ctx, s.DB, sub.ApplicationID, sub.Account)
	if err == nil && customer.GraceHours != nil {
		r.grace = *customer.GraceHours
	} else if err != nil && fault.KindOf(err) != fault.NotFound {
		return r, err
	}
	known, err := models.StripeSubscriptionsOf(ctx, s.DB, sub.ID)
	for _, one := range known {
		r.mirrored[one.SubscriptionID] = true
	}
	incidents, later := models.IncidentsOf(ctx, s.DB, sub.ID)
	r.incidents = incidents
	return r, errors.Join(err, later)
}

// moneyHold says whether money that went back holds the subscription. A dispute
// does until it is won; a refund does while what was given back is all that was
// paid last: who has paid since is served.
func (r rules) moneyHold(v seen) string {
	for _, one := range r.incidents {
		if one.Kind == models.IncidentDispute && r.holdOnDispute && holdsDisputed(one.Status) && v.keeps(one.InvoiceID) {
			return models.HoldDispute
		}
	}
	if last := v.lastPaid(); r.holdOnRefund && last != nil && returned(r.incidents, last.ID) >= last.AmountPaid.Minor() {
		return models.HoldRefund
	}
	return ""
}

// holdsDisputed reports whether a dispute of this status is open or lost. A warning
// is not a dispute yet.
func holdsDisputed(status string) bool {
	switch status {
	case "needs_response", "under_review", "lost":
		return true
	}
	return false
}

// keeps reports whether an invoice is one of the subscription that counts.
func (v seen) keeps(invoice string) bool {
	for _, one := range v.invoices {
		if one.ID == invoice {
			return v.kept != nil && one.Subscription == v.kept.ID
		}
	}
	return false
}

// lastPaid returns the newest invoice of the kept subscription that money was paid
// for; nil: none.
func (v seen) lastPaid() *Invoice {
	var last *Invoice
	for i, one := range v.invoices {
		if v.kept != nil && one.Subscription == v.kept.ID && one.AmountPaid.Minor() > 0 && (last == nil || one.Created.After(last.Created)) {
			last = &v.invoices[i]
		}
	}
	return last
}

// returned adds up what was given back of an invoice, in minor units.
func returned(incidents []models.PaymentIncident, invoice string) int64 {
	var sum int64
	for _, one := range incidents {
		if one.Kind == models.IncidentRefund && one.InvoiceID == invoice && (one.Status == "succeeded" || one.Status == "pending") {
			sum += one.AmountMinor
		}
	}
	return sum
}
