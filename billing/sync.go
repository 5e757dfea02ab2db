package billing

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/uptrace/bun"

	"tollgate/accounts"
	"tollgate/internal/fault"
	"tollgate/internal/outbox"
	"tollgate/models"
)

// syncSubscription makes one of our subscriptions equal to what Stripe has. An
// event, the return from Checkout, a person's Refresh and the sweep all stage it.
type syncSubscription struct {
	Subscription int64 `json:"subscription"`
}

// Kind implements outbox.Task.
func (syncSubscription) Kind() string { return "billing.sync_subscription" }

// Subject implements outbox.Task.
func (t syncSubscription) Subject() string { return subjectOf(t.Subscription) }

// stageSync promises a sync of one subscription.
func (s *Subscriptions) stageSync(ctx context.Context, tenant models.TenantID, id int64) error {
	return models.InTx(ctx, s.DB, func(ctx context.Context, tx bun.Tx) error {
		_, err := outbox.Stage(ctx, tx, tenant, s.Wall.Now(), syncSubscription{id})
		return err
	})
}

// A held subscription is one at Stripe, and the account it is in.
type held struct {
	at accounts.StripeAccount
	Subscription
}

// seen is all that Stripe has about one of our subscriptions at one moment.
type seen struct {
	sessions []models.CheckoutSession // ours that are not over
	theirs   []CheckoutSession        // the same ones, as Stripe has them
	kept     *Subscription            // the one that counts
	keptAt   accounts.StripeAccount
	others   []held    // any other Stripe subscriptions made for ours
	invoices []Invoice // of all of them
	accounts []string
	change   changing // what Stripe says about another plan
	rules    rules    // what our settings say
	declined bool     // kept was bought, its first payment never came, and it was ended for that
}

// sync performs syncSubscription. It holds the lease of the subject, so what it
// reads is not older than what anybody has written.
func (s *Subscriptions) sync(ctx context.Context, job outbox.Job, t syncSubscription) error {
	sub, err := models.SubscriptionByNumber(ctx, s.DB, job.Tenant, t.Subscription)
	if err != nil {
		return err
	}
	at := accounts.StripeAccount{Tenant: job.Tenant, Connected: sub.Account}
	if err := s.agree(ctx, job, sub); err != nil {
		return s.lostOr(ctx, at, err)
	}
	return s.foundAgain(ctx, at)
}

// agree makes sub equal to what Stripe has.
func (s *Subscriptions) agree(ctx context.Context, job outbox.Job, sub models.Subscription) error {
	seen, err := s.look(ctx, sub)
	if err != nil {
		return err
	}
	if seen, err = s.cancelOthers(ctx, job, seen); err != nil {
		return err
	}
	if seen, err = s.cancelUnpaid(ctx, job, sub, seen); err != nil {
		return err
	}
	if err := s.closeStrays(ctx, job, sub, seen); err != nil {
		return err
	}
	return s.save(ctx, job, sub, s.settle(sub, seen), seen)
}

// closeStrays closes what could still be paid although nothing is to be paid any
// more: sessions beside a subscription that has begun, or of one that has ended.
func (s *Subscriptions) closeStrays(ctx context.Context, job outbox.Job, sub models.Subscription, v seen) error {
	if v.kept == nil && sub.EndedAt.IsZero() {
		return nil
	}
	known := map[string]bool{"": true}
	for _, one := range v.others {
		known[one.ID] = true
	}
	if v.kept != nil {
		known[v.kept.ID] = true
	}
	if _, err := s.closeSessions(ctx, job, v); err != nil {
		return err
	}
	for _, theirs := range v.theirs {
		if !known[theirs.Subscription] {
			return errors.New("billing: a session was paid while it was being closed") // the next attempt sees it
		}
	}
	return nil
}

// look reads everything about sub from Stripe. Which Stripe subscriptions belong to
// it follows from the customer, which is ours, and from our id in their metadata.
func (s *Subscriptions) look(ctx context.Context, sub models.Subscription) (seen, error) {
	var out seen
	sessions, err := models.CheckoutSessionsOf(ctx, s.DB, sub.ID)
	if err != nil {
		return out, err
	}
	if sub.Account != "" {
		out.accounts = append(out.accounts, sub.Account)
	}
	for _, ours := range sessions {
		if !slices.Contains(out.accounts, ours.Account) {
			out.accounts = append(out.accounts, ours.Account)
		}
		if ours.Status != models.SessionPending {
			continue
		}
		theirs, err := s.Engine.Checkout(ctx, accounts.StripeAccount{Tenant: sub.TenantID, Connected: ours.Account}, ours.SessionID)
		if err != nil {
			return out, final(err)
		}
		out.sessions, out.theirs = append(out.sessions, ours), append(out.theirs, theirs)
	}
	all, err := s.subscriptionsFor(ctx, sub, out)
	if err != nil {
		return out, err
	}
	if out.rules, err = s.rulesFor(ctx, sub); err != nil {
		return out, err
	}
	out.choose(sub, all)
	if out, err = s.withInvoices(ctx, out); err != nil {
		return out, err
	}
	return out, s.lookChange(ctx, sub, &out)
}

// subscriptionsFor finds every Stripe subscription that was made for sub.
func (s *Subscriptions) subscriptionsFor(ctx context.Context, sub models.Subscription, out seen) ([]held, error) {
	mentioned := map[string]bool{sub.StripeSubscriptionID: true}
	for _, theirs := range out.theirs {
		mentioned[theirs.Subscription] = true
	}
	var all []held
	for _, account := range out.accounts {
		at := accounts.StripeAccount{Tenant: sub.TenantID, Connected: account}
		customer, err := models.SharedCustomerOf(ctx, s.DB, sub.ApplicationID, account)
		if fault.KindOf(err) == fault.NotFound {
			continue // nothing was ever opened there
		}
		if err != nil {
			return nil, err
		}
		list, err := s.listed(ctx, at, customer)
		if err != nil {
			return nil, err
		}
		for _, one := range list {
			if s.names(one.Metadata, sub) || one.ID != "" && mentioned[one.ID] {
				all = append(all, held{at, one})
			}
		}
	}
	return s.withKnown(ctx, sub, all)
}

// listed returns the subscriptions of a customer. A customer that Stripe does not
// know any more has none.
func (s *Subscriptions) listed(ctx context.Context, at accounts.StripeAccount, c models.SharedCustomer) ([]Subscription, error) {
	list, err := s.Engine.SubscriptionsOf(ctx, at, c.SharedCustomerID)
	if no, ok := errors.AsType[*Refused](err); ok && no.Status == http.StatusNotFound {
		return nil, nil
	}
	return list, final(err)
}

// withKnown adds the subscription that counted so far, if it is not in all: its
// customer may have been deleted and replaced.
func (s *Subscriptions) withKnown(ctx context.Context, sub models.Subscription, all []held) ([]held, error) {
	if sub.StripeSubscriptionID == "" || slices.ContainsFunc(all, func(one held) bool { return one.ID == sub.StripeSubscriptionID }) {
		return all, nil
	}
	at := accounts.StripeAccount{Tenant: sub.TenantID, Connected: sub.Account}
	theirs, err := s.Engine.Subscription(ctx, at, sub.StripeSubscriptionID)
	if no, ok := errors.AsType[*Refused](err); ok && no.Status == http.StatusNotFound {
		return all, nil
	}
	if err != nil {
		return nil, final(err)
	}
	return append(all, held{at, theirs}), nil
}

// names reports whether metadata is ours and about sub.
func (s *Subscriptions) names(metadata map[string]string, sub models.Subscription) bool {
	return metadata[metaSubscription] == sub.UUID && metadata[metaInstallation] == s.Installation
}

// alive reports whether a Stripe subscription can still charge somebody.
func alive(sub Subscription) bool {
	return sub.Status != "canceled" && sub.Status != "incomplete_expired"
}

// choose decides which of all counts for sub: the one that counted before while it
// lives, else the first that lives, else the last that lived. A subscription that
// has ended here, or is free now and is not being paid for, takes up no other one.
func (v *seen) choose(sub models.Subscription, all []held) {
	slices.SortFunc(all, func(a, b held) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	best := -1
	for i, one := range all {
		known := one.ID == sub.StripeSubscriptionID
		dismissed := !known && v.rules.mirrored[one.ID] && !alive(one.Subscription)
		over := !sub.EndedAt.IsZero() || !sub.NeedsPayment && sub.ChangeKind != models.ChangeByPaying
		switch {
		case known && (over || alive(one.Subscription)):
			best = i
		case over || dismissed || best >= 0 && all[best].ID == sub.StripeSubscriptionID && alive(all[best].Subscription):
		case best < 0, !alive(all[best].Subscription):
			best = i
		}
	}
	for i, one := range all {
		if i == best {
			v.kept, v.keptAt = &one.Subscription, one.at
		} else {
			v.others = append(v.others, one)
		}
	}
}

func (s *Subscriptions) withInvoices(ctx context.Context, v seen) (seen, error) {
	all := v.others
	if v.kept != nil {
		all = append([]held{{v.keptAt, *v.kept}}, all...)
	}
	for _, one := range all {
		list, err := s.Engine.InvoicesOf(ctx, one.at, one.ID)
		if err != nil {
			return v, final(err)
		}
		v.invoices = append(v.invoices, list...)
	}
	return v, nil
}

// cancelOthers ends whatever lives beside the subscription that counts: one wish
// is never paid twice.
func (s *Subscriptions) cancelOthers(ctx context.Context, job outbox.Job, v seen) (seen, error) {
	for i, other := range v.others {
		if !alive(other.Subscription) {
			continue
		}
		gone, err := s.Engine.CancelSubscription(ctx, other.at, job.Key("duplicate."+other.ID), other.ID, CancelUnbilled)
		if err != nil {
			return v, final(err)
		}
		v.others[i].Subscription = gone
	}
	return v, nil
}

// cancelUnpaid ends what was bought by a delayed payment that never came, so that
// the subscription can be started again.
func (s *Subscriptions) cancelUnpaid(ctx context.Context, job outbox.Job, sub models.Subscription, v seen) (seen, error) {
	first := sub.ActivatedAt.IsZero() || sub.ChangeKind == models.ChangeByPaying
	if v.kept == nil || !first || !v.moneyOnItsWay() || v.lastPaid() != nil {
		return v, nil
	}
	switch v.kept.Status {
	default:
		return v, nil
	case "canceled": // by an attempt that did not get to write it down, unless somebody asked for the end
		asked, err := s.endAsked(ctx, sub)
		v.declined = !asked && sub.EndedAt.IsZero()
		return v, err
	case "past_due", "unpaid":
	}
	gone, err := s.Engine.CancelSubscription(ctx, v.keptAt, job.Key("unpaid."+v.kept.ID), v.kept.ID, CancelUnbilled)
	if err != nil {
		return v, final(err)
	}
	v.kept, v.declined = &gone, true
	return v, nil
}

// endAsked reports whether the subscriber, the publisher or an admin asked for the
// end of sub.
func (s *Subscriptions) endAsked(ctx context.Context, sub models.Subscription) (bool, error) {
	flow, asked, err := models.NewestWorkflow(ctx, s.DB, sub.TenantID, reference(sub), models.WorkflowDeletion)
	if err != nil || asked && flow.Status != models.WorkflowRejected {
		return asked, err
	}
	_, stands, err := models.StandingEnding(ctx, s.DB, sub.ID)
	return stands, err
}
